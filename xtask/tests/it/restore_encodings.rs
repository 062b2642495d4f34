//! Names that are other bytes in the encoding of the database that is restored, or of the maintenance database.

use crate::harness::forge::{Forged, dump};
use crate::harness::stack::Database;
use crate::harness::{Local, Test, shared_for_restores};
use serde_json::json;

pub fn tests() -> Vec<Test> {
    tests![
        [Compose] an_encoding_and_a_locale_that_differ_are_reported_with_commands_that_bring_them_back,
        [Compose] what_a_manifest_says_of_a_locale_begins_no_line_and_ends_no_comment,
        [Compose] bytes_that_the_server_would_not_check_are_refused_or_told,
        [Compose] letters_that_the_live_encoding_lacks_are_reported_with_the_commands_that_help,
        [Compose] roles_of_a_dump_that_is_not_utf8_are_found_and_made,
        [Postgres] names_in_utf8_are_known_in_a_maintenance_database_of_another_encoding,
    ]
}

/// The database of the same name with other options, as a new volume may have it: not empty.
fn recreated(database: &Database<'_>, options: &str) {
    let name = &database.name;
    database.stack.admin(&format!("DROP DATABASE {name} WITH (FORCE)"));
    database.stack.admin(&format!("CREATE DATABASE {name} TEMPLATE template0 {options}"));
    database.sql("CREATE TABLE other AS SELECT 1 AS a");
}

/// Types the commands that the run tells: one after the other, the last one with consent.
#[track_caller]
fn typed(said: &str, database: &Database<'_>) {
    let commands = said.lines().filter_map(|line| Some(line.split_once("cargo xtask ")?.1));
    let commands: Vec<&str> = commands.take(3).collect();
    let [backup, drop, restore] = commands[..] else { panic!("{commands:?}") };
    assert!(backup.starts_with("db-backup ") && drop.contains(" -c 'DROP DATABASE \""), "{commands:?}");
    database.xtask(backup.split(' ')).run().ok();
    let (words, statement) = drop.split_once(" '").unwrap();
    database.xtask(words.split(' ').chain([statement.trim_end_matches('\'')])).run().ok();
    database.xtask(restore.split(' ').chain(["--yes"])).run().ok().stderr_has("✓ Database restored");
}

fn an_encoding_and_a_locale_that_differ_are_reported_with_commands_that_bring_them_back() {
    let database = shared_for_restores().database_with("TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
    database.sql("CREATE TABLE t (s text PRIMARY KEY); INSERT INTO t VALUES ('a'), ('B'), ('ä')");
    database.backup();
    let order = "SELECT string_agg(s, '' ORDER BY s) FROM t";
    assert_eq!(database.sql(order), "Baä");
    recreated(&database, "LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'");
    let json = database.restore(["--dry-run", "--json"]).run().ok().json();
    let [told] = json["properties_not_applied"].as_array().unwrap().as_slice() else { panic!("{json:#}") };
    let options = "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'";
    let statement =
        format!("CREATE DATABASE \"{}\" TEMPLATE template0 {options}; -- only a new database", database.name);
    assert!(told.as_str().unwrap().starts_with(&statement), "{told}");
    let run = database.restore([]).run();
    run.ok()
        .stderr_has("Encoding and locale of")
        .stderr_has("ICU_LOCALE 'en-US'")
        .stderr_has(&format!("in the backup:  {options}\n"));
    assert_eq!(database.sql(order), "aäB");
    typed(&run.stderr, &database);
    assert_eq!(database.sql(order), "Baä");
    database.backup();
    database.restore(["--dry-run"]).run().ok().stderr_lacks("Encoding and locale of");
}

fn what_a_manifest_says_of_a_locale_begins_no_line_and_ends_no_comment() {
    let database = shared_for_restores().database();
    database.sql("CREATE TABLE t AS SELECT 1 AS a");
    let role = format!("weak_{}", database.name);
    database.stack.admin(&format!("CREATE ROLE {role}"));
    let escalation = format!("\n; ALTER ROLE {role} SUPERUSER; --");
    let rules = format!("&a<b #'\n✓ Backup is proven\n  cargo xtask db-shell -- -c 'DROP ROLE x'{escalation}");
    let settings = json!([{ "role": format!("gone{escalation}"), "values": ["work_mem=9MB"] }]);
    let theirs = Forged::small().with("database", database.name.as_str()).with_property("locale_provider", "icu");
    let theirs =
        theirs.with_property("locale", "en").with_property("icu_rules", rules).with_property("settings", settings);
    theirs.write(&database.sandbox, "theirs.sql");
    let preview = database.restore(["--dry-run", "backups/theirs.sql"]).run();
    preview.ok().stderr_has("ICU_RULES E'&a<b #''\\U0000000A\\U00002713 Backup is proven\\U0000000A  cargo");
    let begins = |start: &str| preview.stderr.lines().any(|line| line.trim_start().starts_with(start));
    assert!(!begins("✓") && !begins("cargo xtask db-shell -- -c"), "{}", preview.stderr);
    let json = database.restore(["--dry-run", "--json", "backups/theirs.sql"]).run().ok().json();
    let statements: Vec<&str> =
        json["properties_not_applied"].as_array().unwrap().iter().map(|told| told.as_str().unwrap()).collect();
    assert!(statements.len() >= 2 && statements.iter().any(|told| told.contains("ICU_RULES")), "{statements:?}");
    assert!(statements.iter().any(|told| told.ends_with("; -- there is no such role")), "{statements:?}");
    // Given to a superuser's psql, each is one statement: what stands behind the last one is reached.
    let script = statements.join("\n") + "\nSELECT 'reached';\n";
    let (shown, errors) = database.stack.exec(&["psql", "-XAt", "-d", "postgres"], script);
    assert!(shown.is_some_and(|shown| shown.ends_with(b"reached\n")), "{errors}");
    let is_superuser = format!("SELECT rolsuper FROM pg_roles WHERE rolname = '{role}'");
    assert_eq!(database.stack.admin(&is_superuser), "f");
    database.stack.admin(&format!("DROP ROLE {role}"));
}

fn bytes_that_the_server_would_not_check_are_refused_or_told() {
    let database = shared_for_restores().database_with("TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'");
    database.sql("CREATE TABLE t AS SELECT 'caf' || convert_from('\\xe9', 'SQL_ASCII') AS s");
    database.backup();
    database.xtask(["db-verify", "--restore"]).run().ok().stderr_lacks("would be refused");
    recreated(&database, "ENCODING 'UTF8' LOCALE 'C.UTF-8'");
    let run = database.xtask(["db-verify", "--restore"]).run();
    run.ok().stdout_has("restored and compared").stderr_has("would be refused").stderr_has("is not UTF8");
    run.stderr_has("→ recreate the database from this backup, in its own encoding:");
    let run = database.restore([]).run();
    run.code(1).stderr_has("names no encoding (SQL_ASCII), and line ").stderr_has("nothing was changed");
    assert!(database.safety_backups().is_empty());
    typed(&run.stderr, &database);
    let encoding = format!("SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = '{}'", database.name);
    assert_eq!(
        (database.sql("SELECT count(*) FROM t").as_str(), database.stack.admin(&encoding).as_str()),
        ("1", "SQL_ASCII")
    );
    files_of_other_programs(&database);
}

fn letters_that_the_live_encoding_lacks_are_reported_with_the_commands_that_help() {
    let database = shared_for_restores().database_with("TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'");
    let fill = |letter: &str| {
        database.sql(&format!("DROP TABLE IF EXISTS t; CREATE TABLE t AS SELECT '{letter}' AS s"));
        database.backup();
    };
    // Each of its letters is known beforehand: nothing is made.
    fill("5 €");
    recreated(&database, "ENCODING 'LATIN1' LOCALE 'C'");
    let verified = database.xtask(["db-verify", "--restore"]).run();
    verified.ok().stderr_has("would be refused: ").stderr_has("which is in LATIN1: line ");
    let run = database.restore([]).run();
    run.code(1).prints_nothing().stderr_has(" has a letter that LATIN1 lacks; nothing was changed");
    run.stderr_has("→ recreate the database from this backup, in its own encoding:");
    nothing_was_made(&database);
    typed(&run.stderr, &database);
    assert_eq!(database.sql("SELECT s FROM t"), "5 €");
    // A letter that both have comes back.
    fill("é");
    recreated(&database, "ENCODING 'LATIN1' LOCALE 'C'");
    database.restore([]).run().ok().stderr_lacks("may lack");
    assert_eq!(database.sql("SELECT length(s) FROM t"), "1");
    // Of other encodings the server knows it, once it loads.
    recreated(&database, "ENCODING 'UTF8' LOCALE 'C.UTF-8'");
    fill("雪");
    recreated(&database, "ENCODING 'LATIN2' LOCALE 'C'");
    let run = database.restore([]).run();
    run.code(1).stderr_has("⚠ ").stderr_has(" has letters beyond ASCII in UTF8, and ");
    run.stderr_has("is in LATIN2, which may lack some of them").stderr_has("has no equivalent in encoding \"LATIN2\"");
    let (_, hint) = run.stderr.split_once("\n→ ").unwrap();
    run.holds(hint.contains("recreate the database from this backup, in its own encoding:\n"), "the way");
    run.stderr_lacks("change what the server names");
    typed(hint, &database);
    assert_eq!(database.sql("SELECT s FROM t"), "雪");
    // A file of another program, which no command recreates a database from.
    database.sandbox.write("other.sql", dump("COMMENT ON SCHEMA public IS '€';\n"));
    recreated(&database, "ENCODING 'LATIN1' LOCALE 'C'");
    let run = database.restore(["other.sql"]).run();
    run.code(1)
        .stderr_has("LATIN1 lacks")
        .stderr_has("→ restore it under another name, in the server's usual encoding: ");
}

fn files_of_other_programs(database: &Database<'_>) {
    let text = |encoding: &str, letters: &[u8]| {
        let (start, end) = (b"CREATE TABLE public.t (s text);\nCOPY public.t (s) FROM stdin;\ncaf", b"\n\\.\n");
        let file = dump([&start[..], letters, &end[..]].concat());
        let named = format!("SET client_encoding = '{encoding}';");
        let at = file.windows(30).position(|bytes| bytes.starts_with(b"SET client_encoding = 'UTF8';")).unwrap();
        [&file[..at], named.as_bytes(), &file[at + 29..]].concat()
    };
    let restored = |encoding: &str, letters: &[u8]| {
        database.sandbox.write("other.sql", text(encoding, letters));
        database.restore(["other.sql"]).run()
    };
    recreated(database, "ENCODING 'UTF8' LOCALE 'C.UTF-8'");
    let run = restored("UTF8", b"\xe9");
    run.code(3).stderr_has("it says that it is UTF8, and line 17 is not").stderr_has("iconv -f LATIN1 -t UTF-8 ");
    let run = restored("SQL_ASCII", b"\xe9");
    run.code(1).stderr_has("SET client_encoding = 'LATIN1';/\" ").stderr_has("nothing was changed");
    assert!(database.safety_backups().is_empty());
    for (encoding, letters) in [("LATIN1", &b"\xe9"[..]), ("SQL_ASCII", "é".as_bytes())] {
        restored(encoding, letters).ok().stderr_lacks("names no encoding");
        assert_eq!(database.sql("SELECT upper(s COLLATE \"C\") || length(s) FROM t"), "CAFé4");
    }
    recreated(database, "ENCODING 'LATIN1' LOCALE 'C'");
    restored("SQL_ASCII", b"\xe9").ok().stderr_has("would take them for LATIN1");
    restored("SQL_ASCII", b"e").ok().stderr_lacks("would take them");
}

/// Names whose bytes are letters in every encoding of the shared server: a role of any database is seen by all.
const NAMES: [(&str, &str, &str); 2] = [("LATIN1", "Zäö", "läö"), ("EUC_JP", "所有者", "読者")];

fn roles_of_a_dump_that_is_not_utf8_are_found_and_made() {
    let stack = shared_for_restores();
    for (encoding, owner, reader) in NAMES {
        let database = stack.database_with(&format!("TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'"));
        let (owner, reader) = (&format!("{owner} {}", database.name), &format!("{reader} {}", database.name));
        // The server keeps a name in the bytes of the database that made it.
        database.sql(&format!(
            "CREATE ROLE \"{owner}\"; CREATE ROLE \"{reader}\"; CREATE TABLE t AS SELECT 1 AS a;
             ALTER TABLE t OWNER TO \"{owner}\"; GRANT SELECT ON t TO \"{reader}\""
        ));
        database.backup();
        let state = database.dump();
        roles_that_are_there_are_known(&database, owner);
        database.sql(&format!("DROP TABLE t; DROP ROLE \"{owner}\", \"{reader}\""));
        // The same letters in UTF-8 are another role.
        let in_utf8 = encoding == "LATIN1";
        if in_utf8 {
            stack.admin(&format!("CREATE ROLE \"{owner}\""));
        }
        roles_that_are_missing_are_named_and_made(&database, owner, reader);
        assert_eq!(database.dump(), state);
        for before in database.beside("before") {
            stack.admin(&format!("DROP DATABASE {before}"));
        }
        database.sql(&format!("DROP OWNED BY \"{owner}\", \"{reader}\"; DROP ROLE \"{owner}\", \"{reader}\""));
        if in_utf8 {
            stack.admin(&format!("DROP ROLE \"{owner}\""));
        }
    }
}

#[track_caller]
fn nothing_was_made(database: &Database<'_>) {
    assert!(database.safety_backups().is_empty() && database.beside("staging").is_empty());
}

fn roles_that_are_there_are_known(database: &Database<'_>, owner: &str) {
    let stack = database.stack;
    database.xtask(["db-verify", "--restore"]).run().ok().stdout_has("restored and compared");
    // A role that may not act as the owner is refused before anything is made.
    let app = format!("app_{}", database.name);
    stack.admin(&format!("CREATE ROLE {app} LOGIN CREATEDB PASSWORD 'x'"));
    let url = format!("postgres://{app}:x@127.0.0.1:{}/{}", stack.postgres_port, database.name);
    let run = database.xtask(["--target", "url", "db-verify", "--restore"]).env("DATABASE_URL", url).run();
    run.code(1).stderr_has(&format!("GRANT \"{owner}\" TO \"{app}\"")).stderr_has("nothing was changed");
    // The maintenance database cannot name the owner of what it would make.
    database.sql(&format!("ALTER DATABASE {} OWNER TO \"{owner}\"", database.name));
    for args in [&["db-restore", "--yes"][..], &["db-reset", "--yes"]] {
        let run = database.xtask(args.iter().copied()).run();
        run.code(1).stderr_has("is not UTF-8, or cannot be read in database").stderr_has("RENAME TO");
        nothing_was_made(database);
    }
    database.sql(&format!("ALTER DATABASE {} OWNER TO postgres", database.name));
    stack.admin(&format!("DROP ROLE {app}"));
}

fn roles_that_are_missing_are_named_and_made(database: &Database<'_>, owner: &str, reader: &str) {
    for args in [&["db-verify", "--restore"][..], &["db-restore", "--yes"]] {
        let run = database.xtask(args.iter().copied()).run();
        run.code(1).stderr_has("The server lacks roles that the backup names: ").stderr_has(owner);
        run.stderr_has("SET client_encoding TO 'UTF8';").stderr_has(reader);
        nothing_was_made(database);
    }
    let run = database.restore(["--create-roles", "--dry-run", "--json"]).run();
    let mut to_make = run.ok().json()["roles_to_make"].as_array().unwrap().clone();
    to_make.sort_by_key(|name| *name != json!(owner));
    assert_eq!(to_make, [json!(owner), json!(reader)]);
    let run = database.restore(["--create-roles"]).run();
    run.ok().stderr_has("Roles that will be created, without login: ").stderr_has("✓ Roles created: ");
    run.stderr_has(owner).stderr_has("✓ Database restored");
    let made = format!("SELECT count(*) FROM pg_roles WHERE rolname IN ('{owner}', '{reader}') AND NOT rolcanlogin");
    assert_eq!(database.sql(&made), "2");
}

fn names_in_utf8_are_known_in_a_maintenance_database_of_another_encoding() {
    let local = Local::new();
    local.up();
    local.sql(
        "template1",
        "CREATE ROLE \"Jürgen\"; CREATE DATABASE \"zähler\" TEMPLATE template0 OWNER \"Jürgen\"; \
         COMMENT ON DATABASE \"zähler\" IS 'für alle'",
    );
    local.sql("zähler", "CREATE TABLE \"ü\" AS SELECT 1 AS a; ALTER TABLE \"ü\" OWNER TO \"Jürgen\"");
    local.on("zähler", ["db-backup"]).run().ok();
    let properties = "SELECT pg_get_userbyid(datdba), shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'zähler'";
    for encoding in ["LATIN1", "EUC_JP"] {
        local.sql("template1", "DROP DATABASE postgres WITH (FORCE)");
        local
            .sql("template1", &format!("CREATE DATABASE postgres TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'"));
        local.sql("zähler", "DELETE FROM \"ü\"");
        local.on("zähler", ["db-verify", "--restore"]).run().ok();
        local.on("zähler", ["db-restore", "--yes"]).run().ok().stderr_has("public.ü");
        assert_eq!(
            local.sql("zähler", "SELECT count(*), tableowner FROM \"ü\", pg_tables WHERE tablename = 'ü' GROUP BY 2"),
            "1|Jürgen"
        );
        local.on("zähler", ["db-restore", "--undo", "--yes"]).run().ok();
        assert_eq!(local.sql("zähler", "SELECT count(*) FROM \"ü\""), "0");
        assert_eq!(local.sql("template1", properties), "Jürgen|für alle");
    }
}
