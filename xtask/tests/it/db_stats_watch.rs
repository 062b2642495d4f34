//! `db-stats --watch` on a terminal, frame by frame, and `db-stats` of a local server.

use crate::harness::{Local, Sandbox, Test, Xtask, shared, shared_local, wait_until};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Script] a_watch_draws_in_place_and_leaves_the_terminal_as_it_was,
        [Stack, Script] a_watch_follows_the_terminals_size,
        [Stack, Script] a_watch_that_is_suspended_gives_the_terminal_back,
        [Stack, Script] a_usual_terminal_shows_every_column,
        [Postgres] a_local_server_tells_the_same,
        [Postgres, Script] a_watch_goes_on_when_the_server_comes_back,
    ]
}

const BEGIN: &str = "\u{1b}[?1049h\u{1b}[?25l";
const END: &str = "\u{1b}[?25h\u{1b}[?1049l";
const FRAME: &str = "\u{1b}[?2026h\u{1b}[H";
const FRAME_END: &str = "\u{1b}[J\u{1b}[?2026l";

/// A run on a terminal that is known by its name; its settings are written down before and after.
struct Watched {
    terminal: PathBuf,
    settings: [PathBuf; 2],
}

impl Watched {
    fn of(sandbox: &Sandbox) -> Self {
        let file = |name: &str| sandbox.home.join(name);
        Self { terminal: file("terminal"), settings: [file("before"), file("after")] }
    }

    fn over(&self, run: Xtask) -> Xtask {
        let [before, after] = &self.settings;
        let script = format!(
            "trap : INT; tty >'{}'; stty -g >'{}'; \"$@\"; code=$?; stty -g >'{}'; exit $code",
            self.terminal.display(),
            before.display(),
            after.display()
        );
        run.through(["sh", "-c", &script, "sh"])
    }

    fn resize(&self, rows: u32, columns: u32) {
        let name = fs::read_to_string(&self.terminal).unwrap();
        let words = ["-F", name.trim(), "rows", &rows.to_string(), "columns", &columns.to_string()];
        assert!(Command::new("stty").args(words).status().unwrap().success());
    }

    #[track_caller]
    fn is_as_before(&self) {
        let [before, after] = [&self.settings[0], &self.settings[1]].map(|path| fs::read_to_string(path).unwrap());
        assert_eq!(before, after);
    }
}

/// The frames that were drawn, without the ones that are not whole yet.
fn frames(screen: &str) -> Vec<String> {
    let whole = screen.split(FRAME).skip(1).filter_map(|frame| Some(frame.split_once(FRAME_END)?.0.to_owned()));
    whole.map(|frame| frame.replace("\u{1b}[K", "")).collect()
}

fn a_watch_draws_in_place_and_leaves_the_terminal_as_it_was() {
    let database = shared().database();
    database.sql("CREATE TABLE grows (id int, text text); ANALYZE");
    let watched = Watched::of(&database.sandbox);
    let mut run = watched.over(database.xtask(["db-stats", "--watch", "1"])).terminal();
    run.shows("every 1 s; Ctrl-C ends it").shows("public.grows");
    database.sql("INSERT INTO grows SELECT i, repeat('x', 100) FROM generate_series(1, 20000) AS i");
    // The difference since the look before, in one frame alone.
    run.shows(" MB (+").shows("(+20,000)");
    let seen = frames(&run.screen()).len();
    wait_until("more frames are drawn", || frames(&run.screen()).len() > seen + 1);
    run.types("\u{3}");
    let ended = run.wait();
    // It is the only way out: there is nothing to say of it.
    let screen = ended.code(130).stdout_lacks("nothing was changed").stdout_lacks("✗").text();
    ended.holds(
        screen.contains(BEGIN) && screen.rsplit(FRAME_END).next().unwrap().contains(END),
        "the terminal's first screen comes back",
    );
    ended.holds(screen.matches("\u{1b}[2J").count() == 1, "no frame clears the screen first");
    let frames = frames(&screen);
    let with_difference = frames.iter().filter(|frame| frame.contains("(+20,000)")).count();
    ended.holds(with_difference == 1, "the difference is that of two looks");
    // A command that is to be typed is whole, also where it is longer than the terminal is wide.
    ended.holds(frames.iter().skip(1).all(|frame| frame.contains("EXTENSION pg_stat_statements'")), "no line is cut");
    let times: Vec<&str> =
        frames.iter().filter_map(|frame| frame.split_once(", every 1 s")).map(|(time, _)| time).collect();
    ended.holds(times.len() > 2 && times.first() != times.last(), "each frame has its own time");
    watched.is_as_before();
}

fn a_watch_follows_the_terminals_size() {
    let database = shared().database();
    database.sql("CREATE TABLE t (i int)");
    let watched = Watched::of(&database.sandbox);
    let mut run = watched.over(database.xtask(["db-stats", "--watch", "600"])).terminal();
    run.shows("public.t");
    // Long before the next look.
    watched.resize(12, 44);
    run.shows("more lines: make the terminal taller");
    let small = frames(&run.screen()).pop().unwrap();
    let lines: Vec<&str> = small.lines().map(str::trim_end).collect();
    assert!(lines.len() == 12 && lines.iter().all(|line| line.chars().count() <= 44), "{lines:#?}");
    watched.resize(5, 30);
    run.shows("The terminal is too small");
    watched.resize(60, 100);
    let drawn = |text: &str| frames(&run.screen()).pop().is_some_and(|frame| frame.contains(text));
    wait_until("all is shown again", || drawn("public.t") && !drawn("more lines"));
    run.types("\u{3}");
    run.wait().code(130);
    watched.is_as_before();
}

/// Ctrl-Z in a shell with job control, and `fg`.
fn a_watch_that_is_suspended_gives_the_terminal_back() {
    let database = shared().database();
    database.sql("CREATE TABLE stays (i int)");
    let shell = "set -m; \"$@\"; echo \"shell, code $?\"; sleep 1; fg >/dev/null; echo \"then code $?\"";
    let run = database.xtask(["db-stats", "--watch", "600"]).through(["bash", "-c", shell, "bash"]);
    let mut run = run.terminal();
    run.shows("public.stays");
    let ends = |run: &crate::harness::running::Terminal| run.screen().matches(END).count();
    assert_eq!(ends(&run), 0);
    run.types("\u{1a}").shows("shell, code 1");
    let screen = run.screen();
    let (drawn, given_back) = screen.split_once("shell, code 1").unwrap();
    assert!(drawn.contains(END) && !drawn.rsplit(END).next().unwrap().contains(FRAME), "{drawn:?}");
    assert!(!given_back.contains(FRAME), "{given_back:?}");
    // Long before the next look.
    let is_back = || run.screen().matches(BEGIN).count() == 2 && run.screen().matches("public.stays").count() == 2;
    wait_until("the same frame is drawn again", is_back);
    run.types("\u{3}");
    let ended = run.wait();
    ended.holds(ended.text().contains("then code 130"), "it goes on, and ends as ever");
    ended.holds(ended.text().matches(END).count() == 2, "the terminal is given back once more");

    // Where no shell could let it go on, it is not suspended.
    let mut run = database.xtask(["db-stats", "--watch", "1"]).terminal();
    run.shows("public.stays").types("\u{1a}");
    let seen = frames(&run.screen()).len();
    wait_until("it goes on", || frames(&run.screen()).len() > seen + 1);
    run.types("\u{3}");
    run.wait().code(130);
}

fn a_usual_terminal_shows_every_column() {
    let database = shared().openfga_database();
    database.sql("CREATE TABLE a_table_of_usual_length_ (i int); VACUUM ANALYZE");
    let at = |columns: &str| {
        let shell = format!("stty columns {columns}; exec \"$@\"");
        database.xtask(["db-stats"]).through(["sh", "-c", &shell, "sh"]).terminal().wait()
    };
    let heads = "TABLE ROWS DEAD SIZE HEAP INDEXES TOAST VACUUM ANALYZE STORE ID MODELS TUPLES CHANGED";
    for columns in ["120", "80", "60", "40"] {
        let text = at(columns).ok().text().replace('\r', "");
        let words: Vec<&str> = text.split_whitespace().collect();
        // A paragraph begins with the name itself.
        let is_there = |head: &&str| words.contains(head) || ["TABLE", "STORE"].contains(head);
        assert!(heads.split(' ').all(|head| is_there(&head)), "{columns}: {text}");
        let width: usize = columns.parse().unwrap();
        // Up to the line of OpenFGA.
        let rows = text.lines().skip_while(|line| !line.contains("public.")).take_while(|line| !line.starts_with('O'));
        assert!(
            rows.clone().count() > 5 && rows.clone().all(|line| line.chars().count() <= width),
            "{columns}: {text}"
        );
        let parts = text.matches("\npublic.a_table_of_usual_length_").count();
        assert_eq!(
            parts,
            match columns {
                "120" | "40" => 1,
                "80" => 2,
                _ => 3,
            },
            "{columns}: {text}"
        );
    }
}

fn a_local_server_tells_the_same() {
    let local = shared_local();
    let database = "stats_of_local";
    local.sql("postgres", &format!("CREATE DATABASE {database}"));
    local.sql(
        database,
        "CREATE TABLE small AS SELECT 1 AS i; CREATE TABLE big AS SELECT i FROM generate_series(1, 9000) AS i; ANALYZE",
    );
    let on = |words: &[&'static str]| local.on(database, words.iter().copied()).run();
    let read = on(&["db-stats", "--json"]).ok().says_nothing().json();
    assert_eq!(read["database"]["name"], database);
    let measured = "SELECT pg_database_size(current_database()) || '|' || pg_total_relation_size('big')";
    let big = &read["tables"]["shown"][0];
    let told = format!("{}|{}", read["database"]["size_bytes"], big["total_bytes"]);
    assert_eq!((big["name"].as_str(), told), (Some("big"), local.sql(database, measured).trim().to_owned()));
    assert_eq!(big["estimated_rows"], 9000);
    let screen = on(&["db-stats", "--top", "1"]);
    screen.ok().stdout_has(&format!("Database:     {database}, ")).stdout_has("public.big").stdout_has("≈9,000");
    screen.stdout_has("… and 1 more table (--top N)").stdout_lacks("public.small");
    on(&["db-stats", "--table", "small"]).ok().stdout_has("public.small").stdout_lacks("public.big");
    on(&["db-stats", "--table", "none"]).code(1).stderr_has("none");
    local.sql("postgres", &format!("DROP DATABASE {database} (FORCE)"));
}

fn a_watch_goes_on_when_the_server_comes_back() {
    let local = Local::new();
    local.up();
    let watched = Watched::of(&local.sandbox);
    let mut run = watched.over(local.xtask(["db-stats", "--watch", "1"])).terminal();
    run.shows("No tables");
    local.xtask(["down"]).run().ok();
    run.shows("The local server is not running");
    local.up();
    let seen = frames(&run.screen()).len();
    let is_back = || frames(&run.screen()).iter().skip(seen).any(|frame| frame.contains("No tables"));
    wait_until("the server is seen again", is_back);
    run.types("\u{3}");
    run.wait().code(130);
    watched.is_as_before();
}
