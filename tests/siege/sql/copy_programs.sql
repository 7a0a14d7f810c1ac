-- COPY to and from programs and files, by every way to say it
COPY (SELECT 1) TO PROGRAM 'touch @MARKER@';
CREATE TABLE loot (line text);
COPY loot FROM PROGRAM 'touch @MARKER@; cat @SECRET@';
COPY loot FROM '@SECRET@';
COPY loot TO '@MARKER@';
COPY loot FROM '/proc/self/environ' (FORMAT csv);
COPY loot FROM '/dev/stdin';
DO $$ BEGIN EXECUTE 'COPY loot TO PROGRAM ''touch @MARKER@'''; EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLERRM; END $$;
DO $$ BEGIN COPY loot FROM '@SECRET@'; RAISE NOTICE '%', (SELECT string_agg(line, '') FROM loot); EXCEPTION WHEN OTHERS THEN NULL; END $$;
CREATE FUNCTION up() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE 'COPY loot TO PROGRAM ''touch @MARKER@'''; END $$;
SELECT up();
PREPARE p AS SELECT up();
EXECUTE p;
COPY loot FROM STDIN;
COPY loot TO STDOUT;
COPY (SELECT up()) TO STDOUT;
COPY (INSERT INTO loot VALUES ('x') RETURNING up()) TO STDOUT;
