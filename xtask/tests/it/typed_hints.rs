//! What a hint says to type into psql runs nothing of the database's owner, also where a superuser types it.

use crate::architecture::{Source, sources};
use crate::documents::source;
use crate::harness::stack::{Database, shared};
use crate::harness::{Health, Outcome, Test};

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] a_typed_hint_runs_nothing_of_the_databases_owner,
        [] a_statement_names_its_functions_with_their_schema,
        [] what_is_typed_into_psql_runs_nothing_of_the_databases_owner,
        [] what_would_run_code_of_the_owner_is_found,
    ]
}

/// Operators and a view that psql's own statements, and hints without a schema, would find first.
const TRAP: &str = "CREATE SCHEMA evil;
    CREATE FUNCTION evil.up() RETURNS bool LANGUAGE plpgsql AS $f$ BEGIN
      IF (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) session_user) THEN
        EXECUTE 'ALTER ROLE LOW CREATEDB'; END IF; RETURN true; END $f$;
    CREATE FUNCTION evil.eq(a oid, b oid) RETURNS bool LANGUAGE plpgsql AS $f$ BEGIN
      PERFORM evil.up(); RETURN a OPERATOR(pg_catalog.=) b; END $f$;
    CREATE FUNCTION evil.ne(a name, b text) RETURNS bool LANGUAGE plpgsql AS $f$ BEGIN
      PERFORM evil.up(); RETURN a OPERATOR(pg_catalog.<>) b; END $f$;
    CREATE OPERATOR evil.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = evil.eq);
    CREATE OPERATOR evil.<> (LEFTARG = name, RIGHTARG = text, FUNCTION = evil.ne);
    CREATE VIEW evil.pg_stat_activity AS SELECT * FROM pg_catalog.pg_stat_activity WHERE evil.up();
    CREATE VIEW evil.pg_tables AS SELECT * FROM pg_catalog.pg_tables WHERE evil.up();";

struct Trap<'a> {
    role: String,
    database: Database<'a>,
}

impl Trap<'_> {
    fn has_sprung(&self) -> bool {
        let stack = self.database.stack;
        let rights = stack.admin(&format!("SELECT rolcreatedb FROM pg_roles WHERE rolname = '{}'", self.role));
        stack.admin(&format!("ALTER ROLE {} NOCREATEDB", self.role));
        rights == "t"
    }

    /// Types what a hint says, as a shell reads it.
    fn types(&self, hint: &str) -> Outcome {
        let mut rest = hint.split("cargo xtask ").nth(1).unwrap().trim();
        let mut words = Vec::new();
        while let Some(first) = rest.chars().next() {
            let quote = Some(first).filter(|first| matches!(first, '\'' | '"'));
            let inner = if quote.is_some() { &rest[1..] } else { rest };
            let (word, after) = inner.split_once(quote.unwrap_or(' ')).unwrap_or((inner, ""));
            words.push(word.to_owned());
            rest = after.trim_start();
        }
        self.database.xtask([]).args(words).run()
    }
}

fn a_typed_hint_runs_nothing_of_the_databases_owner() {
    let stack = shared();
    let role = format!("low_{}", std::process::id());
    stack.admin(&format!("CREATE ROLE {role}"));
    let trap = Trap { database: stack.database_with(&format!("TEMPLATE template0 OWNER {role}")), role };
    let (role, database) = (&trap.role, &trap.database);
    database.sql(&format!("SET SESSION AUTHORIZATION {role};\n{}", TRAP.replace("LOW", role)));
    database.sql(&format!("ALTER DATABASE {} SET search_path = evil, pg_catalog", database.quoted()));
    // What was advised once springs it.
    for command in ["\\drds", "\\dt *.*", "SELECT * FROM pg_stat_activity"] {
        database.xtask(["db-shell", "--", "-c", command]).run();
        assert!(trap.has_sprung(), "{command} does not spring the trap");
    }
    let health = Health::of(database.xtask([]), &["--only", "settings"]);
    health.says(
        "settings",
        "warn",
        "hide PostgreSQL's own functions",
        "cargo xtask db-shell -- -d postgres -c '\\drds'; ",
    );
    let hint = health.outcome.json()["checks"][0]["hint"].as_str().unwrap().to_owned();
    let refused = database.xtask(["db-backup", "--table", "nosuch"]).run();
    let tables = refused.code(1).stderr.split("list the tables: ").nth(1).unwrap().lines().next().unwrap().to_owned();
    for typed in [hint.split(';').next().unwrap(), &tables] {
        let run = trap.types(typed);
        run.ok().holds(!trap.has_sprung(), "code of the owner ran");
    }
    // The others, as they stand in the source.
    let owner = "SELECT relnamespace::pg_catalog.regnamespace, relkind, relowner::pg_catalog.regrole \
                 FROM pg_catalog.pg_class WHERE relname OPERATOR(pg_catalog.=) 'goose_db_version'";
    let record =
        "SELECT tablename, tableowner FROM pg_catalog.pg_tables WHERE schemaname OPERATOR(pg_catalog.=) 'xtask'";
    let who = "SELECT pid, application_name, state, query FROM pg_catalog.pg_stat_activity";
    let source = source();
    for words in [owner, record, who] {
        assert!(source.contains(words), "no hint says {words}");
    }
    for words in [&["-c", owner][..], &["-c", record], &["-d", "postgres", "-c", who], &["-d", "postgres", "-l"]] {
        let run = database.xtask(["db-shell", "--"]).args(words.iter().copied()).run();
        run.ok().holds(!trap.has_sprung(), "code of the owner ran");
    }
    stack.admin(&format!("DROP DATABASE {} WITH (FORCE)", database.quoted()));
    stack.admin(&format!("DROP ROLE {role}"));
}

/// What we send, and what a person is to type, may run on a path that the database's owner fills.
fn a_statement_names_its_functions_with_their_schema() {
    let mut wrong = Vec::new();
    for source in sources() {
        let lines = source.lines.iter().filter(|line| line.replace("SELECT pg_catalog", "").contains("SELECT pg_"));
        wrong.extend(lines.map(|line| format!("{}: {}", source.path.display(), line.trim())));
    }
    assert!(wrong.is_empty(), "write pg_catalog. in front:\n{}", wrong.join("\n"));
}

/// psql's own commands name operators without their schema: what is of the whole server is asked in the maintenance
/// database, and what is of the live one by a statement. So is a table: it has its schema.
fn what_is_typed_into_psql_runs_nothing_of_the_databases_owner() {
    let wrong: Vec<String> = sources().iter().flat_map(typed_unguarded).collect();
    assert!(wrong.is_empty(), "name another database (-d), or the schema:\n{}", wrong.join("\n"));
}

fn typed_unguarded(source: &Source) -> Vec<String> {
    let text: String = source.lines.iter().map(|line| line.trim().trim_end_matches('\\')).collect();
    let is_command = |typed: &str| typed.contains("-c '\\\\") || typed.split(' ').any(|word| word == "-l");
    let typed = text.split("db-shell -- ").skip(1).map(|rest| rest.split(['"', ';']).next().unwrap_or(rest));
    let commands = typed.filter(|typed| is_command(typed) && !typed.contains("-d "));
    let is_bare = |rest: &str| rest.starts_with("pg_") && !rest.starts_with("pg_catalog");
    let tables = ["FROM ", "JOIN ", "TABLE "].into_iter().flat_map(|word| text.split(word).skip(1));
    let bare = tables.filter(|rest| is_bare(rest)).map(|rest| rest.split([' ', '"']).next().unwrap_or(rest));
    commands.chain(bare).map(|what| format!("{}: {what}", source.path.display())).collect()
}

fn what_would_run_code_of_the_owner_is_found() {
    let found = |line: &str| {
        let source = Source { path: "a.rs".into(), folder: "a".into(), lines: vec![line.to_owned()] };
        typed_unguarded(&source).len()
    };
    for wrong in
        [r"cargo xtask db-shell -- -c '\\drds'", "cargo xtask db-shell -- -l", "SELECT a FROM pg_stat_activity"]
    {
        assert_eq!(found(&format!("\"{wrong}\"")), 1, "{wrong}");
    }
    let right = [r"db-shell -- -d postgres -c '\\drds'", "db-shell -- -l -d {m}", "SELECT a FROM pg_catalog.pg_tables"];
    assert_eq!(right.map(|right| found(&format!("\"{right}\""))), [0; 3]);
}
