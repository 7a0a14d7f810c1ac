-- Nothing is handed to a superuser, to a predefined role, or to who may become one
CREATE FUNCTION steal() RETURNS boolean LANGUAGE sql SECURITY DEFINER AS 'SELECT mark()';
ALTER FUNCTION steal() OWNER TO postgres;
ALTER FUNCTION steal() OWNER TO pg_execute_server_program;
ALTER FUNCTION steal() OWNER TO pg_database_owner;
ALTER FUNCTION steal() OWNER TO "postgres; SELECT mark(); --";
DO $$ DECLARE r name; BEGIN FOR r IN SELECT rolname FROM pg_roles LOOP BEGIN EXECUTE format('ALTER FUNCTION steal() OWNER TO %I', r);
 EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$;
SELECT steal();
