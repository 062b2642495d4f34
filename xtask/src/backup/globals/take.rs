//! Taking a server's globals: pg_dumpall's text, read and understood to its last byte before it gets its name.

use super::{GlobalsManifest, HEAD, manifest::Kind};
use crate::backup::manifest::{Digest, Seconds, StartedAt};
use crate::backup::options::Destination;
use crate::backup::partial::Partial;
use crate::backup::sealed::Sealed as _;
use crate::backup::server_name;
use crate::backup::space;
use crate::error::Fault;
use crate::postgres::count::Count;
use crate::postgres::globals::{self, Globals};
use crate::postgres::server::Server;
use crate::postgres::session;
use crate::postgres::text::Line;
use crate::process::signals;
use crate::target::Target;
use crate::words::hex;
use anyhow::{Context as _, Error, Result};
use chrono::{DateTime, Local};
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The roles of a server are read in a moment; a longer wait means that the server hangs.
const DEADLINE: Duration = Duration::from_secs(120);

/// A file of globals that was made and proven.
#[derive(Debug)]
pub struct TakenGlobals {
    pub path: PathBuf,
    /// The size of the whole file, manifest included.
    pub bytes: u64,
    /// The SHA-256 of the whole file, manifest included.
    pub sha256: String,
    pub manifest: GlobalsManifest,
}

/// Takes the roles, memberships and role settings of the target's server, without passwords.
///
/// # Errors
/// Nothing is left under the final name, and no partial file, unless this process is killed outright.
pub fn take(target: &Target, destination: &Destination) -> Result<TakenGlobals> {
    let folder = destination.prepared()?;
    let server = Server::new(target)?;
    let (started, clock) = (Local::now(), Instant::now());
    let text = pg_dumpall(&server)?;
    let globals = globals::read(&text).map_err(unread)?;
    let manifest = manifest(&server, &text, &globals, (started, clock))?;
    let line = manifest.line()?;
    let name = |copy| server_name::Kind::Globals.file_name(&started, copy);
    let mut partial = Partial::create(folder, &name(1), server.session())?;
    for part in [HEAD, &text, &line] {
        partial.write(part)?;
    }
    space::watch(folder)?;
    signals::check()?;
    let path = match destination {
        Destination::File(file) => partial.publish(std::iter::once(file.clone()))?,
        Destination::Folder(folder) => partial.publish((1..1000).map(|copy| folder.join(name(copy))))?,
    };
    let whole = Sha256::new().chain_update(HEAD).chain_update(&text).chain_update(&line);
    let bytes = manifest.bytes.get().saturating_add(line.len() as u64);
    Ok(TakenGlobals { path, bytes, sha256: hex(&whole.finalize()), manifest })
}

/// The text, in UTF-8.
fn pg_dumpall(server: &Server<'_>) -> Result<Vec<u8>> {
    let program = server
        .own_program("pg_dumpall")?
        .args(["--globals-only", "--no-role-passwords", "--no-password", "--encoding=UTF8"])
        .arg(format!("--database={}", server.maintenance_database()));
    let said = program.capture(DEADLINE)?;
    if said.ending.success() {
        return Ok(said.stdout);
    }
    let failed = session::failure(server.target(), "pg_dumpall", &said.stderr, said.ending);
    Err(crate::error::explain(failed, || Fault::failed("The server's roles could not be read; no file was written")))
}

fn unread(flaw: globals::Flaw) -> Error {
    let fault = Fault::failed("pg_dumpall's text is not understood; no file was written");
    Error::new(flaw).context(
        fault.hint("this program restores only what it understands; save them by hand: pg_dumpall --globals-only"),
    )
}

fn manifest(
    server: &Server<'_>,
    text: &[u8],
    globals: &Globals,
    (started, clock): (DateTime<Local>, Instant),
) -> Result<GlobalsManifest> {
    let version = server.ask_maintenance("SELECT pg_catalog.current_setting('server_version')")?;
    let bytes = HEAD.len().saturating_add(text.len()) as u64;
    let sha256 = hex(&Sha256::new().chain_update(HEAD).chain_update(text).finalize());
    let made = || {
        Ok::<_, String>(GlobalsManifest {
            format: GlobalsManifest::FORMAT,
            kind: Kind::Globals,
            tool: Line::try_from(concat!("xtask ", env!("CARGO_PKG_VERSION")))?,
            server_version: Line::try_from(version.trim())?,
            started_at: StartedAt::try_from(started.fixed_offset())?,
            seconds: Seconds::try_from(clock.elapsed().as_secs_f64())?,
            bytes: Count::try_from(bytes)?,
            sha256: Digest::try_from(sha256)?,
            roles: Count::try_from(globals.roles.len() as u64)?,
            memberships: Count::try_from(globals.memberships.len() as u64)?,
        })
    };
    made().map_err(Error::msg).context("the file's manifest")
}
