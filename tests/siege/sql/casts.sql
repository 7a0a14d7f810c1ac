-- Casts and operators of one's own types are called by no query of Lockgate's
CREATE TYPE mine AS (a int);
CREATE FUNCTION as_text(mine) RETURNS text LANGUAGE plpgsql AS 'BEGIN PERFORM mark(); RETURN NULL; END';
CREATE FUNCTION as_mine(text) RETURNS mine LANGUAGE plpgsql AS 'BEGIN PERFORM mark(); RETURN NULL; END';
CREATE CAST (mine AS text) WITH FUNCTION as_text(mine) AS IMPLICIT;
CREATE CAST (text AS mine) WITH FUNCTION as_mine(text) AS IMPLICIT;
CREATE CAST (name AS oid) WITH INOUT AS IMPLICIT;
CREATE CAST (text AS integer) WITH FUNCTION as_mine(text) AS IMPLICIT;
CREATE TABLE t (m mine DEFAULT '(1)'::text::mine CHECK (m::text <> ''));
CREATE TYPE span AS RANGE (subtype = int4, subtype_diff = float8mi);
CREATE VIEW v AS SELECT '(1)'::mine AS m, '[1,2)'::span AS s;
