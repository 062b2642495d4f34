//! Whose ledger, whose rows and whose files: what another program or tool migrates is named and left alone.

use crate::harness::migrations::migrate;
use crate::harness::{Test, UrlDatabase};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] a_ledger_of_another_name_is_refused,
        [Postgres] the_nearest_sqlx_toml_counts,
        [Postgres] a_service_keeps_its_ledger,
        [Postgres] a_repair_leaves_another_programs_rows,
        [Postgres] files_and_databases_of_other_tools_are_left_alone,
        [Postgres] a_file_that_seems_to_hold_its_way_back_is_warned_of,
        [Postgres] each_fault_is_reported_with_its_cure,
    ]
}

/// The statement that each run of it makes visible.
const BONUS: &str = "CREATE TABLE IF NOT EXISTS balance (n int); INSERT INTO balance VALUES (1);";

fn a_ledger_of_another_name_is_refused() {
    let database = UrlDatabase::new();
    database.sandbox.migration(1, "bonus", BONUS, None);
    database.sandbox.write("sqlx.toml", "[migrate]\ncreate-schemas = ['app']\ntable-name = 'app.\"My Ledger\"'\n");
    migrate(&database, &["up"]).ok();
    fs::remove_file(database.sandbox.path("sqlx.toml")).unwrap();
    for action in ["status", "up"] {
        let run = migrate(&database, &[action]);
        run.code(1).stderr_has("✗ There is no ledger _sqlx_migrations yet, and \"app\".\"My Ledger\" has 1 version");
        run.stderr_has(
            "→ name the right one in sqlx.toml: table-name = \"\\\"app\\\".\\\"My Ledger\\\"\" under [migrate]",
        );
    }
    assert_eq!(database.sql("SELECT count(*), to_regclass('_sqlx_migrations') IS NULL FROM balance"), "1|t");
    // A ledger that `sqlx.toml` names with its schema is taken; a table without rows hides nothing.
    database.sandbox.write("sqlx.toml", "[migrate]\ntable-name = 'public._sqlx_migrations'\n");
    migrate(&database, &["status"]).ok().stdout_has("pending");
    fs::remove_file(database.sandbox.path("sqlx.toml")).unwrap();
    database.own("DELETE FROM app.\"My Ledger\"");
    migrate(&database, &["status"]).ok().stdout_has("pending");
    // One of another role, whose rows this one may not see.
    database.sql("CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC");
    database.sql("CREATE TABLE evil.l (LIKE app.\"My Ledger\"); GRANT SELECT ON evil.l TO PUBLIC");
    database.sql("ALTER TABLE evil.l ENABLE ROW LEVEL SECURITY");
    let run = migrate(&database, &["status"]);
    run.code(1).stderr_has("\"evil\".\"l\" cannot be read").stderr_has("row-level security");
    run.stderr_has("table-name = \"evil.l\" under [migrate]").stderr_has("if that one is another program's");
}

fn the_nearest_sqlx_toml_counts() {
    let database = UrlDatabase::new();
    database.sandbox.write("backend/migrations/1_bonus.sql", BONUS);
    database.sandbox.write("sqlx.toml", "[migrate]\ntable-name = 'not_this'\n");
    database.sandbox.write("backend/sqlx.toml", "[migrate]\ntable-name = 'my_ledger'\nmigrations-dir = 'elsewhere'\n");
    let up = || database.xtask(["db-migrate"]).env("XTASK_MIGRATIONS", "backend/migrations").run();
    up().ok().stderr_has("✓ 1 migration applied");
    assert_eq!(database.sql("SELECT version, to_regclass('not_this') IS NULL FROM my_ledger"), "1|t");
    // The same where the top's file names the folder.
    database.sandbox.write("sqlx.toml", "[migrate]\nmigrations-dir = 'backend/migrations'\n");
    migrate(&database, &["status", "--check"]).ok().stdout_has("bonus");
    database.sandbox.write("backend/sqlx.toml", "[migrate\n");
    up().code(2).stderr_has("✗ backend/sqlx.toml cannot be used");
}

fn a_service_keeps_its_ledger() {
    let database = UrlDatabase::new();
    let role = format!("svc_{}", database.name);
    database.sql(&format!(
        "CREATE ROLE {role}; CREATE SCHEMA svc; CREATE TABLE svc._sqlx_migrations (version int8 PRIMARY KEY, \
         description text, installed_on timestamptz, success bool, checksum bytea, execution_time int8); \
         ALTER TABLE svc._sqlx_migrations OWNER TO {role}; \
         INSERT INTO svc._sqlx_migrations VALUES (1, 'bonus', now(), true, 'x', 1)"
    ));
    database.sandbox.migration(1, "bonus", BONUS, None);
    let run = migrate(&database, &["up"]);
    let hint = format!(
        "→ name it in sqlx.toml: table-name = \"svc._sqlx_migrations\" under [migrate]; or log in as its owner, {role}"
    );
    run.code(1).stderr_has("The ledger is in schema svc, which is not in search_path").stderr_has(&hint);
    run.stderr_lacks("move").stderr_lacks("SET SCHEMA");
    database.sql(&format!("DROP SCHEMA svc CASCADE; DROP ROLE {role}"));
}

fn a_repair_leaves_another_programs_rows() {
    let database = UrlDatabase::new();
    database.sandbox.tables(2);
    migrate(&database, &["up"]).ok();
    database.own(
        "INSERT INTO _sqlx_migrations VALUES (0, 'theirs', now(), true, 'x', 1), (3, 'data', now(), true, 'x', 1)",
    );
    // One of ours has the number of one of theirs.
    database.sandbox.migration(3, "clash", "SELECT 3;", None);
    database.sandbox.migration(4, "four", "SELECT 4;", None);
    let rows = || database.sql("SELECT string_agg(version || description, ' ' ORDER BY version) FROM _sqlx_migrations");
    let all = "0theirs 1make a table 2make a table 3data";
    migrate(&database, &["up", "--ignore-missing"]).code(1).stderr_has("if it is another program's, give the file");
    for options in [&["repair", "--yes"][..], &["repair", "--yes", "--ignore-missing"]] {
        let run = migrate(&database, options);
        run.code(1).stderr_has("it is applied as \"data\": its file is another one");
        run.stderr_has("give migrations/3_clash.up.sql another version");
        run.stderr_has("it is accepted only if you name it: cargo xtask db-migrate repair 3");
        assert_eq!(rows(), all);
    }
    let run = migrate(&database, &["repair", "--yes"]);
    run.stderr_has("its row is removed only if you name it: cargo xtask db-migrate repair 0");
    migrate(&database, &["repair", "--yes", "--ignore-missing"]).stderr_lacks("repair 0");
    migrate(&database, &["repair", "0", "3", "--yes"]).ok().stderr_has("✓ 2 versions repaired");
    // What is accepted has the file's words.
    assert_eq!(rows(), "1make a table 2make a table 3clash");
}

fn files_and_databases_of_other_tools_are_left_alone() {
    let database = UrlDatabase::new();
    database
        .own("CREATE TABLE people (id int); INSERT INTO people VALUES (1); CREATE TABLE schema_version (version int4)");
    database.sandbox.write("migrations/001_pets.sql", "CREATE TABLE pets (id int);\n");
    let run = migrate(&database, &["up"]);
    run.code(1).stderr_has("is migrated by another tool (its ledger: schema_version)");
    database.own("ALTER TABLE schema_version RENAME TO \"SequelizeMeta\"");
    migrate(&database, &["up"]).code(1).stderr_has("(its ledger: SequelizeMeta)");
    // A table of that name without the tool's column belongs to some other program.
    database.own("ALTER TABLE \"SequelizeMeta\" RENAME TO migrations");
    migrate(&database, &["up", "--no-backup"]).ok().stderr_has("✓ 1 pets");
    let filler = "-- The way there.\n".repeat(500);
    let text = format!("{filler}SELECT 1;\n\n---- create above / drop below ----\n\nDROP TABLE people;\n");
    database.sandbox.write("migrations/002_people.sql", text);
    let run = migrate(&database, &["up"]);
    run.code(1).stderr_has("migrations/002_people.sql is tern's: its files are not run here");
    assert_eq!(database.sql("SELECT count(*) FROM people"), "1");
    // The way back beside the way there, or below it.
    let way_back = |name: &str, text: &str, tool: &str| {
        fs::remove_dir_all(database.sandbox.path("migrations")).unwrap();
        database.sandbox.write("migrations/0002_a.sql", "CREATE TABLE a (i int);\n");
        database.sandbox.write(format!("migrations/{name}"), text);
        let run = migrate(&database, &["up"]);
        run.code(1).stderr_has(&format!("migrations/{name} is {tool}'s: its files are not run here"));
        run.stderr_has("→ keep this program's migrations in a folder of their own")
            .stderr_lacks("a version of its own");
    };
    way_back("0002_a.rollback.sql", "DROP TABLE a;", "yoyo-migrations");
    way_back("0002_a.undo.sql", "DROP TABLE a;", "another tool");
    way_back("0002_a_rollback.sql", "DROP TABLE a;", "another tool");
    way_back("3_b.sql", "-- !Ups\nCREATE TABLE b (i int);\n-- !Downs\nDROP TABLE b;\n", "Play");
    way_back("0002_a.backward.sql", "DROP TABLE a;", "another tool");
    fs::remove_dir_all(database.sandbox.path("migrations")).unwrap();
    database.sandbox.write("migrations/default/1600_x/up.sql", "SELECT 1;");
    let told = "⚠ migrations/ holds no file named <version>_<words>.sql, but: default/";
    migrate(&database, &["up", "--ignore-missing"]).ok().stderr_has(told);
}

/// Headings that people write over any two statements are no refusal.
fn a_file_that_seems_to_hold_its_way_back_is_warned_of() {
    let database = UrlDatabase::new();
    database.sandbox.write("migrations/1_b.sql", "-- UP\nCREATE TABLE b (i int);\n-- DOWN\nDROP TABLE b;\n");
    let run = migrate(&database, &["up", "--dry-run"]);
    run.ok().stderr_has("⚠ migrations/1_b.sql:3: what stands under this heading seems to revert what stands above it");
    // What only describes the way back is none.
    database.sandbox.write("migrations/1_b.sql", "-- UP\nCREATE TABLE b (i int);\n-- DOWN\n-- DROP TABLE b;\n");
    migrate(&database, &["up", "--no-backup"]).ok().stderr_has("✓ 1 b").stderr_lacks("under this heading");
}

fn each_fault_is_reported_with_its_cure() {
    let database = UrlDatabase::new();
    database.sandbox.migration(1, "one", "CREATE TYPE mood AS ENUM ('a');", None);
    database.sandbox.write("migrations/9223372036854775808_max.sql", "SELECT 1;");
    let run = migrate(&database, &["up"]);
    run.code(1).stderr_has("the number before its first _ is larger than 9223372036854775807");
    run.stderr_has("→ give the file a smaller version");
    fs::remove_file(database.sandbox.path("migrations/9223372036854775808_max.sql")).unwrap();
    std::os::unix::fs::symlink("nowhere", database.sandbox.path("migrations/2_b.sql")).unwrap();
    let run = migrate(&database, &["up"]);
    run.code(1).stderr_has("→ restore the file that it links to, or remove the link").stderr_lacks("name each file");
    fs::remove_file(database.sandbox.path("migrations/2_b.sql")).unwrap();
    // A value that stays makes the second up fail.
    database.sandbox.migration(2, "value", "ALTER TYPE mood ADD VALUE 'b';", Some("SELECT 1;"));
    migrate(&database, &["verify"]).code(1).stderr_has("add it with IF NOT EXISTS, or in a plain .sql file");
    migrate(&database, &["up"]).ok();
    // Two files that exchanged their numbers.
    let [first, second] = ["1_one", "2_value"].map(|name| database.sandbox.path(format!("migrations/{name}.up.sql")));
    let texts = [&first, &second].map(|path| fs::read_to_string(path).unwrap());
    fs::write(&first, &texts[1]).unwrap();
    fs::write(&second, &texts[0]).unwrap();
    let run = migrate(&database, &["status"]);
    run.ok().stderr_has("⚠ 1 one: its file is the one that 2 was applied from");
    fs::write(&first, &texts[0]).unwrap();
    fs::write(&second, &texts[1]).unwrap();
    database.sandbox.migration(3, "slow", "SET statement_timeout TO '50ms'; SELECT pg_sleep(2);", None);
    migrate(&database, &["up"]).code(1).stderr_has("where the file itself sets statement_timeout, let it wait longer");
    // What a dump begins with.
    let dump = "SET default_tablespace = '';\nSET default_table_access_method = heap;\n\
        SELECT pg_catalog.set_config('search_path', '', false);\nCREATE TEMP TABLE tt (a int);\n";
    database.sandbox.migration(3, "dump", dump, None);
    fs::remove_file(database.sandbox.path("migrations/3_slow.up.sql")).unwrap();
    database.sandbox.migration(4, "after", "DROP TYPE mood CASCADE; INSERT INTO tt VALUES (1);", None);
    let run = migrate(&database, &["up", "--no-backup"]);
    run.code(6).stderr_has("⚠ migrations/3_dump.up.sql:3: it empties search_path").stderr_lacks("default_table");
    run.stderr_has(
        "a temporary table, a prepared statement, a cursor or a setting (SET) of an earlier file ended with that file",
    );
}
