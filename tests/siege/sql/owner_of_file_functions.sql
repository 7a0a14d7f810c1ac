-- K2: what PostgreSQL came with keeps its owner; no file is read or written
ALTER FUNCTION pg_catalog.lo_import(text) OWNER TO stranger;
ALTER FUNCTION pg_catalog.lo_import(text) OWNER TO CURRENT_USER;
ALTER FUNCTION pg_catalog.lo_export(oid, text) OWNER TO stranger;
ALTER FUNCTION pg_catalog.lo_export(oid, text) OWNER TO CURRENT_USER;
ALTER FUNCTION pg_catalog.pg_read_file(text) OWNER TO stranger;
ALTER FUNCTION pg_catalog.pg_read_file(text) OWNER TO CURRENT_USER;
ALTER FUNCTION lo_import(text) OWNER TO stranger;
ALTER FUNCTION lo_import(text) OWNER TO CURRENT_USER;
SELECT pg_read_file('/etc/passwd');
SELECT lo_import('/etc/hostname');
DO $$ BEGIN EXECUTE format('ALTER FUNCTION pg_catalog.lo_import(text) OWNER TO %I', CURRENT_USER); END $$;
