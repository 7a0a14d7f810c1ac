-- K1 by a row type, an array of arrays and an IMMUTABLE function: nothing of it is sent
CREATE DOMAIN d AS text CHECK (mark());
CREATE TABLE t (x text);
CREATE TYPE pair AS (a d, b d);
CREATE FUNCTION constant() RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN mark(); END';
CREATE PUBLICATION p FOR TABLE public.t WHERE ('(a,b)'::public.pair IS NOT NULL AND public.constant() AND '{{a}}'::public.d[] IS NOT NULL), TABLES IN SCHEMA public;
