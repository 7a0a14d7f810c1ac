-- Names that would be SQL stay names
CREATE TABLE "t) WHERE (mark()) --" ("x) WHERE (mark()) --" int);
CREATE PUBLICATION "p"" FOR TABLE public.t WHERE (mark()) --" FOR TABLE "t) WHERE (mark()) --" ("x) WHERE (mark()) --"), TABLES IN SCHEMA public;
CREATE PUBLICATION o FOR ALL TABLES WITH (publish = 'insert''); SELECT mark(); --');
