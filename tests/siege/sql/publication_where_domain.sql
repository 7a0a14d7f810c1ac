-- K1: the CHECK of a domain in a publication's WHERE runs in no superuser's session
CREATE DOMAIN d AS text CHECK (mark());
CREATE TABLE t (x text);
CREATE PUBLICATION p FOR TABLE public.t WHERE ('{abc}'::public.d[] IS NOT NULL), TABLES IN SCHEMA public;
CREATE PUBLICATION q FOR ALL TABLES;
