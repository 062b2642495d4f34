//! Names and words of others may hold a line break, with what looks like a line of ours behind it: none of them begins
//! a line with a mark or an arrow, and no command in them is completed so that it works.

use crate::compose_stacks;
use crate::harness::stack::{identifier, shared};
use crate::harness::{Outcome, Test, UrlDatabase};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] names_of_migrations_begin_no_line_of_ours,
        [Postgres] words_of_the_ledger_begin_no_line_of_ours,
        [Postgres] a_roles_name_in_a_hint_is_no_command,
        [Stack] names_in_a_database_begin_no_line_of_ours,
        [Compose] a_profile_in_a_command_to_type_is_one_word,
    ]
}

const FORGED: &str = "zz\n✓ FAKED\n→ cargo xtask db-reset --yes\nx";

/// Nothing of [`FORGED`] looks like a line of ours. Its root or target is typed: a hint would repeat it.
#[track_caller]
fn is_no_line_of_ours(run: &Outcome) {
    let text = [&run.text(), run.stderr.as_str()].concat();
    run.holds(text.contains("FAKED"), "the forged words were not shown at all");
    let begins = |line: &str| {
        ["✓ FAKED", "→ cargo xtask db-reset", "cargo xtask db-reset"].map(|begin| line.trim_start().starts_with(begin))
    };
    run.holds(!text.lines().any(|line| begins(line).contains(&true)), "a line looks like ours");
    let is_completed = ["--root", "--target"].map(|option| text.contains(&format!("db-reset {option}")));
    run.holds(is_completed == [false; 2], "a command of others was completed");
}

fn migrate(database: &UrlDatabase, args: &[&str]) -> Outcome {
    let root = database.sandbox.root.to_str().unwrap();
    database.xtask(["--root", root, "db-migrate"]).args(args.iter().copied()).run()
}

fn names_of_migrations_begin_no_line_of_ours() {
    let database = UrlDatabase::new();
    database.sandbox.migration(7, FORGED, "CREATE TABLE forged (i int);\n", None);
    database.sandbox.write(format!("migrations/{FORGED}.sql"), "SELECT 1;\n");
    is_no_line_of_ours(&migrate(&database, &["status"]));
    // What is printed is SQL: the name does not end its comment.
    let dry = migrate(&database, &["up", "--dry-run"]);
    is_no_line_of_ours(dry.ok());
    database.sql(&format!("BEGIN;\n{}\nROLLBACK;", dry.text()));
    let up = migrate(&database, &["up"]);
    is_no_line_of_ours(up.ok().stderr_has("✓ 7 zz\\n✓ FAKED\\n→ cargo xtask db-reset --yes\\nx ("));
    database.sandbox.migration(8, FORGED, "CREATE TABLE forged (i int);\n", None);
    is_no_line_of_ours(migrate(&database, &["up"]).code(1));

    // The words of the server: of a message, and of the function that it names.
    fs::remove_file(database.sandbox.path(format!("migrations/8_{FORGED}.up.sql"))).unwrap();
    let function = identifier(FORGED);
    let raises = format!(
        "CREATE FUNCTION {function}() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', \
         E'{}'; END $$;\nSELECT {function}();\n",
        FORGED.replace('\n', "\\n")
    );
    database.sandbox.migration(8, "raise", &raises, None);
    let failed = migrate(&database, &["up"]);
    is_no_line_of_ours(failed.code(1).stderr_has("\n  | ✓ FAKED\n  | → cargo xtask db-reset --yes\n  x\n"));
    failed.stderr_has("CONTEXT:");
}

fn words_of_the_ledger_begin_no_line_of_ours() {
    let database = UrlDatabase::new();
    database.sandbox.tables(1);
    migrate(&database, &["up"]).ok();
    let words = FORGED.replace('\n', "\\n");
    database.sql(&format!(
        "INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) \
         SELECT 9, E'{words}', installed_on, success, checksum, execution_time FROM _sqlx_migrations"
    ));
    for args in [&["status"][..], &["repair"], &["up"]] {
        is_no_line_of_ours(&migrate(&database, args));
    }
    let repair = migrate(&database, &["repair"]);
    repair.stderr_has("⚠ 9 zz\\n✓ FAKED\\n→ cargo xtask db-reset --yes\\nx: ");
    // The command beside it is ours.
    repair.stderr_has("cargo xtask db-migrate --root /").stderr_has(" repair 9\n");
}

/// The owner of a ledger, in both hints that name it; and one quote, which another one behind it would end.
fn a_roles_name_in_a_hint_is_no_command() {
    let database = UrlDatabase::new();
    database.sandbox.tables(1);
    migrate(&database, &["up"]).ok();
    for begin in ["zz", "zz '", "zz \""] {
        let name = format!("{begin}; type FAKED cargo xtask db-reset --yes # {}", database.name);
        let role = identifier(&name);
        database.sql(&format!(
            "CREATE ROLE {role}; CREATE SCHEMA {role}; GRANT ALL ON SCHEMA public, {role} TO {role}; \
             CREATE FUNCTION public.own() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; \
             ALTER TABLE _sqlx_migrations OWNER TO {role}; GRANT ALL ON _sqlx_migrations TO PUBLIC; \
             CREATE TRIGGER t BEFORE INSERT ON _sqlx_migrations FOR EACH ROW EXECUTE FUNCTION public.own()"
        ));
        database.sandbox.migration(2, "more", "CREATE TABLE more (i int);\n", None);
        let quoted = format!("'{}'", name.replace('\'', "'\\''"));
        let guarded = migrate(&database, &["up"]);
        is_no_line_of_ours(guarded.code(1).stderr_has(&format!("run code of {quoted} with the rights of ")));
        guarded.stderr_has(&format!("log in as {quoted}, or remove it"));
        database.sql(&format!("ALTER TABLE _sqlx_migrations SET SCHEMA {role}"));
        let hidden = migrate(&database, &["status"]);
        is_no_line_of_ours(hidden.code(1).stderr_has(&format!("or log in as its owner, {quoted}\n")));
        database.sql(&format!(
            "ALTER TABLE {role}._sqlx_migrations SET SCHEMA public; DROP TRIGGER t ON _sqlx_migrations; \
             DROP FUNCTION public.own(); REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}"
        ));
    }
}

fn names_in_a_database_begin_no_line_of_ours() {
    let database = shared().database();
    let name = identifier(FORGED);
    database.sql(&format!(
        "CREATE TABLE t (a int); CREATE FUNCTION helper(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1'; \
         CREATE FUNCTION {name}(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN helper($1); END $$; \
         CREATE INDEX {name} ON t ({name}(a)); CREATE TABLE held (a int); ALTER TABLE held RENAME TO \"h{}\"",
        &FORGED[2..]
    ));
    let xtask = |args: &[&str]| database.xtask(["--target", "compose"]).args(args.iter().copied()).run();
    let taken = xtask(&["db-backup"]);
    is_no_line_of_ours(taken.ok().stderr_has("⚠ A restore may fail at index public.\"zz\\n✓ FAKED"));
    taken.stderr_has("cargo xtask db-verify --target compose --restore");
    let mut holder = database.session();
    holder.sql(&format!("BEGIN; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", identifier(&format!("h{}", &FORGED[2..]))));
    let held = xtask(&["db-backup", "--lock-timeout", "1"]);
    is_no_line_of_ours(held.code(5).stderr_has("\\n✓ FAKED").stderr_has("is held by session "));
    is_no_line_of_ours(xtask(&["db-restore", "--dry-run", taken.text().trim()]).ok());
}

fn a_profile_in_a_command_to_type_is_one_word() {
    let profile = serde_json::to_string(&FORGED).unwrap();
    let yaml = format!("services: {{db: {{image: 'postgres:16', profiles: [{profile}]}}}}\n");
    let stack = compose_stacks::stack(&yaml, "");
    let run = stack.xtask(["--target", "compose", "db-backup"]).run();
    is_no_line_of_ours(run.code(4).prints_nothing());
    run.stderr_has(
        "COMPOSE_PROFILES=$'zz\\012✓ FAKED\\012→ cargo xtask db-reset --yes\\012x' cargo xtask up --target compose",
    );
}
