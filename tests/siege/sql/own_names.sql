-- Words that name Lockgate's own roles are words like others
CREATE ROLE lockgate_everyone;
CREATE ROLE lockgate_reader LOGIN;
GRANT lockgate_everyone TO lockgate_runner;
ALTER ROLE lockgate_everyone SET search_path = evil;
CREATE TABLE t (id int);
ALTER TABLE t OWNER TO lockgate_everyone;
DROP ROLE lockgate_reader;
CREATE SCHEMA lockgate_extension;
