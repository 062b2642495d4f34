//! Every `console` block of README and `docs/` is run, and shows what its page says. The blocks tell one story on one
//! stack, page by page; what happens between them stands in [`prepare`]. `XTASK_TEST_BLESS=1` writes what is shown now
//! into the pages.

use crate::documents::pages;
use crate::harness::forge::Forged;
use crate::harness::restore::paused;
use crate::harness::screen::rendered;
use crate::harness::{Fakes, Sandbox, Stack, Test, Xtask, sandbox::checkout};
use crate::screen_lines::{MigrationVersions, normal, with_number};
use chrono::{Duration, Local};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [] blocks_that_are_not_run_are_listed,
        [OwnStack, Openfga, Script, Make] every_screen_of_the_pages_is_what_the_program_shows,
    ]
}

/// The pages with blocks, in the order of the story.
const STORY: &[&str] = &[
    "docs/setup.md",
    "docs/health.md",
    "docs/migrations.md",
    "README.md",
    "docs/backups.md",
    "docs/restore.md",
    "docs/openfga.md",
    "docs/sets.md",
];

/// Blocks tagged `console norun`, by page and first command, and why they are not run.
const NOT_RUN: &[(&str, &str, &str)] = &[
    ("README.md", "cargo xtask setup-env", "its screen stands, and is run, in docs/setup.md"),
    ("README.md", "cargo test", "this is the suite itself"),
    (
        "README.md",
        "cargo xtask --root ../their-repo db-backup",
        "it is about another repository; see the tests of root",
    ),
    ("docs/adopt.md", "cargo xtask --root ../their-repo health-check", "the same"),
    (
        "docs/adopt.md",
        "cargo xtask adopt ../their-repo --dry-run",
        "the test adopt::the_page_shows_what_it_says holds it",
    ),
    ("docs/adopt.md", "cd ../their-repo", "the tests of adopt do it"),
    (
        "README.md",
        "export DATABASE_URL='postgres://app:p%40ss@db.example.com:5432/app?sslmode=verify-full'",
        "no such server",
    ),
    (
        "docs/monitoring.md",
        "cargo xtask monitoring-dashboard",
        "images of Grafana and Prometheus; monitoring::it_runs_beside_the_stack_and_shows_it runs it on others",
    ),
    ("docs/setup.md", "cargo xtask db-shell", "psql stays open"),
    (
        "docs/scheduling.md",
        "cargo xtask db-schedule install --at 03:00 --keep-daily 14 --keep-monthly 12 --verify weekly",
        "it changes a person's timers; the tests of db_schedule run it",
    ),
    (
        "docs/stats.md",
        "cargo xtask db-stats",
        "its figures differ from run to run; the tests of db_stats hold its lines",
    ),
    (
        "docs/setup.md",
        "cargo xtask completions bash > ~/.xtask.bash && echo '. ~/.xtask.bash' >> ~/.bashrc",
        "it changes a person's files; the tests of completions take these lines",
    ),
    (
        "docs/targets.md",
        "export DATABASE_URL='postgres://app:p%40ss@db.example.com:5432/app?sslmode=verify-full&sslrootcert=certs/ca.pem'",
        "no such server",
    ),
];

/// A block of a page: its tag, and its lines without the indentation of a list.
struct Block {
    page: String,
    tag: String,
    /// The first line, counted from 0, and the indentation.
    first: usize,
    indent: String,
    lines: Vec<String>,
}

/// One command of a block with the screen that the page shows.
struct Screen<'a> {
    command: &'a str,
    shown: &'a [String],
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    for (page, text) in pages() {
        let mut open: Option<Block> = None;
        for (number, line) in text.lines().enumerate() {
            let trimmed = line.trim_start();
            match (&mut open, trimmed.strip_prefix("```")) {
                (None, Some(tag)) => {
                    let indent = line[..line.len() - trimmed.len()].to_owned();
                    let (page, tag) = (page.clone(), tag.to_owned());
                    open = Some(Block { page, tag, first: number + 1, indent, lines: Vec::new() });
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => block.lines.push(line.strip_prefix(&block.indent).unwrap_or(line).to_owned()),
                (None, None) => (),
            }
        }
        assert!(open.is_none(), "{page}: a block does not end");
    }
    blocks
}

impl Block {
    fn screens(&self) -> Vec<Screen<'_>> {
        let starts: Vec<usize> = (0..self.lines.len()).filter(|&line| self.lines[line].starts_with("$ ")).collect();
        assert_eq!(starts.first(), Some(&0), "{}:{}: a console block begins with a command", self.page, self.first);
        let ends = starts.iter().skip(1).copied().chain([self.lines.len()]);
        let screen = |(&start, end): (&usize, usize)| Screen {
            command: &self.lines[start][2..],
            shown: &self.lines[start + 1..end],
        };
        starts.iter().zip(ends).map(screen).collect()
    }
}

fn blocks_that_are_not_run_are_listed() {
    let blocks = blocks();
    let mut not_run = Vec::new();
    for block in &blocks {
        match block.tag.as_str() {
            "console" => assert!(STORY.contains(&block.page.as_str()), "{} has no place in STORY", block.page),
            "console norun" => not_run.push((block.page.as_str(), block.screens()[0].command)),
            _ => {
                let prompt = block.lines.iter().find(|line| line.starts_with("$ "));
                assert!(prompt.is_none(), "{}: {prompt:?} belongs into a console block", block.page);
            }
        }
    }
    not_run.sort_unstable();
    let mut listed: Vec<_> = NOT_RUN.iter().map(|(page, command, _)| (*page, *command)).collect();
    listed.sort_unstable();
    assert_eq!(not_run, listed, "left: the pages' blocks `console norun`, right: NOT_RUN");
    assert!(blocks.iter().filter(|block| block.tag == "console").count() > 12, "the blocks were not found");
}

/// The stack of the story, from a checkout without `.env`; what that would say goes into the process environment.
struct Story {
    stack: Stack,
    settings: BTreeMap<String, String>,
    cargo: Fakes,
}

/// The names of the ports' settings with their defaults, in the order of the ports.
const PORTS: [(&str, &str); 4] = [
    ("OPENFGA_METRICS_PORT", "2112"),
    ("POSTGRES_PORT", "5432"),
    ("OPENFGA_HTTP_PORT", "8080"),
    ("OPENFGA_GRPC_PORT", "8081"),
];

impl Story {
    fn begin() -> Self {
        let mut stack = Stack::of(Sandbox::new());
        ["openfga", "migrations"].iter().for_each(|folder| stack.sandbox.copy_folder(folder));
        let file = stack.sandbox.path(".env");
        let text = fs::read_to_string(&file).unwrap();
        fs::remove_file(file).unwrap();
        let settings = text.lines().filter_map(|line| line.split_once('='));
        let mut settings: BTreeMap<_, _> = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        // Lists are sorted by port.
        let mut ports = PORTS.map(|(name, _)| settings[name].parse::<u16>().unwrap());
        ports.sort_unstable();
        for ((name, _), port) in PORTS.iter().zip(ports) {
            settings.insert((*name).to_owned(), port.to_string());
        }
        (stack.postgres_port, stack.openfga_port) = (ports[1], ports[2]);
        let program = format!("shift; exec '{}' \"$@\"", env!("CARGO_BIN_EXE_xtask"));
        let rustc = "echo 'rustc 1.95.0 (59807616e 2026-04-14)'";
        let cargo = Fakes::new(&stack.sandbox).program("cargo", &program).program("rustc", rustc);
        Self { stack, settings, cargo }
    }

    fn with_settings(&self, run: Xtask) -> Xtask {
        self.settings.iter().fold(run, |run, (name, value)| run.env(name, value))
    }

    fn xtask(&self, args: &[&str]) -> Xtask {
        self.with_settings(Xtask::new(&self.stack.sandbox).args(args))
    }

    /// Runs a command of a page as a person would, with their answers; the lines of the screen.
    fn run(&self, screen: &Screen) -> Vec<String> {
        let run = self.with_settings(Xtask::new(&self.stack.sandbox)).env("NO_COLOR", "1");
        let wide = ["sh", "-c", "stty columns 160 </dev/tty; exec \"$@\"", "sh"];
        let run = self.cargo.over(run.program("sh").args(["-c", screen.command]).through(wide));
        let questions: Vec<_> = screen.shown.iter().filter_map(|line| question(line)).collect();
        // A question that the page does not have finds nobody to answer it.
        let mut terminal = run.terminal_with(if questions.is_empty() { "</dev/null" } else { "" });
        for (question, answer) in questions {
            terminal.shows(&question).types(&format!("{answer}\n"));
        }
        let mut lines = rendered(&terminal.wait().text());
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines.into_iter().map(|line| self.as_by_default(line)).collect()
    }

    /// The line as it would be with the default settings.
    fn as_by_default(&self, mut line: String) -> String {
        for (name, default) in PORTS {
            line = with_number(&line, &self.settings[name], default);
        }
        for (name, default) in [("POSTGRES_IMAGE", "postgres:16-alpine"), ("OPENFGA_IMAGE", "openfga/openfga:v1.18.1")]
        {
            line = line.replace(&self.settings[name], default);
        }
        line.replace(&self.stack.sandbox.project, "mcp-server-langgraph")
    }

    fn sql(&self, sql: &str) {
        self.stack.psql("openfga", sql);
    }

    fn backups(&self, named: &str) -> Vec<String> {
        self.stack.sandbox.backups().into_iter().filter(|name| name.contains(named)).collect()
    }
}

/// The question of a line and the answer that the page gives.
fn question(line: &str) -> Option<(String, &str)> {
    ["(y/n) ", "type its name: "].iter().find_map(|end| {
        let at = line.find(end)? + end.len();
        Some((line[..at].trim_end().to_owned(), &line[at..]))
    })
}

/// What happens before this command of this page.
fn prepare(story: &Story, page: &str, command: &str) {
    match (page, command) {
        ("docs/migrations.md", "cargo xtask db-migrate verify") => story.writes_a_migration(),
        ("README.md", "cargo xtask db-restore") => story.sql("DELETE FROM tuple WHERE _user = 'user:bob'"),
        ("docs/backups.md", "cargo xtask db-list --check") => {
            story.removes(["_pre_restore_", "_pre_migration_"].iter().flat_map(|named| story.backups(named)));
        }
        ("docs/backups.md", command) if command.starts_with("cargo xtask db-prune") => story.has_old_backups(),
        ("docs/restore.md", "cargo xtask db-restore --dry-run") => {
            story.removes(story.backups("_backup_").into_iter().rev().skip(1));
            story.sql("DELETE FROM tuple WHERE _user = 'user:alice'");
        }
        ("docs/restore.md", "cargo xtask db-restore --repair") => {
            paused(story.xtask(&["db-restore", "--yes"]), "stopped").signal(Signal::KILL);
        }
        ("docs/sets.md", "cargo xtask db-backup --all") => {
            story.removes(story.backups("_pre_restore_").into_iter().rev().skip(1));
            story.has_another_database();
        }
        ("docs/sets.md", "cargo xtask db-restore --set") => {
            story.stack.psql("keycloak", "DELETE FROM user_entity WHERE id = 3");
            story.sql("DELETE FROM tuple WHERE ctid = (SELECT min(ctid) FROM tuple)");
        }
        ("docs/openfga.md", "cargo xtask setup-openfga") => story.forgets_its_store(),
        _ => (),
    }
}

impl Story {
    /// The files that `db-migrate new` made get their statements.
    fn writes_a_migration(&self) {
        for (end, sql) in [
            ("add_user_names.up.sql", "CREATE TABLE user_names (id bigint PRIMARY KEY, name text NOT NULL);\n"),
            ("add_user_names.down.sql", "DROP TABLE user_names;\n"),
        ] {
            let folder = fs::read_dir(self.stack.sandbox.path("migrations")).unwrap();
            let path = folder.map(|entry| entry.unwrap().path()).find(|path| path.to_str().unwrap().ends_with(end));
            fs::write(path.unwrap(), sql).unwrap();
        }
    }

    fn removes(&self, backups: impl Iterator<Item = String>) {
        backups.for_each(|name| fs::remove_file(self.stack.sandbox.path("backups").join(name)).unwrap());
    }

    /// A second database, of another program.
    fn has_another_database(&self) {
        self.stack.admin("CREATE DATABASE keycloak");
        self.stack.psql("keycloak", "CREATE TABLE user_entity AS SELECT i AS id FROM generate_series(1, 3) AS i");
    }

    /// Of one day and, so that no other rule keeps them, neither of the last two.
    fn has_old_backups(&self) {
        let day = Local::now().date_naive() - Duration::days(2);
        for hour in [3, 1] {
            let time = day.and_hms_opt(hour, 0, 1).unwrap().and_local_timezone(Local).earliest().unwrap();
            let name = format!("openfga_backup_{}.sql", time.format("%Y%m%d_%H%M%S"));
            Forged::small().taken("openfga", time).write(&self.stack.sandbox, &name);
        }
    }

    /// The ids of a store that is not there any more are not in `.env`.
    fn forgets_its_store(&self) {
        if self.stack.psql("openfga", "SELECT count(*) FROM store") == "0" {
            let text = fs::read_to_string(self.stack.sandbox.path(".env")).unwrap();
            let kept: Vec<&str> = text.lines().filter(|line| !line.contains("_ID=01")).collect();
            self.stack.sandbox.write(".env", kept.join("\n") + "\n");
        }
    }
}

/// Of backups of one second the list does not know which came first.
fn wait_for_the_next_second() {
    let begun = Local::now().timestamp();
    while Local::now().timestamp() == begun {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn every_screen_of_the_pages_is_what_the_program_shows() {
    let (story, blocks) = (Story::begin(), blocks());
    let bless = std::env::var_os("XTASK_TEST_BLESS").is_some();
    let mut wrong = Vec::new();
    for page in STORY {
        let mut now: Vec<(&Block, Vec<String>)> = Vec::new();
        for block in blocks.iter().filter(|block| block.page == **page && block.tag == "console") {
            let (mut lines, mut of_page, mut of_run) =
                (Vec::new(), MigrationVersions::default(), MigrationVersions::default());
            for screen in block.screens() {
                prepare(&story, page, screen.command);
                if ["db-backup", "db-restore", "db-migrate", "db-reset"]
                    .iter()
                    .any(|name| screen.command.contains(name))
                {
                    wait_for_the_next_second();
                }
                let shown = story.run(&screen);
                let same_versions = of_page.places(screen.shown) == of_run.places(&shown);
                let same = normal(&shown) == normal(screen.shown) && same_versions;
                lines.push(format!("$ {}", screen.command));
                lines.extend(if same { screen.shown.to_vec() } else { shown.clone() });
                if !same {
                    let (page, now) = (normal(screen.shown).join("\n"), normal(&shown).join("\n"));
                    wrong.push(format!("{}: {}\n--- the page\n{page}\n--- now\n{now}", block.page, screen.command));
                }
            }
            now.push((block, lines));
        }
        if bless {
            write_into(page, &now);
        }
    }
    assert!(
        bless || wrong.is_empty(),
        "pages that do not show what is (XTASK_TEST_BLESS=1 writes them anew):\n{}",
        wrong.join("\n")
    );
}

/// Writes these lines in place of the blocks' own.
fn write_into(page: &str, blocks: &[(&Block, Vec<String>)]) {
    let path = checkout().join(page);
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (block, now) in blocks.iter().rev() {
        let now = now.iter().map(|line| format!("{}{line}", block.indent).trim_end().to_owned());
        lines.splice(block.first..block.first + block.lines.len(), now);
    }
    fs::write(path, lines.join("\n") + "\n").unwrap();
}
