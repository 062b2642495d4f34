//! What a command needs to know about this run: the checkout, the settings, the terminal.

use crate::backup::own_folder;
use crate::error::Fault;
use crate::global_options::Global;
use crate::settings::{self, PROGRAMS, Root, Settings};
use crate::target::database_name::{self, SETTING as DATABASE};
use crate::target::{DirectChoice, Kind, Target};
use crate::terminal::{self, Options, Terminal};
use anyhow::Result;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long Docker and Compose may each take to say which server is meant.
const IDENTIFIED: Duration = Duration::from_secs(20);

/// One run of the program. Commands get it; nothing below them does.
#[derive(Debug, Clone)]
pub struct Context {
    /// The checkout.
    pub root: PathBuf,
    /// The folder as it was typed (`--root`).
    typed_root: Option<PathBuf>,
    /// The checkout, and what named it: an option, a variable or a folder.
    named: Root,
    /// The folder that the user stands in; paths that they typed are relative to it.
    pub here: PathBuf,
    pub settings: Settings,
    pub terminal: Terminal,
    /// Whether more is to be said than usual (`--verbose`).
    pub verbose: bool,
    /// Every `--database` that was typed; only `db-backup` takes more than one.
    databases: Vec<String>,
    /// What was said of the target already: a command may open it several times.
    said: Arc<Mutex<BTreeSet<String>>>,
}

/// The typed options that choose the database: hints repeat them.
fn typed(root: Option<&Path>, settings: &Settings) -> Vec<(&'static str, String)> {
    let root = root.map(|root| ("--root", terminal::shell_word(&root.display().to_string())));
    let others = [("--target", settings.typed("XTASK_TARGET")), ("--database", settings.flag(DATABASE))];
    let others = others.into_iter().filter_map(|(option, value)| Some((option, terminal::shell_word(value?))));
    root.into_iter().chain(others).collect()
}

/// The checkout's folder as a word of a shell, for hints that are typed outside of it, and where `--root` is absolute: the
/// messages of a scheduled run are read elsewhere.
fn folder_of_hints(root: &Path, typed: Option<&Path>, here: Option<&Path>) -> Option<String> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let is_whole = typed.is_some_and(Path::is_absolute);
    let is_elsewhere = here.is_some_and(|here| !real(here).starts_with(real(root)));
    (is_whole || is_elsewhere).then(|| terminal::shell_word(&root.display().to_string()))
}

impl Context {
    /// Reads settings and looks at the terminal; never fails, so that errors can be shown.
    pub fn new(global: &Global) -> Self {
        let here = std::env::current_dir().ok();
        let named = Root::find(global.root.as_deref(), here.as_deref());
        let root = named.path.clone();
        let mut settings = Settings::load(&root);
        if let Some(target) = global.target {
            settings.set_flag("XTASK_TARGET", target.to_string());
        }
        if let Some(direct) = global.direct {
            settings.set_flag(DirectChoice::SETTING, direct.to_string());
        }
        if let [database] = &global.databases[..] {
            settings.set_flag(DATABASE, database);
        }
        let options = Options {
            color: settings.color(global.color),
            unicode: settings.locale_is_utf8(),
            quiet: global.quiet,
            call: settings::call(),
            typed: typed(global.root.as_deref(), &settings),
            folder: folder_of_hints(&root, global.root.as_deref(), here.as_deref()),
        };
        let here = here.unwrap_or_else(|| root.clone());
        let terminal = Terminal::new(options);
        let (typed_root, databases) = (global.root.clone(), global.databases.clone());
        Self {
            root,
            typed_root,
            named,
            here,
            settings,
            terminal,
            verbose: global.verbose,
            databases,
            said: Arc::default(),
        }
    }

    /// Says where each setting came from. Settings that the stack gives are shown when the stack is read.
    pub fn tell_settings(&self) {
        let of_stack = Kind::chosen(&self.settings).map_or(&[][..], Kind::settings_of_stack);
        self.settings.shown(of_stack).for_each(|line| self.terminal.note(&line));
    }

    /// Checks that there is a checkout and that its `.env` can be read. Names the checkout where no option named one.
    pub fn check(&self) -> Result<(), Fault> {
        self.named.check(&self.settings)?;
        self.named.note().iter().for_each(|note| self.terminal.note(note));
        self.settings.check_readable()
    }

    /// This run on another target.
    pub fn with_target(&self, kind: Kind) -> Self {
        let mut settings = self.settings.clone();
        settings.set_flag("XTASK_TARGET", kind.to_string());
        Self { settings, ..self.clone() }
    }

    /// This run on another database of the server, as if `--database` named it.
    pub fn with_database(&self, database: &str) -> Self {
        let mut settings = self.settings.clone();
        settings.set_flag(DATABASE, database);
        let terminal = self.terminal.with_typed(typed(self.typed_root.as_deref(), &settings));
        Self { settings, terminal, databases: vec![database.to_owned()], ..self.clone() }
    }

    /// A run like this one on the Compose project in another folder. Another person may have written that project, so
    /// no program is taken from its `.env`.
    pub fn at(&self, folder: &Path) -> Self {
        let mut settings = self.settings.reloaded(folder).of_others();
        settings.set_flag("XTASK_TARGET", Kind::COMPOSE.to_string());
        for name in PROGRAMS {
            settings.set_flag(name, self.settings.in_environment(name).unwrap_or_default());
        }
        Self { root: folder.to_owned(), settings, ..self.clone() }
    }

    /// This run with these options of its command: commands in hints repeat them.
    #[must_use]
    pub fn with_typed(&self, options: Vec<(&'static str, String)>) -> Self {
        Self { terminal: self.terminal.with_more_typed(options), ..self.clone() }
    }

    /// This run after `.env` was changed.
    pub fn reloaded(&self) -> Self {
        let settings = self.settings.reloaded(&self.root);
        Self { settings, ..self.clone() }
    }

    /// The database that the settings name.
    pub fn target(&self) -> Result<Target> {
        self.target_within(IDENTIFIED)
    }

    /// The database that the settings name, for a caller that waits no longer than this for the server to be found.
    pub fn target_within(&self, deadline: Duration) -> Result<Target> {
        self.settings.check_understood()?;
        let target = Target::chosen(&self.settings, &self.root)?;
        let identified = target.access().identify(deadline)?;
        database_name::check(target.database())?;
        identified.warnings.iter().filter(|line| self.is_news(line)).for_each(|line| self.terminal.warn(line));
        let origins = identified.origins.iter().filter(|_| self.verbose);
        let notes = identified.notes.iter().chain(origins).filter(|line| self.is_news(line));
        notes.for_each(|line| self.terminal.note(&terminal::clean_line(line)));
        if let Some(names) = target.access().ignored_parameters() {
            let shown = target.shown();
            self.terminal.note(&format!("{shown}: ignored, because psql does not accept it: {names}"));
        }
        Ok(target)
    }

    /// The database of `--database`: commands that take all of them without it take this one alone.
    pub fn typed_database(&self) -> Option<&str> {
        self.settings.flag(DATABASE)
    }

    /// Every `--database` that was typed, each once.
    pub fn typed_databases(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        self.databases.iter().filter(|name| seen.insert(name.as_str())).cloned().collect()
    }

    /// A warning that is given once, however often it is found.
    pub fn warn_once(&self, line: &str) {
        if self.is_news(line) {
            self.terminal.warn(&terminal::clean_line(line));
        }
    }

    fn is_news(&self, line: &str) -> bool {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(line.to_owned())
    }

    /// Where backups are kept.
    pub fn backups_folder(&self) -> PathBuf {
        self.root.join("backups")
    }

    /// The folder for backups, for a caller that writes there: it is made, and git ignores its files.
    pub fn made_backups_folder(&self) -> Result<PathBuf> {
        let folder = self.backups_folder();
        own_folder::make(&folder)?;
        Ok(folder)
    }

    /// A path that the user typed, from where they stand.
    pub fn typed(&self, path: &Path) -> PathBuf {
        self.here.join(path)
    }

    /// A path for people, as they would type it from where they stand.
    pub fn shown(&self, path: &Path) -> String {
        self.relative_path(path).display().to_string()
    }

    /// The path of [`Self::shown`] as one word of a command line, whatever a file's name holds.
    pub fn as_word(&self, path: &Path) -> String {
        terminal::shell_word(&self.shown(path))
    }

    /// A path as the user types it in the current folder.
    pub fn relative_path(&self, path: &Path) -> PathBuf {
        let mut up = PathBuf::new();
        for base in self.here.ancestors() {
            if let Ok(rest) = path.strip_prefix(base) {
                // Outside the checkout a long chain of ../ is hard to read; a folder above it would be ../ alone.
                let is_above = rest.as_os_str().is_empty() && !path.starts_with(&self.root);
                let is_near = (self.here.starts_with(&self.root) && !is_above) || up.as_os_str().is_empty();
                return match up.join(rest) {
                    // From `/`, paths stay absolute.
                    _ if !is_near || self.here.parent().is_none() => path.to_owned(),
                    here if here.as_os_str().is_empty() => PathBuf::from("."),
                    near => near,
                };
            }
            up.push("..");
        }
        path.to_owned()
    }
}
