-- Large objects reach no file, and their owners get nothing of it
SELECT lo_import('@SECRET@');
SELECT lo_export(lo_from_bytea(0, 'x'), '@MARKER@');
SELECT lo_create(4711);
SELECT lo_put(4711, 0, decode(repeat('00', 100000), 'hex'));
SELECT lo_open(4711, x'60000'::int);
SELECT lo_export(4711, '@MARKER@');
ALTER LARGE OBJECT 4711 OWNER TO stranger;
ALTER LARGE OBJECT 4711 OWNER TO postgres;
GRANT ALL ON LARGE OBJECT 4711 TO PUBLIC;
COMMENT ON LARGE OBJECT 4711 IS 'x''; SELECT public.mark(); --';
SET lo_compat_privileges = on;
INSERT INTO pg_largeobject VALUES (1, 0, 'x');
SELECT lo_creat(-1), loread(0, 10);
SELECT pg_catalog.lo_unlink(4711);
SELECT count(lo_create(0)) FROM generate_series(1, 20000);
