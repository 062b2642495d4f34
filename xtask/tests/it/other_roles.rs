//! What the owner of a database puts into it never runs with the rights of our sessions: a superuser who looks at the
//! database, backs it up or swaps it runs none of the owner's code.

use crate::harness::stack::{Database, Stack, identifier};
use crate::harness::{Fakes, Health, Outcome, Test, shared_for_restores};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] no_command_runs_code_of_the_databases_owner,
        [Stack] views_named_as_openfgas_tables_are_never_read,
        [Stack] every_psql_of_ours_begins_with_an_empty_path,
        [Stack] nothing_that_others_wrote_is_an_order_to_the_terminal,
        [OwnStack, Openfga] neither_up_nor_setup_openfga_runs_code_of_the_databases_owner,
    ]
}

/// A role without any rights.
fn role(stack: &Stack) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("evil_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    stack.admin(&format!("CREATE ROLE {name} LOGIN"));
    name
}

/// A database of that role's with OpenFGA's tables.
fn owned<'a>(stack: &'a Stack, role: &str) -> Database<'a> {
    let database = stack.database_with(&format!("TEMPLATE template0 OWNER {role}"));
    by(role, &database, include_str!("harness/openfga.sql"));
    database
}

/// Runs this as the role, which has no more rights than its own.
fn by(role: &str, database: &Database<'_>, sql: &str) {
    let canary = format!("/tmp/canary-{role}");
    database.sql(&format!("SET SESSION AUTHORIZATION {role};\n{}", sql.replace("CANARY", &canary)));
}

/// The owner's operators, functions, views and types stand first in the path of everybody who connects.
fn arm(role: &str, database: &Database<'_>) {
    by(role, database, include_str!("other_roles/operators.sql"));
    by(role, database, include_str!("other_roles/tables.sql"));
    let path = format!("ALTER DATABASE {} SET search_path TO public, pg_catalog", database.quoted());
    by(role, database, &path);
}

/// What ran the role's code as a superuser, by the session's name.
fn fired(role: &str, stack: &Stack) -> Vec<String> {
    let (lines, _) = stack.exec(&["sh", "-c", &format!("cat /tmp/canary-{role} 2>/dev/null || true")], "");
    String::from_utf8_lossy(&lines.unwrap()).lines().map(str::to_owned).collect()
}

/// No session of ours has run the role's code so far.
#[track_caller]
fn is_silent(role: &str, stack: &Stack, run: &Outcome) {
    let ours = fired(role, stack).into_iter().filter(|line| line.starts_with("xtask"));
    let ours: BTreeSet<String> = ours.collect();
    run.holds(ours.is_empty(), &format!("code of the owner ran: {ours:#?}"));
}

fn no_command_runs_code_of_the_databases_owner() {
    let stack = shared_for_restores();
    let role = &role(stack);
    let database = owned(stack, role);
    let honest = database.backup();
    arm(role, &database);
    // An ordinary session of a superuser does run it, by the path and by the planner.
    for sql in ["SELECT 'a'::pg_catalog.text = 'b'", "SELECT pg_catalog.count(*) FROM public.store", "SELECT now()"] {
        let before = fired(role, stack).len();
        database.sql(sql);
        assert!(fired(role, stack).len() > before, "the canary does not see: {sql}");
    }
    let file = honest.to_str().unwrap();
    let run = |command: &[&str]| {
        let run = database.xtask(command.iter().copied()).run();
        is_silent(role, stack, &run);
        run
    };
    let looks: [&[&str]; 6] = [
        &["db-stats"],
        &["db-list"],
        &["db-migrate", "status"],
        &["db-restore", "--dry-run", file],
        &["db-backup", "--output", "armed/"],
        &["db-verify", "--restore", file],
    ];
    for command in looks {
        run(command).ok();
    }
    run(&["health-check", "--only", "postgres", "connections", "migrations", "openfga", "leftovers", "settings"]);
    what_copy_can_count_is_counted_and_the_rest_is_an_estimate(&database, file);
    // The armed database goes away, comes back, and goes away again.
    let changes: [&[&str]; 6] = [
        &["db-restore", "--yes", file],
        &["db-restore", "--undo", "--dry-run"],
        &["db-restore", "--undo", "--yes"],
        &["db-reset", "--yes"],
        &["db-restore", "--undo", "--dry-run"],
        &["db-restore", "--repair"],
    ];
    for command in changes {
        run(command).ok();
    }
}

fn what_copy_can_count_is_counted_and_the_rest_is_an_estimate(database: &Database<'_>, file: &str) {
    let run = database.xtask(["db-restore", "--dry-run", "--json", file]).run();
    let plan = &run.ok().json()["plan"];
    let rows = |name: &str| {
        let tables = plan["tables"].as_array().unwrap();
        let table = tables.iter().find(|table| table["table"] == name).unwrap_or_else(|| panic!("{name}: {plan:#}"));
        (table["now"].as_u64(), table["estimated"].as_bool().unwrap())
    };
    for (table, number) in [("tuple", 10), ("goose_db_version", 7), ("parent", 1), ("child", 2), ("part", 3)] {
        assert_eq!(rows(table), (Some(number), false), "{table}");
    }
    assert!(rows("typed").1 && rows("none").1, "{plan:#}");
    assert!(plan["unreadable"].is_null() && plan["not_compared"].is_null() && plan["estimated"] == true, "{plan:#}");
    assert_eq!((plan["models_lost"].as_u64(), plan["stores_lost"].as_array().map(Vec::len)), (Some(0), Some(0)));
}

fn views_named_as_openfgas_tables_are_never_read() {
    let stack = shared_for_restores();
    let role = &role(stack);
    let database = owned(stack, role);
    let honest = database.backup();
    by(role, &database, include_str!("other_roles/operators.sql"));
    by(role, &database, include_str!("other_roles/views.sql"));
    database.sql("SELECT pg_catalog.count(*) FROM public.store");
    assert!(!fired(role, stack).is_empty(), "the canary does not see a view that is read");
    let health = Health::of(
        database.xtask([]).env("OPENFGA_API_URL", "http://127.0.0.1:9"),
        &["--only", "postgres", "openfga/schema"],
    );
    is_silent(role, stack, &health.outcome);
    health.says("openfga/schema", "fail", "public.goose_db_version is a view", "see who owns it");
    let run = database.xtask(["db-restore", "--dry-run", honest.to_str().unwrap()]).run();
    is_silent(role, stack, &run);
    run.ok().stderr_has(
        "⚠ The live OpenFGA stores and models are not compared: public.store is a view, which this program does not \
         read",
    );
    run.stderr_lacks("OpenFGA store comes back");
    let run = database.restore([honest.to_str().unwrap()]).run();
    is_silent(role, stack, &run);
    run.ok();
}

fn neither_up_nor_setup_openfga_runs_code_of_the_databases_owner() {
    let stack = Stack::new();
    stack.up();
    let role = &role(&stack);
    // OpenFGA's own sessions are a superuser's, too, and theirs alone is the canary's to see.
    let own = |sql: &str| stack.psql("openfga", sql);
    own(&format!("ALTER DATABASE openfga OWNER TO {role}"));
    for table in ["store", "authorization_model", "tuple", "changelog", "goose_db_version"] {
        own(&format!("ALTER TABLE public.{table} OWNER TO {role}"));
    }
    let sql = [include_str!("other_roles/operators.sql"), include_str!("other_roles/tables.sql")].concat();
    own(&format!("SET SESSION AUTHORIZATION {role};\n{}", sql.replace("CANARY", &format!("/tmp/canary-{role}"))));
    own("ALTER DATABASE openfga SET search_path TO public, pg_catalog");
    for command in [&["up"][..], &["setup-openfga", "--yes"], &["health-check"]] {
        let run = stack.xtask(command.iter().copied()).run();
        is_silent(role, &stack, &run);
    }
    own("SELECT now()");
    assert!(!fired(role, &stack).is_empty(), "the canary sees nothing");
}

/// In the text that each psql of these commands was sent.
const PATH: &str = "SELECT pg_catalog.set_config('search_path', '', false)";

const WITH_PSQL: [&[&str]; 13] = [
    &["db-stats"],
    &["db-backup"],
    &["db-list"],
    &["health-check", "--only", "postgres", "migrations", "leftovers"],
    &["db-migrate", "status"],
    &["db-migrate"],
    &["db-migrate", "verify"],
    &["db-verify", "--restore"],
    &["db-restore", "--dry-run"],
    &["db-restore", "--yes"],
    &["db-restore", "--undo", "--yes"],
    &["db-restore", "--repair"],
    &["db-reset", "--yes"],
];

fn every_psql_of_ours_begins_with_an_empty_path() {
    let database = shared_for_restores().database();
    database.sandbox.migration(1, "one", "CREATE TABLE one (a int);", Some("DROP TABLE one;"));
    database.sql("CREATE TABLE t AS SELECT 1 AS i");
    let folder = database.sandbox.beside("sent");
    fs::create_dir_all(&folder).unwrap();
    // What psql is sent is kept on its way, a file for each.
    let fakes =
        Fakes::new(&database.sandbox).docker_but("psql", &format!("tee '{}'/$$ | real \"$@\"", folder.display()));
    for command in WITH_PSQL {
        let run = fakes.over(database.xtask(command.iter().copied())).run();
        run.holds(matches!(run.code, Some(0 | 1)), "the command should have come to its end");
        let sent = taken_from(&folder);
        run.holds(!sent.is_empty(), "no psql was seen");
        for text in &sent {
            let beginning: String = text.chars().take(300).collect();
            let first = text
                .lines()
                .find(|line| !["\\echo ", "\\unset ", "\\restrict "].iter().any(|own| line.starts_with(own)));
            let is_it = first.is_some_and(|line| line.starts_with(PATH));
            run.holds(is_it, &format!("a psql of ours began with:\n{beginning}"));
        }
        if let Some(question) = sent.iter().find(|text| text.contains("'view, foreign-table'")) {
            a_question_is_asked_under_restrictions(&database, question);
        }
    }
    let words = fakes.calls().concat();
    assert!(words.iter().any(|word| word == "pg_dump") && !words.iter().any(|word| word.contains("inserts")));
    // A person's own session has the path of the database.
    database.stack.admin(&format!("ALTER DATABASE {} SET search_path TO team, public", database.quoted()));
    database.xtask(["db-shell", "--", "-Atc", "SHOW search_path"]).run().ok().prints("team, public\n");
}

/// The texts of the folder's files that are not empty; the files go.
fn taken_from(folder: &Path) -> Vec<String> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = paths.map(|path| {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        fs::remove_file(path).unwrap();
        text
    });
    texts.filter(|text| !text.is_empty()).collect()
}

/// What a question begins with, asked of the server itself.
fn a_question_is_asked_under_restrictions(database: &Database<'_>, question: &str) {
    let statements = question.lines().filter(|line| !line.starts_with('\\'));
    let begin: Vec<&str> = statements.take(2).collect();
    let show = "SELECT '[' || pg_catalog.current_setting('search_path') || ']'; SHOW row_security; \
                SELECT pg_catalog.current_setting('restrict_nonsystem_relation_kind', true);";
    let shown = database.sql(&format!("{}\n{show}", begin.join("\n")));
    let restricted = database.sql("SELECT count(*) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'");
    let kinds = if restricted == "1" { "view, foreign-table" } else { "" };
    let shown: Vec<&str> = shown.lines().collect();
    assert_eq!(shown[shown.len() - 3..], ["[]", "off", kinds]);
}

/// What others wrote, with orders to a terminal in it: to set its title, to change its colours, to turn the writing.
const ORDERS: &str = "\u{1b}]0;x\u{7}\u{9b}31m\u{1b}[2J\u{202e}y";

#[track_caller]
fn orders_nothing(run: &Outcome) {
    let text = [&run.text(), run.stderr.as_str()].concat();
    let is_order = |letter: char| (letter.is_control() && !matches!(letter, '\n' | '\t')) || letter == '\u{202e}';
    let order = text.chars().find(|letter| is_order(*letter));
    run.holds(order.is_none(), &format!("{order:?} reached the terminal"));
}

fn nothing_that_others_wrote_is_an_order_to_the_terminal() {
    let stack = shared_for_restores();
    let database = stack.database();
    let table = identifier(&format!("t{ORDERS}"));
    let file = database.backup();
    let file = file.to_str().unwrap();
    database.sql(&format!("CREATE TABLE {table} (a int)"));
    let mut holder = database.session();
    holder.sql(&format!("SET application_name TO 'app'; BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"));
    let pid = holder.sql("/* hunter2 */ SELECT pg_backend_pid() WHERE 'hunter2' <> 'x'");
    let held = database.xtask(["db-backup", "--lock-timeout", "1"]).run();
    orders_nothing(&held);
    held.code(5).stderr_has(&format!("is held by session {pid}")).stderr_has(": SELECT …").stderr_lacks("hunter2");
    let held = database.xtask(["db-restore", "--dry-run", file]).run();
    orders_nothing(&held);
    held.stderr_lacks("hunter2");
    drop(holder);
    let commands: [&[&str]; 11] = [
        &["health-check", "--only", "postgres", "transactions", "indexes", "leftovers", "backups"],
        &["db-list"],
        &["db-verify", file],
        &["db-restore", "--dry-run", file],
        &["db-backup"],
        &["db-restore", "--yes", file],
        &["db-restore", "--yes", "--no-safety-backup", file],
        &["db-restore", "--undo", "--dry-run"],
        &["db-restore", "nosuch"],
        &["db-migrate", "status"],
        &["--verbose", "db-backup", "--output", "once-more/"],
    ];
    for command in commands {
        orders_nothing(&database.xtask(command.iter().copied()).run());
    }
    let named = stack.database_named(&format!("d{ORDERS}"), "");
    let commands: [&[&str]; 4] =
        [&["db-backup"], &["health-check", "--only", "postgres", "settings"], &["db-list"], &["db-reset"]];
    for command in commands {
        orders_nothing(&named.xtask(command.iter().copied()).run());
    }
}
