//! What tests ask of backup files: one that is made, one that is forged, one that was killed half-way.

use super::stack::{Database, identifier};
use super::{Fakes, Session, Xtask, wait_until};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

const MANIFEST: &str = "-- xtask manifest: ";
const CHECKSUM: &str = ",\"checksum\":\"";

/// A dump by pg_dump, the same bytes for the same content: newer ones would choose a random key, which older ones
/// do not know.
#[track_caller]
pub fn dumped(client: impl Fn(&[&str]) -> (Option<Vec<u8>>, String)) -> Vec<u8> {
    let (dump, errors) = client(&["pg_dump", "--restrict-key=xtasktest"]);
    let (dump, errors) = if errors.contains("restrict-key") { client(&["pg_dump"]) } else { (dump, errors) };
    dump.unwrap_or_else(|| panic!("pg_dump\n{errors}"))
}

impl Database<'_> {
    /// Takes a backup that must work; its path.
    #[track_caller]
    pub fn backup(&self) -> PathBuf {
        let run = self.xtask(["--quiet", "db-backup"]).run();
        run.ok();
        self.sandbox.path(run.text().trim_end())
    }

    /// Takes a backup that must work; what `--json` says of it.
    #[track_caller]
    pub fn backup_json(&self) -> Value {
        let run = self.xtask(["db-backup", "--json"]).run();
        run.ok();
        run.json()
    }

    /// The binary, on this database, where pg_dump is this `sh` text (`real "$@"` is the real one).
    pub fn xtask_with_pg_dump<'a>(&self, args: impl IntoIterator<Item = &'a str>, body: &str) -> Xtask {
        Fakes::new(&self.sandbox).docker_but("pg_dump", body).over(self.xtask(args))
    }

    /// A table of so many megabytes in a dump, made in no time (the server keeps it compressed).
    pub fn fill(&self, table: &str, megabytes: u32) {
        let table = identifier(table);
        self.sql(&format!(
            "CREATE TABLE {table} AS SELECT i, repeat('x', 100000) AS filling FROM generate_series(1, {megabytes} * 10) AS i"
        ));
    }

    /// How many server sessions of ours work on this database.
    pub fn our_sessions(&self) -> usize {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'xtask-%' AND datname = ";
        self.stack.admin(&format!("{sql}'{}'", self.name.replace('\'', "''"))).parse().unwrap()
    }

    /// Waits until a pg_dump of ours stands before a table that someone holds.
    #[track_caller]
    pub fn wait_for_a_blocked_dump(&self) {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'xtask-%' \
                   AND wait_event_type = 'Lock' AND datname = ";
        let sql = format!("{sql}'{}'", self.name);
        wait_until("pg_dump waits for a table", || self.stack.admin(&sql) != "0");
    }

    /// A session that holds the table against every reader until it is dropped.
    pub fn hold(&self, table: &str) -> Session {
        let mut session = self.session();
        session.sql(&format!("BEGIN; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", identifier(table)));
        session
    }
}

/// What the file's last line says.
#[track_caller]
pub fn manifest(file: &Path) -> Value {
    let text = fs::read(file).unwrap();
    let line = text.strip_suffix(b"\n").unwrap();
    let line = &line[line.iter().rposition(|&byte| byte == b'\n').unwrap() + 1..];
    let json = std::str::from_utf8(line).unwrap().strip_prefix(MANIFEST).unwrap();
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

/// pg_dump's own bytes of a backup, without our two lines.
pub fn inner(file: &Path) -> Vec<u8> {
    let text = fs::read(file).unwrap();
    let start = text.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    let end = text[..text.len() - 1].iter().rposition(|&byte| byte == b'\n').unwrap() + 1;
    text[start..end].to_vec()
}

/// A backup whose manifest was changed by someone who knows how: its checksum fits again.
#[track_caller]
pub fn forged(backup: &[u8], from: &str, to: &str) -> Vec<u8> {
    let start = backup[..backup.len() - 1].iter().rposition(|&byte| byte == b'\n').unwrap() + 1;
    let line = std::str::from_utf8(&backup[start..]).unwrap();
    let (body, _) = line.rsplit_once(CHECKSUM).unwrap();
    assert!(body.contains(from), "{from:?} is not in {body}");
    let body = body.replacen(from, to, 1);
    let line = format!("{body}{CHECKSUM}{}\"}}\n", sha256(body.as_bytes()));
    [&backup[..start], line.as_bytes()].concat()
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Runs it where `folder` is a small disk of its own, first filled by this `sh` text (in which `$DISK` is the
/// folder); gives the run and the names of what lies on that disk afterwards. Needs `Need::Mount`; the disk
/// is gone with the run.
pub fn on_disk(run: Xtask, folder: &Path, options: &str, before: &str) -> (super::Outcome, Vec<String>) {
    let list = folder.with_extension("list");
    let script = format!(
        "mount -t tmpfs -o {options} none \"$DISK\" || exit 99\n{before}\n\"$@\"\ncode=$?\nls -A -I metrics \"$DISK\" >\"$LIST\"\nexit $code"
    );
    let run = run.env("DISK", folder).env("LIST", &list);
    let outcome = run.through(["unshare", "--mount", "sh", "-c", &script, "sh"]).run();
    let names = fs::read_to_string(&list).unwrap_or_default();
    // The folder's own rules for git come with it.
    (outcome, names.lines().filter(|name| *name != ".gitignore").map(str::to_owned).collect())
}
