//! `db-backup --globals`: the server's roles in a file of their own.

use crate::backup::globals::{self, TakenGlobals};
use crate::backup::manifest::{Seconds, StartedAt};
use crate::backup::take::Destination;
use crate::commands::result::Written;
use crate::context::Context;
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use serde::Serialize;
use std::borrow::Cow;

/// Takes them and says where they are.
pub fn back_up(target: &Target, destination: &Destination, json: bool, context: &Context) -> Result<()> {
    context.terminal.note("Saving the server's roles...");
    let taken = globals::take(target, destination)?;
    let written = Written { what: "file", path: &taken.path, context };
    if json {
        return written.as_json(&Document::of(&taken));
    }
    let lines = [
        context.terminal.done_line(&format!("Roles saved in {}", context.shown(&taken.path))),
        String::new(),
        format!("Roles:       {}, without passwords", terminal::count(taken.manifest.roles.get())),
        format!("Memberships: {}", terminal::count(taken.manifest.memberships.get())),
    ];
    written.as_report(&lines, None)
}

/// `--json`, version 1.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    file: Cow<'a, str>,
    bytes: u64,
    sha256: &'a str,
    server_version: &'a str,
    roles: u64,
    memberships: u64,
    started_at: StartedAt,
    seconds: Seconds,
}

impl<'a> Document<'a> {
    fn of(taken: &'a TakenGlobals) -> Self {
        Self {
            version: 1,
            file: taken.path.to_string_lossy(),
            bytes: taken.bytes,
            sha256: &taken.sha256,
            server_version: &taken.manifest.server_version,
            roles: taken.manifest.roles.get(),
            memberships: taken.manifest.memberships.get(),
            started_at: taken.manifest.started_at,
            seconds: taken.manifest.seconds,
        }
    }
}
