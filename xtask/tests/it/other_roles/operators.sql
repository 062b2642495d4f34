-- Everything that a name without its schema could mean, made by a database's owner, who puts public first in the path.
-- `fire` notes who ran it: only a superuser's session can, and of those the test counts ours.
CREATE FUNCTION public.note() RETURNS pg_catalog.bool LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog AS $$
BEGIN
  IF (SELECT rolsuper FROM pg_roles WHERE rolname = session_user) THEN
    COPY (SELECT current_setting('application_name') || ': ' || replace(left(current_query(), 300), E'\n', ' '))
      TO PROGRAM 'cat >>CANARY';
  END IF;
  RETURN true;
END $$;
-- Falsely immutable: so an index may use it, and the planner runs it.
CREATE FUNCTION public.fire() RETURNS pg_catalog.bool LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS $$
BEGIN PERFORM public.note(); RETURN true; END $$;
CREATE FUNCTION public.fire(number pg_catalog.int4) RETURNS pg_catalog.int4 LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS $$
BEGIN PERFORM public.note(); RETURN number; END $$;

-- Operators of the catalog's types, and functions that statements name without their schema.
DO $$
DECLARE o record; body pg_catalog.text;
BEGIN
  FOR o IN SELECT op.oid, op.oprname AS name, op.oprleft::pg_catalog.regtype AS l, op.oprright::pg_catalog.regtype AS r,
      op.oprresult::pg_catalog.regtype AS result
    FROM pg_catalog.pg_operator AS op WHERE op.oprnamespace = 'pg_catalog'::pg_catalog.regnamespace AND op.oprkind = 'b'
    AND op.oprname IN ('=', '<>', '<', '>', '<=', '>=', '||', '~', '!~', '~~', '!~~', '+', '-', '->', '->>', '<<', '|')
    AND op.oprleft IN ('text'::pg_catalog.regtype, 'name'::pg_catalog.regtype, 'oid'::pg_catalog.regtype, 'int4'::pg_catalog.regtype,
      'int8'::pg_catalog.regtype, 'bool'::pg_catalog.regtype, '"char"'::pg_catalog.regtype, 'timestamptz'::pg_catalog.regtype,
      'json'::pg_catalog.regtype, 'jsonb'::pg_catalog.regtype, 'float4'::pg_catalog.regtype)
  LOOP
    EXECUTE pg_catalog.format('CREATE FUNCTION public.op_%s(a pg_catalog.%I, b pg_catalog.%I) RETURNS pg_catalog.%I LANGUAGE plpgsql '
      'IMMUTABLE SET search_path = pg_catalog AS $f$ BEGIN PERFORM public.note(); RETURN a OPERATOR(pg_catalog.%s) b; END $f$',
      o.oid, (SELECT typname FROM pg_catalog.pg_type WHERE oid = o.l), (SELECT typname FROM pg_catalog.pg_type WHERE oid = o.r),
      (SELECT typname FROM pg_catalog.pg_type WHERE oid = o.result), o.name);
    EXECUTE pg_catalog.format('CREATE OPERATOR public.%s (FUNCTION = public.op_%s, LEFTARG = pg_catalog.%I, RIGHTARG = pg_catalog.%I)',
      o.name, o.oid, (SELECT typname FROM pg_catalog.pg_type WHERE oid = o.l), (SELECT typname FROM pg_catalog.pg_type WHERE oid = o.r));
  END LOOP;
END $$;
CREATE FUNCTION public.now() RETURNS pg_catalog.timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN PERFORM public.note(); RETURN pg_catalog.now(); END $$;
CREATE FUNCTION public.current_database() RETURNS pg_catalog.name LANGUAGE plpgsql STABLE AS $$
BEGIN PERFORM public.note(); RETURN pg_catalog.current_database(); END $$;
CREATE FUNCTION public.set_config(a pg_catalog.text, b pg_catalog.text, c pg_catalog.bool) RETURNS pg_catalog.text
LANGUAGE plpgsql AS $$ BEGIN PERFORM public.note(); RETURN pg_catalog.set_config(a, b, c); END $$;

-- Relations and types of the catalog's names.
DO $$
DECLARE relation pg_catalog.text;
BEGIN
  FOREACH relation IN ARRAY ARRAY['pg_class', 'pg_namespace', 'pg_database', 'pg_roles', 'pg_settings', 'pg_stat_activity',
    'pg_stat_user_tables', 'pg_extension', 'pg_locks', 'pg_index', 'pg_depend', 'pg_db_role_setting'] LOOP
    EXECUTE pg_catalog.format('CREATE VIEW public.%I AS SELECT * FROM pg_catalog.%I WHERE public.fire()', relation, relation);
  END LOOP;
END $$;
CREATE DOMAIN public.int8 AS pg_catalog.int8 CHECK (public.note());
CREATE DOMAIN public.text AS pg_catalog.text CHECK (public.note());
CREATE DOMAIN public.regclass AS pg_catalog.regclass CHECK (public.note());
