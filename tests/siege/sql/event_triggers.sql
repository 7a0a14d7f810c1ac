-- Nobody hears the administrator's commands
CREATE FUNCTION heard() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM public.mark(); END';
CREATE EVENT TRIGGER a ON ddl_command_start EXECUTE FUNCTION heard();
CREATE EVENT TRIGGER b ON sql_drop EXECUTE FUNCTION heard();
CREATE EVENT TRIGGER c ON login EXECUTE FUNCTION heard();
ALTER EVENT TRIGGER a OWNER TO stranger;
CREATE EXTENSION amcheck;
