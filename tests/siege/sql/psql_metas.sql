-- psql's commands, where a script has them, are none here
\! touch @MARKER@
\copy (SELECT 1) TO PROGRAM 'touch @MARKER@'
\o | touch @MARKER@
\set x `touch @MARKER@`
\i @SECRET@
\ir @SECRET@
\include @SECRET@
SELECT 'touch @MARKER@' \gexec
SELECT 1 \g | touch @MARKER@
\connect template1 postgres
\setenv PATH /tmp
\if `touch @MARKER@`
\endif
\w | touch @MARKER@
\e @SECRET@
\lo_import @SECRET@
SELECT :'x', :"x", :x;
