-- Files of dictionaries, templates and conversions: nothing is read, nothing is run
CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = thesaurus, DictFile = '../../../etc/passwd', Dictionary = simple);
CREATE TEXT SEARCH DICTIONARY e (TEMPLATE = synonym, SYNONYMS = '../../../../etc/passwd');
CREATE TEXT SEARCH PARSER p (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
CREATE TEXT SEARCH TEMPLATE t (LEXIZE = dsimple_lexize);
CREATE ACCESS METHOD am TYPE TABLE HANDLER heap_tableam_handler;
CREATE LANGUAGE evil HANDLER plpgsql_call_handler;
CREATE FUNCTION i(text) RETURNS text LANGUAGE internal AS 'pg_read_file';
CREATE FUNCTION c(text) RETURNS text LANGUAGE c AS '$libdir/dblink', 'dblink_connect';
CREATE TYPE base; CREATE FUNCTION base_in(cstring) RETURNS base LANGUAGE plpgsql AS 'BEGIN PERFORM mark(); END';
CREATE FOREIGN DATA WRAPPER w;
ALTER FOREIGN DATA WRAPPER w OWNER TO stranger;
