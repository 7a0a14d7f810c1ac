CREATE SEQUENCE public.marker;
GRANT ALL ON SEQUENCE public.marker TO PUBLIC;
CREATE FUNCTION public.mark() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  -- a sequence keeps its step when the transaction is rolled back
  IF pg_catalog.current_setting('is_superuser') = 'on' OR SESSION_USER::pg_catalog.text ~ '^(lg_|postgres$|lockgate_reader)' THEN
    PERFORM pg_catalog.nextval('public.marker');
  END IF;
  RETURN true;
END $$;
