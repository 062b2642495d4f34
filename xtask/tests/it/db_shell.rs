//! `db-shell`: psql as it is, for scripts and for people.

use crate::harness::{Sandbox, Test, UrlDatabase, Xtask, shared, wait_until};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] a_file_is_not_written_inside_the_container,
        [Stack] a_command_prints_its_rows,
        [Stack] sql_comes_through_a_pipe,
        [Stack] a_file_is_read_from_where_the_caller_stands,
        [Stack] a_file_keeps_its_line_numbers_and_its_place,
        [Stack] psql_ends_with_its_own_code,
        [Stack] scripts_stop_at_the_first_error,
        [Stack] two_files_are_refused,
        [] an_option_without_its_value_is_refused_before_a_server_is_asked,
        [Stack] a_file_that_is_not_there_is_named,
        [Stack] arguments_arrive_unchanged_at_psql,
        [Stack] bytes_pass_unchanged_through_a_pipe,
        [Stack] a_startup_file_is_not_read_in_scripts,
        [Stack, Script] a_startup_file_is_read_on_a_terminal,
        [Stack, Script] a_person_types_on_a_terminal,
        [Stack, Script] ctrl_c_ends_the_query_and_not_the_shell,
        [Stack, Script] only_two_terminals_make_a_terminal,
        [Stack] a_closed_stdout_ends_it_quietly,
        [Stack] the_server_session_has_a_name,
        [Stack] a_name_with_odd_letters_is_the_database,
        [Postgres] another_database_is_reached_where_the_targets_own_is_missing,
    ]
}

fn shell<'a>(args: impl IntoIterator<Item = &'a str>) -> Xtask {
    shared().xtask(["db-shell", "--"].into_iter().chain(args).collect::<Vec<_>>())
}

/// As the hints say that name the maintenance database.
fn another_database_is_reached_where_the_targets_own_is_missing() {
    let database = UrlDatabase::new();
    let xtask = |words: &[&str]| database.xtask([&["--database", "nosuch"], words].concat()).run();
    xtask(&["db-backup"]).code(4).stderr_has("✗ PostgreSQL has no database nosuch").stderr_has("-- -l -d postgres");
    xtask(&["db-shell", "--", "-At", "-d", "postgres", "-c", "SELECT 1"]).ok().prints("1");
    xtask(&["db-shell", "--", "-Atlqd", "postgres"]).ok().stdout_has("postgres|");
    // One that is missing beside the target's own is named by psql.
    let other = database.xtask(["db-shell", "--", "-d", "nosuch", "-c", "SELECT 1"]).run();
    other.code(2).stderr_has("database \"nosuch\" does not exist").stderr_lacks(&database.name);
    xtask(&["db-shell", "--", "-c", "SELECT 1"]).code(4).stderr_has("✗ PostgreSQL has no database nosuch");
}

fn a_command_prints_its_rows() {
    shell(["-Atc", "SELECT 1 AS a, 'b'"]).run().ok().prints("1|b").says_nothing();
    let table = shell(["-c", "SELECT 1 AS one"]).run();
    table.ok().stdout_has(" one \n-----\n   1\n(1 row)");
}

fn sql_comes_through_a_pipe() {
    let sql = "SELECT 40 + 2;\nSELECT current_database();\n";
    shell(["-At"]).stdin(sql).run().ok().prints("42\nopenfga").says_nothing();
    shared().xtask(["db-shell"]).run().ok().prints_nothing().says_nothing();
}

fn a_file_is_read_from_where_the_caller_stands() {
    let database = shared().database();
    let folder = database.sandbox.path("some folder/ü");
    database.sandbox.write("some folder/ü/a file.sql", "SELECT 'from the file';");
    for words in [&["-At", "-f", "a file.sql"][..], &["-Atfa file.sql"], &["-At", "--file=a file.sql"]] {
        let run = database.xtask(["db-shell", "--"]).args(words).here(&folder).run();
        run.ok().prints("from the file").says_nothing();
    }
    let path = folder.join("a file.sql");
    let run = database.xtask(["db-shell", "--", "-At", "-f"]).args([&path]).here(&database.sandbox.home).run();
    run.ok().prints("from the file");
    let piped = database.xtask(["db-shell", "--", "-At", "-f", "-"]).stdin("SELECT 'from the pipe'").run();
    piped.ok().prints("from the pipe");
}

fn a_file_keeps_its_line_numbers_and_its_place() {
    let database = shared().database();
    database.sandbox.write("a.sql", "SELECT 2;\n\nSELECT nosuch;\n");
    let args = ["db-shell", "--", "-At", "-c", "SELECT 1", "-f", "a.sql"];
    database.xtask(args).run().code(3).prints("1\n2").stderr_has(":3: ERROR");
}

fn psql_ends_with_its_own_code() {
    shell(["-c", "SELECT nosuch"]).run().code(1).stderr_has("column \"nosuch\" does not exist");
    shell(["--nosuch-option"]).run().code(1).stderr_has("nosuch-option");
    shell(["-d", "nosuch", "-c", "SELECT 1"]).run().code(2).stderr_has("database \"nosuch\" does not exist");
    shell([]).stdin("SELECT nosuch;").run().code(3).stderr_has("column \"nosuch\" does not exist");
    shell([]).stdin("\\q").run().code(0);
    let ended = "SELECT pg_terminate_backend(pg_backend_pid());\nSELECT 1;";
    shell([]).stdin(ended).run().code(2);
}

fn scripts_stop_at_the_first_error() {
    let database = shared().database();
    let sql = "CREATE TABLE a (); SELECT nosuch;\nCREATE TABLE b ();";
    database.xtask(["db-shell"]).stdin(sql).run().code(3);
    assert_eq!(database.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "1");
    let on = ["db-shell", "--", "-v", "ON_ERROR_STOP=0"];
    database.xtask(on).stdin("SELECT nosuch;\nCREATE TABLE b ();").run().ok();
    assert_eq!(database.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "2");
}

fn two_files_are_refused() {
    let database = shared().database();
    database.sandbox.write("a.sql", "SELECT 1;");
    let run = database.xtask(["db-shell", "--", "-f", "a.sql", "-f", "a.sql"]).run();
    run.code(2).prints_nothing().stderr_has("one -f FILE").stderr_has("cat a.sql b.sql");
}

fn an_option_without_its_value_is_refused_before_a_server_is_asked() {
    let sandbox = Sandbox::new();
    for option in ["-c", "-f", "--command", "-Atc"] {
        let run = Xtask::new(&sandbox).args(["db-shell", "--", option]).run();
        run.code(2).prints_nothing().stderr_has(&format!("✗ psql's option {option} has no value"));
        run.stderr_has("→ write it behind the option: cargo xtask db-shell -- -c 'SELECT 1'");
    }
}

fn a_file_that_is_not_there_is_named() {
    shell(["-f", "nosuch.sql"]).run().code(1).prints_nothing().stderr_has("nosuch.sql").stderr_has("No such file");
    let database = shared().database();
    let run = database.xtask(["db-shell", "--", "-f", "backups"]).run();
    run.prints_nothing().stderr_has("backups").holds(run.code != Some(0), "a folder is no file");
}

fn arguments_arrive_unchanged_at_psql() {
    for text in ["it's", "two  spaces", "\"quoted\"", "line\nbreak", "$HOME `id` $(id) \\n %s", "zoë 日本 🐘", "-", ""]
    {
        let sql = format!("SELECT $q${text}$q$");
        shell(["-Atc", &sql]).run().ok().prints(text);
        let variable = format!("v={text}");
        let run = shell(["-At", "-v", &variable]).stdin("SELECT :'v';").run();
        run.ok().holds(run.text() == format!("{text}\n"), &format!("{text:?} was expected"));
    }
}

fn bytes_pass_unchanged_through_a_pipe() {
    let rows: String = (0..40_000).map(|row| format!("{row}\tcarriage return \\r, tab \\t, ü, \\\\N\n")).collect();
    let sql = format!("CREATE TEMP TABLE t (a int, b text);\nCOPY t FROM STDIN;\n{rows}\\.\nCOPY t TO STDOUT;\n");
    let run = shell(["-q"]).stdin(sql).run();
    run.ok().holds(run.text() == rows, "the same rows were expected");
}

fn a_startup_file_is_not_read_in_scripts() {
    let database = shared().database();
    fs::write(database.sandbox.home.join(".psqlrc"), "\\echo startup\n").unwrap();
    database.xtask(["db-shell", "--", "-Atc", "SELECT 1"]).run().ok().prints("1");
    database.xtask(["db-shell", "--", "-At"]).stdin("SELECT 2").run().ok().prints("2");
}

fn a_startup_file_is_read_on_a_terminal() {
    let database = shared().database();
    fs::write(database.sandbox.home.join(".psqlrc"), "\\set who startup\n\\echo hello from :who\n").unwrap();
    let mut terminal = database.xtask(["db-shell"]).terminal();
    terminal.shows("hello from startup").types("SELECT 'still ' || :'who';\n").shows("still startup").types("\\q\n");
    terminal.wait().ok();
    let other = database.sandbox.beside("other psqlrc");
    fs::write(&other, "\\echo from the other file\n").unwrap();
    let mut terminal = database.xtask(["db-shell"]).env("PSQLRC", other).terminal();
    terminal.shows("from the other file").types("\\q\n");
    terminal.wait().ok();
    fs::remove_file(database.sandbox.home.join(".psqlrc")).unwrap();
    let mut terminal = database.xtask(["db-shell"]).terminal();
    terminal.shows("=#").types("\\q\n");
    terminal.wait().ok().stdout_lacks("hello").stdout_lacks("other file");
}

fn a_person_types_on_a_terminal() {
    let database = shared().database();
    let mut terminal = database.xtask(["db-shell"]).terminal();
    terminal.shows(&format!("{}=#", database.name));
    terminal.types("SELECT nosuch;\n").shows("does not exist");
    terminal.types("SELECT 'after' || ' the error';\n").shows("after the error");
    // Before psql reads again, the terminal would take the Ctrl-D for itself.
    terminal.shows("(1 row)");
    wait_until("psql reads again", || terminal.screen().trim_end().ends_with("=#"));
    terminal.types("\x04");
    terminal.wait().ok();
}

fn ctrl_c_ends_the_query_and_not_the_shell() {
    let database = shared().database();
    let mut terminal = database.xtask(["db-shell"]).terminal();
    terminal.shows("=#").types("SELECT pg_sleep(60);\n");
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%' AND state = 'active'";
    let mut session = database.session();
    wait_until("the query runs", || session.sql(sleeping) == "1");
    terminal.types("\x03").shows("canceling statement due to user request");
    terminal.types("SELECT 'still ' || 'here';\n").shows("still here").types("\\q\n");
    terminal.wait().ok();
}

fn only_two_terminals_make_a_terminal() {
    let database = shared().database();
    let args = ["db-shell", "--", "-At"];
    let out = database.sandbox.beside("out.txt");
    let mut to_file = database.xtask(args).terminal_with(&format!(">'{}'", out.display()));
    to_file.types("SELECT 1;\nSELECT 2;\n\x04");
    to_file.wait().ok().stdout_lacks("TTY");
    assert_eq!(fs::read_to_string(&out).unwrap(), "1\n2\n");

    let sql =
        database.sandbox.write("in.sql", "SELECT 'from ' || 'a file';\nSELECT nosuch;\nSELECT 'never ' || 'seen';");
    let from_file = database.xtask(args).terminal_with(&format!("<'{}'", sql.display())).wait();
    from_file.code(3).stdout_has("from a file").stdout_lacks("never seen").stdout_lacks("TTY");
}

fn a_closed_stdout_ends_it_quietly() {
    let many = "SELECT repeat('x', 1000) FROM generate_series(1, 5000)";
    let run = shell(["-Atc", many]).stdout_closed().run();
    run.stderr_lacks("panicked").stderr_lacks("ERROR");
}

fn the_server_session_has_a_name() {
    shell(["-Atc", "SHOW application_name"]).run().ok().stdout_has("xtask");
}

fn a_name_with_odd_letters_is_the_database() {
    for name in ["with space", "quo\"te's", "Zoë.日本", "-d", "a=b", "host=nowhere"] {
        let database = shared().database_named(name, "");
        let run = database.xtask(["db-shell", "--", "-Atc", "SELECT current_database()"]).run();
        run.ok().prints(name);
    }
}

fn a_file_is_not_written_inside_the_container() {
    for option in
        [&["-o", "x.txt"][..], &["-Atox.txt"], &["--output=x.txt"], &["-L", "x.txt"], &["--log-file", "x.txt"]]
    {
        let run = shell(option.iter().copied()).stdin("SELECT 1").run();
        run.code(2).prints_nothing().stderr_has("inside the container").stderr_has("> FILE");
    }
}
