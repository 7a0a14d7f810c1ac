-- Names of a dump that would be SQL stay names
CREATE ROLE "app"" SUPERUSER; --" SUPERUSER;
CREATE ROLE "x'; SELECT public.mark(); --";
GRANT "x'; SELECT public.mark(); --" TO "app"" SUPERUSER; --";
CREATE TABLE public."t""; SELECT public.mark(); --" (id int);
ALTER TABLE public."t""; SELECT public.mark(); --" OWNER TO "x'; SELECT public.mark(); --";
ALTER DATABASE "d; --" OWNER TO "x'; SELECT public.mark(); --";
ALTER ROLE "x'; SELECT public.mark(); --" IN DATABASE "d; --" SET search_path TO 'a';
