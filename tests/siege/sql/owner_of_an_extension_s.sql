-- What an extension brought keeps its owner
CREATE EXTENSION amcheck;
CREATE EXTENSION citext;
ALTER FUNCTION bt_index_check(regclass) OWNER TO stranger;
ALTER FUNCTION public.bt_index_check(regclass) OWNER TO stranger;
ALTER TYPE public.citext OWNER TO stranger;
ALTER OPERATOR public.= (citext, citext) OWNER TO stranger;
