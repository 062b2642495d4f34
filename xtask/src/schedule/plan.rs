//! What is installed: when runs are due, what they do, and what they need. A private file of the checkout.

use super::hook;
use super::kept_environment;
use super::rhythm::Rhythm;
use super::timer::Timer;
use crate::backup::manifest::StartedAt as Time;
use crate::error::{self, Fault};
use crate::process;
use crate::target::state_folder::StateFolder;
use crate::words::shell_word_or_option;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// The setting of the address that is pinged.
pub const PING_URL: &str = "XTASK_PING_URL";
const FILE: &str = "plan.json";
/// A command that installs a schedule, where no plan says with which options.
pub const INSTALL_EXAMPLE: &str = "cargo xtask db-schedule install --at 03:00 --keep-daily 14 --keep-monthly 12";
const VERSION: u32 = 1;

/// How often a backup is loaded into a scratch database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Verification {
    Daily,
    Weekly,
    Monthly,
}

impl Verification {
    /// Days between two of them.
    pub fn days(self) -> i64 {
        match self {
            Self::Daily => 1,
            Self::Weekly => 7,
            Self::Monthly => 30,
        }
    }

    /// The word that a person types.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }
}

/// What is installed. The timer starts `program --root ROOT db-schedule run`; all else stands here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    version: u32,
    pub rhythm: Rhythm,
    pub timer: Timer,
    /// Since then runs are due.
    pub installed_at: Time,
    /// The built program.
    pub program: String,
    /// The checkout.
    pub root: String,
    /// Options of every command, such as `--target url`.
    pub options: Vec<String>,
    /// Options of `db-backup`, such as `--keep-daily 14`.
    pub backup: Vec<String>,
    pub verify: Option<Verification>,
    /// Who hears how runs end.
    #[serde(default)]
    pub notices: Notices,
    /// The environment of a run.
    pub environment: BTreeMap<String, String>,
    /// What was written into the crontab, to tell whether a person changed it since.
    #[serde(default)]
    pub block: Option<String>,
}

/// Where runs report how they end. The address is a secret, which stands here and nowhere else.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notices {
    /// The file with the address that is pinged.
    pub ping_file: Option<String>,
    /// The address of the environment of the day of installation.
    pub ping_url: Option<String>,
    /// The program that is called after a failure, with its arguments.
    pub on_failure: Option<Vec<String>>,
}

impl Notices {
    /// The settings that the environment of the day of installation gave.
    pub fn of_environment(&self) -> Vec<&'static str> {
        let given = [(PING_URL, self.ping_url.is_some()), (hook::SETTING, self.on_failure.is_some())];
        given.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect()
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Notices").field("on_failure", &self.on_failure).finish_non_exhaustive()
    }
}

/// What a plan is made from.
#[derive(Debug)]
pub struct Work {
    pub rhythm: Rhythm,
    pub options: Vec<String>,
    pub backup: Vec<String>,
    pub verify: Option<Verification>,
    pub notices: Notices,
    pub environment: BTreeMap<String, String>,
}

impl Plan {
    /// The plan of this checkout's work, run by this program.
    ///
    /// # Errors
    /// Exit 2: a path that is not Unicode, which no timer's file can hold.
    pub fn new(work: Work, program: &Path, root: &Path, now: Time) -> Result<Self, Fault> {
        let text = |path: &Path| {
            let refused = || {
                Fault::usage(format!("{} is not Unicode: no timer can start a program with this path", path.display()))
            };
            path.to_str().map(str::to_owned).ok_or_else(refused)
        };
        Ok(Self {
            version: VERSION,
            rhythm: work.rhythm,
            timer: Timer::Paste,
            installed_at: now,
            program: text(program)?,
            root: text(root)?,
            options: work.options,
            backup: work.backup,
            verify: work.verify,
            notices: work.notices,
            environment: work.environment,
            block: None,
        })
    }

    /// The options of `db-backup`, as they were typed.
    pub fn shown_options(&self) -> String {
        let options: Vec<&str> = self.options.iter().chain(&self.backup).map(String::as_str).collect();
        if options.is_empty() { "none".to_owned() } else { options.join(" ") }
    }

    /// What a person types to install the same again.
    pub fn install_command(&self) -> String {
        let rhythm =
            ["--at".to_owned(), self.rhythm.at.to_string(), "--every".to_owned(), self.rhythm.every.to_string()];
        let verify = self.verify.map(|verify| format!("--verify={}", verify.as_str()));
        let ping = self.notices.ping_file.as_ref().map(|file| format!("--ping-file={file}"));
        let timer = Some(format!("--timer={}", self.timer.as_str()));
        let words = rhythm.iter().chain(&self.backup).chain(&self.options).chain(&verify).chain(&ping).chain(&timer);
        let words: Vec<String> = words.map(|word| shell_word_or_option(word)).collect();
        format!("cargo xtask db-schedule install {}", words.join(" "))
    }

    /// The same as a hint that begins so. It names the variables that the command needs, without their values: among
    /// them are secrets.
    pub fn install_hint(&self, lead: &str) -> String {
        let mut needed = kept_environment::notable(&self.environment);
        needed.extend(self.notices.of_environment());
        let command = self.install_command();
        if needed.is_empty() {
            return format!("{lead}: {command}");
        }
        format!("{lead}, with {} set in the environment: {command}", needed.join(", "))
    }

    /// What the timer starts.
    pub fn command(&self) -> Vec<String> {
        let words = [self.program.as_str(), "--root", &self.root, "--quiet", "db-schedule", "run"];
        words.map(str::to_owned).into()
    }

    /// The plan of the checkout; `None` where nothing is installed.
    ///
    /// # Errors
    /// Exit 1: it cannot be read, is not one, or others may read or write it.
    pub fn read(root: &Path) -> Result<Option<Self>> {
        let path = Self::path(root);
        let hint = format!("install the schedule again: {INSTALL_EXAMPLE}");
        // That it is not private comes with a hint of its own.
        let explained = |error| match error::fault(&error).and_then(Fault::hint_text) {
            Some(_) => error,
            None => error.context(Fault::failed(format!("{} cannot be read", path.display())).hint(&hint)),
        };
        let Some(text) = folder(root).read(FILE).map_err(explained)? else { return Ok(None) };
        let plan: Self = serde_json::from_str(&text)
            .with_context(|| Fault::failed(format!("{} is not a schedule", path.display())).hint(&hint))?;
        if plan.version != VERSION {
            let what = format!("{} is of version {}, which this program does not know", path.display(), plan.version);
            return Err(Fault::failed(what).hint(&hint).into());
        }
        Ok(Some(plan))
    }

    /// Writes it, for this user alone.
    pub fn write(&self, root: &Path) -> Result<()> {
        folder(root).write(FILE, &serde_json::to_vec_pretty(self)?)
    }

    /// Removes it.
    pub fn remove(root: &Path) -> Result<()> {
        folder(root).remove(FILE)
    }

    /// Whether there is one; it may be unreadable.
    pub fn is_there(root: &Path) -> bool {
        Self::path(root).symlink_metadata().is_ok()
    }

    /// Where it is.
    pub fn path(root: &Path) -> PathBuf {
        folder(root).path(FILE)
    }

    /// Names of what it keeps that logs in somewhere, and may expire.
    pub fn notable_secrets(&self) -> Vec<&str> {
        let names = self.environment.keys().map(String::as_str);
        names.filter(|name| crate::settings::is_secret(name)).collect()
    }

    /// Whether it was installed for the checkout in this folder: a moved or copied checkout brings another's plan.
    pub fn is_of(&self, root: &Path) -> bool {
        Path::new(&self.root) == root
    }

    /// Why the program cannot be run as a timer does; `None`: it can.
    pub fn unfit_program(&self) -> Option<Unfit> {
        let program = Path::new(&self.program);
        if !program.is_file() {
            return Some(Unfit::Gone);
        }
        if process::find_from(&self.program, "", Path::new(&self.root)).is_none() {
            return Some(Unfit::NotExecutable);
        }
        (process::is_program(program) == Some(false)).then_some(Unfit::NoProgram)
    }
}

/// Why a program cannot be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    Gone,
    /// This user may not execute it.
    NotExecutable,
    /// Its content is no program's.
    NoProgram,
}

/// The folder of plan, lock and log.
pub fn folder(root: &Path) -> StateFolder {
    StateFolder::named(root, "schedule")
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::platform;

    pub fn plan(root: &str) -> Plan {
        let environment = [("HOME", "/home/me"), ("PATH", "/usr/bin:/bin"), ("PGPASSWORD", "hunter2")];
        let work = Work {
            rhythm: Rhythm { at: "03:00".parse().unwrap(), every: "24h".parse().unwrap() },
            options: Vec::new(),
            backup: Vec::new(),
            verify: None,
            notices: Notices::default(),
            environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        };
        let now = Time::try_from("2026-11-27T12:00:00+00:00".to_owned()).unwrap();
        Plan::new(work, &Path::new(root).join("target/debug/xtask"), Path::new(root), now).unwrap()
    }

    #[test]
    fn a_hint_to_install_again_names_what_only_the_environment_gives_and_no_secret() {
        let mut plan = plan("/srv/app");
        assert!(plan.install_command().ends_with("--timer=paste"));
        plan.notices.ping_url = Some("https://hc-ping.com/hunter2".to_owned());
        plan.notices.on_failure = Some(vec!["/bin/notify".to_owned(), "hunter2".to_owned()]);
        let hint = plan.install_hint("install it again");
        let lead = "install it again, with PGPASSWORD, XTASK_PING_URL, XTASK_ON_FAILURE set in the environment: \
                    cargo xtask db-schedule install ";
        assert!(hint.starts_with(lead) && !hint.contains("hunter2"), "{hint}");
        (plan.environment, plan.notices) = (BTreeMap::new(), Notices::default());
        assert!(plan.install_hint("install it again").starts_with("install it again: cargo xtask"));
    }

    #[test]
    fn a_plan_is_private_and_read_back_as_it_was_written() {
        let root = std::env::temp_dir().join(format!("xtask-plan-{}", std::process::id()));
        std::fs::create_dir(&root).unwrap();
        assert_eq!(Plan::read(&root).unwrap(), None);
        let written = plan("/srv/app");
        written.write(&root).unwrap();
        assert_eq!(Plan::read(&root).unwrap(), Some(written));
        assert!(platform::mode(&Plan::path(&root)).unwrap().is_none_or(|mode| mode == 0o600));
        if !platform::WINDOWS {
            platform::set_mode(&Plan::path(&root), 0o644).unwrap();
            let refused = Plan::read(&root).unwrap_err().to_string();
            assert!(refused.contains("not private"), "{refused}");
            platform::set_mode(&Plan::path(&root), 0o600).unwrap();
        }
        for wrong in ["", "{}", "[1]", "\u{0}", "{\"version\": 1}"] {
            std::fs::write(Plan::path(&root), wrong).unwrap();
            assert!(Plan::read(&root).is_err(), "{wrong:?}");
        }
        std::fs::remove_dir_all(&root).unwrap();
    }
}
