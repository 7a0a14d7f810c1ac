-- What ALTER PUBLICATION adds to a superuser's publication is refused
CREATE TABLE t (x text);
CREATE PUBLICATION p FOR TABLES IN SCHEMA public;
ALTER PUBLICATION p ADD TABLE public.t WHERE (public.mark());
ALTER PUBLICATION p OWNER TO stranger;
