-- Nothing connects out of the server, whoever asks
CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1 dbname=x' PUBLICATION p WITH (connect = false);
CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1 dbname=x connect_timeout=2' PUBLICATION p;
DO $$ BEGIN EXECUTE 'CREATE SUBSCRIPTION s2 CONNECTION ''host=/tmp dbname=x'' PUBLICATION p WITH (connect = false, slot_name = NONE)'; EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLERRM; END $$;
ALTER SUBSCRIPTION s OWNER TO CURRENT_USER;
DROP SUBSCRIPTION IF EXISTS s;
SELECT pg_create_physical_replication_slot('siege');
SELECT pg_create_logical_replication_slot('siege', 'pgoutput');
SELECT pg_replication_origin_create('siege');
SELECT pg_logical_emit_message(false, 'siege', repeat('x', 1000000));
