-- No publication of PostgreSQL's own is made
CREATE PUBLICATION p FOR TABLE pg_catalog.pg_class, TABLES IN SCHEMA public;
CREATE PUBLICATION q FOR TABLES IN SCHEMA pg_catalog, information_schema;
