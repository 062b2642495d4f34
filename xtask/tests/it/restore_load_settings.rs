//! A backup's text means what it meant in its database: amounts of money under the `lc_monetary` they were written under,
//! checks with the settings of the database that they read.

use crate::harness::forge::{Forged, dump};
use crate::harness::stack::{Database, Stack};
use crate::harness::{Test, shared_for_restores};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

pub fn tests() -> Vec<Test> {
    tests![
        [Compose] money_keeps_its_amount_under_every_lc_monetary,
        [Compose] money_of_a_locale_that_the_server_lacks_is_refused_beforehand,
        [Compose] checks_find_the_settings_of_their_database_while_they_load,
    ]
}

/// The server's container has this locale from here on.
fn install(stack: &Stack, language: &str) {
    let into = format!("/usr/lib/locale/{language}.UTF-8");
    let (done, errors) = stack.exec(&["localedef", "--no-archive", "-i", language, "-f", "UTF-8", &into], "");
    assert!(done.is_some(), "{errors}");
}

fn set(database: &Database<'_>, setting: &str) {
    database.stack.admin(&format!("ALTER DATABASE {} {setting}", database.quoted()));
}

/// A session that begins now has the settings of now.
fn anew(database: &Database<'_>, sql: &str) -> String {
    database.stack.psql(&database.name, sql)
}

fn manifest(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap();
    serde_json::from_str(text.lines().last().unwrap().strip_prefix("-- xtask manifest: ").unwrap()).unwrap()
}

fn amounts(database: &Database<'_>) -> String {
    anew(database, "SELECT string_agg((v::numeric * 100)::bigint::text, ' ' ORDER BY v) FROM m")
}

fn money_keeps_its_amount_under_every_lc_monetary() {
    let stack = shared_for_restores();
    // Where a comma is no decimal point, C reads the first as an amount a hundred times as large, the second not at all.
    for language in ["es_AR", "de_DE"] {
        install(stack, language);
        let database = stack.database();
        set(&database, &format!("SET lc_monetary TO '{language}.UTF-8'"));
        anew(&database, "CREATE DOMAIN price AS money CHECK (VALUE < '1000,50'::money); CREATE TABLE m (v price)");
        anew(
            &database,
            "INSERT INTO m VALUES ('99,99'), (12.5::money); CREATE VIEW cheap AS SELECT FROM m WHERE v < '20,25'::money",
        );
        assert_eq!(amounts(&database), "1250 9999", "{language}");
        let file = database.backup();
        assert_eq!(manifest(&file)["lc_monetary"], format!("{language}.UTF-8"));
        database.xtask(["db-verify", "--restore"]).run().ok().stdout_has("restored and compared");
        let state = database.dump();
        // The setting of the database that takes its place is another one.
        set(&database, "SET lc_monetary TO 'C'");
        for args in [&[][..], &["--jobs", "3"]] {
            database.sql("DELETE FROM m");
            database.restore(args.iter().copied().chain([file.to_str().unwrap()])).run().ok();
            assert_eq!(amounts(&database), "1250 9999", "{language} {args:?}");
        }
        database.restore(["-"]).stdin(fs::read(&file).unwrap()).run().ok();
        assert_eq!(amounts(&database), "1250 9999", "{language}, from stdin");
        set(&database, &format!("SET lc_monetary TO '{language}.UTF-8'"));
        assert!(database.dump() == state, "{language}");
    }
    // Version 0.1.0 says only what the database's own setting was.
    let database = stack.database();
    let body = "CREATE TABLE public.m (v money);\nCOPY public.m (v) FROM stdin;\n$ 99,99\n$ 12,50\n\\.\n";
    let settings = json!([{ "role": null, "values": ["lc_monetary=es_AR.UTF-8"] }]);
    let old = Forged::of(dump(body)).with("database", database.name.as_str()).with_property("settings", settings);
    old.write(&database.sandbox, "old.sql");
    database.restore(["backups/old.sql"]).run().ok();
    assert_eq!(amounts(&database), "1250 9999");
}

fn money_of_a_locale_that_the_server_lacks_is_refused_beforehand() {
    let database = shared_for_restores().database();
    database.sql("CREATE TABLE t AS SELECT 1 AS a");
    assert_eq!(manifest(&database.backup()).get("lc_monetary"), None, "a database without money");
    let old = database.dump();
    let file = Forged::small().with("database", database.name.as_str()).with("lc_monetary", "xx_XX.UTF-8");
    file.write(&database.sandbox, "theirs.sql");
    for args in [&["db-restore", "--yes", "backups/theirs.sql"][..], &["db-verify", "--restore", "backups/theirs.sql"]]
    {
        let run = database.xtask(args.iter().copied()).run();
        run.code(1).stderr_lacks("Safety backup").stdout_lacks("restored");
        run.stderr_has("under lc_monetary xx_XX.UTF-8, a locale that this server does not have; nothing was changed");
        run.stderr_has("localedef -i xx_XX -f UTF-8 xx_XX.UTF-8");
    }
    // As root, localedef would write to the place that a path names, and obey an option.
    for locale in ["--prefix=/x", "/etc/ld.so.conf.d/x", "xx_XX.UTF-8 /x", "xx;reboot", ".x", "../x"] {
        Forged::small()
            .with("database", database.name.as_str())
            .with("lc_monetary", locale)
            .write(&database.sandbox, "odd.sql");
        let run = database.restore(["backups/odd.sql"]).run();
        run.code(1).stderr_has("install it on the server's host\n").stderr_lacks("localedef");
    }
    assert!(database.dump() == old && database.safety_backups().is_empty() && database.beside("staging").is_empty());
}

fn checks_find_the_settings_of_their_database_while_they_load() {
    let database = shared_for_restores().database();
    // The second is a superuser's own; of a library that is not loaded yet it is not known whose the third is.
    for setting in
        ["SET app.max TO '10'", "SET plpgsql.variable_conflict TO 'error'", "SET auto_explain.log_analyze TO 'off'"]
    {
        set(&database, setting);
    }
    anew(
        &database,
        "CREATE FUNCTION public.most() RETURNS integer IMMUTABLE LANGUAGE plpgsql AS
         $$ BEGIN RETURN pg_catalog.current_setting('app.max')::integer; END $$;
         CREATE TABLE t (a integer DEFAULT pg_catalog.current_setting('app.max')::integer,
           b integer CHECK (b < pg_catalog.current_setting('app.max')::integer));
         CREATE INDEX ON t ((a + public.most())); INSERT INTO t (b) VALUES (1), (9)",
    );
    let file = database.backup();
    let state = database.dump();
    database.xtask(["db-verify", "--restore"]).run().ok().stdout_has("restored and compared");
    for args in [&[][..], &["--jobs", "3"]] {
        database.sql("DELETE FROM t WHERE b = 9");
        database.restore(args.iter().copied().chain([file.to_str().unwrap()])).run().ok();
        assert!(database.dump() == state, "{args:?}");
    }
}
