-- Statements that no dump of one database holds, one a line.

-- Rows for the system's own tables, however they are named.
COPY pg_catalog.pg_authid (rolname) FROM stdin
COPY "pg_catalog"."pg_authid" FROM stdin
COPY PG_CATALOG.pg_auth_members FROM stdin
COPY pg_authid FROM stdin
COPY "pg_db_role_setting" (setdatabase) FROM stdin
COPY postgres.pg_catalog.pg_authid FROM stdin
COPY information_schema.sql_features FROM stdin
COPY pg_toast.pg_toast_1260 FROM stdin
COPY pg_temp.t FROM stdin
COPY pg_temp_3.t FROM stdin
COPY t FROM stdin
COPY İNFORMATION_SCHEMA.t FROM stdin
INSERT INTO pg_catalog.pg_authid VALUES (1)
INSERT INTO "pg_catalog".pg_db_role_setting VALUES (0, 10, '{role=nobody}')
INSERT INTO pg_auth_members VALUES (10, 16384, 10, true)
INSERT INTO postgres.pg_catalog.pg_authid VALUES (1)
INSERT INTO Information_Schema.sql_features DEFAULT VALUES

-- Privileges, comments and labels of what all databases share.
GRANT ALL ON DATABASE openfga TO PUBLIC
REVOKE CONNECT ON DATABASE openfga FROM PUBLIC
GRANT CREATE ON TABLESPACE pg_default TO PUBLIC
GRANT SET ON PARAMETER session_preload_libraries TO villain
REVOKE ALTER SYSTEM ON PARAMETER work_mem FROM villain
GRANT SELECT ON public.t TO villain
GRANT SELECT ON ALL TABLES IN SCHEMA public TO villain
GRANT SELECT ON TABLE public.t TO villain GRANTED BY postgres
GRANT SELECT ON TABLE public.t, public.u TO villain
GRANT SELECT(a ON DATABASE b) ON TABLE public.t TO villain
REVOKE SELECT((a)) ON TABLE public.t FROM villain
GRANT postgres TO villain
GRANT a, b TO "on" WITH ADMIN OPTION
REVOKE ADMIN OPTION FOR a FROM b
REVOKE GRANT OPTION FOR ALL ON FUNCTION f(integer) FROM a
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC
COMMENT ON DATABASE openfga IS 'xtask {}'
COMMENT ON ROLE postgres IS 'x'
COMMENT ON TABLESPACE pg_default IS 'x'
COMMENT /**/ ON "database" openfga IS 'x'
COMMENT ON TABLE pg_catalog.pg_class IS 'x'
COMMENT ON COLUMN pg_authid.rolname IS 'x'
COMMENT ON TABLE public.t IS 'x' || 'y'
SECURITY LABEL FOR dummy ON DATABASE openfga IS 'x'
SECURITY LABEL FOR dummy ON ROLE postgres IS 'x'
SECURITY LABEL FOR dummy ON TABLESPACE pg_default IS 'x'
SECURITY LABEL FOR dummy ON SUBSCRIPTION s IS 'x'
SECURITY LABEL ON TABLE public.t IS 'x'

-- Databases, roles, tablespaces, the server.
CREATE DATABASE other
ALTER DATABASE openfga SET role = 'nobody'
DROP DATABASE other
alter /* x */ role postgres SUPERUSER
CREATE USER x SUPERUSER
CREATE USER mapping SUPERUSER
ALTER USER mapping SUPERUSER
DROP USER mapping
DROP GROUP x
CREATE TABLESPACE t LOCATION '/'
ALTER SYSTEM SET x = 1
ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b
REASSIGN OWNED BY a TO b
DROP OWNED BY a

-- Languages that every server has, or that are there already: trusted, they give every role programs and files.
CREATE OR REPLACE TRUSTED PROCEDURAL LANGUAGE c HANDLER pg_catalog.plpgsql_call_handler
CREATE OR REPLACE TRUSTED PROCEDURAL LANGUAGE "internal" HANDLER pg_catalog.plpgsql_call_handler
CREATE TRUSTED PROCEDURAL LANGUAGE C HANDLER public.h
CREATE PROCEDURAL LANGUAGE sql HANDLER public.h
CREATE OR REPLACE PROCEDURAL LANGUAGE "c"
CREATE OR REPLACE TRUSTED PROCEDURAL LANGUAGE plpython3u HANDLER pg_catalog.plpython3_call_handler
CREATE OR REPLACE PROCEDURAL LANGUAGE plpgsql HANDLER public.h
CREATE TRUSTED PROCEDURAL LANGUAGE mine HANDLER pg_catalog.plpython3_call_handler
CREATE TRUSTED PROCEDURAL LANGUAGE mine HANDLER plpython3_call_handler
CREATE TRUSTED PROCEDURAL LANGUAGE mine
ALTER PROCEDURAL LANGUAGE c OWNER TO villain
ALTER LANGUAGE "internal" OWNER TO villain

-- Text search of functions that do not belong together crashes the server.
CREATE TEXT SEARCH PARSER public.p (START = prsd_start, GETTOKEN = prsd_lextype, END = prsd_end, LEXTYPES = prsd_lextype)

-- Objects among the system's own.
CREATE FUNCTION pg_catalog.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS 'SELECT 1'
CREATE OR REPLACE FUNCTION "pg_catalog".now() RETURNS text LANGUAGE sql AS 'SELECT 1'
CREATE FUNCTION now() RETURNS text LANGUAGE sql AS 'SELECT 1'
CREATE VIEW pg_catalog.v AS SELECT 1
CREATE SCHEMA pg_evil
CREATE SCHEMA app CREATE TABLE t (a int)
CREATE SCHEMA app AUTHORIZATION postgres
CREATE OPERATOR pg_catalog.= (FUNCTION = f)
ALTER TABLE pg_catalog.pg_class OWNER TO villain
ALTER TABLE pg_catalog.pg_authid DISABLE TRIGGER ALL
DROP FUNCTION pg_catalog.now()
ALTER FUNCTION pg_catalog.now() OWNER TO villain
CREATE TRIGGER x BEFORE INSERT ON pg_catalog.pg_authid FOR EACH ROW WHEN (a OR b ON public.t) EXECUTE FUNCTION public.f()
CREATE RULE r AS ON INSERT TO pg_catalog.pg_authid DO NOTHING
CREATE RULE "_RETURN" AS ON SELECT TO public.t DO INSTEAD SELECT * FROM pg_catalog.pg_authid
CREATE POLICY p ON pg_catalog.pg_class USING (true)

-- Settings that are not pg_dump's, or not with its values.
SET allow_system_table_mods = on
SET session_replication_role = replica
SET dynamic_library_path = '/tmp'
SET search_path = public
SET statement_timeout = 1
SET client_min_messages = error
SET row_security TO off
SET LOCAL row_security = off
SET SESSION row_security = off
SET row_security = off, on
SET "row_security" = off
SET default_with_oids = true
SET client_encoding = 'SJIS'
SET client_encoding TO 'UTF8'
SET NAMES 'UTF8'
SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY
SET TRANSACTION SNAPSHOT 'x'
RESET ALL
RESET ROLE
DISCARD ALL

-- Queries.
SELECT 1
SELECT * FROM evil_view
SELECT setval('s', 1, true)
SELECT public.setval('s', 1, true)
SELECT pg_catalog."setval"('s', 1, true)
SELECT pg_catalog.setval('s', (SELECT 1), true)
SELECT pg_catalog.setval('s', 1, true), lo_export(1, 'x')
SELECT pg_catalog.setval('s', 1, true) FROM evil_view
SELECT pg_catalog.setval('s', 1, true) INTO public.t
SELECT pg_catalog.setval(f(), 1, true)
SELECT pg_catalog.setval('s', 1, true) WHERE f()
SELECT pg_catalog.set_config('role', 'x', false)
SELECT pg_catalog.set_config($$search_path$$, 'x', false)
SELECT pg_catalog.set_config('search_path', evil(), false)
SELECT pg_catalog.lo_export(1, '/tmp/x')
SELECT pg_catalog.lo_import('/etc/passwd')
SELECT pg_catalog.lo_open('16', 262144)
SELECT pg_catalog.lowrite(0, f())
SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata
SELECT pg_catalog.binary_upgrade_set_next_pg_type_oid('1'::pg_catalog.oid)
SELECT pg_catalog.pg_terminate_backend(1)
SELECT * FROM pg_catalog.pg_read_file('/etc/passwd')
SELECT * FROM pg_catalog.pg_restore_relation_stats('version', f()::integer)
SELECT * INTO public.t FROM pg_catalog.pg_restore_relation_stats('version', '1'::integer)
CREATE TABLE public.t AS SELECT 1
CREATE TABLE public.t (a) AS SELECT 1
CREATE TABLE public.t WITH (fillfactor=70) AS EXECUTE s
CREATE TABLE public.t AS TABLE pg_catalog.pg_authid
CREATE TABLE IF NOT EXISTS public.t (a int)
CREATE TEMP TABLE t (a int)
CREATE TEMPORARY VIEW v AS SELECT 1
CREATE RECURSIVE VIEW public.v (a) AS SELECT 1
INSERT INTO public.t SELECT 1
INSERT INTO public.t (SELECT 1)
INSERT INTO public.t TABLE public.u
INSERT INTO public.t VALUES ((SELECT 1))
INSERT INTO public.t VALUES (f())
INSERT INTO public.t VALUES (1 + f(2))
INSERT INTO public.t VALUES (current_user)
INSERT INTO public.t VALUES ('a'::regclass)
INSERT INTO public.t VALUES ('a' || 'b')
INSERT INTO public.t VALUES (- 'a')
INSERT INTO public.t VALUES (1 - 1)
INSERT INTO public.t VALUES (1 1)
INSERT INTO public.t VALUES ()
INSERT INTO public.t VALUES (1,)
INSERT INTO public.t VALUES (1), 
INSERT INTO public.t VALUES (1) RETURNING f()
INSERT INTO public.t AS x VALUES (1)
INSERT INTO public.t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = f()
INSERT INTO public.t VALUES (1) ON CONFLICT DO UPDATE SET a = 1
INSERT INTO public.t (a[f()]) VALUES (1)
INSERT INTO public.t DEFAULT VALUES RETURNING f()
INSERT INTO public.t
WITH a AS (SELECT 1) INSERT INTO public.t VALUES (1)
WITH a AS (SELECT 1) SELECT 1
UPDATE public.t SET a = 1
DELETE FROM public.t
MERGE INTO public.t USING public.u ON true WHEN MATCHED THEN DELETE
TRUNCATE public.t
VALUES (f())
TABLE public.t

-- Routines whose body ends elsewhere for the server than for psql.
CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT 1; END x
CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT 1; END END BEGIN ATOMIC SELECT 1; END

-- Everything else that could run something.
DO $$ BEGIN END $$
CALL public.p()
EXECUTE s
PREPARE s AS SELECT 1
EXPLAIN ANALYZE SELECT 1
LOAD 'evil'
LISTEN x
NOTIFY x
LOCK TABLE public.t
VACUUM public.t
ANALYZE
CLUSTER
CHECKPOINT
IMPORT FOREIGN SCHEMA x FROM SERVER y INTO z
DECLARE c CURSOR FOR SELECT 1
BEGIN ISOLATION LEVEL SERIALIZABLE
START TRANSACTION
COMMIT AND CHAIN
COMMIT PREPARED 'x'
ROLLBACK
SAVEPOINT x
END
CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p
CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (connect = true)
CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (slot_name = 's', connect = false)
CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (connect = false, connect = true)
CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (connect = false, enabled = true)
ALTER SUBSCRIPTION s ENABLE
ALTER SUBSCRIPTION s REFRESH PUBLICATION
ALTER SUBSCRIPTION s CONNECTION 'x'
ALTER EXTENSION hstore ADD TABLE public.t
ALTER EXTENSION hstore UPDATE
CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public CASCADE
ALTER TABLE public.t RENAME TO u
ALTER TABLE public.t SET SCHEMA app
ALTER TABLE public.t ALTER COLUMN a TYPE integer USING f()
ALTER TABLE public.t ADD COLUMN a integer DEFAULT f()
ALTER TABLE public.t INHERIT pg_catalog.pg_authid
CREATE TABLE public.t () INHERITS (pg_catalog.pg_class)
CREATE TABLE public.t () INHERITS (public.u, pg_catalog.pg_class)
REFRESH MATERIALIZED VIEW CONCURRENTLY public.m
REFRESH MATERIALIZED VIEW m
COPY (SELECT 1) TO stdout
COPY public.t TO PROGRAM 'id'
COPY public.t FROM PROGRAM 'id'
COPY public.t FROM '/etc/passwd'
COPY public.t FROM stdin WITH (FORMAT csv)
COPY public.t (a) WITH OIDS FROM stdin
COPY BINARY public.t FROM stdin
COPY public.t FROM stdin WHERE f()
