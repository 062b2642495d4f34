//! Taking a backup: pg_dump's stream, hashed, proven and written in one pass, published only if it is whole.

pub use super::options::{BackupOptions, Destination, LOCK_TIMEOUT};
pub use super::reading::Event;

use super::fault::not_whole;
use super::listing;
use super::manifest::{self, CopyBlocks, Digest, Manifest, Seconds, StartedAt};
use super::name;
use super::partial::{self, Partial};
use super::reading::Reading;
use super::sealed::Sealed as _;
use super::space;
use crate::error::Fault;
use crate::postgres::count::Count;
use crate::postgres::database::OfItself;
use crate::postgres::dump::Contents;
use crate::postgres::path_dependents::PathDependent;
use crate::postgres::server::Server;
use crate::postgres::text::{Line, Name, ObjectName, Text};
use crate::process::signals;
use crate::target::Target;
use anyhow::{Context as _, Result};
use chrono::{DateTime, Local};
use sha2::Digest as _;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::thread::ScopedJoinHandle;
use std::time::Instant;

/// A backup that was made and proven.
#[derive(Debug)]
pub struct Taken {
    pub path: PathBuf,
    /// Of the whole file, manifest included.
    pub bytes: u64,
    /// Of the whole file, manifest included.
    pub sha256: String,
    pub manifest: Manifest,
    /// What a restore of it may fail at.
    pub path_dependents: Vec<PathDependent>,
    /// The server's answer to `BackupOptions::question`.
    pub answer: String,
}

/// Takes the backup.
///
/// # Errors
/// Nothing is left under the final name, and no partial file, unless this process is killed outright.
pub fn take(target: &Target, options: &BackupOptions, tell: &dyn Fn(Event)) -> Result<Taken> {
    let folder = options.destination.prepared()?;
    let server = Server::new(target)?;
    let leftovers = partial::clear_leftovers(folder);
    if !leftovers.is_empty() {
        tell(Event::Cleared(leftovers.len()));
        for leftover in &leftovers {
            // A killed run's pg_dump may still hold its tables; if it cannot be ended, the dump below says why.
            let _ = server.named(leftover).terminate();
        }
    }
    let started = Local::now();
    let stem = name::file_name(target.database(), options.purpose, &started, 1);
    let newest = listing::newest_size(folder, target.database());
    space::look(folder, newest, &server)?;
    let write = |encoding: Option<&str>| {
        let partial = Partial::create(folder, &stem, server.session())?;
        write(&server, options, &Attempt { started, expected: newest, encoding }, partial, tell)
    };
    let once = || {
        write(None).or_else(|error| match error.downcast_ref::<OtherEncoding>() {
            Some(OtherEncoding(encoding)) => write(Some(encoding.as_str())),
            None => Err(error),
        })
    };
    let overridden = target.overriding().is_some();
    let taken = match once() {
        // Its first statements, or those beside it, were ended by a setting that the next ones do not heed.
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
    /// About how many bytes there will be.
    expected: Option<u64>,
    /// In which pg_dump writes; else as role and database set it, most often the database's own.
    encoding: Option<&'a str>,
}

fn write(
    server: &Server<'_>,
    options: &BackupOptions,
    attempt: &Attempt<'_>,
    mut partial: Partial,
    tell: &dyn Fn(Event),
) -> Result<Taken> {
    let target = server.target();
    let &Attempt { started, expected, encoding } = attempt;
    let clock = Instant::now();
    partial.write(manifest::HEAD)?;
    let ask = || OfItself::ask(server, options.question);
    let asked = options.one_session.then(ask).transpose()?;
    // Another way is looked for by sessions more.
    let of_dump = if options.one_session { server.clone() } else { server.in_bulk(expected) };
    let dump = pg_dump(&of_dump, options, encoding)?.write_to(partial.for_program()?)?;
    let (proof, mut of_itself) = std::thread::scope(|scope| {
        let asking = asked.is_none().then(|| scope.spawn(ask));
        let reading = Reading { server, options, expected, tell };
        let proof = reading.follow(dump, &partial);
        let of_itself = match (asked, asking.map(ScopedJoinHandle::join)) {
            (Some(asked), _) | (None, Some(Ok(Ok(asked)))) => asked,
            (None, Some(Ok(Err(error)))) => return Err(proof.err().unwrap_or(error)),
            (None, _) => return Err(anyhow::anyhow!("asking for the database's properties failed")),
        };
        let own = &of_itself.properties.encoding;
        if encoding.is_none() && declared_encoding(&partial)?.is_some_and(|declared| declared != **own) {
            return Err(OtherEncoding(own.to_string()).into());
        }
        proof.map(|proof| (proof, of_itself))
    })?;
    let answer = std::mem::take(&mut of_itself.answer);
    let path_dependents = std::mem::take(&mut of_itself.path_dependents);
    let contents = proof.scanner.finish().with_context(|| not_whole(target))?;
    let sha256 = manifest::hex(&proof.hash.clone().finalize());
    let made = Made { options, started, seconds: clock.elapsed().as_secs_f64(), bytes: proof.bytes, sha256 };
    let manifest = made
        .manifest(target.database(), contents, of_itself)
        .map_err(|why| Fault::failed(format!("The manifest cannot be written; no backup was made: {why}")))?;
    let line = manifest.line()?;
    partial.write(&line)?;
    let sha256 = manifest::hex(&proof.hash.chain_update(&line).finalize());
    signals::check()?;
    let path = match &options.destination {
        Destination::File(file) => partial.publish(std::iter::once(file.clone()))?,
        Destination::Folder(folder) => {
            let copies = options.first_copy..options.first_copy.saturating_add(1000);
            let names = copies.map(|copy| name::file_name(target.database(), options.purpose, &started, copy));
            partial.publish(names.map(|name| folder.join(name)))?
        }
    };
    let bytes = proof.bytes.saturating_add(line.len() as u64);
    Ok(Taken { path, bytes, sha256, manifest, path_dependents, answer })
}

/// What a backup's making tells of it.
struct Made<'a> {
    options: &'a BackupOptions,
    started: DateTime<Local>,
    seconds: f64,
    /// Of what precedes the manifest, as the SHA-256.
    bytes: u64,
    sha256: String,
}

impl Made<'_> {
    /// # Errors
    /// What no manifest can hold: a name that a terminal would obey, a comment of more than a megabyte.
    fn manifest(self, database: &str, contents: Contents, of_itself: OfItself) -> Result<Manifest, String> {
        let names =
            |names: BTreeSet<String>| names.into_iter().map(ObjectName::try_from).collect::<Result<Vec<_>, _>>();
        let extensions = names(contents.extensions)?;
        let mut versions = of_itself.extension_versions;
        versions.retain(|name, _| extensions.contains(name));
        let patterns =
            self.options.tables.iter().map(|table| Text::try_from(table.as_str())).collect::<Result<Vec<_>, _>>()?;
        Ok(Manifest {
            format: Manifest::FORMAT,
            tool: Line::try_from(concat!("xtask ", env!("CARGO_PKG_VERSION")))?,
            database: Name::try_from(database)?,
            only_tables: (!patterns.is_empty()).then_some(patterns),
            server_version: Line::try_from(contents.server_version.unwrap_or_default())?,
            pg_dump_version: Line::try_from(contents.pg_dump_version.unwrap_or_default())?,
            started_at: StartedAt::try_from(self.started.fixed_offset())?,
            seconds: Seconds::try_from(self.seconds)?,
            bytes: Count::try_from(self.bytes)?,
            sha256: Digest::try_from(self.sha256)?,
            copied: CopyBlocks::try_from(contents.copied)?,
            openfga: contents.openfga,
            roles: names(contents.roles)?,
            extensions,
            extension_versions: Some(versions),
            properties: of_itself.properties,
        })
    }
}

/// Role or database set a `client_encoding`, in which pg_dump would write; the database's own, in which it writes else.
#[derive(Debug)]
struct OtherEncoding(String);

impl fmt::Display for OtherEncoding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the dump is not in the database's encoding {}", self.0)
    }
}

impl std::error::Error for OtherEncoding {}

/// The encoding that the dump names at its beginning.
fn declared_encoding(partial: &Partial) -> Result<Option<String>> {
    const SET: &str = "\nSET client_encoding = '";
    let mut opening = [0; 4096];
    let read = partial.read_at(&mut opening, 0)?;
    let text = String::from_utf8_lossy(&opening[..read]).into_owned();
    let named = text.split_once(SET).and_then(|(_, rest)| rest.split_once('\''));
    Ok(named.map(|(name, _)| name.to_owned()))
}

fn pg_dump(server: &Server<'_>, options: &BackupOptions, encoding: Option<&str>) -> Result<crate::process::Program> {
    let program = server
        .own_program("pg_dump")?
        .args(encoding.map(|name| format!("--encoding={name}")))
        .args(["--format=plain", "--no-password"])
        .arg(format!("--lock-wait-timeout={}", options.lock_timeout.as_millis()))
        .args(options.tables.iter().map(|table| format!("--table={table}")));
    // Without it a name that matches nothing would be passed over in silence.
    Ok(if options.tables.is_empty() { program } else { program.arg("--strict-names") })
}
