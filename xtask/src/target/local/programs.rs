//! PostgreSQL's server programs on this host. Client and server programs come from one folder, so that
//! their versions always match.

use crate::error::Fault;
use crate::platform::{self, User};
use crate::process;
use crate::target::programs::{file, usual_folders, version_of};
use anyhow::Result;
use std::cmp::Reverse;
use std::path::{Path, PathBuf};

const NEEDED: [&str; 5] = ["initdb", "pg_ctl", "postgres", "psql", "pg_dump"];

/// A folder with every program of one PostgreSQL version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    pub folder: PathBuf,
    pub major: u32,
}

/// Which programs are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The major version that existing data was made by.
    pub major: Option<u32>,
    /// The user that must be able to run them, where that is not oneself.
    pub user: Option<&'a User>,
}

impl Programs {
    /// One of the programs, by name.
    pub fn path(&self, name: &str) -> PathBuf {
        file(&self.folder, name)
    }

    /// The programs in this folder, if all are there, of one version, and run.
    pub fn in_folder(folder: &Path) -> Option<Self> {
        if !NEEDED.iter().all(|name| file(folder, name).is_file()) {
            return None;
        }
        let major = version_of(&file(folder, "postgres"))?;
        Some(Self { folder: folder.to_owned(), major })
    }

    fn suits(&self, wanted: Wanted) -> bool {
        wanted.major.is_none_or(|major| major == self.major) && self.may_be_run(wanted)
    }

    fn may_be_run(&self, wanted: Wanted) -> bool {
        // Execute bits of the program count as those of a folder do.
        wanted.user.is_none_or(|user| platform::user_may_enter(&self.path("postgres"), user))
    }
}

/// The programs in the folder that `XTASK_PG_BIN` names; they are taken or refused, never replaced by others.
pub fn named(folder: &Path, wanted: Wanted) -> Result<Programs, Fault> {
    let Some(programs) = Programs::in_folder(folder) else {
        let list = NEEDED.join(", ");
        let fault = Fault::usage(format!("XTASK_PG_BIN={} does not have PostgreSQL's programs", folder.display()));
        return Err(fault.hint(format!("name the folder that holds {list}, or unset it")));
    };
    if let Some(user) = wanted.user.filter(|_| !programs.may_be_run(wanted)) {
        let fault = Fault::failed(format!("User {} cannot run the programs in {}", user.name, folder.display()));
        return Err(fault.hint("PostgreSQL refuses to run as root; make the folder and those above it accessible"));
    }
    match wanted.major {
        Some(major) if major != programs.major => Err(wrong_major(major, &[programs])),
        _ => Ok(programs),
    }
}

/// The best programs of this host: those on PATH, else the newest in the usual places. `Ok(Err(others))`
/// gives those found that do not suit.
pub fn installed(wanted: Wanted) -> Result<Programs, Vec<Programs>> {
    let mut others = Vec::new();
    let on_path = ["postgres", "initdb"].iter().filter_map(|name| process::find(name)?.parent().map(Path::to_owned));
    let mut usual: Vec<Programs> = usual_folders().iter().filter_map(|folder| Programs::in_folder(folder)).collect();
    usual.sort_by_key(|programs| Reverse(programs.major));
    for programs in on_path.filter_map(|folder| Programs::in_folder(&folder)).chain(usual) {
        if programs.suits(wanted) {
            return Ok(programs);
        }
        others.push(programs);
    }
    Err(others)
}

/// The fault of data that none of the programs found can serve.
pub fn wrong_major(major: u32, found: &[Programs]) -> Fault {
    let list: Vec<String> = found.iter().map(|p| format!("{} in {}", p.major, p.folder.display())).collect();
    let found = if list.is_empty() { String::new() } else { format!("; found: {}", list.join(", ")) };
    Fault::failed(format!("The local data was made by PostgreSQL {major} and needs programs of that version{found}"))
        .hint(format!("install PostgreSQL {major}, or name its folder: XTASK_PG_BIN=/path/to/bin"))
}
