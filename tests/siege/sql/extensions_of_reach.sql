-- Extensions that read, write, connect or run programs are not had, and none is taken as a way in
DO $$ DECLARE e text; BEGIN FOREACH e IN ARRAY ARRAY['file_fdw', 'dblink', 'postgres_fdw', 'adminpack', 'plpython3u', 'plperlu', 'pltclu', 'plperl', 'pltcl', 'pageinspect', 'pg_surgery',
  'pg_walinspect', 'pg_buffercache', 'pg_prewarm', 'pg_visibility', 'pgstattuple', 'xml2', 'sslinfo', 'lo', 'tablefunc', 'plpgsql_check', 'pg_cron', 'plv8', 'hstore_plperlu', 'bool_plperlu']
 LOOP BEGIN EXECUTE format('CREATE EXTENSION %I CASCADE', e); EXCEPTION WHEN OTHERS THEN RAISE NOTICE '% %', e, SQLERRM; END; END LOOP; END $$;
CREATE EXTENSION dblink;
SELECT dblink_connect('host=127.0.0.1 port=1 connect_timeout=2');
SELECT dblink_connect_u('dbname=template1');
SELECT dblink('dbname=template1 user=postgres', 'SELECT public.mark()');
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE passwd (line text) SERVER files OPTIONS (filename '@SECRET@');
CREATE FOREIGN TABLE run (line text) SERVER files OPTIONS (program 'touch @MARKER@');
DO $$ BEGIN RAISE NOTICE '%', (SELECT string_agg(line, '') FROM passwd); END $$;
SELECT * FROM run;
CREATE EXTENSION plpython3u;
DO LANGUAGE plpython3u $$ open('@MARKER@', 'w') $$;
CREATE EXTENSION plperlu;
DO LANGUAGE plperlu $$ system('touch @MARKER@'); $$;
CREATE EXTENSION "../../../../@SECRET@";
CREATE EXTENSION hstore VERSION '../../x';
CREATE EXTENSION "x'; SELECT public.mark(); --";
CREATE EXTENSION hstore SCHEMA "x'; SELECT public.mark(); --" CASCADE;
