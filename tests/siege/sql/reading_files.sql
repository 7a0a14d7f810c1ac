-- No function of PostgreSQL's reads a file, a folder or the server's own settings for a stranger
SELECT pg_read_file('@SECRET@');
SELECT pg_read_binary_file('/proc/self/environ');
SELECT * FROM pg_ls_dir('/');
SELECT * FROM pg_stat_file('@SECRET@');
SELECT pg_ls_waldir(), pg_ls_tmpdir(), pg_ls_logdir();
SELECT * FROM pg_file_settings;
SELECT * FROM pg_hba_file_rules;
SELECT * FROM pg_ident_file_mappings;
SELECT * FROM pg_config;
SELECT pg_current_logfile();
DO $$ DECLARE f text; BEGIN FOREACH f IN ARRAY ARRAY['pg_read_file', 'pg_read_binary_file', 'pg_ls_dir', 'pg_stat_file', 'lo_import', 'pg_read_file_old', 'pg_file_read', 'pg_catalog.pg_read_file']
 LOOP BEGIN EXECUTE format('SELECT %s(%L)', f, '@SECRET@') INTO f; RAISE NOTICE '%', f; EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLERRM; END; END LOOP; END $$;
SELECT xmlparse(DOCUMENT '<!DOCTYPE x [<!ENTITY e SYSTEM "file://@SECRET@">]><x>&e;</x>');
SELECT xpath('/x/text()', '<!DOCTYPE x [<!ENTITY e SYSTEM "file://@SECRET@">]><x>&e;</x>'::xml);
SELECT query_to_xml('SELECT pg_read_file(''@SECRET@'')', true, false, '');
SELECT database_to_xml(true, false, '');
SELECT ts_stat('SELECT pg_read_file(''@SECRET@'')');
