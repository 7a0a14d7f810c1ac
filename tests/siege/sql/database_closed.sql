-- A database that takes no more sessions is no way out
DO $$ BEGIN EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
 EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 0', current_database()); END $$;
CREATE SCHEMA closed;
CREATE TABLE closed.t (id int);
ALTER TABLE closed.t OWNER TO stranger;
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT gone FROM closed.t); END';
