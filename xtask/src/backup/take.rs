//! Taking a backup: pg_dump's stream, hashed, proven and written in one pass, published only if it is whole.

pub use super::fault::explain_missing;
pub use super::options::{BackupOptions, Destination, LOCK_TIMEOUT};
pub use super::reading::Event;

use super::dump_encoding::{self, OtherEncoding};
use super::fault::incomplete;
use super::listing::{self, Expected};
use super::manifest::{self, Manifest};
use super::manifest_of_run::{Made, Stored};
use super::name;
use super::partial::{self, Partial};
use super::reading::Reading;
use super::sealed::Sealed as _;
use super::space;
use crate::error::{self, Exit, Fault};
use crate::postgres::database::OfItself;
use crate::postgres::open_session;
use crate::postgres::path_dependents::PathDependent;
use crate::postgres::server::Server;
use crate::postgres::session;
use crate::process::{Ending, signals};
use crate::words::hex;
use anyhow::Result;
use chrono::{DateTime, Local};
use sha2::Digest as _;
use std::path::PathBuf;
use std::thread::ScopedJoinHandle;
use std::time::Instant;

/// A backup that was made and proven.
#[derive(Debug)]
pub struct Taken {
    pub path: PathBuf,
    /// The size of the whole file, manifest included.
    pub bytes: u64,
    /// The SHA-256 of the whole file, manifest included.
    pub sha256: String,
    pub manifest: Manifest,
    /// What a restore of it may fail at.
    pub path_dependents: Vec<PathDependent>,
    /// The server's answer to `BackupOptions::question`.
    pub answer: String,
}

/// Takes the backup of the server's database; its sessions have the server's name.
///
/// # Errors
/// Nothing is left under the final name, and no partial file, unless this process is killed outright.
pub fn take(server: &Server<'_>, options: &BackupOptions, tell: &dyn Fn(Event)) -> Result<Taken> {
    let target = server.target();
    let folder = options.destination.prepared()?;
    let leftovers = partial::clear_leftovers(folder);
    if !leftovers.is_empty() {
        tell(Event::Cleared(leftovers.len()));
        for leftover in &leftovers {
            // A killed run's pg_dump may still hold its tables; if it cannot be ended, the dump below says why.
            let _ = server.named(leftover).terminate();
        }
    }
    let started = Local::now();
    let stem = name::file_name(target.database(), options.purpose, &started, 1, options.codec.ending());
    let expected = listing::expected(folder, target.database(), &*options.codec);
    space::check(folder, expected.map(|expected| expected.file), server)?;
    let write = |encoding: Option<&str>, role: Option<&str>| {
        let partial = Partial::create(folder, &stem, server.session())?;
        write(server, options, &Attempt { started, expected, encoding, role }, partial, tell)
    };
    let in_its_encoding = |role: Option<&str>| {
        write(None, role).or_else(|error| match error.downcast_ref::<OtherEncoding>() {
            Some(OtherEncoding(encoding)) => write(Some(encoding.as_str()), role),
            None => Err(error),
        })
    };
    let once = || {
        in_its_encoding(None).or_else(|error| match superuser_acting_as_another_role(server, &error) {
            Some(itself) => in_its_encoding(Some(&itself)),
            None => Err(error),
        })
    };
    let overridden = target.overriding().is_some();
    let taken = match once() {
        // A setting ended a session. Sessions from now on override it, so a second try may work.
        Err(_) if !overridden && target.overriding().is_some() => once(),
        taken => taken,
    };
    if taken.is_err() {
        // Ending docker's client does not end pg_dump in the container; ending its server session does.
        signals::shielded(|| server.terminate()).ok();
    }
    taken
}

/// One run of pg_dump.
struct Attempt<'a> {
    started: DateTime<Local>,
    expected: Option<Expected>,
    /// pg_dump's --encoding; `None`: role and database decide, mostly the database's own encoding.
    encoding: Option<&'a str>,
    /// pg_dump's --role; `None`: role and database decide, mostly the login itself.
    role: Option<&'a str>,
}

/// The login, where it is a superuser and a setting (`role`) has its sessions act as another role. That role may lack
/// rights, so that a dump fails.
fn superuser_acting_as_another_role(server: &Server<'_>, error: &anyhow::Error) -> Option<String> {
    if error::exit(error) != Exit::Failed {
        return None;
    }
    let sql = "SELECT pg_catalog.to_json(r.rolname) FROM pg_catalog.pg_roles AS r WHERE r.rolname = session_user AND r.rolsuper \
               AND EXISTS (SELECT FROM pg_catalog.pg_db_role_setting AS s CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) \
               AS c(setting) WHERE c.setting LIKE 'role=%' AND s.setrole IN (0, r.oid) AND s.setdatabase IN (0, (SELECT d.oid \
               FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())))";
    serde_json::from_str(server.ask(sql).ok()?.trim()).ok()
}

fn write(
    server: &Server<'_>,
    options: &BackupOptions,
    attempt: &Attempt<'_>,
    mut partial: Partial,
    tell: &dyn Fn(Event),
) -> Result<Taken> {
    let target = server.target();
    let &Attempt { started, encoding, .. } = attempt;
    let expected = attempt.expected.map(|expected| expected.text);
    let clock = Instant::now();
    let codec = &*options.codec;
    partial.write(&codec.stored(manifest::head(codec.format()))?)?;
    // The questions about the database run beside the dump: a busy server may answer them late.
    let ask = || OfItself::ask(&server.within(open_session::DEADLINE), options.question);
    let asked = options.one_session.then(ask).transpose()?;
    // In bulk the target may open further sessions, to look for a faster connection.
    let of_dump = if options.one_session { server.clone() } else { server.in_bulk(expected) };
    let dump = codec.record(&pg_dump(&of_dump, options, attempt)?, &partial)?;
    let mut opening = Vec::new();
    let reading = Reading { server, options, expected, tell, since: clock };
    let (proof, mut of_itself) = std::thread::scope(|scope| {
        let asking = asked.is_none().then(|| scope.spawn(ask));
        let proof = reading.follow(dump, &mut opening);
        let of_itself = match (asked, asking.map(ScopedJoinHandle::join)) {
            (Some(asked), _) | (None, Some(Ok(Ok(asked)))) => asked,
            (None, Some(Ok(Err(error)))) => return Err(proof.err().unwrap_or(error)),
            (None, _) => return Err(anyhow::anyhow!("asking for the database's properties failed")),
        };
        if encoding.is_none() {
            dump_encoding::check(server, &opening, proof.as_ref().err(), &of_itself.properties.encoding)?;
        }
        proof.map(|proof| (proof, of_itself))
    })?;
    let answer = std::mem::take(&mut of_itself.answer);
    let path_dependents = std::mem::take(&mut of_itself.path_dependents);
    let stored = Stored::of(&proof, target)?;
    let contents = proof.scanner.finish().map_err(|flaw| incomplete(target, flaw, "", Ending::Code(0)))?;
    let made = Made { options, started, seconds: clock.elapsed().as_secs_f64(), stored: &stored };
    let manifest = made
        .manifest(target.database(), contents, of_itself)
        .map_err(|why| Fault::failed(format!("The manifest cannot be written; no backup was made: {why}")))?;
    let line = codec.stored(&manifest.line()?)?;
    partial.write(&line)?;
    let sha256 = hex(&stored.file.chain_update(&line).finalize());
    signals::check()?;
    let path = publish(partial, target.database(), options, started)?;
    let bytes = stored.before_manifest.saturating_add(line.len() as u64);
    Ok(Taken { path, bytes, sha256, manifest, path_dependents, answer })
}

/// Gives the file its name: the one that was asked for, else the first free one of its second.
fn publish(partial: Partial, database: &str, options: &BackupOptions, started: DateTime<Local>) -> Result<PathBuf> {
    let ending = options.codec.ending();
    match &options.destination {
        Destination::File(file) => partial.publish(std::iter::once(file.clone())),
        Destination::Folder(folder) => {
            let copies = options.first_copy..options.first_copy.saturating_add(1000);
            let names = copies.map(|copy| name::file_name(database, options.purpose, &started, copy, ending));
            partial.publish(names.map(|name| folder.join(name)))
        }
    }
}

fn pg_dump(server: &Server<'_>, options: &BackupOptions, attempt: &Attempt<'_>) -> Result<crate::process::Program> {
    let program = server
        .own_program("pg_dump")
        .map_err(|error| session::understood(server, error))?
        .args(attempt.encoding.map(|name| format!("--encoding={name}")))
        .args(attempt.role.map(|name| format!("--role={name}")))
        .args(["--format=plain", "--no-password"])
        .arg(format!("--lock-wait-timeout={}", options.lock_timeout.as_millis()))
        .args(options.tables.iter().map(|table| format!("--table={table}")));
    // Without it a name that matches nothing would be passed over in silence.
    Ok(if options.tables.is_empty() { program } else { program.arg("--strict-names") })
}
