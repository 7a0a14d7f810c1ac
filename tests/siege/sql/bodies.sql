-- What planning a body runs, it runs as an ordinary role
CREATE FUNCTION folded(text DEFAULT 'x') RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM public.mark(); RETURN ''x''; END';
CREATE SCHEMA lockgate_plpgsql_check;
CREATE FUNCTION lockgate_plpgsql_check.plpgsql_check_function_tb(regprocedure) RETURNS boolean LANGUAGE sql AS 'SELECT public.mark()';
CREATE DOMAIN d AS text CHECK (folded(VALUE) = 'x');
CREATE TABLE t (a d DEFAULT folded());
CREATE FUNCTION f(x d DEFAULT folded()) RETURNS SETOF t LANGUAGE plpgsql AS 'DECLARE v d := folded(); BEGIN RETURN QUERY SELECT folded() WHERE folded() = ''x''; END';
CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.a := folded(); IF folded() = ''y'' THEN RETURN gone; END IF; RETURN NEW; END';
CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION g();
CREATE FUNCTION h() RETURNS text LANGUAGE sql AS 'SELECT folded(a) FROM t WHERE folded(a) = folded()';
ALTER TABLE t RENAME a TO b;
