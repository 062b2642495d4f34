//! A project that is only looked at, and whose author is not trusted: Compose reads it without fetching anything, and
//! gets no variable of its `.env` but those that the Compose files name.

use super::remote;
use crate::error::Fault;
use crate::platform;
use crate::process::{Program, signals};
use crate::settings::{self, Settings, compose_files};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// No Compose file that is looked at is longer, in bytes, and there are no more of them.
const LONGEST: u64 = 1 << 20;
const MOST_FILES: usize = 64;
/// What `.env` says to Compose itself.
const OF_COMPOSE: [&str; 4] = ["COMPOSE_FILE", "COMPOSE_PATH_SEPARATOR", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES"];
/// Variables that choose a program, a library or a server for the programs that get them: by their beginnings.
const OF_PROGRAMS: [&str; 14] = [
    "BUILDKIT_",
    "BUILDX_",
    "COMPOSE_",
    "DOCKER_",
    "DYLD_",
    "GIT_",
    "GODEBUG",
    "HOME",
    "LD_",
    "OPENSSL_",
    "PATH",
    "SSH_",
    "SSL_",
    "XDG_",
];

/// What Compose gets instead of the project's `.env`: a file of ours, which is removed again.
#[derive(Debug)]
pub(super) struct Confined {
    env_file: PathBuf,
}

impl Confined {
    /// # Errors
    /// Exit 1: its files name something beyond plain paths in it, which Compose would fetch.
    pub(super) fn new(settings: &Settings, root: &Path) -> Result<Self, Fault> {
        let files = Files::of(settings, root)?;
        let env = root.join(".env");
        if !files.is_within(&env) {
            let fault = format!("{} is a link that leads out of the repository", env.display());
            return Err(Fault::failed(fault).hint("remove the link"));
        }
        let words = files.read()?;
        let is_named = |name: &str| words.contains(name) && !is_of_programs(name);
        let mut text = Vec::new();
        for (name, value) in settings.in_files().filter(|(name, _)| OF_COMPOSE.contains(name) || is_named(name)) {
            text.extend(settings::with_value(b"", name, value));
        }
        let moment = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
        let env_file = std::env::temp_dir().join(format!("xtask-adopt-{}-{moment}.env", std::process::id()));
        let written = platform::create_private(&env_file).and_then(|mut file| {
            let confined = Self { env_file: env_file.clone() };
            file.write_all(&text).map(|()| confined)
        });
        written.map_err(|error| {
            Fault::failed(format!("{} cannot be written: {error}", env_file.display())).hint("make room there")
        })
    }

    /// Compose with nothing but that; a variable of the process environment wins over every `.env`.
    pub(super) fn around(&self, program: Program) -> Program {
        let program = program.env("COMPOSE_EXPERIMENTAL_GIT_REMOTE", "false");
        program.env("COMPOSE_EXPERIMENTAL_OCI_REMOTE", "false").arg("--env-file").arg(&self.env_file)
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        // A file that stays says nothing but what the repository's .env says.
        std::fs::remove_file(&self.env_file).unwrap_or_default();
    }
}

fn is_of_programs(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    name.ends_with("_PROXY") || OF_PROGRAMS.iter().any(|start| name.starts_with(start))
}

/// The Compose files, with those that they include or extend. A path is looked for from every folder from which a version
/// of Compose might take it.
struct Files {
    root: PathBuf,
    open: Vec<PathBuf>,
    read: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
    named: BTreeSet<String>,
    words: BTreeSet<String>,
}

impl Files {
    fn of(settings: &Settings, root: &Path) -> Result<Self, Fault> {
        for name in settings.compose_files().into_iter().flatten() {
            if !remote::is_plain(name.trim_start_matches('/')) {
                return Err(beyond("COMPOSE_FILE", name));
            }
        }
        let folders = BTreeSet::from([root.to_owned(), compose_files::project_folder(settings, root)]);
        let open = compose_files::all(settings, root);
        let root = root.to_owned();
        Ok(Self { root, open, read: BTreeSet::new(), folders, named: BTreeSet::new(), words: BTreeSet::new() })
    }

    /// The words of them all.
    fn read(mut self) -> Result<BTreeSet<String>, Fault> {
        while let Some(path) = self.open.pop() {
            if self.read.insert(path.clone()) {
                self.add(&path)?;
            }
            if self.open.is_empty() {
                self.open = self.found()?;
            }
        }
        Ok(self.words)
    }

    /// Whether a file that is there is in the repository, behind any link.
    fn is_within(&self, path: &Path) -> bool {
        let Ok(path) = path.canonicalize() else { return true };
        self.root.canonicalize().is_ok_and(|top| path.starts_with(top))
    }

    fn add(&mut self, path: &Path) -> Result<(), Fault> {
        signals::check()?;
        let unreadable =
            |why: String| Fault::failed(format!("{} is not looked at: {why}", path.display())).hint("correct it");
        if self.read.len() > MOST_FILES {
            return Err(unreadable(format!("there are more than {MOST_FILES} Compose files")));
        }
        if !self.is_within(path) {
            return Err(unreadable("a link leads out of the repository".to_owned()));
        }
        let bytes = platform::read_regular(path, LONGEST).map_err(|error| unreadable(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| unreadable("it is no UTF-8 text".to_owned()))?;
        // Compose's reader ends a line, and with it a comment, where ours does not.
        if text.contains(['\u{85}', '\u{2028}', '\u{2029}']) {
            return Err(unreadable("it has a line separator other than a line feed".to_owned()));
        }
        for name in remote::named(&text).map_err(unreadable)? {
            if !remote::is_plain(&name) {
                return Err(beyond(&path.display().to_string(), &name));
            }
            self.named.insert(name);
        }
        self.folders.extend(path.parent().map(Path::to_owned));
        let words = text.split(|letter: char| letter != '_' && !letter.is_ascii_alphanumeric());
        self.words.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
        Ok(())
    }

    /// The files of the names that were not read yet.
    ///
    /// # Errors
    /// A name is no file's: what Compose makes of it is not known.
    fn found(&self) -> Result<Vec<PathBuf>, Fault> {
        let mut found = Vec::new();
        for name in &self.named {
            let paths = self.folders.iter().map(|folder| folder.join(name)).filter(|path| path.is_file());
            let paths: Vec<PathBuf> = paths.collect();
            if paths.is_empty() {
                return Err(beyond("A Compose file", name));
            }
            found.extend(paths.into_iter().filter(|path| !self.read.contains(path)));
        }
        Ok(found)
    }
}

fn beyond(place: &str, name: &str) -> Fault {
    Fault::failed(format!("{place} names {name:?}, which is no file of the repository, and nothing is fetched here"))
        .hint("see it there, where you trust the repository: docker compose config")
}
