//! Objects that a load evaluates and that call a function which finds things by `search_path`: a dump loads with an empty
//! one. Only catalogs and the text of functions are read; nothing of the database's owner runs.

use serde::Deserialize;

/// An object that a restore may fail at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PathDependent {
    /// `index public.i`
    pub object: String,
    /// The function that it uses, without a `search_path` of its own: `public.f(text)`.
    pub function: String,
    /// What that function names without its schema.
    pub names: String,
    /// The schema that has it, as SQL names it.
    pub schema: String,
    /// A server of version 17 or newer ignores the session's `search_path` while it makes this.
    pub is_built: bool,
    /// The extension that the function belongs to: no dump holds a `search_path` that was given to it.
    pub extension: Option<Extension>,
    /// It is a generated column whose function reads a table: a restore may compute its values before that table is filled.
    pub reads_table: bool,
}

/// The extension of a function.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Extension {
    pub name: String,
    /// The statement that makes a function which calls that one, and has a `search_path`; without its end.
    pub wrapper: String,
    /// It has a `search_path`. Its script may have given it that, which a load does again: the catalogs do not say.
    pub has_path: bool,
}

/// Gives a list of [`PathDependent`]. Those functions count that an index, a generated column, a check, an exclusion
/// constraint, a partition key or a materialized view uses, also through a view, an operator, an operator class, an aggregate
/// or a function of parsed SQL. They are in SQL or PL/pgSQL. What such a function's text calls, reads from or casts to is
/// looked up by name: it counts where only schemas beside `pg_catalog` have it. A name behind a `.` has its schema; a quoted
/// one is passed over. A function with a `search_path` counts where it belongs to an extension whose script may not have given
/// it that: it was changed since, and a load recreates it. (Its row is of another transaction than its membership, which no
/// ALTER FUNCTION writes, and than the extension's last change. So it is after a GRANT, another owner, and pg_upgrade.)
pub(super) const QUERY: &str = r#"
SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
    'object', s.object, 'function', s.function, 'names', s.names, 'schema', s.schema, 'is_built', s.is_built, 'reads_table', s.reads_table,
    'extension', s.extension)), '[]')
FROM (
  SELECT DISTINCT ON (o.classid, o.objid) pg_catalog.regexp_replace(
      pg_catalog.pg_describe_object(o.classid, o.objid, 0), '^rule _RETURN on ', '') AS object, o.is_built, f.reads_table, o.extension,
    o.function::pg_catalog.regprocedure::pg_catalog.text AS function, f.name AS names, pg_catalog.quote_ident(f.schema) AS schema
  FROM (
    -- Few in any database; their number and their length bound the work.
    SELECT v.classid, v.objid, v.is_built, p.oid AS function, pg_catalog."left"(p.prosrc, 4000) AS body, (
        SELECT pg_catalog.json_build_object('name', e.extname, 'wrapper', pg_catalog.format(
          'CREATE FUNCTION %I.%I(%s) RETURNS %s LANGUAGE sql %s AS %L', pn.nspname, 'own_' || p.proname,
          pg_catalog.oidvectortypes(p.proargtypes), pg_catalog.pg_get_function_result(p.oid),
          CASE p.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END,
          pg_catalog.format('SELECT %I.%I(%s)', pn.nspname, p.proname, (SELECT pg_catalog.string_agg('$' || n, ', ' ORDER BY n)
            FROM pg_catalog.generate_series(1, p.pronargs) AS n))), 'has_path', EXISTS (
          SELECT FROM pg_catalog.unnest(p.proconfig) AS setting WHERE setting LIKE 'search!_path=%' ESCAPE '!'))
        FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
        JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.pronamespace
        WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e'
          AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass LIMIT 1) AS extension
    FROM (
      WITH RECURSIVE reached (function, classid, objid) AS (
        SELECT p.oid, 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid, p.oid
        FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang AND l.lanname IN ('sql', 'plpgsql')
        WHERE (NOT EXISTS (SELECT FROM pg_catalog.unnest(p.proconfig) AS setting WHERE setting LIKE 'search!_path=%' ESCAPE '!')
            OR EXISTS (SELECT FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
              WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e'
                AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND p.xmin <> d.xmin AND p.xmin <> e.xmin))
          AND p.pronamespace <> 'pg_catalog'::pg_catalog.regnamespace
          AND p.pronamespace <> 'information_schema'::pg_catalog.regnamespace
        UNION
        -- What calls it in its turn: an aggregate, an operator, an operator class, a body of parsed SQL, a view.
        SELECT r.function, next.classid, next.objid
        FROM reached AS r CROSS JOIN LATERAL (
          SELECT d.classid, d.objid FROM pg_catalog.pg_depend AS d
          WHERE d.refclassid = r.classid AND d.refobjid = r.objid AND d.classid IN ('pg_catalog.pg_proc'::pg_catalog.regclass,
            'pg_catalog.pg_operator'::pg_catalog.regclass, 'pg_catalog.pg_amproc'::pg_catalog.regclass,
            'pg_catalog.pg_rewrite'::pg_catalog.regclass, 'pg_catalog.pg_class'::pg_catalog.regclass,
            'pg_catalog.pg_constraint'::pg_catalog.regclass, 'pg_catalog.pg_attrdef'::pg_catalog.regclass)
            AND (r.classid <> 'pg_catalog.pg_class'::pg_catalog.regclass OR EXISTS (
              SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = r.objid AND c.relkind = 'v'))
            AND (d.classid <> 'pg_catalog.pg_proc'::pg_catalog.regclass OR NOT EXISTS (
              SELECT FROM pg_catalog.pg_proc AS q, pg_catalog.unnest(q.proconfig) AS setting
              WHERE q.oid = d.objid AND setting LIKE 'search!_path=%' ESCAPE '!'))
          UNION ALL
          SELECT d.refclassid, d.refobjid FROM pg_catalog.pg_depend AS d
          WHERE r.classid = 'pg_catalog.pg_amproc'::pg_catalog.regclass AND d.classid = r.classid AND d.objid = r.objid
            AND d.refclassid = 'pg_catalog.pg_opclass'::pg_catalog.regclass
          UNION ALL
          SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, w.ev_class FROM pg_catalog.pg_rewrite AS w
          JOIN pg_catalog.pg_class AS c ON c.oid = w.ev_class AND c.relkind = 'v'
          WHERE r.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND w.oid = r.objid
        ) AS next
      )
      SELECT r.function, r.classid, r.objid, COALESCE(c.relkind IN ('i', 'I'), k.contype = 'x', w.oid IS NOT NULL, false) AS is_built
      -- One row for each pair of a function and an object that depends on it. The limit also ends the recursion: where there
      -- are more pairs, not every object is found.
      FROM (SELECT * FROM reached LIMIT 20000) AS r
      LEFT JOIN pg_catalog.pg_class AS c
        ON r.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = r.objid AND c.relkind IN ('i', 'I', 'p')
      LEFT JOIN pg_catalog.pg_constraint AS k
        ON r.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = r.objid AND k.contype IN ('c', 'x')
      LEFT JOIN pg_catalog.pg_attrdef AS e
        ON r.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND e.oid = r.objid AND EXISTS (
          SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = e.adrelid AND a.attnum = e.adnum
            AND COALESCE(pg_catalog.to_jsonb(a)->>'attgenerated', '') = 's')
      LEFT JOIN pg_catalog.pg_rewrite AS w
        ON r.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND w.oid = r.objid AND EXISTS (
          SELECT FROM pg_catalog.pg_class AS v WHERE v.oid = w.ev_class AND v.relkind = 'm' AND v.relispopulated)
      WHERE COALESCE(c.oid, k.oid, e.oid, w.oid) IS NOT NULL
    ) AS v
    JOIN pg_catalog.pg_proc AS p ON p.oid = v.function
    ORDER BY v.classid, v.objid LIMIT 200
  ) AS o
  CROSS JOIN LATERAL (
    SELECT pg_catalog.lower(m.found[1]) AS name, 'call' AS kind FROM pg_catalog.regexp_matches(
      o.body, '(?<![.[:alnum:]_"$])([[:alpha:]_][[:alnum:]_$]*)[[:space:]]*[(]', 'g') AS m(found)
    UNION
    SELECT pg_catalog.lower(m.found[1]), 'relation' FROM pg_catalog.regexp_matches(o.body,
      '[[:<:]](?:from|join)[[:space:]]+(?:only[[:space:]]+)?([[:alpha:]_][[:alnum:]_$]*)(?![.[:alnum:]_$(])', 'gi') AS m(found)
    UNION
    SELECT pg_catalog.lower(m.found[1]), 'type' FROM pg_catalog.regexp_matches(o.body,
      '(?:::[[:space:]]*|[[:<:]]cast[[:space:]]*[(][^()]*[[:space:]]as[[:space:]]+)([[:alpha:]_][[:alnum:]_$]*)(?![.[:alnum:]_$(])', 'gi') AS m(found)
  ) AS used
  CROSS JOIN LATERAL (
    SELECT used.name, n.nspname AS schema, false AS reads_table FROM pg_catalog.pg_proc AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.pronamespace
    WHERE used.kind = 'call' AND c.proname = used.name AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_proc AS own
        WHERE own.proname = used.name AND own.pronamespace = 'pg_catalog'::pg_catalog.regnamespace)
    UNION ALL
    SELECT used.name, n.nspname, o.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE used.kind = 'relation' AND c.relname = used.name AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(temp|toast)'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_class AS own
        WHERE own.relname = used.name AND own.relnamespace = 'pg_catalog'::pg_catalog.regnamespace)
    UNION ALL
    SELECT used.name, n.nspname, false FROM pg_catalog.pg_type AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.typnamespace
    WHERE used.kind = 'type' AND c.typname = used.name AND c.typrelid = 0
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(temp|toast)'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_type AS own
        WHERE own.typname = used.name AND own.typnamespace = 'pg_catalog'::pg_catalog.regnamespace)
  ) AS f
  ORDER BY o.classid, o.objid, f.reads_table DESC, f.name, f.schema LIMIT 20) AS s;"#;
