-- COPY FROM STDIN waits for nobody, and its lines are no commands
CREATE TABLE loot (line text);
COPY loot FROM stdin;
\! touch @MARKER@
\copy loot from '@SECRET@'
a'); SELECT public.mark(); --
\.
COPY loot FROM stdin WITH (FORMAT binary);
PGCOPY
\.
SELECT 1;
