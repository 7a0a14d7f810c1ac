-- Settings of roles make no session another's, and reach no other database
CREATE ROLE other;
ALTER ROLE stranger SET role = 'postgres';
ALTER ROLE stranger SET session_authorization = 'postgres';
ALTER ROLE stranger SET local_preload_libraries = '/tmp/evil';
ALTER ROLE stranger SET session_preload_libraries = '/tmp/evil';
ALTER ROLE stranger SET search_path = 'a''; SELECT mark(); --', public;
ALTER ROLE stranger SET work_mem TO '1MB''; SELECT mark(); --';
ALTER ROLE stranger IN DATABASE template1 SET search_path = evil;
ALTER ROLE ALL SET search_path = evil;
ALTER ROLE ALL IN DATABASE template1 SET search_path = evil;
ALTER ROLE postgres SET search_path = evil;
ALTER ROLE stranger RESET ALL;
ALTER ROLE CURRENT_USER SET search_path = public;
