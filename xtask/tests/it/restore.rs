//! `db-restore`: what comes back, and what stays.

use crate::harness::forge::{Forged, dump};
use crate::harness::restore::States;
use crate::harness::stack::Database;
use crate::harness::{Test, shared_for_restores};

pub fn tests() -> Vec<Test> {
    tests![
        [Compose] what_was_lost_comes_back,
        [Compose] the_databases_own_properties_stay,
        [Compose] a_first_restore_makes_the_database,
        [Compose] an_empty_database_gets_the_backups_encoding_and_owner,
        [Compose] a_foreign_manifest_gets_roles_and_settings_only_by_consent,
        [Compose] a_database_of_the_longest_name_is_restored_and_undone,
    ]
}

fn what_was_lost_comes_back() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let run = database.restore([]).run();
    run.ok().prints_nothing();
    assert_eq!(database.dump(), states.restored);
    let file = format!("backups/{}", states.backup.file_name().unwrap().to_str().unwrap());
    for words in [
        "⚠  This will restore from the latest backup\n",
        "✓ Database restored\n",
        &format!("From:      {file}\n"),
        &format!("Database:  {} (unreachable for 0.", database.name),
        &format!("Previous:  kept on the server as {}\n", database.only_beside("before")),
        "Undo:      cargo xtask db-restore --undo\n",
    ] {
        run.stderr_has(words);
    }
    run.stderr_lacks("Services:");
    let table = |name: &str, now: &str, backup: &str| {
        let row: Vec<&str> =
            run.stderr.lines().find(|line| line.starts_with(name)).unwrap().split_whitespace().collect();
        assert_eq!(row, [name, now, "→", backup]);
    };
    table("public.t", "2", "3");
    table("public.later", "1", "-");
    // Both ways back hold the state of before.
    let safety = database.safety_backups();
    assert_eq!(safety.len(), 1);
    let name = safety[0].file_name().unwrap().to_str().unwrap();
    run.stderr_has(&format!("✓ Safety backup: backups/{name}")).stderr_has(&format!("Safety:    backups/{name}\n"));
    database.xtask(["db-list", "--check"]).run().ok();
    assert_eq!(database.restored_from(&safety[0]).dump(), states.old);
    assert_eq!(database.stack.dump_of(&database.only_beside("before")), states.old);
    assert_eq!(database.beside("staging"), [""; 0]);
    // The planner knows the restored tables.
    assert_eq!(database.sql("SELECT reltuples FROM pg_class WHERE relname = 't'"), "3");

    its_json_names_the_file_and_both_ways_back(&database, &states, &file);
}

fn its_json_names_the_file_and_both_ways_back(database: &Database<'_>, states: &States, file: &str) {
    let run = database.restore(["--json", "--quiet", file]).run();
    run.ok().stderr_lacks("✓");
    let report = run.json();
    assert_eq!((&report["version"], &report["database"]), (&1.into(), &database.name.clone().into()));
    assert_eq!(report["file"], states.backup.to_str().unwrap());
    assert_eq!(report["safety_backup"], database.safety_backups()[1].to_str().unwrap());
    assert_eq!(report["before"], database.only_beside("before"));
    assert!(report["database_outage_seconds"].as_f64().unwrap() < 1.0 && report["services_outage_seconds"].is_null());
}

const PROPERTIES: &str = "SELECT pg_encoding_to_char(encoding), datcollate, datctype, pg_get_userbyid(datdba), datacl, datconnlimit, \
     datallowconn, dattablespace, shobj_description(d.oid, 'pg_database'), (SELECT json_agg(s ORDER BY s) FROM (SELECT setrole, unnest(setconfig) \
     FROM pg_db_role_setting WHERE setdatabase = d.oid) AS s) FROM pg_database AS d WHERE datname = ";

fn the_databases_own_properties_stay() {
    let stack = shared_for_restores();
    stack.admin("CREATE ROLE \"the owner\"; CREATE ROLE reader; CREATE ROLE \"giver, of = all\"");
    stack.docker(&["exec", "--user", "postgres", &stack.container_of("postgres"), "mkdir", "/tmp/fast"]);
    stack.admin("CREATE TABLESPACE \"fast disk\" LOCATION '/tmp/fast'");
    let database = stack.database_with(
        "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C' OWNER \"the owner\" CONNECTION LIMIT 17 TABLESPACE \"fast disk\"",
    );
    let name = database.quoted();
    let states = database.backed_up_and_changed();
    for sql in [
        "REVOKE ALL ON DATABASE NAME FROM PUBLIC",
        "GRANT CONNECT, TEMPORARY ON DATABASE NAME TO reader",
        "GRANT CREATE ON DATABASE NAME TO \"giver, of = all\" WITH GRANT OPTION",
        "REVOKE TEMPORARY ON DATABASE NAME FROM \"the owner\"",
        "COMMENT ON DATABASE NAME IS 'it''s \\ ours; -- $$'",
        "ALTER DATABASE NAME SET search_path TO \"$user\", public, \"a, b\"",
        "ALTER DATABASE NAME SET app.words TO 'a, ''b'' \\c'",
        "ALTER DATABASE NAME SET work_mem TO '5MB'",
        "ALTER DATABASE NAME SET DateStyle TO 'SQL, DMY'",
        "ALTER ROLE reader IN DATABASE NAME SET statement_timeout TO '7s'",
        "ALTER ROLE \"the owner\" IN DATABASE NAME SET search_path TO ''",
    ] {
        stack.admin(&sql.replace("NAME", &name));
    }
    let properties = || stack.admin(&format!("{PROPERTIES}'{}'", database.name));
    let before = properties();
    database.restore([]).run().ok();
    assert_eq!(properties(), before);
    assert_eq!(database.sql("SELECT text FROM t WHERE i = 2"), "it's 2");
    // The old one keeps its own.
    let old = database.only_beside("before");
    assert_eq!(stack.admin(&format!("{PROPERTIES}'{old}'")), before);
    database.restore(["--undo"]).run().ok();
    assert_eq!(properties(), before);
    assert_ne!(database.dump(), states.restored);
}

fn a_first_restore_makes_the_database() {
    let stack = shared_for_restores();
    stack.admin("CREATE ROLE first_owner");
    let database = stack.database_with("TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C' OWNER first_owner");
    stack.admin(&format!("COMMENT ON DATABASE {} IS 'the first'", database.name));
    stack.admin(&format!("ALTER DATABASE {} SET work_mem TO '5MB'", database.name));
    let states = database.backed_up_and_changed();
    let properties = || stack.admin(&format!("{PROPERTIES}'{}'", database.name));
    let before = properties();
    stack.admin(&format!("DROP DATABASE {}", database.name));
    let run = database.restore([]).run();
    run.ok().stderr_has("✓ Database restored").stderr_lacks("Safety").stderr_lacks("Undo:");
    assert_eq!((database.dump(), properties()), (states.restored, before));
    database.restore(["--undo"]).run().code(1).stderr_has("There is no previous");
}

fn an_empty_database_gets_the_backups_encoding_and_owner() {
    let stack = shared_for_restores();
    stack.admin("CREATE ROLE first_of_all");
    let database = stack.database_with("TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C' OWNER first_of_all");
    let states = database.backed_up_and_changed();
    let name = &database.name;
    stack.admin(&format!("DROP DATABASE {name}"));
    stack.admin(&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"));
    // Nobody but superusers: that is less than the default, and stays.
    stack.admin(&format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC, CURRENT_USER"));
    let facts = || {
        let facts = "pg_encoding_to_char(encoding), pg_get_userbyid(datdba), datacl";
        stack.admin(&format!("SELECT {facts} FROM pg_database WHERE datname = '{name}'"))
    };
    database.restore([]).run().ok();
    assert_eq!((database.dump(), facts().as_str()), (states.restored, "LATIN1|first_of_all|{}"));
    database.restore(["--undo"]).run().ok();
    assert!(facts().starts_with("UTF8|"), "{}", facts());
    // A function is enough not to be empty.
    database.sql("CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'");
    database.restore([]).run().ok();
    assert!(facts().starts_with("UTF8|"), "{}", facts());
}

fn a_foreign_manifest_gets_roles_and_settings_only_by_consent() {
    let database = shared_for_restores().database();
    let (stack, name) = (database.stack, &database.name);
    stack.admin(&format!("DROP DATABASE {name}"));
    let (owner, reader, third) = (format!("{name}_owner"), format!("{name} \"reader\""), format!("{name}_third"));
    let quoted = format!("\"{}\"", reader.replace('"', "\"\""));
    let properties = serde_json::json!({
        "encoding": "UTF8", "locale_provider": "libc", "collate": "C", "ctype": "C", "locale": null, "icu_rules": null,
        "owner": owner, "grants": [format!("{owner}=CTc/{owner}"), format!("{quoted}=c/{owner}")],
        "settings": [
            { "role": third, "values": ["work_mem=5MB"] },
            // A manifest can be written by hand.
            { "role": null, "values": ["search_path=a; CREATE ROLE forged_in_a_manifest SUPERUSER; --", "DateStyle=ISO, DMY"] },
        ],
        "connection_limit": 9, "comment": null, "size_bytes": 8_000_000
    });
    let forged = Forged::of(dump("CREATE TABLE public.t (a integer);\n")).with("properties", properties);
    let file = forged.with("database", name.as_str()).write(&database.sandbox, "forged.sql");
    let file = file.to_str().unwrap();
    let run = database.restore([file]).run();
    run.code(1).stderr_has(&format!("The server lacks roles that the backup names: {reader}, {owner}, {third}"));
    run.stderr_has(&format!("CREATE ROLE {quoted} NOLOGIN;"));
    database.restore([file, "--create-roles", "--allow-setting", "work_mem"]).run().ok();
    assert_eq!(stack.admin("SELECT count(*) FROM pg_roles WHERE rolname = 'forged_in_a_manifest'"), "0");
    let facts = "pg_get_userbyid(datdba), datconnlimit, has_database_privilege($$READER$$, oid, 'CONNECT')";
    let facts = format!("SELECT {facts} FROM pg_database WHERE datname = '{name}'").replace("READER", &reader);
    assert_eq!(stack.admin(&facts), format!("{owner}|9|t"));
}

fn a_database_of_the_longest_name_is_restored_and_undone() {
    let long = format!("{}\"'é", "n".repeat(59));
    assert_eq!(long.len(), 63);
    let database = shared_for_restores().database_named(&long, "");
    let states = database.backed_up_and_changed();
    database.restore([]).run().ok();
    assert_eq!(database.dump(), states.restored);
    database.restore(["--undo"]).run().ok();
    assert_eq!(database.dump(), states.old);
    database.only_beside("before");
}
