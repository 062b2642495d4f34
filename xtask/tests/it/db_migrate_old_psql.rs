//! `db-migrate` by a psql that does not know `\restrict`: what a file could hide from its reader never reaches it.

use crate::harness::{Fakes, Test, shared};

pub fn tests() -> Vec<Test> {
    tests![[Stack] an_old_psql_gets_no_file_that_could_hide_a_command]
}

fn an_old_psql_gets_no_file_that_could_hide_a_command() {
    let database = shared().database();
    let version =
        "for word; do if [ \"$word\" = --version ]; then echo 'psql (PostgreSQL) 15.8'; exit; fi; done; real \"$@\"";
    let fakes = Fakes::new(&database.sandbox).docker_but("psql", version);
    let migrate = || fakes.over(database.migrate(["--no-backup"])).run();
    let off = "DO $$ BEGIN PERFORM set_config('standard_con'||'forming_strings','off',false); END $$;\n";
    database.sandbox.migration(1, "one", "CREATE TABLE one ();\n", None);
    database.sandbox.migration(2, "hidden", &format!("{off}SELECT 'a\\''; \\! touch /tmp/x --';\n"), None);
    let run = migrate();
    run.code(1).prints_nothing();
    run.stderr_has(
        "2_hidden.up.sql:2 could be a psql command, if the file changed how strings are read; psql (PostgreSQL) 15.8",
    );
    run.stderr_has("→ use a psql that knows \\restrict: 17.6, 16.10, 15.14, 14.19, 13.22 or newer");
    assert_eq!((database.ledger(), database.tables()), (String::new(), String::new()), "no file should be sent");
    // The same psql runs files in which no reading finds a command.
    database.sandbox.migration(2, "hidden", "CREATE TABLE two AS SELECT 'it''s' AS a;\n", None);
    migrate().ok();
    assert_eq!((database.ledger(), database.tables()), ("1 2".to_owned(), "one two".to_owned()));
}
