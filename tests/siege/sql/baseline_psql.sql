-- psql's commands and COPY of a dump run no program and read no file
\connect template1;
\! touch @MARKER@;
\copy t from '@SECRET@';
\set ON_ERROR_STOP `touch @MARKER@`;
CREATE TABLE public.t (line text);
COPY public.t (line) FROM stdin;
\! touch @MARKER@;
x); SELECT public.mark(); --
\.;
COPY public.t FROM '@SECRET@';
COPY public.t FROM PROGRAM 'touch @MARKER@';
COPY public.t TO PROGRAM 'touch @MARKER@';
SELECT pg_catalog.lo_import('@SECRET@');
SELECT pg_catalog.pg_read_file('@SECRET@');
