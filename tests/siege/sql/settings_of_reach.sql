-- Settings that load code, name files, write logs or give rights
DO $$ DECLARE s text; BEGIN FOREACH s IN ARRAY ARRAY['session_preload_libraries', 'local_preload_libraries', 'shared_preload_libraries', 'dynamic_library_path', 'extension_control_path', 'jit_provider', 'archive_command',
  'restore_command', 'log_directory', 'log_filename', 'data_directory', 'hba_file', 'ident_file', 'ssl_key_file', 'krb_server_keyfile', 'temp_tablespaces', 'default_tablespace', 'unix_socket_directories', 'listen_addresses',
  'session_replication_role', 'allow_system_table_mods', 'zero_damaged_pages', 'ignore_checksum_failure', 'createrole_self_grant', 'row_security', 'is_superuser', 'session_authorization', 'role', 'log_statement',
  'lo_compat_privileges', 'backtrace_functions', 'debug_io_direct', 'restrict_nonsystem_relation_kind', 'plpgsql.extra_errors', 'plpgsql_check.mode', 'auto_explain.log_min_duration', 'dynamic_shared_memory_type']
 LOOP
 BEGIN EXECUTE format('SET %s = ''@MARKER@''', s); EXCEPTION WHEN OTHERS THEN NULL; END;
 BEGIN PERFORM set_config(s, 'on', false); EXCEPTION WHEN OTHERS THEN NULL; END;
 BEGIN EXECUTE format('ALTER ROLE CURRENT_USER SET %s = ''@MARKER@''', s); EXCEPTION WHEN OTHERS THEN NULL; END;
 BEGIN EXECUTE format('ALTER DATABASE %I SET %s = ''@MARKER@''', current_database(), s); EXCEPTION WHEN OTHERS THEN NULL; END;
 BEGIN EXECUTE format('CREATE FUNCTION pg_temp.f() RETURNS boolean LANGUAGE sql SET %s = ''on'' AS ''SELECT public.mark()''', s); PERFORM pg_temp.f(); DROP FUNCTION pg_temp.f(); EXCEPTION WHEN OTHERS THEN NULL; END;
 BEGIN EXECUTE format('GRANT SET, ALTER SYSTEM ON PARAMETER %s TO PUBLIC', s); EXCEPTION WHEN OTHERS THEN NULL; END;
 END LOOP; END $$;
ALTER SYSTEM SET archive_command = 'touch @MARKER@';
SET SESSION AUTHORIZATION DEFAULT;
RESET ALL;
DISCARD ALL;
CREATE TABLE after (id int);
