create type currency as enum ('USD', 'EUR');
create table account (id int, held currency not null default 'USD', other currency default 'EUR');
alter table account alter column held type text;
alter table account alter column other drop default, alter column other type text, alter column other set default 'x';
drop type currency;
drop type currency cascade;
create type label as enum ('a');
create domain named as label default 'a';
create table labelled (c named default 'a', d label[] default '{a}', e text default 'a'::label::text, f text default ('a'::label), g named default 'a'::named);
alter table labelled alter c type text, alter d type text[] using d::text[];
drop type label;
alter table labelled alter g type text;
drop domain named;
drop domain named cascade;
drop type label cascade;
create function slices(anyarray) returns setof anyarray language plpgsql immutable as $$
declare
    s $1%TYPE;
    t $1 % type;
begin
    foreach s slice 1 in array $1 loop
        return next s;
    end loop;
end $$;
create function no_such_parameter(int) returns int language plpgsql as $$ declare s $2%type; begin return s; end $$;
create view mixed as select case when n_distinct = 0 then 0::float8 when n_distinct < 0 then (-n_distinct)::float8 else n_distinct::numeric / 2 end as ratio from pg_stats;
create function no_such_variable() returns int language plpgsql as $$ declare s nosuch%type; begin return s; end $$;
create table visits (url text, at timestamptz);
create function host_of(url text) returns text language plpgsql immutable as $$ begin return split_part(url, '/', 3); end $$;
create view hosts as select host_of(url) as host, count(*) as visits, max(at) filter (where host_of(url) <> '') as last from visits group by host_of(url);
create view wrong as select host_of(url || '/') as host from visits group by host_of(url);
create view many as select count(*), sum(length(url)) over (partition by host_of(url) order by host_of(url)) from visits group by host_of(url), url;
create function busiest() returns text language sql as 'select host_of(url) from visits group by host_of(url) order by count(*) desc limit 1';
create function continued() returns void language plpgsql as $$ begin
    raise notice 'one % '  -- and
        'two %',
        1, 2;
end $$;
create function continued() returns void language plpgsql as $$ begin
    raise notice 'one % '
        'two';
end $$;
create function split() returns void language plpgsql as $$ begin raise notice 'one' 'two'; end $$;
