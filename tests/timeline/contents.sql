create table version (id serial primary key, stage int not null, note text);
insert into version (stage) values (0);
create function step(wanted int, ddl text) returns void language plpgsql as $$
declare next int;
begin
  select stage + 1 into next from version;
  if next = wanted then
    execute ddl;
    update version set stage = next;
  end if;
end $$;
select step(1, 'create table one (i int)');
select step(1, 'create table never (i int)');
select step(2, 'create table two (i int)');
create function bump() returns void language plpgsql as $$ begin update version set stage = stage + 1; end $$;
select bump();
select step(4, 'create table four (i int)');
create table tenant (name text primary key, active boolean not null default true);
insert into tenant values ('a', true), ('b', false);
insert into tenant values ('a', false);
insert into tenant values ('a', false) on conflict do nothing;
insert into tenant (name) select 'c' where not exists (select 1 from tenant where name = 'b');
insert into tenant (name, active) select name || '2', active from tenant where active;
do $$ declare r record; begin for r in select * from tenant where active loop execute 'create table t_' || r.name || ' (i int)'; end loop; end $$;
do $$ declare c cursor (yes boolean) for select name from tenant where active = yes;
begin for r in c(false) loop execute format('create table %I ()', 'u_' || r.name); end loop; end $$;
delete from tenant where not active;
insert into tenant values ('b', true);
create table child (tenant text references tenant on delete cascade, n int unique);
insert into child values ('a', 1), ('b', 2);
delete from tenant where name = 'b';
do $$ begin if (select count(*) from tenant) = 2 then create table counted (i int); end if; end $$;
truncate child;
do $$ begin if not exists (select 1 from child) then create table emptied (i int); end if; end $$;
insert into child values ('a', 1);
insert into child values ('a', 1);
do $$ begin insert into child values ('a', 1); exception when unique_violation then create table caught (i int); end $$;
alter table child add column extra int default 3;
do $$ begin if exists (select 1 from child where n = 1) then create table kept (i int); end if; end $$;
begin;
delete from child;
rollback;
do $$ begin if exists (select 1 from child) then create table kept2 (i int); end if; end $$;
create table audit (what text);
create function note() returns trigger language plpgsql as $$ begin insert into audit values ('x'); return null; end $$;
create trigger note after update on child for each row execute function note();
update child set extra = 4 where n = 99;
do $$ begin if not exists (select 1 from audit) then create table unaudited (i int); end if; end $$;
with gone as (delete from version returning id) insert into audit select id::text from gone;
do $$ begin if exists (select 1 from child) then create table kept3 (i int); end if; end $$;
do $$ begin execute format('alter table child add tenant2 text not null default %L', (select max(name) from tenant)); end $$;
alter table child alter tenant2 drop default;
create function names(prefix text) returns setof name language sql as $$ select relname from pg_catalog.pg_class where relkind = 'r' and relname like prefix || '%' and pg_catalog.pg_table_is_visible(oid) $$;
do $$ declare n text; begin for n in select names('kept') loop execute format('create index on %I (i)', n); end loop; end $$;
do $$ declare r record; begin
  for r in select c.relname, pc.conname, c.relname || '_' || (select string_agg(attname, '_') from (select a.attname from pg_catalog.pg_attribute a
             where a.attrelid = pc.conrelid and a.attnum = any(pc.conkey) order by a.attname) s) || '_uq' as better
             from pg_catalog.pg_constraint pc join pg_catalog.pg_class c on c.oid = pc.conrelid where contype = 'u' and c.relname not like 'pg_%' loop
    execute format('alter table %I rename constraint %I to %I', r.relname, r.conname, r.better);
  end loop; end $$;
do $$ declare t text; begin for t in select foreign_table_name from information_schema.foreign_tables loop execute 'drop foreign table ' || t; end loop; end $$;
create function spread(anyarray) returns setof anyarray language plpgsql as $$ declare s $1%type; begin foreach s slice 1 in array $1 loop return next s; end loop; end $$;
