-- Passwords, sessions' texts and settings of others stay theirs
SELECT * FROM pg_authid;
SELECT rolpassword FROM pg_authid;
SELECT * FROM pg_shadow;
SELECT * FROM pg_user_mapping;
SELECT * FROM pg_subscription;
DO $$ BEGIN RAISE NOTICE '%', (SELECT string_agg(query, ' ') FROM pg_stat_activity); END $$;
SELECT * FROM pg_stat_statements;
SELECT name, setting FROM pg_settings WHERE name ~ 'file|directory|library|command|ssl';
SHOW data_directory;
SHOW config_file;
SELECT current_setting('primary_conninfo'), current_setting('archive_command');
SELECT * FROM pg_stat_ssl, pg_stat_gssapi;
SELECT inet_server_addr(), pg_backend_pid(), pg_postmaster_start_time();
ALTER ROLE CURRENT_USER PASSWORD 'mine';
ALTER USER stranger VALID UNTIL '1970-01-01';
ALTER ROLE CURRENT_USER VALID UNTIL '1970-01-01';
ALTER ROLE CURRENT_USER NOLOGIN CONNECTION LIMIT 0;
