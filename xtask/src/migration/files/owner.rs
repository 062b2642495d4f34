//! Whose files a folder holds: those of another migration tool are never run here.

#[cfg(test)]
mod tests;
mod text;

use crate::platform;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use text::{Code, Deed, Line, Text};

/// At most this much of a file is looked at, in bytes: the mark of the way back stands behind the way there.
const LOOKED_AT: u64 = 1 << 24;
/// Marks that no other file has.
const MARKS: [(&str, &str); 9] = [
    ("liquibase formatted sql", "Liquibase"),
    ("+goose", "goose"),
    ("migrate:up", "dbmate"),
    ("+migrate", "sql-migrate"),
    ("create above / drop below", "tern"),
    ("//@undo", "MyBatis Migrations"),
    ("// @undo", "MyBatis Migrations"),
    ("rambler up", "rambler"),
    ("rambler down", "rambler"),
];
/// Marks of the way there and the way back. One of them alone is an ordinary comment.
const PAIRS: [(&str, &str, &str); 2] =
    [("up migration", "down migration", "node-pg-migrate"), ("==== up ====", "==== down ====", "shmig")];

/// The same as whole lines, which are ordinary comments where no statement stands behind the second one.
const HEADINGS: [(&str, &str, &str); 2] = [("!ups", "!downs", "Play"), ("@up", "@down", "marv")];
/// Headings of other tools that people write over any two statements, too: a file is not refused for them. It is warned of
/// where the first statement under the one makes something, and the first under the other takes something back.
const ORDINARY: [(&str, &str); 13] = [
    ("up", "down"),
    ("ups", "downs"),
    ("up script", "down script"),
    ("upgrade", "downgrade"),
    ("migration up", "migration down"),
    ("migrate up", "migrate down"),
    ("up", "rollback"),
    ("migration", "rollback"),
    ("apply", "revert"),
    ("apply", "rollback"),
    ("forward", "backward"),
    ("forwards", "backwards"),
    ("do", "undo"),
];
/// How a tool names the way back beside the way there; sqlx's own is `.down`.
const WAYS_BACK: [(&str, &str); 18] = [
    (".rollback", "yoyo-migrations"),
    (".undo", "another tool"),
    (".revert", "another tool"),
    (".reverse", "another tool"),
    (".backward", "another tool"),
    (".backwards", "another tool"),
    (".unapply", "another tool"),
    (".back", "another tool"),
    ("_reverse", "another tool"),
    ("_backward", "another tool"),
    ("_unapply", "another tool"),
    ("-undo", "another tool"),
    ("_rollback", "another tool"),
    ("_undo", "another tool"),
    ("_revert", "another tool"),
    ("_down", "another tool"),
    ("-down", "another tool"),
    ("-rollback", "another tool"),
];
/// How it names the way there.
const WAYS_THERE: [&str; 11] =
    ["", ".up", ".do", "_up", "-up", ".apply", ".forward", ".forwards", "_do", "_apply", "_forward"];

/// The other tool whose files are among these entries of a folder, and one of them as evidence; Diesel's are recognised by
/// `Reader`.
pub(super) fn other_tool(entries: &[PathBuf]) -> Option<(&'static str, &Path)> {
    let names: BTreeSet<String> =
        entries.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().to_ascii_lowercase())).collect();
    entries.iter().find_map(|path| {
        let tool =
            tool_of(path).or_else(|| way_back(&path.file_name()?.to_string_lossy().to_ascii_lowercase(), &names))?;
        Some((tool, path.as_path()))
    })
}

/// The tool that names a file so which reverts the one beside it: read as sqlx does, both are run one after the other.
fn way_back(name: &str, names: &BTreeSet<String>) -> Option<&'static str> {
    let stem = name.strip_suffix(".sql").filter(|stem| stem.starts_with(|first: char| first.is_ascii_digit()))?;
    let beside = |base: &str| WAYS_THERE.iter().any(|there| names.contains(&[base, there, ".sql"].concat()));
    let found = |(suffix, _): &&(&str, &str)| stem.strip_suffix(suffix).is_some_and(beside);
    WAYS_BACK.iter().find(found).map(|(_, tool)| *tool)
}

fn tool_of(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_string_lossy();
    if path.is_dir() {
        let is_prismas = path.join("migration.sql").is_file().then_some("Prisma");
        return is_prismas.or((name == "meta" && path.join("_journal.json").is_file()).then_some("Drizzle"));
    }
    match name.as_ref() {
        "migration_lock.toml" => Some("Prisma"),
        "script.py.mako" => Some("Alembic"),
        "__init__.py" => Some("Django"),
        name if name.ends_with(".sql") && is_flyways(name) => Some("Flyway"),
        name if name.ends_with(".sql") => marked(path, name),
        _ => None,
    }
}

/// `V1__init.sql`, `V2.1__more.sql`, `U1__init.sql`, `R__views.sql`.
fn is_flyways(name: &str) -> bool {
    let Some((prefix, _)) = name.split_once("__") else { return false };
    let is_version = |version: &str| {
        version.starts_with(|letter: char| letter.is_ascii_digit())
            && version.bytes().all(|byte| byte.is_ascii_digit() || b"._".contains(&byte))
    };
    prefix == "R" || ["V", "U", "B"].iter().any(|kind| prefix.strip_prefix(kind).is_some_and(is_version))
}

/// By the comments that divide a file into its way there and its way back: run as a whole, it would undo itself.
fn marked(path: &Path, name: &str) -> Option<&'static str> {
    let mut reader = BufReader::new(platform::open_regular(path).ok()?.take(LOOKED_AT));
    let mut marks = Marks::of_file(name);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).ok()? > 0 {
        let found = marks.read(&line);
        if found.is_some() {
            return found;
        }
        line.clear();
    }
    marks.finish()
}

/// The line of a file with the heading of its way back, `-- down`, where its way there stands under one of its own above.
pub fn heading_of_way_back(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_string_lossy();
    let mut reader = BufReader::new(platform::open_regular(path).ok()?.take(LOOKED_AT));
    let mut marks = Marks::of_file(&name);
    let mut line = Vec::new();
    while marks.way_back.is_none() && reader.read_until(b'\n', &mut line).ok()? > 0 {
        marks.read(&line);
        line.clear();
    }
    marks.finish();
    marks.way_back
}

/// The tools whose marks a file has had so far.
#[derive(Debug, Default)]
struct Marks {
    text: Text,
    /// The file's name says that it is the way there, or the way back.
    is_one_way: bool,
    ups: Vec<&'static str>,
    downs: Vec<&'static str>,
    /// The headings over the way there, by their place in the list, and the tool of one that has had its other half.
    headings: Vec<usize>,
    divided: Option<&'static str>,
    /// The number of the line that is read.
    line: u64,
    section: Section,
    /// The words of the last ordinary heading over a way there.
    headed: String,
    /// The line of the first ordinary heading over a way back.
    way_back: Option<u64>,
}

/// The last ordinary heading.
#[derive(Debug, Clone, Copy, Default)]
enum Section {
    #[default]
    None,
    /// Whether the first statement under it makes something.
    WayThere { makes: Option<bool> },
    /// Such a way there stands before it; the line of the heading.
    WayBack { line: u64 },
}

impl Marks {
    fn of_file(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        Self { is_one_way: [".up.sql", ".down.sql"].iter().any(|end| name.ends_with(end)), ..Self::default() }
    }

    /// Reads a line with its end; gives the tool that is certain by now.
    fn read(&mut self, line: &[u8]) -> Option<&'static str> {
        self.line = self.line.saturating_add(1);
        match self.text.read(line) {
            Line::Comment { is_between_statements } => self.take(line, is_between_statements),
            Line::Code(code) => self.pass(&code),
        }
    }

    /// Nothing more comes.
    fn finish(&mut self) -> Option<&'static str> {
        let code = self.text.finish();
        self.pass(&code)
    }

    fn take(&mut self, line: &[u8], is_between_statements: bool) -> Option<&'static str> {
        let words = String::from_utf8_lossy(line).split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let text = words.trim_start_matches(['#', '-', ' ']);
        if let Some((_, tool)) = MARKS.iter().find(|(mark, _)| text.starts_with(mark)) {
            return Some(tool);
        }
        if self.is_one_way {
            return None;
        }
        if line.starts_with(b"-") || line.starts_with(b"#") {
            self.head(text.trim_end_matches([':', '-', ' ']));
        }
        if is_between_statements && !line.starts_with(b" ") && !line.starts_with(b"\t") {
            self.head_ordinary(&words);
        }
        for (up, down, tool) in PAIRS {
            if text.starts_with(up) {
                self.ups.push(tool);
            } else if text.starts_with(down) {
                self.downs.push(tool);
            }
        }
        self.ups.iter().find(|tool| self.downs.contains(tool)).copied()
    }

    /// Reads a comment that may be a heading.
    fn head(&mut self, words: &str) {
        for (at, (up, down, tool)) in HEADINGS.iter().enumerate() {
            if words == *up {
                self.headings.push(at);
            } else if words == *down && self.headings.contains(&at) {
                self.divided = Some(tool);
            }
        }
    }

    /// The same of ordinary ones: `-- [up]`, `--- migration:up`, `/* UP */`.
    fn head_ordinary(&mut self, line: &str) {
        let words: Vec<&str> =
            line.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let words = words.join(" ");
        if ORDINARY.iter().any(|(up, _)| *up == words) {
            self.section = Section::WayThere { makes: None };
            self.headed.clone_from(&words);
        } else if ORDINARY.iter().any(|(_, down)| *down == words) {
            let is_other_half = ORDINARY.contains(&(self.headed.as_str(), words.as_str()));
            let has_made = matches!(self.section, Section::WayThere { makes: Some(true) });
            self.section = if is_other_half && has_made { Section::WayBack { line: self.line } } else { Section::None };
        }
    }

    /// Reads what is no comment: behind the heading of the way back it is a statement of that.
    fn pass(&mut self, code: &Code) -> Option<&'static str> {
        code.ended.iter().for_each(|deed| self.follow(*deed));
        self.divided.filter(|_| code.has_token)
    }

    /// Reads a statement under an ordinary heading.
    fn follow(&mut self, deed: Deed) {
        match (self.section, deed) {
            (_, Deed::Prepares) => {}
            (Section::WayThere { makes: None }, deed) => {
                self.section = Section::WayThere { makes: Some(deed == Deed::Other) };
            }
            (Section::WayBack { line }, deed) => {
                self.way_back = self.way_back.or(Some(line).filter(|_| deed == Deed::TakesBack));
                self.section = Section::None;
            }
            (Section::None | Section::WayThere { .. }, _) => {}
        }
    }
}
