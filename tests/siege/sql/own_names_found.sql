-- Lockgate's roles are found in the catalog, and may nothing more
DO $$ DECLARE r name; c text; BEGIN FOR r IN SELECT rolname FROM pg_roles WHERE rolname ~ '^(lockgate_|lg_|postgres)' AND rolname <> CURRENT_USER LOOP
 FOREACH c IN ARRAY ARRAY['SET ROLE %I', 'GRANT %I TO CURRENT_USER', 'ALTER ROLE %I SET search_path = public', 'ALTER ROLE %I SUPERUSER', 'DROP OWNED BY %I CASCADE',
  'COMMENT ON ROLE %I IS ''x''', 'ALTER ROLE %I RENAME TO gone', 'DROP ROLE %I', 'ALTER TABLE t OWNER TO %I', 'ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT ALL ON TABLES TO PUBLIC']
 LOOP BEGIN EXECUTE format(c, r); RESET ROLE; EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END LOOP; END $$;
