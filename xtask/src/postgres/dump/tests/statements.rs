//! Which statements pass, and which do not.

use super::{dump, scan};

/// As pg_dump 10.3 to 18 writes them, one of each form at least.
const WRITTEN: &str = r#"
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'LATIN1';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET escape_string_warning = off;
SET row_security = off;
SET row_security = on;
SET ROLE owner_of_all;
SET SESSION AUTHORIZATION 'O''Neil';
SET SESSION AUTHORIZATION DEFAULT;
SET SESSION AUTHORIZATION "on";
RESET SESSION AUTHORIZATION;
ALTER TABLE IF EXISTS ONLY public.t DROP CONSTRAINT IF EXISTS t_pkey;
ALTER TABLE IF EXISTS public.t ALTER COLUMN a DROP DEFAULT;
ALTER FOREIGN TABLE ONLY public.t DROP CONSTRAINT IF EXISTS t_pkey;
ALTER DOMAIN public.d DROP CONSTRAINT c;
CREATE OR REPLACE VIEW public.early AS
SELECT
    NULL::integer AS a;
DROP EVENT TRIGGER IF EXISTS e;
DROP PUBLICATION IF EXISTS p;
DROP SUBSCRIPTION IF EXISTS s;
DROP TRIGGER IF EXISTS x ON public.t;
DROP RULE x ON public.t;
DROP POLICY IF EXISTS x ON public.t;
DROP INDEX IF EXISTS public.i;
DROP TEXT SEARCH CONFIGURATION IF EXISTS public.c;
DROP TABLE IF EXISTS public."T; x";
DROP FOREIGN TABLE public.t;
DROP MATERIALIZED VIEW IF EXISTS public.m;
DROP FUNCTION IF EXISTS public.f(a integer, "character varying", VARIADIC text[]);
DROP AGGREGATE public.agg(*);
DROP OPERATOR IF EXISTS public.=== (integer, NONE);
DROP OPERATOR CLASS IF EXISTS public.oc USING btree;
DROP OPERATOR FAMILY public.ofam USING gist;
DROP CAST IF EXISTS (public.mood AS character varying);
DROP TRANSFORM IF EXISTS FOR public.hstore LANGUAGE plperl;
DROP TYPE IF EXISTS public.base CASCADE;
DROP DOMAIN IF EXISTS public.d;
DROP COLLATION public.c;
DROP CONVERSION public.c;
DROP STATISTICS public.s;
DROP SEQUENCE public.s;
DROP USER MAPPING IF EXISTS FOR mapped SERVER far;
DROP SERVER IF EXISTS far;
DROP FOREIGN DATA WRAPPER nowhere;
DROP ACCESS METHOD heap2;
DROP PROCEDURAL LANGUAGE IF EXISTS plx;
DROP EXTENSION IF EXISTS hstore;
DROP SCHEMA IF EXISTS app;
SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE oid = '16';
SELECT pg_catalog.lo_unlink('16');
CREATE SCHEMA app;
ALTER SCHEMA app OWNER TO "Röle";
CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS plpgsql WITH SCHEMA pg_catalog;
COMMENT ON EXTENSION plpgsql IS 'PL/pgSQL procedural language';
CREATE TYPE public.mood AS ENUM (
    'sad',
    'it''s; ok'
);
CREATE TYPE public.pair AS (
	one integer,
	two text COLLATE pg_catalog."C"
);
CREATE TYPE public.empty AS (
);
CREATE TYPE public.floats AS RANGE (
    subtype = double precision,
    multirange_type_name = public.multifloats
);
CREATE TYPE public.base;
CREATE TYPE public.base (
    INTERNALLENGTH = variable,
    INPUT = public.base_in,
    OUTPUT = public.base_out
);
ALTER TYPE public.base OWNER TO giver;
CREATE DOMAIN public.d AS text COLLATE pg_catalog."C" NOT NULL DEFAULT '0;0'
	CONSTRAINT d_check CHECK ((VALUE ~ '^[0-9;]+$'::text));
ALTER DOMAIN public.d OWNER TO giver;
ALTER DOMAIN public.d
    ADD CONSTRAINT later CHECK ((VALUE <> ''::text)) NOT VALID;
CREATE OR REPLACE PROCEDURAL LANGUAGE plx;
CREATE TRUSTED PROCEDURAL LANGUAGE plx HANDLER public.h INLINE public.i VALIDATOR public.v;
ALTER PROCEDURAL LANGUAGE plx OWNER TO giver;
CREATE FUNCTION public.f(a integer DEFAULT 1) RETURNS TABLE(b text)
    LANGUAGE plpgsql IMMUTABLE STRICT SECURITY DEFINER
    SET search_path TO 'app', 'pg_temp'
    AS $_$BEGIN; DROP DATABASE x; END$_$;
ALTER FUNCTION public.f(a integer) OWNER TO giver;
ALTER FUNCTION public.f(a integer) DEPENDS ON EXTENSION hstore;
CREATE PROCEDURE public.p()
    LANGUAGE sql
    BEGIN ATOMIC
 INSERT INTO public.t (a) SELECT 1;
 DELETE FROM public.t;
END;
CREATE FUNCTION public.c(cstring) RETURNS public.base
    LANGUAGE c
    AS '$libdir/regress', 'base_in';
CREATE AGGREGATE public.agg(*) (
    SFUNC = int8inc,
    STYPE = bigint,
    INITCOND = '0'
);
ALTER AGGREGATE public.agg(*) OWNER TO giver;
CREATE OPERATOR public.=== (
    FUNCTION = int4eq,
    LEFTARG = integer,
    RIGHTARG = integer,
    COMMUTATOR = OPERATOR(public.===),
    HASHES
);
ALTER OPERATOR public.=== (integer, integer) OWNER TO giver;
CREATE OPERATOR public.*/# (
    FUNCTION = int4eq
);
CREATE OPERATOR FAMILY public.ofam USING btree;
ALTER OPERATOR FAMILY public.ofam USING btree OWNER TO giver;
ALTER OPERATOR FAMILY public.ofam USING btree ADD
    OPERATOR 1 public.<(integer,text) ,
    FUNCTION 1 (integer, text) public.cmp(integer,text);
CREATE OPERATOR CLASS public.oc
    DEFAULT FOR TYPE public.mood USING btree FAMILY public.ofam AS
    STORAGE integer ,
    OPERATOR 1 <(public.mood,public.mood) FOR ORDER BY pg_catalog.integer_ops;
CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
CREATE COLLATION public.c (provider = icu, deterministic = false, locale = 'de');
CREATE DEFAULT CONVERSION public.c FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE CAST (public.mood AS public.pair) WITH FUNCTION public.cast_it(public.mood) AS ASSIGNMENT;
CREATE CAST (integer AS public.pair) WITHOUT FUNCTION;
CREATE CAST (public.pair AS public.mood) WITH INOUT AS IMPLICIT;
CREATE TRANSFORM FOR character varying LANGUAGE sql (FROM SQL WITH FUNCTION pg_catalog.f(internal), TO SQL WITH FUNCTION g(internal));
CREATE TEXT SEARCH PARSER public.p (
    START = prsd_start,
    GETTOKEN = prsd_nexttoken,
    END = prsd_end,
    LEXTYPES = prsd_lextype );
CREATE TEXT SEARCH TEMPLATE public.te (
    INIT = dsimple_init,
    LEXIZE = dsimple_lexize );
CREATE TEXT SEARCH DICTIONARY public.di (
    TEMPLATE = pg_catalog.simple,
    stopwords = 'english' );
CREATE TEXT SEARCH CONFIGURATION public.co (
    PARSER = pg_catalog."default" );
ALTER TEXT SEARCH CONFIGURATION public.co
    ADD MAPPING FOR asciiword WITH public.di, english_stem;
CREATE FOREIGN DATA WRAPPER nowhere HANDLER public.h VALIDATOR postgresql_fdw_validator OPTIONS (
    debug 'true'
);
CREATE SERVER far TYPE 'x' VERSION '1' FOREIGN DATA WRAPPER nowhere OPTIONS (
    host 'it''s'
);
CREATE USER MAPPING FOR mapped SERVER far OPTIONS (
    password 'x'
);
SET default_tablespace = '';
SET default_tablespace = "fast disk";
SET default_table_access_method = heap;
SET default_with_oids = false;
CREATE TABLE public.t (
    a integer DEFAULT nextval('public.s'::regclass) NOT NULL,
    b text COLLATE pg_catalog."C" GENERATED ALWAYS AS (lower(b)) STORED,
    CONSTRAINT c CHECK ((a > 0))
)
WITH (fillfactor='70', toast.autovacuum_enabled='false');
CREATE TABLE public.typed OF public.pair (
    CONSTRAINT c CHECK ((one > 0))
);
CREATE UNLOGGED TABLE public.heir (
    c integer
)
INHERITS (public.t, app.u);
CREATE TABLE public.none (
);
CREATE TABLE public.root (
    day date
)
PARTITION BY RANGE (day, lower((what)::text));
CREATE TABLE public.part_11 PARTITION OF public.root
FOR VALUES FROM ('2025-01-01', MINVALUE) TO ('2026-01-01', MAXVALUE)
PARTITION BY LIST (what);
CREATE TABLE public.rest_11 PARTITION OF public.root (
    CONSTRAINT c CHECK ((a > 0))
)
DEFAULT;
CREATE FOREIGN TABLE public.ft (
    a integer OPTIONS (column_name 'b')
)
SERVER far
OPTIONS (
    table_name 'x'
);
ALTER TABLE public.t OWNER TO giver;
ALTER FOREIGN TABLE public.ft OWNER TO giver;
ALTER FOREIGN TABLE ONLY public.ft ALTER COLUMN a OPTIONS (
    x 'y'
);
ALTER TABLE public.root SET ACCESS METHOD heap2;
ALTER TABLE ONLY public.t ALTER COLUMN a SET STATISTICS 1000;
ALTER TABLE ONLY public.t ALTER COLUMN a SET STATISTICS -1;
ALTER TABLE ONLY public.t ALTER COLUMN b SET STORAGE EXTERNAL;
ALTER TABLE ONLY public.t ALTER COLUMN b SET COMPRESSION lz4;
ALTER TABLE ONLY public.t ALTER COLUMN b SET (n_distinct=-0.5);
ALTER TABLE ONLY public.t ALTER COLUMN b SET NOT NULL;
ALTER TABLE ONLY public.t REPLICA IDENTITY FULL;
ALTER TABLE ONLY public.t FORCE ROW LEVEL SECURITY;
ALTER TABLE ONLY public.root ATTACH PARTITION public.part FOR VALUES WITH (modulus 2, remainder 0);
ALTER TABLE ONLY public.root ATTACH PARTITION public.rest DEFAULT;
CREATE VIEW public.v WITH (security_barrier='true') AS
 SELECT t.a
   FROM public.t
  WHERE (t.b <> ';'::text)
  WITH CASCADED CHECK OPTION;
CREATE MATERIALIZED VIEW public.m AS
 SELECT 1 AS one
  WITH NO DATA;
ALTER MATERIALIZED VIEW public.m DEPENDS ON EXTENSION hstore;
CREATE SEQUENCE public.s
    AS integer
    START WITH -7
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
    CYCLE;
ALTER SEQUENCE public.s OWNED BY public.t.a;
ALTER TABLE public.t ALTER COLUMN a ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.t_a_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY public.t ALTER COLUMN a SET DEFAULT nextval('public.s'::regclass);
ALTER TABLE public.t DISABLE TRIGGER ALL;
COPY public.t (a, "b c") FROM stdin;
1	2
\.
ALTER TABLE public.t ENABLE TRIGGER ALL;
COPY public.none  FROM stdin;
\.
INSERT INTO public.t VALUES (1, 'it''s', NULL, true, -1.5e-20, 'NaN', B'101', E'\\', 1e+20, .5, DEFAULT);
INSERT INTO public.t (a, "b c") OVERRIDING SYSTEM VALUE VALUES (1, '2');
INSERT INTO public.t VALUES
	(1, 'a'),
	(2, 'b') ON CONFLICT DO NOTHING;
INSERT INTO public.none DEFAULT VALUES;
INSERT INTO public.none DEFAULT VALUES ON CONFLICT DO NOTHING;
SELECT pg_catalog.lo_create('16');
ALTER LARGE OBJECT 16 OWNER TO giver;
BEGIN;
SELECT pg_catalog.lo_open('16', 131072);
SELECT pg_catalog.lowrite(0, '\x00');
SELECT pg_catalog.lo_close(0);
COMMIT;
SELECT pg_catalog.setval('public.s', 12, true);
SELECT pg_catalog.setval('public.s', -12, false);
ALTER TABLE ONLY public.t
    ADD CONSTRAINT t_pkey PRIMARY KEY (a) INCLUDE (b);
ALTER TABLE ONLY public.t
    ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES public.u(a) ON DELETE SET NULL (a) NOT VALID;
ALTER TABLE public.t
    ADD CONSTRAINT later CHECK ((a > 0)) NOT VALID;
ALTER TABLE public.t
    ADD CONSTRAINT n NOT NULL a NO INHERIT;
ALTER TABLE ONLY public.t
    ADD CONSTRAINT ex EXCLUDE USING gist (during WITH &&);
CREATE UNIQUE INDEX i ON ONLY public.t USING btree (lower(b), a DESC) INCLUDE (c) WHERE (b <> ';'::text);
ALTER INDEX public.i ATTACH PARTITION public.part_i;
ALTER INDEX public.i ALTER COLUMN 1 SET STATISTICS 400;
ALTER TABLE public.t CLUSTER ON i;
ALTER TABLE ONLY public.t REPLICA IDENTITY USING INDEX i;
CREATE STATISTICS public.st (ndistinct, dependencies) ON a, lower(b) FROM public.t;
ALTER STATISTICS public.st OWNER TO giver;
ALTER STATISTICS public.st SET STATISTICS 100;
CREATE TRIGGER x BEFORE INSERT OR UPDATE OF a, "b c" OR DELETE ON public.t FOR EACH ROW WHEN ((new.b IS DISTINCT FROM ';'::text)) EXECUTE FUNCTION public.f();
CREATE CONSTRAINT TRIGGER y AFTER DELETE ON public.t FROM public.u DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE PROCEDURE public.f('a');
ALTER TABLE public.t DISABLE TRIGGER x;
ALTER TABLE public.t ENABLE ALWAYS TRIGGER y;
ALTER TRIGGER x ON public.t DEPENDS ON EXTENSION hstore;
CREATE EVENT TRIGGER e ON ddl_command_end
         WHEN TAG IN ('CREATE SERVER', 'DROP TABLE')
   EXECUTE FUNCTION public.on_ddl();
ALTER EVENT TRIGGER e ENABLE REPLICA;
ALTER EVENT TRIGGER e OWNER TO giver;
CREATE RULE r AS
    ON INSERT TO public.t
   WHERE (new.a = 0) DO ( UPDATE public.u SET b = ';'::text;
 SELECT 1;
);
CREATE RULE r AS
    ON DELETE TO public.v DO INSTEAD NOTHING;
ALTER TABLE public.t ENABLE REPLICA RULE r;
CREATE OR REPLACE VIEW public.early AS
 SELECT 1 AS a;
ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY "pol;icy" ON public.t AS RESTRICTIVE FOR SELECT TO reader, PUBLIC USING (((b <> ';'::text) AND (a > ( SELECT 0))));
CREATE POLICY q ON public.t WITH CHECK (true);
CREATE PUBLICATION everything FOR ALL TABLES WITH (publish = 'insert, update', publish_via_partition_root = true);
CREATE PUBLICATION p WITH (publish = 'insert');
ALTER PUBLICATION p OWNER TO giver;
ALTER PUBLICATION p ADD TABLE ONLY public.t (a, b) WHERE ((a > 0));
ALTER PUBLICATION p ADD TABLES IN SCHEMA app;
CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p, "q r" WITH (connect = false, slot_name = 's', streaming = off, synchronous_commit = remote_apply, origin = none);
CREATE SUBSCRIPTION z CONNECTION 'host=x' PUBLICATION p WITH (connect = false, slot_name = NONE);
ALTER SUBSCRIPTION s OWNER TO giver;
COMMENT ON SUBSCRIPTION s IS 'x';
COMMENT ON TABLE public.t IS E'a\nb';
COMMENT ON COLUMN public.t."b c" IS '';
COMMENT ON FUNCTION public.f(a integer) IS 'x';
COMMENT ON AGGREGATE public.agg(*) IS 'x';
COMMENT ON OPERATOR public.=== (integer, integer) IS 'x';
COMMENT ON OPERATOR CLASS public.oc USING btree IS 'x';
COMMENT ON CONSTRAINT c ON public.t IS 'x';
COMMENT ON CONSTRAINT c ON DOMAIN public.d IS 'x';
COMMENT ON TRIGGER x ON public.t IS 'x';
COMMENT ON CAST (public.mood AS public.pair) IS 'x';
COMMENT ON TRANSFORM FOR integer LANGUAGE sql IS 'x';
COMMENT ON SCHEMA public IS 'standard public schema';
COMMENT ON SCHEMA app IS NULL;
COMMENT ON FOREIGN DATA WRAPPER nowhere IS 'x';
COMMENT ON LARGE OBJECT 16 IS 'x';
COMMENT ON TEXT SEARCH DICTIONARY public.di IS 'x';
SECURITY LABEL FOR dummy ON TABLE public.t IS 'x';
SECURITY LABEL FOR "dum my" ON COLUMN public.t.a IS 'x';
SECURITY LABEL FOR dummy ON FUNCTION public.f(integer) IS 'x';
SECURITY LABEL FOR dummy ON SCHEMA app IS 'x';
SECURITY LABEL FOR dummy ON EVENT TRIGGER e IS 'x';
SECURITY LABEL FOR dummy ON LARGE OBJECT 16 IS 'x';
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA pg_catalog TO reader;
GRANT SELECT ON TABLE pg_catalog.pg_authid TO reader;
GRANT SELECT(a),UPDATE("b c") ON TABLE public.t TO reader WITH GRANT OPTION;
GRANT SELECT,INSERT,MAINTAIN ON TABLE information_schema.columns TO "on";
GRANT ALL ON FUNCTION pg_catalog.pg_ls_dir(text, boolean, boolean) TO reader;
GRANT ALL ON PROCEDURE public.p() TO reader;
GRANT USAGE ON SEQUENCE public.s TO reader;
GRANT ALL ON LANGUAGE plpgsql TO reader;
GRANT ALL ON FOREIGN DATA WRAPPER nowhere TO reader;
GRANT ALL ON FOREIGN SERVER far TO reader;
GRANT ALL ON TYPE public.mood TO reader;
REVOKE ALL ON LARGE OBJECT 16 FROM giver;
ALTER DEFAULT PRIVILEGES FOR ROLE giver IN SCHEMA public REVOKE ALL ON TABLES FROM giver;
ALTER DEFAULT PRIVILEGES FOR ROLE giver GRANT SELECT,INSERT ON LARGE OBJECTS TO reader WITH GRANT OPTION;
REFRESH MATERIALIZED VIEW public.m;
SELECT * FROM pg_catalog.pg_restore_relation_stats(
	'version', '180000'::integer,
	'schemaname', 'public',
	'relname', 't',
	'relpages', '1'::integer,
	'reltuples', '-1'::real
);
SELECT * FROM pg_catalog.pg_restore_attribute_stats(
	'version', '180000'::integer,
	'schemaname', 'public',
	'relname', 't',
	'attname', 'a',
	'inherited', 'f'::boolean,
	'most_common_freqs', '{0.5,0.25}'::real[]
);
"#;

#[test]
fn every_statement_of_pg_dump_passes() {
    let contents = scan(&dump(WRITTEN)).unwrap();
    let roles: Vec<&str> = contents.roles.iter().map(String::as_str).collect();
    assert_eq!(roles, ["O'Neil", "Röle", "giver", "mapped", "on", "owner_of_all", "reader"]);
    let owners: Vec<&str> = contents.owners.iter().map(String::as_str).collect();
    assert_eq!(owners, ["O'Neil", "Röle", "giver", "on"]);
    let inserted: Vec<_> = contents.inserted.iter().map(|((_, name), rows)| (name.as_str(), *rows)).collect();
    assert_eq!(inserted, [("none", 2), ("t", 4)]);
}

/// What reaches beyond the database, what writes into the system's own tables, and what no pg_dump writes.
const REFUSED: &[&str] = &[
    // Rows for the system's own tables, however they are named.
    "COPY pg_catalog.pg_authid (rolname) FROM stdin",
    "COPY \"pg_catalog\".\"pg_authid\" FROM stdin",
    "COPY PG_CATALOG.pg_auth_members FROM stdin",
    "COPY pg_authid FROM stdin",
    "COPY \"pg_db_role_setting\" (setdatabase) FROM stdin",
    "COPY postgres.pg_catalog.pg_authid FROM stdin",
    "COPY information_schema.sql_features FROM stdin",
    "COPY pg_toast.pg_toast_1260 FROM stdin",
    "COPY pg_temp.t FROM stdin",
    "COPY pg_temp_3.t FROM stdin",
    "COPY t FROM stdin",
    "COPY \u{130}NFORMATION_SCHEMA.t FROM stdin",
    "INSERT INTO pg_catalog.pg_authid VALUES (1)",
    "INSERT INTO \"pg_catalog\".pg_db_role_setting VALUES (0, 10, '{role=nobody}')",
    "INSERT INTO pg_auth_members VALUES (10, 16384, 10, true)",
    "INSERT INTO postgres.pg_catalog.pg_authid VALUES (1)",
    "INSERT INTO Information_Schema.sql_features DEFAULT VALUES",
    // Privileges, comments and labels of what all databases share.
    "GRANT ALL ON DATABASE openfga TO PUBLIC",
    "REVOKE CONNECT ON DATABASE openfga FROM PUBLIC",
    "GRANT CREATE ON TABLESPACE pg_default TO PUBLIC",
    "GRANT SET ON PARAMETER session_preload_libraries TO villain",
    "REVOKE ALTER SYSTEM ON PARAMETER work_mem FROM villain",
    "GRANT SELECT ON public.t TO villain",
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO villain",
    "GRANT SELECT ON TABLE public.t TO villain GRANTED BY postgres",
    "GRANT SELECT ON TABLE public.t, public.u TO villain",
    "GRANT postgres TO villain",
    "GRANT a, b TO \"on\" WITH ADMIN OPTION",
    "REVOKE ADMIN OPTION FOR a FROM b",
    "REVOKE GRANT OPTION FOR ALL ON FUNCTION f(integer) FROM a",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
    "COMMENT ON DATABASE openfga IS 'xtask {}'",
    "COMMENT ON ROLE postgres IS 'x'",
    "COMMENT ON TABLESPACE pg_default IS 'x'",
    "COMMENT /**/ ON \"database\" openfga IS 'x'",
    "COMMENT ON TABLE pg_catalog.pg_class IS 'x'",
    "COMMENT ON COLUMN pg_authid.rolname IS 'x'",
    "COMMENT ON TABLE public.t IS 'x' || 'y'",
    "SECURITY LABEL FOR dummy ON DATABASE openfga IS 'x'",
    "SECURITY LABEL FOR dummy ON ROLE postgres IS 'x'",
    "SECURITY LABEL FOR dummy ON TABLESPACE pg_default IS 'x'",
    "SECURITY LABEL FOR dummy ON SUBSCRIPTION s IS 'x'",
    "SECURITY LABEL ON TABLE public.t IS 'x'",
    // Databases, roles, tablespaces, the server.
    "CREATE DATABASE other",
    "ALTER DATABASE openfga SET role = 'nobody'",
    "DROP DATABASE other",
    "alter /* x */ role postgres SUPERUSER",
    "CREATE USER x SUPERUSER",
    "CREATE USER mapping SUPERUSER",
    "ALTER USER mapping SUPERUSER",
    "DROP USER mapping",
    "DROP GROUP x",
    "CREATE TABLESPACE t LOCATION '/'",
    "ALTER SYSTEM SET x = 1",
    "ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b",
    "REASSIGN OWNED BY a TO b",
    "DROP OWNED BY a",
    // Objects among the system's own.
    "CREATE FUNCTION pg_catalog.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE FUNCTION \"pg_catalog\".now() RETURNS text LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION now() RETURNS text LANGUAGE sql AS 'SELECT 1'",
    "CREATE VIEW pg_catalog.v AS SELECT 1",
    "CREATE SCHEMA pg_evil",
    "CREATE SCHEMA app CREATE TABLE t (a int)",
    "CREATE SCHEMA app AUTHORIZATION postgres",
    "CREATE OPERATOR pg_catalog.= (FUNCTION = f)",
    "ALTER TABLE pg_catalog.pg_class OWNER TO villain",
    "ALTER TABLE pg_catalog.pg_authid DISABLE TRIGGER ALL",
    "DROP FUNCTION pg_catalog.now()",
    "ALTER FUNCTION pg_catalog.now() OWNER TO villain",
    "CREATE TRIGGER x BEFORE INSERT ON pg_catalog.pg_authid FOR EACH ROW WHEN (a OR b ON public.t) EXECUTE FUNCTION public.f()",
    "CREATE RULE r AS ON INSERT TO pg_catalog.pg_authid DO NOTHING",
    "CREATE RULE \"_RETURN\" AS ON SELECT TO public.t DO INSTEAD SELECT * FROM pg_catalog.pg_authid",
    "CREATE POLICY p ON pg_catalog.pg_class USING (true)",
    // Settings that are not pg_dump's, or not with its values.
    "SET allow_system_table_mods = on",
    "SET session_replication_role = replica",
    "SET dynamic_library_path = '/tmp'",
    "SET search_path = public",
    "SET statement_timeout = 1",
    "SET client_min_messages = error",
    "SET row_security TO off",
    "SET LOCAL row_security = off",
    "SET SESSION row_security = off",
    "SET row_security = off, on",
    "SET \"row_security\" = off",
    "SET default_with_oids = true",
    "SET client_encoding = 'SJIS'",
    "SET client_encoding TO 'UTF8'",
    "SET NAMES 'UTF8'",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "SET TRANSACTION SNAPSHOT 'x'",
    "RESET ALL",
    "RESET ROLE",
    "DISCARD ALL",
    // Queries.
    "SELECT 1",
    "SELECT * FROM evil_view",
    "SELECT setval('s', 1, true)",
    "SELECT public.setval('s', 1, true)",
    "SELECT pg_catalog.\"setval\"('s', 1, true)",
    "SELECT pg_catalog.setval('s', (SELECT 1), true)",
    "SELECT pg_catalog.setval('s', 1, true), lo_export(1, 'x')",
    "SELECT pg_catalog.setval('s', 1, true) FROM evil_view",
    "SELECT pg_catalog.setval('s', 1, true) INTO public.t",
    "SELECT pg_catalog.setval(f(), 1, true)",
    "SELECT pg_catalog.setval('s', 1, true) WHERE f()",
    "SELECT pg_catalog.set_config('role', 'x', false)",
    "SELECT pg_catalog.set_config($$search_path$$, 'x', false)",
    "SELECT pg_catalog.set_config('search_path', evil(), false)",
    "SELECT pg_catalog.lo_export(1, '/tmp/x')",
    "SELECT pg_catalog.lo_import('/etc/passwd')",
    "SELECT pg_catalog.lo_open('16', 262144)",
    "SELECT pg_catalog.lowrite(0, f())",
    "SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata",
    "SELECT pg_catalog.binary_upgrade_set_next_pg_type_oid('1'::pg_catalog.oid)",
    "SELECT pg_catalog.pg_terminate_backend(1)",
    "SELECT * FROM pg_catalog.pg_read_file('/etc/passwd')",
    "SELECT * FROM pg_catalog.pg_restore_relation_stats('version', f()::integer)",
    "SELECT * INTO public.t FROM pg_catalog.pg_restore_relation_stats('version', '1'::integer)",
    "CREATE TABLE public.t AS SELECT 1",
    "CREATE TABLE public.t (a) AS SELECT 1",
    "CREATE TABLE public.t WITH (fillfactor=70) AS EXECUTE s",
    "CREATE TABLE public.t AS TABLE pg_catalog.pg_authid",
    "CREATE TABLE IF NOT EXISTS public.t (a int)",
    "CREATE TEMP TABLE t (a int)",
    "CREATE TEMPORARY VIEW v AS SELECT 1",
    "CREATE RECURSIVE VIEW public.v (a) AS SELECT 1",
    "INSERT INTO public.t SELECT 1",
    "INSERT INTO public.t (SELECT 1)",
    "INSERT INTO public.t TABLE public.u",
    "INSERT INTO public.t VALUES ((SELECT 1))",
    "INSERT INTO public.t VALUES (f())",
    "INSERT INTO public.t VALUES (1 + f(2))",
    "INSERT INTO public.t VALUES (current_user)",
    "INSERT INTO public.t VALUES ('a'::regclass)",
    "INSERT INTO public.t VALUES ('a' || 'b')",
    "INSERT INTO public.t VALUES (- 'a')",
    "INSERT INTO public.t VALUES (1 - 1)",
    "INSERT INTO public.t VALUES (1 1)",
    "INSERT INTO public.t VALUES ()",
    "INSERT INTO public.t VALUES (1,)",
    "INSERT INTO public.t VALUES (1), ",
    "INSERT INTO public.t VALUES (1) RETURNING f()",
    "INSERT INTO public.t AS x VALUES (1)",
    "INSERT INTO public.t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = f()",
    "INSERT INTO public.t VALUES (1) ON CONFLICT DO UPDATE SET a = 1",
    "INSERT INTO public.t (a[f()]) VALUES (1)",
    "INSERT INTO public.t DEFAULT VALUES RETURNING f()",
    "INSERT INTO public.t",
    "WITH a AS (SELECT 1) INSERT INTO public.t VALUES (1)",
    "WITH a AS (SELECT 1) SELECT 1",
    "UPDATE public.t SET a = 1",
    "DELETE FROM public.t",
    "MERGE INTO public.t USING public.u ON true WHEN MATCHED THEN DELETE",
    "TRUNCATE public.t",
    "VALUES (f())",
    "TABLE public.t",
    // Everything else that could run something.
    "DO $$ BEGIN END $$",
    "CALL public.p()",
    "EXECUTE s",
    "PREPARE s AS SELECT 1",
    "EXPLAIN ANALYZE SELECT 1",
    "LOAD 'evil'",
    "LISTEN x",
    "NOTIFY x",
    "LOCK TABLE public.t",
    "VACUUM public.t",
    "ANALYZE",
    "CLUSTER",
    "CHECKPOINT",
    "IMPORT FOREIGN SCHEMA x FROM SERVER y INTO z",
    "DECLARE c CURSOR FOR SELECT 1",
    "BEGIN ISOLATION LEVEL SERIALIZABLE",
    "START TRANSACTION",
    "COMMIT AND CHAIN",
    "COMMIT PREPARED 'x'",
    "ROLLBACK",
    "SAVEPOINT x",
    "END",
    "CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p",
    "CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (connect = true)",
    "CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (slot_name = 's', connect = false)",
    "CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (connect = false, connect = true)",
    "CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (connect = false, enabled = true)",
    "ALTER SUBSCRIPTION s ENABLE",
    "ALTER SUBSCRIPTION s REFRESH PUBLICATION",
    "ALTER SUBSCRIPTION s CONNECTION 'x'",
    "ALTER EXTENSION hstore ADD TABLE public.t",
    "ALTER EXTENSION hstore UPDATE",
    "CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public CASCADE",
    "ALTER TABLE public.t RENAME TO u",
    "ALTER TABLE public.t SET SCHEMA app",
    "ALTER TABLE public.t ALTER COLUMN a TYPE integer USING f()",
    "ALTER TABLE public.t ADD COLUMN a integer DEFAULT f()",
    "ALTER TABLE public.t INHERIT pg_catalog.pg_authid",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY public.m",
    "REFRESH MATERIALIZED VIEW m",
    "COPY (SELECT 1) TO stdout",
    "COPY public.t TO PROGRAM 'id'",
    "COPY public.t FROM PROGRAM 'id'",
    "COPY public.t FROM '/etc/passwd'",
    "COPY public.t FROM stdin WITH (FORMAT csv)",
    "COPY public.t (a) WITH OIDS FROM stdin",
    "COPY BINARY public.t FROM stdin",
    "COPY public.t FROM stdin WHERE f()",
];

#[test]
fn what_no_pg_dump_writes_is_refused_with_its_line() {
    for statement in REFUSED {
        for text in [format!("{statement};\n"), format!("/* x */ {statement}\n;\n"), format!(";;{statement};;\n")] {
            let flaw = scan(&dump(&text)).expect_err(&text);
            assert!(!flaw.cut && flaw.line == 12, "{text}: {flaw}");
        }
    }
}

#[test]
fn a_refusal_says_which_statement_and_what_to_do() {
    for (statement, words) in [
        (
            "CREATE DATABASE x WITH TEMPLATE = template0",
            "CREATE DATABASE x WITH TEMPLATE = template0: about the database",
        ),
        ("CREATE DATABASE x", "dump again without --create"),
        ("COMMENT ON DATABASE x IS 'y'", "dump again with pg_dump 11 or newer, or leave this statement out"),
        ("SECURITY LABEL FOR d ON DATABASE x IS 'y'", "or leave this statement out"),
        ("GRANT ALL ON DATABASE x TO y", "without --create"),
        ("ALTER ROLE x SUPERUSER", "about what all databases of a server share"),
        ("COPY pg_catalog.pg_authid (a) FROM stdin", "COPY pg_catalog.pg_authid (a) FROM stdin: not rows"),
        ("LOAD '\u{1b}[31m'", "LOAD '\\u{1b}[31m'"),
        ("SET default_with_oids = true", "tables with OIDs"),
    ] {
        let flaw = scan(&dump(&format!("{statement};\n"))).expect_err(statement);
        assert!(flaw.what.contains(words), "{statement}: {flaw}");
    }
}

/// A view of a system table takes rows for it, and so does a foreign table that leads back to this server.
#[test]
fn rows_go_to_tables_alone() {
    let long = "v".repeat(70);
    let view = "CREATE VIEW public.v AS SELECT * FROM pg_catalog.pg_auth_members;\n";
    let copy = "COPY public.v (roleid) FROM stdin;\n10\n\\.\n";
    let foreign = "CREATE FOREIGN TABLE public.f (\n    a integer\n)\nSERVER loop;\n";
    let root = "CREATE TABLE public.root (\n    a integer\n)\nPARTITION BY LIST (a);\n";
    let attach = "ALTER TABLE ONLY public.root ATTACH PARTITION public.f FOR VALUES IN (1);\n";
    let table = "CREATE TABLE public.t (\n    a integer\n);\n";
    let rule = "CREATE RULE r AS ON INSERT TO public.t DO INSTEAD INSERT INTO public.v VALUES (10);\n";
    for (text, words) in [
        (format!("{view}{copy}"), "rows for public.v, which is a view"),
        (format!("{view}INSERT INTO public.\"v\" VALUES (10);\n"), "which is a view"),
        (format!("CREATE OR REPLACE VIEW public.v AS SELECT 1;\n{copy}"), "which is a view"),
        // The server would cut both names to the same.
        (
            format!("CREATE VIEW public.{long}a AS SELECT 1;\nINSERT INTO public.{long}b VALUES (1);\n"),
            "which is a view",
        ),
        (format!("{foreign}INSERT INTO public.f VALUES (1);\n"), "without --include-foreign-data"),
        (format!("{root}{foreign}{attach}INSERT INTO public.root VALUES (1);\n"), "to a foreign server"),
        (format!("{table}{rule}INSERT INTO public.t VALUES (1);\n"), "after a rule"),
        (format!("{table}DROP TABLE public.t;\nCREATE VIEW public.t AS SELECT 1;\n"), "a DROP after a CREATE"),
    ] {
        let flaw = scan(&dump(&text)).expect_err(&text);
        assert!(flaw.what.contains(words) && !flaw.cut, "{text}: {flaw}");
    }
    let rows = "COPY public.t (a) FROM stdin;\n1\n\\.\nINSERT INTO public.root VALUES (1);\n";
    let part = "CREATE TABLE public.part (\n    a integer\n);\n\
        ALTER TABLE ONLY public.root ATTACH PARTITION public.part FOR VALUES IN (1);\n";
    let nothing = "CREATE RULE r AS ON INSERT TO public.t DO INSTEAD NOTHING;\n";
    scan(&dump(&format!("{table}{root}{part}{view}{foreign}{nothing}{rows}{rule}"))).unwrap();
}

#[test]
fn what_an_empty_database_lacks_is_noted() {
    let facts = |text: &str| scan(&dump(text)).unwrap();
    let table = "CREATE TABLE public.t (\n    a integer\n);\n";
    let whole = facts(&format!("DROP TABLE IF EXISTS public.t;\n{table}INSERT INTO public.t VALUES (1);\n"));
    assert_eq!((whole.drops, whole.absent), (None, None));
    assert_eq!(facts(&format!("SET row_security = off;\nDROP TABLE public.t;\n{table}")).drops, Some(13));
    for text in [
        "COPY public.t (a) FROM stdin;\n\\.\n",
        "INSERT INTO public.t VALUES (1);\n",
        "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT p PRIMARY KEY (a);\n",
        "CREATE INDEX i ON public.t USING btree (a);\n",
    ] {
        let absent = facts(text).absent.unwrap();
        assert_eq!((absent.line, absent.schema.as_str(), absent.name.as_str()), (12, "public", "t"), "{text}");
    }
    let extension = "CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;\n";
    assert_eq!(facts(&format!("{extension}COPY public.spatial_ref_sys (srid) FROM stdin;\n\\.\n")).absent, None);
}
