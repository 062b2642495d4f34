-- At least one statement of each form that pg_dump 10.3 to 18 writes.
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
CREATE TYPE public.times AS RANGE (
    subtype = time without time zone,
    multirange_type_name = public.multitimes,
    subtype_opclass = public.oc,
    collation = pg_catalog."C",
    canonical = public.f,
    subtype_diff = public.g
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
CREATE OR REPLACE PROCEDURAL LANGUAGE plpgsql;
CREATE OR REPLACE PROCEDURAL LANGUAGE "plpython3u";
CREATE TRUSTED PROCEDURAL LANGUAGE plx HANDLER public.h INLINE public.i VALIDATOR public.v;
CREATE PROCEDURAL LANGUAGE plx HANDLER pg_catalog.plperlu_call_handler;
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
CREATE TEXT SEARCH TEMPLATE "public"."te" (
    INIT = "thesaurus_init",
    LEXIZE = "thesaurus_lexize" );
CREATE TEXT SEARCH TEMPLATE public.te (
    LEXIZE = public.f );
CREATE TEXT SEARCH TEMPLATE public.alone (
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
