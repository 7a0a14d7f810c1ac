-- Sessions of Lockgate's are out of reach
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename <> CURRENT_USER;
SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename <> CURRENT_USER;
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lockgate';
