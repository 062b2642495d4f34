//! Lines of a screen without what differs from run to run, so that a page and a run can be compared.

use crate::harness::Test;

pub fn tests() -> Vec<Test> {
    tests![
        [] only_versions_times_ids_and_sizes_may_differ,
        [] a_port_is_replaced_as_a_whole_number,
        [] a_page_calls_one_migration_by_one_version,
    ]
}

/// The lines without what differs from run to run: versions, times, ids, sizes, and the width of columns.
pub fn normal(lines: &[impl AsRef<str>]) -> Vec<String> {
    lines.iter().map(|line| normal_line(line.as_ref())).collect()
}

fn normal_line(line: &str) -> String {
    // Sessions come and go.
    if let Some((before, _)) = line.split_once("Sessions that will be terminated: ") {
        return format!("{before}Sessions that will be terminated: SOME");
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut normal: Vec<String> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let (word, next) = (words[at], words.get(at + 1).copied().unwrap_or_default());
        let unit = next.trim_end_matches([',', ')', ';', '.']);
        // So do connections; a server's limit stays.
        let is_used = unit == "of" && words.get(at + 3) == Some(&"used");
        let kind = if is_used { Some("SOME") } else { unit_kind(unit) };
        if let Some(kind) = kind.filter(|_| is_number(word)) {
            let (before, after) = (&word[..word.len() - word.trim_start_matches('(').len()], &next[unit.len()..]);
            let unit = if kind == "SOME" { " of" } else { "" };
            normal.push(format!("{before}{kind}{unit}{after}"));
            at += 2;
        } else {
            normal.push(normal_word(word));
            at += 1;
        }
    }
    normal.join(" ")
}

fn is_number(word: &str) -> bool {
    let number = word.trim_start_matches('(').replace([',', '.'], "");
    !number.is_empty() && number.chars().all(|letter| letter.is_ascii_digit())
}

fn unit_kind(unit: &str) -> Option<&'static str> {
    match unit {
        "ms" | "s" | "second" | "seconds" | "min" | "h" | "days" => Some("TIME"),
        "B" | "bytes" | "kB" | "MB" | "GB" | "TB" => Some("SIZE"),
        _ => None,
    }
}

/// A word in which versions, times and ids are named by their kind.
fn normal_word(word: &str) -> String {
    let is_inner = |letter: char| letter.is_alphanumeric() || "._-+~:".contains(letter);
    let mut text = String::new();
    let mut rest = word;
    while let Some(letter) = rest.chars().next() {
        let length = rest.find(|letter| !is_inner(letter)).unwrap_or(rest.len());
        if length == 0 {
            text.push(letter);
            rest = &rest[letter.len_utf8()..];
            continue;
        }
        let (piece, after) = rest.split_at(length);
        let bare = piece.trim_end_matches(['.', ':']);
        text.push_str(&kind(bare).unwrap_or_else(|| bare.to_owned()));
        text.push_str(&piece[bare.len()..]);
        rest = after;
    }
    text
}

fn kind(piece: &str) -> Option<String> {
    let digits = |text: &str, count: usize| text.len() == count && text.chars().all(|letter| letter.is_ascii_digit());
    // A backup's or a database's time stands at the end of its name, before the ending.
    if let Some(at) = piece.find(|letter: char| letter.is_ascii_digit()).filter(|_| !piece.contains(':')) {
        let (name, time) = piece.split_at(at);
        let (date, rest) = time.split_once('_').unwrap_or((time, ""));
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        if digits(date, 8) && digits(&rest[..end], 6) {
            return Some(format!("{name}TIME{}", &rest[end..]));
        }
        // A migration's version, but for the two that the checkout has.
        if digits(date, 14) && !date.starts_with("20251021") {
            return Some(format!("{name}TIME{}", &time[date.len()..]));
        }
    }
    let shape: String = piece.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
    if ["0000-00-00", "00:00", "00:00:00", "0000-00-00T00:00:00Z"].contains(&shape.as_str()) {
        return Some("TIME".to_owned());
    }
    let is_id = |length: usize| {
        piece.len() == length
            && piece.starts_with("01")
            && piece.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit())
    };
    let is_hash = piece.len() == 9 && piece.chars().all(|letter| letter.is_ascii_hexdigit());
    if is_id(26) || is_id(10) || is_hash {
        return Some("ID".to_owned());
    }
    let core = piece.trim_start_matches('v');
    let is_address = core.starts_with("127.0.0.1");
    let (major, minor) = core.split_once('.')?;
    let is_version =
        digits(major, major.len()) && !major.is_empty() && minor.starts_with(|letter: char| letter.is_ascii_digit());
    (is_version && !is_address).then(|| "VERSION".to_owned())
}

const NORMAL: &[(&str, &str)] = &[
    ("File:      backups/openfga_backup_20251021_143022.sql", "File: backups/openfga_backup_TIME.sql"),
    ("Size:      2.4 MB", "Size: SIZE"),
    ("backups/server_globals_20251021_143022.sql  -  1 s  989 bytes", "backups/server_globals_TIME.sql - TIME SIZE"),
    (
        "Database:  openfga (PostgreSQL 16.8, compose service postgres)",
        "Database: openfga (PostgreSQL VERSION, compose service postgres)",
    ),
    ("Tables:    12 (2,541 rows)", "Tables: 12 (2,541 rows)"),
    ("✓ rust: rustc 1.95.0 (59807616e 2026-04-14)", "✓ rust: rustc VERSION (ID TIME)"),
    ("✓ OpenFGA answers at http://127.0.0.1:8080", "✓ OpenFGA answers at http://127.0.0.1:8080"),
    ("✓ 20251021140000 create sessions (50 ms)", "✓ 20251021140000 create sessions (TIME)"),
    ("✓ 20251103091500 add user names (12 ms)", "✓ TIME add user names (TIME)"),
    ("migrations/20251103091500_add_user_names.up.sql", "migrations/TIME_add_user_names.up.sql"),
    (
        "The swap was on 2025-10-21 16:31:05, 9 min ago; it is openfga_before_20251021_163105",
        "The swap was on TIME TIME, TIME ago; it is openfga_before_TIME",
    ),
    (
        "20251021140000  create sessions  applied  2025-10-21T14:31:05Z  9 ms",
        "20251021140000 create sessions applied TIME TIME",
    ),
    ("Store:   01M8289EF0R2YEA0HYBTG6EP1V, created", "Store: ID, created"),
    ("public.tuple         0  →          1,247", "public.tuple 0 → 1,247"),
    ("✓ connections              3 of 100 used  554 ms", "✓ connections SOME of 100 used TIME"),
    ("✓ docker   engine 20.10.24+dfsg1, Compose 2.26.1-4  271 ms", "✓ docker engine VERSION, Compose VERSION TIME"),
    ("Database:  openfga (unreachable for 0.02 s)", "Database: openfga (unreachable for TIME)"),
    ("Taken:     over 2 seconds; they are not one snapshot", "Taken: over TIME; they are not one snapshot"),
    ("10 rows", "10 rows"),
    ("Sessions that will be terminated: unnamed 9", "Sessions that will be terminated: SOME"),
];

fn only_versions_times_ids_and_sizes_may_differ() {
    for (line, normal) in NORMAL {
        assert_eq!(normal_line(line), *normal);
    }
}

/// The versions of migrations in a block, in the order in which they first appear: which of them a line names is the
/// same on a page and in a run.
#[derive(Default)]
pub struct MigrationVersions(Vec<String>);

impl MigrationVersions {
    /// The place of each version that the lines name.
    pub fn places(&mut self, lines: &[impl AsRef<str>]) -> Vec<usize> {
        let numbers = |line: &str| -> Vec<String> {
            line.split(|letter: char| !letter.is_ascii_digit()).map(str::to_owned).collect()
        };
        let versions = lines.iter().flat_map(|line| numbers(line.as_ref())).filter(|number| number.len() == 14);
        let place = |version: String| {
            self.0.iter().position(|known| *known == version).unwrap_or_else(|| {
                self.0.push(version);
                self.0.len() - 1
            })
        };
        versions.map(place).collect()
    }
}

fn a_page_calls_one_migration_by_one_version() {
    let places = |lines: &[&str]| MigrationVersions::default().places(lines);
    assert_eq!(places(&["20261128042857_a.up.sql", "✓ 20261128042857 a (at 20251021140000)"]), [0, 0, 1]);
    assert_eq!(places(&["20261128042857_a.up.sql", "✓ 20261127015106 a (at 20251021140000)"]), [0, 1, 2]);
}

/// The text with this number as another one; the same digits within a longer number (a file's time) stay.
pub fn with_number(text: &str, number: &str, other: &str) -> String {
    let mut changed = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let (before, digits) = rest.split_at(at);
        let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
        let (digits, after) = digits.split_at(end);
        changed.push_str(before);
        changed.push_str(if digits == number { other } else { digits });
        rest = after;
    }
    changed + rest
}

fn a_port_is_replaced_as_a_whole_number() {
    for (text, shown) in [
        ("openfga_backup_20261127_121121.sql", "openfga_backup_20261127_121121.sql"),
        ("http://127.0.0.1:12112/metrics, 12112", "http://127.0.0.1:2112/metrics, 2112"),
        ("no number", "no number"),
    ] {
        assert_eq!(with_number(text, "12112", "2112"), shown);
    }
}
