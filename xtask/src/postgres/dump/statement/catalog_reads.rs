//! Whether a statement names a catalog of PostgreSQL that not every role may read. A view reads with its owner's rights: who
//! may read the view sees the catalog's rows.

use crate::sql::Token;

/// What PUBLIC may not read of PostgreSQL 12 to 18, in part or at all: passwords, connection strings, samples of rows, files.
const CLOSED: [&str; 22] = [
    "pg_aios",
    "pg_authid",
    "pg_backend_memory_contexts",
    "pg_config",
    "pg_file_settings",
    "pg_hba_file_rules",
    "pg_ident_file_mappings",
    "pg_largeobject",
    "pg_replication_origin_status",
    "pg_shadow",
    "pg_shmem_allocations",
    "pg_shmem_allocations_numa",
    "pg_statistic",
    "pg_statistic_ext_data",
    "pg_subscription",
    "pg_user_mapping",
    // Of information_schema.
    "_pg_foreign_data_wrappers",
    "_pg_foreign_servers",
    "_pg_foreign_table_columns",
    "_pg_foreign_tables",
    "_pg_user_mappings",
    // The schema of what does not fit into a row.
    TOAST,
];
const TOAST: &str = "pg_toast";
const SCHEMAS: [&str; 2] = ["pg_catalog", "information_schema"];

/// Follows one statement.
#[derive(Debug, Default)]
pub(super) struct CatalogReads {
    before: Before,
    found: bool,
}

/// What came last.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Before {
    #[default]
    Other,
    /// A name, which may be that of a schema of the database.
    Name,
    /// The name of a schema of PostgreSQL.
    System,
    /// A dot behind a schema of the database, or `AS`: what follows is no catalog.
    NoCatalog,
}

impl CatalogReads {
    pub(super) fn found(&self) -> bool {
        self.found
    }

    /// Takes the next token.
    pub(super) fn follow(&mut self, token: Token<'_>) {
        self.before = match token {
            Token::Word(word) if word.eq_ignore_ascii_case(b"as") => Before::NoCatalog,
            Token::Word(word) => self.name(word, <[u8]>::eq_ignore_ascii_case),
            Token::Name(name) => self.name(name, <[u8]>::eq),
            Token::Symbol(b'.') if self.before == Before::Name => Before::NoCatalog,
            _ => Before::Other,
        };
    }

    /// A name without a schema may be PostgreSQL's own.
    fn name(&mut self, name: &[u8], is_same: fn(&[u8], &[u8]) -> bool) -> Before {
        let is = |known: &&str| is_same(known.as_bytes(), name);
        self.found |= self.before != Before::NoCatalog && CLOSED.iter().any(is);
        if SCHEMAS.iter().any(is) { Before::System } else { Before::Name }
    }
}

#[cfg(test)]
mod tests {
    use crate::postgres::dump::tests::{dump, scan};

    #[test]
    fn a_view_or_a_rule_that_reads_a_closed_catalog_is_noted_with_its_line() {
        let table = "CREATE TABLE public.t (a int);\n";
        for (body, found) in [
            ("CREATE VIEW public.v AS SELECT a.rolpassword FROM pg_catalog.pg_authid a;", true),
            (
                "CREATE OR REPLACE VIEW public.v WITH (security_barrier='true') AS SELECT usename FROM \"pg_shadow\";",
                true,
            ),
            ("CREATE MATERIALIZED VIEW public.m AS SELECT 1 FROM PG_CATALOG . PG_Subscription WITH NO DATA;", true),
            ("CREATE VIEW public.v AS SELECT 1 AS a FROM ONLY pg_toast.pg_toast_1260;", true),
            ("CREATE VIEW public.v AS SELECT u.umoptions FROM information_schema._pg_user_mappings u;", true),
            (
                "CREATE RULE r AS ON INSERT TO public.t DO INSERT INTO public.t SELECT 1 FROM pg_catalog.pg_authid;",
                true,
            ),
            ("CREATE VIEW public.v AS SELECT c.relname FROM pg_catalog.pg_class c;", false),
            ("CREATE VIEW public.v AS SELECT a.a FROM public.pg_authid a;", false),
            ("CREATE VIEW public.v AS SELECT 1 AS pg_config;", false),
            ("CREATE VIEW public.pg_shadow AS SELECT 'pg_catalog.pg_authid'::text AS a;", false),
            ("COMMENT ON TABLE public.t IS 'pg_authid';", false),
            ("GRANT SELECT ON TABLE public.t TO pg_authid;", false),
        ] {
            let text = dump(&format!("{table}{body}\n"));
            let at = text.lines().position(|line| line == body).map(|at| 1 + at as u64);
            assert_eq!(scan(&text).unwrap().reads_catalogs, at.filter(|_| found), "{body}");
        }
    }
}
