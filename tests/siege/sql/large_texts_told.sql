-- Refusals whose words steer terminals and runners, and are as long as they like
DO $$ BEGIN RAISE EXCEPTION E'\x1b]0;owned\x07\n::error file=a::forged\n##[group]x\u202e%', repeat('m', 5000000) USING ERRCODE = 'P0001', DETAIL = E'\x1b[2J', HINT = E'\n::stop-commands::x', TABLE = E'\x1b[31m', CONSTRAINT = E'a\nb'; END $$;
DO $$ BEGIN FOR i IN 1..3000 LOOP RAISE WARNING E'\x1b[31m::warning::% %', i, repeat('w', 1000); END LOOP; END $$;
CREATE TABLE E (id int);
CREATE TABLE U&"\001b[31m\202e\000a::error::x" (U&"\0007" int);
ALTER TABLE U&"\001b[31m\202e\000a::error::x" ADD CONSTRAINT U&"\2066\000d" CHECK (false);
INSERT INTO U&"\001b[31m\202e\000a::error::x" VALUES (1);
CREATE FUNCTION U&"\001b[2J"() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT gone FROM nowhere); END';
SELECT U&"\001b[2J"();
LISTEN U&"\001b[31m";
NOTIFY U&"\001b[31m", '::error::x';
