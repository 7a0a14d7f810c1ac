-- Functions of types and defaults of one's own change hands without a word of theirs being run
CREATE DOMAIN d AS text CHECK (mark());
CREATE TYPE pair AS (a d, b int);
CREATE FUNCTION f(a d[] DEFAULT '{}', b pair DEFAULT '(,1)') RETURNS SETOF pair LANGUAGE sql AS 'SELECT b';
CREATE FUNCTION f(a d, VARIADIC b int[] DEFAULT ARRAY[1]) RETURNS int LANGUAGE sql AS 'SELECT 1';
ALTER FUNCTION f(d[], pair) OWNER TO stranger;
ALTER FUNCTION f(d, VARIADIC int[]) OWNER TO stranger;
ALTER FUNCTION f OWNER TO stranger;
ALTER TYPE pair OWNER TO stranger;
CREATE FUNCTION plus(d, d) RETURNS d LANGUAGE sql AS 'SELECT $1';
CREATE OPERATOR +++ (LEFTARG = d, RIGHTARG = d, FUNCTION = plus);
CREATE AGGREGATE agg(d) (SFUNC = plus, STYPE = d);
ALTER OPERATOR +++ (d, d) OWNER TO stranger;
ALTER AGGREGATE agg(d) OWNER TO stranger;
