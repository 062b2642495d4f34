//! Every setting, from one order: flag > process environment > `.env` > default. The only place that reads the
//! environment.

mod call;
mod color;
pub mod compose_files;
mod dot_env;
pub mod env_file;
mod environment;
mod known;
mod problems;
mod redaction;
mod root;

pub use call::call;
pub use color::ColorChoice;
pub use dot_env::{EnvEdit, copy_env_example, has_env_example, make_empty_env_file, write_env_file};
pub use env_file::set as with_value;
pub use environment::{fault_point, is_asked_for, now};
pub use known::{KNOWN, PROGRAMS, default_of, is_secret};
pub use redaction::secrets_among;
pub use root::{Root, package_folder};

use crate::platform;
use crate::words::shown_address;
use env_file::EnvFile;
use environment::environment;
use known::ENVIRONMENT_ONLY;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where a setting's value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Flag,
    Environment,
    File,
    Default,
}

impl Origin {
    /// How `--verbose` names it.
    pub fn shown(self) -> &'static str {
        match self {
            Self::Flag => "command line",
            Self::Environment => "environment",
            Self::File => ".env",
            Self::Default => "default",
        }
    }
}

/// What applies to this run.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    flags: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    file: EnvFile,
    /// Why `.env` is there but could not be read: it may name another database.
    unreadable: Option<String>,
    /// The `.env` beside the Compose files, where those are in another folder.
    of_project: Option<EnvFile>,
    /// Whether the author of the `.env` is not trusted.
    are_of_others: bool,
}

/// No `.env` of a person is longer, in bytes.
const LONGEST: u64 = 1 << 20;

impl Settings {
    /// The process environment over the `.env` of this folder; a missing file is an empty one.
    pub fn load(root: &Path) -> Self {
        let environment: BTreeMap<String, String> = environment().collect();
        let (text, unreadable) = match platform::read_regular(&root.join(".env"), LONGEST) {
            Ok(text) => (text, None),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (Vec::new(), None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let file = EnvFile::parse(&text, &|name| environment.get(name).cloned());
        let settings = Self { environment, file, unreadable, ..Self::default() };
        let of_project = settings.file_of_project(root);
        Self { of_project, ..settings }
    }

    /// The `.env` beside the Compose files, where those are in another folder: Compose reads both.
    fn file_of_project(&self, root: &Path) -> Option<EnvFile> {
        let first = self.compose_files()?.next()?;
        let folder = root.join(first).parent().unwrap_or(root).to_owned();
        let text = platform::read_regular(&folder.join(".env"), LONGEST).ok().filter(|_| folder != root)?;
        Some(EnvFile::parse(&text, &|name| self.get(name).map(str::to_owned)))
    }

    /// The files that `COMPOSE_FILE` lists; `None` where it is not set.
    pub fn compose_files(&self) -> Option<impl Iterator<Item = &str>> {
        let list = self.get("COMPOSE_FILE")?;
        let separator = self.get_or("COMPOSE_PATH_SEPARATOR", if platform::WINDOWS { ";" } else { ":" });
        Some(list.split(separator).filter(|path| !path.is_empty()))
    }

    /// Compose's active profiles, separated by commas.
    pub fn active_profiles(&self) -> &str {
        let name = "COMPOSE_PROFILES";
        let of_project = || self.of_project.as_ref().and_then(|file| file.get(name));
        self.get(name).or_else(of_project).unwrap_or_default()
    }

    /// These flags and this environment, with `.env` read again.
    pub fn reloaded(&self, root: &Path) -> Self {
        Self { flags: self.flags.clone(), ..Self::load(root) }
    }

    /// These settings of a repository that is only looked at.
    #[must_use]
    pub fn of_others(self) -> Self {
        Self { are_of_others: true, ..self }
    }

    /// Whether the repository is only looked at, and nothing that its `.env` names may run.
    pub fn are_of_others(&self) -> bool {
        self.are_of_others
    }

    /// All that `.env` and the one beside the Compose files say, the stronger one last.
    pub fn in_files(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = self.of_project.iter().chain([&self.file]);
        files.flat_map(|file| file.names().filter_map(|name| Some((name, file.get(name)?))))
    }

    /// What `.env` itself says, whatever wins over it.
    pub fn in_file(&self, name: &str) -> Option<&str> {
        self.file.get(name).filter(|value| !value.is_empty())
    }

    /// The names that `.env` itself sets.
    pub fn names_in_file(&self) -> impl Iterator<Item = &str> {
        self.file.names()
    }

    /// What the process environment says, whatever wins over it.
    pub fn in_environment(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The whole process environment, as far as it is Unicode.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// A value that was typed on the command line.
    pub fn set_flag(&mut self, name: &str, value: impl Into<String>) {
        self.flags.insert(name.to_owned(), value.into());
    }

    /// What was typed for a setting.
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.flags.get(name).map(String::as_str).filter(|typed| !typed.is_empty())
    }

    /// What was typed for a setting, where without it another value would count.
    pub fn typed(&self, name: &str) -> Option<&str> {
        let otherwise = self.environment.get(name).map(String::as_str).or_else(|| self.file.get(name));
        self.flags.get(name).map(String::as_str).filter(|typed| otherwise != Some(*typed))
    }

    /// A setting and where it came from. Empty counts as unset, as in Compose's `${A:-b}`.
    pub fn find(&self, name: &str) -> Option<(&str, Origin)> {
        let flag = self.flags.get(name).map(|value| (value.as_str(), Origin::Flag));
        let environment = || self.environment.get(name).map(|value| (value.as_str(), Origin::Environment));
        let in_file = || self.file.get(name).filter(|_| !ENVIRONMENT_ONLY.contains(&name));
        let file = || in_file().map(|value| (value, Origin::File));
        flag.or_else(environment).or_else(file).filter(|(value, _)| !value.is_empty())
    }

    /// A setting, if it is set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name).map(|(value, _)| value)
    }

    /// A setting or its default.
    pub fn get_or<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.get(name).unwrap_or(default)
    }

    /// A setting, or its default of [`KNOWN`].
    pub fn or_default(&self, name: &str) -> &str {
        self.get(name).unwrap_or_else(|| default_of(name))
    }

    /// Where each setting came from, secrets masked (`--verbose`); without those that are shown elsewhere.
    pub fn shown(&self, but: &[&str]) -> impl Iterator<Item = String> {
        KNOWN.iter().filter(|(name, _)| !but.contains(name)).map(|(name, default)| {
            let (value, origin) = self.find(name).unwrap_or((default, Origin::Default));
            let value = match value {
                "" => "(not set)".to_owned(),
                _ if is_secret(name) => "***".to_owned(),
                address if name.ends_with("_URL") => shown_address(address),
                value => value.to_owned(),
            };
            format!("{name}={value} ({})", origin.shown())
        })
    }

    /// Whether the locale of the terminal is UTF-8.
    pub fn locale_is_utf8(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| self.get(name));
        locale.map_or(platform::WINDOWS, |locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        })
    }
}

/// The user's cache folder by the system's custom.
pub fn cache_folder(settings: &Settings) -> Option<PathBuf> {
    let home = || settings.get("HOME").map(PathBuf::from);
    if platform::WINDOWS {
        settings.get("LOCALAPPDATA").map(PathBuf::from)
    } else if platform::MACOS {
        home().map(|home| home.join("Library/Caches"))
    } else {
        settings.get("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| home().map(|home| home.join(".cache")))
    }
    .map(|folder| folder.join("xtask"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_file() {
        let mut settings = Settings {
            environment: [("A".to_owned(), "process".to_owned()), ("EMPTY".to_owned(), String::new())].into(),
            file: EnvFile::parse(b"A=file\nB=file\n", &|_| None),
            ..Settings::default()
        };
        assert_eq!(settings.find("A"), Some(("process", Origin::Environment)));
        assert_eq!(settings.find("B"), Some(("file", Origin::File)));
        assert_eq!(settings.get_or("EMPTY", "default"), "default");
        settings.set_flag("A", "flag");
        assert_eq!(settings.find("A"), Some(("flag", Origin::Flag)));
    }

    #[test]
    fn secrets_are_masked_when_settings_are_shown() {
        let mut settings = Settings::default();
        settings.set_flag("POSTGRES_PASSWORD", "hunter2");
        let shown: Vec<String> = settings.shown(&[]).collect();
        assert!(shown.contains(&"POSTGRES_PASSWORD=*** (command line)".to_owned()));
        assert!(shown.contains(&"POSTGRES_USER=postgres (default)".to_owned()));
        assert!(shown.contains(&"OPENFGA_API_TOKEN=(not set) (default)".to_owned()));
    }
    #[test]
    fn profiles_are_also_those_of_the_file_beside_the_compose_files() {
        let root = std::env::temp_dir().join(format!("xtask-profiles-{}", std::process::id()));
        std::fs::create_dir_all(root.join("deploy")).unwrap();
        std::fs::write(root.join("deploy/.env"), "COMPOSE_PROFILES=auth\nCOMPOSE_FILE=other.yaml\n").unwrap();
        let settings = |text: &str| {
            std::fs::write(root.join(".env"), text).unwrap();
            Settings::load(&root)
        };
        let here = settings("");
        assert_eq!((here.active_profiles(), here.get("COMPOSE_FILE")), ("", None));
        let there = settings("COMPOSE_FILE=deploy/compose.yaml\n");
        assert_eq!((there.active_profiles(), there.get("COMPOSE_FILE")), ("auth", Some("deploy/compose.yaml")));
        assert_eq!(settings("COMPOSE_FILE=deploy/compose.yaml\nCOMPOSE_PROFILES=x\n").active_profiles(), "x");
        std::fs::remove_dir_all(&root).unwrap();
    }
}
