//! PostgreSQL's client programs of this host, of every version that is installed.

use crate::error::Fault;
use crate::platform;
use crate::process;
use crate::target::programs::{file, usual_folders, version_of};
use std::path::{Path, PathBuf};

const NEEDED: [&str; 2] = ["psql", "pg_dump"];

/// A folder with the client programs of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clients {
    pub(super) folder: PathBuf,
    pub(super) major: u32,
}

impl Clients {
    /// One of the programs, by name.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        file(&self.folder, name)
    }

    fn in_folder(folder: &Path) -> Option<Self> {
        if !NEEDED.iter().all(|name| file(folder, name).is_file()) || is_debians_wrapper(&file(folder, "psql")) {
            return None;
        }
        let major = version_of(&file(folder, "psql"))?;
        (version_of(&file(folder, "pg_dump"))? == major).then(|| Self { folder: folder.to_owned(), major })
    }
}

/// Debian's `/usr/bin/psql` is a script that chooses a version, and sometimes a server, by files of its own; the
/// real programs lie elsewhere.
fn is_debians_wrapper(psql: &Path) -> bool {
    psql.canonicalize().is_ok_and(|path| path.file_name().is_some_and(|name| name == "pg_wrapper"))
}

/// The client programs of this host, in the order in which they are taken: the folder that is `named`, alone; else
/// those on PATH, then in the usual places.
///
/// # Errors
/// The named folder does not have them, or there are none at all.
pub(super) fn installed(named: Option<&Path>) -> Result<Vec<Clients>, Fault> {
    if let Some(folder) = named {
        return Clients::in_folder(folder).map(|clients| vec![clients]).ok_or_else(|| {
            let fault = Fault::usage(format!("XTASK_PG_BIN={} does not have PostgreSQL's programs", folder.display()));
            fault.hint(format!("name the folder that holds {}, or unset it", NEEDED.join(" and ")))
        });
    }
    let on_path = process::find("psql").and_then(|path| path.parent().map(Path::to_owned));
    let mut found: Vec<Clients> = Vec::new();
    for clients in on_path.into_iter().chain(usual_folders()).filter_map(|folder| Clients::in_folder(&folder)) {
        if !found.iter().any(|known| known.major == clients.major) {
            found.push(clients);
        }
    }
    if found.is_empty() {
        let fault = Fault::failed("There are no PostgreSQL client programs (psql, pg_dump) on this host");
        return Err(fault.hint(how_to_install(None)));
    }
    Ok(found)
}

/// The clients of the server's own version. A newer pg_dump writes what the server cannot read again, an older one
/// refuses.
pub(super) fn fitting(clients: &[Clients], major: u32) -> Result<Clients, Fault> {
    clients.iter().find(|clients| clients.major == major).cloned().ok_or_else(|| {
        let found: Vec<String> = clients.iter().map(|c| format!("{} ({})", c.major, c.folder.display())).collect();
        let found = found.join(", ");
        Fault::failed(format!("The server is PostgreSQL {major}; this host has client programs of {found}"))
            .hint(how_to_install(Some(major)))
    })
}

fn how_to_install(major: Option<u32>) -> String {
    let version = major.map_or_else(|| "VERSION".to_owned(), |major| major.to_string());
    let how = if platform::WINDOWS {
        format!("install the Command Line Tools of PostgreSQL {version}: https://www.postgresql.org/download/windows/")
    } else if platform::MACOS {
        format!("install them: brew install postgresql@{version}")
    } else {
        format!(
            "install them: apt install postgresql-client-{version} (Debian, Ubuntu; newer versions from apt.postgresql.org)\n\
             or dnf install postgresql{version} (Red Hat; from yum.postgresql.org)"
        )
    };
    let same = if major.is_none() { "VERSION must be the server's own major version\n" } else { "" };
    format!("{how}\n{same}or name the folder that has them: XTASK_PG_BIN=/path/to/bin")
}
