-- Where a migration removes all it can, nothing of Lockgate's stumbles
CREATE TABLE t (id int);
DROP OWNED BY CURRENT_USER CASCADE;
DROP SCHEMA public CASCADE;
DROP EXTENSION plpgsql CASCADE;
DROP SCHEMA pg_catalog CASCADE;
DROP SCHEMA information_schema CASCADE;
DROP DATABASE template1;
DROP ROLE CURRENT_USER;
DROP LANGUAGE plpgsql CASCADE;
DROP TABLE pg_class;
DROP FUNCTION pg_catalog.now();
DO $$ BEGIN EXECUTE format('DROP DATABASE %I WITH (FORCE)', current_database()); EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLERRM; END $$;
