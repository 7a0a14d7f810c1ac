-- What all databases share stays as it is
CREATE DATABASE mine;
CREATE TABLESPACE s LOCATION '/tmp';
ALTER DATABASE template1 SET search_path = evil;
ALTER DATABASE template1 OWNER TO stranger;
ALTER SYSTEM SET archive_command = 'touch /tmp/x';
GRANT SET ON PARAMETER session_preload_libraries TO stranger;
GRANT ALTER SYSTEM ON PARAMETER archive_command TO CURRENT_USER;
COMMENT ON DATABASE template1 IS 'x';
SECURITY LABEL ON ROLE stranger IS 'x';
CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 connect_timeout=2' PUBLICATION p;
UPDATE pg_database SET datallowconn = false;
INSERT INTO pg_auth_members SELECT * FROM pg_auth_members;
