-- SET ROLE and SET SESSION AUTHORIZATION by every way to say it
SET ROLE postgres;
SET SESSION AUTHORIZATION postgres;
SET LOCAL ROLE postgres;
RESET SESSION AUTHORIZATION;
RESET ROLE;
SET SESSION AUTHORIZATION DEFAULT;
SET ROLE NONE;
SELECT public.mark();
SELECT set_config('role', rolname, false) FROM pg_roles WHERE rolsuper;
SELECT set_config('session_authorization', rolname, false) FROM pg_roles WHERE rolsuper;
UPDATE pg_settings SET setting = 'postgres' WHERE name = 'role';
CREATE FUNCTION up() RETURNS boolean LANGUAGE sql SET role = 'postgres' AS 'SELECT public.mark()';
CREATE FUNCTION up2() RETURNS boolean LANGUAGE sql SECURITY DEFINER SET session_authorization = 'postgres' AS 'SELECT public.mark()';
DO $$ DECLARE r name; BEGIN FOR r IN SELECT rolname FROM pg_roles WHERE rolname <> CURRENT_USER LOOP
 BEGIN EXECUTE format('SET ROLE %I', r); PERFORM public.mark(); EXCEPTION WHEN OTHERS THEN NULL; END;
 BEGIN EXECUTE format('SET SESSION AUTHORIZATION %I', r); PERFORM public.mark(); EXCEPTION WHEN OTHERS THEN NULL; END;
 BEGIN EXECUTE format('CREATE FUNCTION f() RETURNS boolean LANGUAGE sql SET role = %L AS ''SELECT public.mark()''', r); EXCEPTION WHEN OTHERS THEN NULL; END;
 END LOOP; END $$;
SELECT public.mark();
DISCARD ALL;
