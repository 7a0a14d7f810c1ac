-- Definer's rights are those of a role of the migrations', whoever is made the owner
CREATE FUNCTION public.definer() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN public.mark(); END';
ALTER FUNCTION public.definer() OWNER TO stranger;
DO $$ DECLARE r text; BEGIN FOR r IN SELECT rolname FROM pg_roles LOOP
 BEGIN EXECUTE format('ALTER FUNCTION public.definer() OWNER TO %I', r); PERFORM public.definer(); EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$;
CREATE VIEW public.seen AS SELECT public.definer();
CREATE TABLE public.guarded (id int DEFAULT 1, ok boolean GENERATED ALWAYS AS (true) STORED, CHECK (public.definer()));
CREATE FUNCTION public.fired() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN PERFORM public.mark(); RETURN NEW; END';
CREATE TRIGGER t BEFORE INSERT ON public.guarded FOR EACH ROW EXECUTE FUNCTION public.fired();
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON public.guarded DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.fired();
ALTER TABLE public.guarded ENABLE ALWAYS TRIGGER t;
INSERT INTO public.guarded VALUES (1);
ALTER TABLE public.guarded OWNER TO stranger;
ALTER VIEW public.seen OWNER TO stranger;
SELECT * FROM public.seen;
