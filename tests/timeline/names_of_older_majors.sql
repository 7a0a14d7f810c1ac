-- before 17: words that 17 keeps for itself are names
create function pick(json text, out json_value text) language sql as 'select json';
create function shape(value int) returns table (key text, json text, path text) language sql as $$ select 'a', 'b', 'c' $$;
select json from shape(1);
create table docs (json text, json_array text, "json_table" int);
select pick(json => json) from docs;
create function json_scalar(a int) returns int language sql as 'select a';
select json_scalar(1);
drop function json_scalar(int);
create type merge_action as enum ('a');
create table uses_type (a merge_action, json json not null default '{}'::json);
create function body(json json) returns json language plpgsql as $$ declare json_query json := json; begin return json_query; end $$;
select body('{}'), 'json' as json, json_object('{a,b}');
drop function body(json json);
create domain json_exists as text;
alter table docs add column json_object json_exists;
