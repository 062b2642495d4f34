//! `sqlx.toml`: the keys by which sqlx finds files and ledger are kept to; what is not understood is refused.
//!
//! sqlx reads the file from the folder that it is started in, the macro from its crate's. Both are above the folder of
//! the migrations: the nearest one there counts, up to the checkout's top folder.

mod database;
mod name;

use super::checksum::Ignored;
use super::files::{self, Folder};
use super::ledger::Name;
use crate::error::Fault;
use crate::platform;
use crate::settings::Settings;
use crate::target::Target;
use crate::words::shell_word;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

/// The file's name.
const FILE: &str = "sqlx.toml";
/// The setting that names the folder, or `none`; it wins over the file.
pub const SETTING: &str = "XTASK_MIGRATIONS";
/// The variable in which sqlx finds its database's address, where `sqlx.toml` names none.
const USUAL: &str = "DATABASE_URL";
/// No such file is larger, in bytes.
const LARGEST: usize = 1 << 16;
/// Brackets nested deeper than this are no settings, and the parser calls itself for each.
const DEEPEST: usize = 64;

/// Where files and ledger are, and how a file is hashed.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The folder of the files; `None`: there are to be none.
    pub folder: Option<PathBuf>,
    /// The ledger's name.
    pub ledger: Name,
    /// Schemas that are made before the ledger.
    pub create_schemas: Vec<String>,
    /// Letters that do not count in a checksum.
    pub ignored: Ignored,
    pub new_files: NewFiles,
    /// The variable in which sqlx finds its database's address, where it is not `DATABASE_URL`.
    address_in: Option<String>,
}

/// How `db-migrate new` names what it makes, where `sqlx.toml` says so.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewFiles {
    /// One `.sql` file in place of a pair.
    pub one_way: bool,
    /// The next number in place of the time.
    pub sequential: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    common: Common,
    migrate: Migrate,
    /// Of no meaning to migrations.
    #[serde(rename = "drivers")]
    _drivers: Option<IgnoredAny>,
    /// Of no meaning to migrations.
    #[serde(rename = "macros")]
    _macros: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct Common {
    database_url_var: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct Migrate {
    create_schemas: BTreeSet<String>,
    table_name: Option<String>,
    migrations_dir: Option<PathBuf>,
    ignored_chars: BTreeSet<char>,
    defaults: Defaults,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Defaults {
    migration_type: Kind,
    migration_versioning: Versioning,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Inferred,
    Simple,
    Reversible,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Versioning {
    #[default]
    Inferred,
    Timestamp,
    Sequential,
}

impl Config {
    /// The settings of this checkout; sqlx's defaults where it has no `sqlx.toml`.
    ///
    /// # Errors
    /// Exit 2: the file cannot be read, is no TOML, or says what this program does not know.
    pub fn load(root: &Path, settings: &Settings) -> Result<Self> {
        Self::read(root, settings, of_file)
    }

    /// The same for a first migration, which makes the folder that `sqlx.toml` names inside the checkout.
    ///
    /// # Errors
    /// As for [`Self::load`].
    pub fn load_to_create(root: &Path, settings: &Settings) -> Result<Self> {
        Self::read(root, settings, |root, folder| {
            let path = root.join(folder);
            let is_to_be_made = path.symlink_metadata().is_err() && is_inside(root, &path);
            if is_to_be_made { Ok(path) } else { of_file(root, folder) }
        })
    }

    fn read(
        root: &Path,
        settings: &Settings,
        of_file: impl Fn(&Path, &Path) -> Result<PathBuf, Fault>,
    ) -> Result<Self> {
        let mut path = root.join(FILE);
        let folder = match settings.get(SETTING) {
            None => Some(match read(&path, root)?.migrate.migrations_dir {
                Some(folder) => of_file(root, &folder)?,
                None => root.join("migrations"),
            }),
            Some("none") => None,
            Some(folder) => Some(named(root, folder)?),
        };
        if let Some(nearer) = folder.as_deref().and_then(|folder| nearest(root, folder)) {
            path = nearer;
        }
        Ok(Self { folder, ..Self::of(read(&path, root)?)? })
    }

    /// The files of the folder; none where the setting says so.
    pub fn files(&self) -> Result<Folder> {
        self.folder.as_deref().map_or_else(|| Ok(Folder::default()), files::read)
    }

    fn of(file: File) -> Result<Self, Fault> {
        let Migrate { create_schemas, table_name, ignored_chars, defaults, .. } = file.migrate;
        let schema = |text: &String| match name::parts(text)?.as_slice() {
            [schema] => Some(schema.clone()),
            _ => None,
        };
        let schemas = create_schemas.iter().map(|text| schema(text).ok_or_else(|| unknown("create-schemas", text)));
        Ok(Self {
            folder: None,
            ledger: table_name.as_deref().map(ledger).transpose()?.unwrap_or_default(),
            create_schemas: schemas.collect::<Result<_, _>>()?,
            ignored: Ignored::of(ignored_chars),
            new_files: NewFiles {
                one_way: defaults.migration_type == Kind::Simple,
                sequential: defaults.migration_versioning == Versioning::Sequential,
            },
            address_in: file.common.database_url_var.filter(|name| name != USUAL),
        })
    }
}

impl Config {
    /// The same for this target: none of a folder that the database's image runs when it makes a new cluster.
    pub fn files_for(&self, target: &Target) -> Result<Folder> {
        let found = self.files()?;
        let Some(path) = self.folder.as_deref().filter(|_| !found.migrations.is_empty()) else { return Ok(found) };
        let Some(service) = target.stack().runs_at_first_start(path) else { return Ok(found) };
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let mounted = format!("{name}/ is mounted at /docker-entrypoint-initdb.d of the service {service}");
        Ok(Folder::of_another(format!("{mounted}, which runs it itself")))
    }
}

/// The file; sqlx's defaults where there is none.
fn read(path: &Path, root: &Path) -> Result<File> {
    match platform::read_regular(path, LARGEST as u64) {
        Ok(text) => parse(&text).with_context(|| {
            let name = path.strip_prefix(root).unwrap_or(path).display();
            let fault = Fault::usage(format!("{name} cannot be used"));
            fault.hint("it tells sqlx where ledger and files are: fix it, or remove it")
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(File::default()),
        Err(error) => {
            let fault = Fault::usage(format!("{} cannot be read", path.display()))
                .hint("it must be a file that you may read, or be gone");
            Err(anyhow::Error::new(error).context(fault))
        }
    }
}

/// The `sqlx.toml` nearest to a folder of migrations, below the checkout's top folder; of a folder outside of the
/// checkout the one beside it.
fn nearest(root: &Path, folder: &Path) -> Option<PathBuf> {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (root, folder) = (real(root), real(folder));
    let above = folder.ancestors().skip(1).take_while(|above| above.starts_with(&root) && **above != *root);
    let outside = folder.parent().filter(|parent| !parent.starts_with(&root) && !root.starts_with(parent));
    above.chain(outside).map(|folder| folder.join(FILE)).find(|path| path.symlink_metadata().is_ok())
}

/// The folder that the setting names.
fn named(root: &Path, folder: &str) -> Result<PathBuf, Fault> {
    let path = root.join(folder);
    if path.is_dir() {
        return Ok(path);
    }
    let fault = Fault::usage(format!("{SETTING} is {folder:?}, which is not a folder"));
    Err(fault.hint(format!(
        "its path begins at {}; where there are to be no migrations: {SETTING}=none",
        shell_word(&root.to_string_lossy())
    )))
}

/// Whether a path leads to a place below the checkout's top folder, through no link out of it. It need not be there.
fn is_inside(root: &Path, path: &Path) -> bool {
    let goes_up = path.components().any(|part| part == Component::ParentDir);
    let there = path.ancestors().find_map(|above| above.canonicalize().ok());
    !goes_up && root.canonicalize().is_ok_and(|root| there.is_some_and(|there| there.starts_with(root)))
}

/// The folder that `sqlx.toml` names: without it sqlx runs nothing, and a folder that is not there has nothing pending.
fn of_file(root: &Path, folder: &Path) -> Result<PathBuf, Fault> {
    let path = root.join(folder);
    if path.is_dir() {
        return Ok(path);
    }
    let fault = Fault::usage(format!("{FILE} names migrations-dir = {folder:?}, which is not a folder"));
    Err(fault.hint(format!(
        "fix the name, or make the folder; its path begins at {}; where there are to be no migrations: {SETTING}=none",
        shell_word(&root.to_string_lossy())
    )))
}

fn parse(text: &[u8]) -> Result<File> {
    let text = std::str::from_utf8(text).context("it is not UTF-8")?;
    anyhow::ensure!(text.len() <= LARGEST, "it is larger than {LARGEST} bytes");
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        anyhow::ensure!(depth <= DEEPEST, "its brackets are nested deeper than {DEEPEST} times");
    }
    Ok(basic_toml::from_str(text)?)
}

/// `table`, or `schema.table`; either part may be quoted.
fn ledger(text: &str) -> Result<Name, Fault> {
    match name::parts(text).unwrap_or_default().as_slice() {
        [table] => Ok(Name { schema: None, table: table.clone() }),
        [schema, table] => Ok(Name { schema: Some(schema.clone()), table: table.clone() }),
        _ => Err(unknown("table-name", text)),
    }
}

fn unknown(key: &str, text: &str) -> Fault {
    Fault::usage(format!("{FILE}: migrate.{key} is {text:?}, which is not a name in SQL"))
        .hint("write it as in SQL: name, schema.name, or \"Quoted Name\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<Config> {
        Ok(Config::of(parse(text.as_bytes())?)?)
    }

    #[test]
    fn the_keys_that_find_files_and_ledger_are_read() {
        let text = "[common]\ndatabase-url-var = 'OTHER_URL'\n[drivers]\n[macros.table-overrides.'a']\nb = 'c'\n\
            [migrate]\ntable-name = 'app.\"My Ledger\"'\ncreate-schemas = ['app', \"\\\"Two\\\"\"]\n\
            migrations-dir = 'db/steps'\nignored-chars = [' ', \"\\r\", \"\\uFEFF\"]\n\
            [migrate.defaults]\nmigration-type = 'simple'\nmigration-versioning = 'sequential'\n";
        let config = config(text).unwrap();
        let ledger = Name { schema: Some("app".to_owned()), table: "My Ledger".to_owned() };
        assert_eq!(config.ledger, ledger);
        assert_eq!(config.create_schemas, ["Two", "app"]);
        assert_eq!((config.new_files.one_way, config.new_files.sequential), (true, true));
        assert_eq!(config.address_in.as_deref(), Some("OTHER_URL"));
    }

    #[test]
    fn an_empty_file_leaves_sqlxs_defaults() {
        for text in ["", "# nothing\n", "[migrate]\n", "[common]\ndatabase-url-var = 'DATABASE_URL'\n"] {
            let config = config(text).unwrap();
            assert_eq!((config.ledger, config.address_in), (Name::default(), None), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "[migrate]\ntable = 'x'\n",
            "[common]\nurl = 'x'\n",
            "[migrate]\ntable-name = 'a b'\n",
            "[migrate]\ntable-name = 'a; DROP TABLE x'\n",
            "[migrate]\ntable-name = ''\n",
            "[migrate]\ntable-name = 'a.b.c'\n",
            "[migrate]\ncreate-schemas = ['a AUTHORIZATION b']\n",
            "[migrate]\nignored-chars = ['ab']\n",
            "[migrate]\ntable-name = 7\n",
            "migrate = 'x'\n",
            "[migrate\n",
            "[migrat]\ntable-name = 'x'\n",
            "table-name = 'x'\n",
        ] {
            assert!(config(text).is_err(), "{text}");
        }
        assert!(config(&format!("x = {}", "[".repeat(10_000))).is_err());
        assert!(config(&format!("x = {}", "[\n".repeat(10_000))).is_err());
        assert!(parse(b"\xff").is_err() && parse(&vec![b'#'; LARGEST + 1]).is_err());
    }
}
