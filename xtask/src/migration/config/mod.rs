//! `sqlx.toml`: the keys by which sqlx finds files and ledger are kept to; what is not understood is refused.
//!
//! sqlx reads the file from the folder that it is started in, the macro from its crate's. Both are above the folder of
//! the migrations: the nearest one there counts, up to the checkout's top folder.

mod database;
mod name;
mod place;
mod written;

pub use place::SETTING;

use super::checksum::Ignored;
use super::files::{self, Folder};
use super::ledger::Name;
use crate::error::Fault;
use crate::settings::Settings;
use crate::target::Target;
use anyhow::Result;
use place::{FILE, is_inside, named, nearest, of_file};
use std::path::{Path, PathBuf};
use written::{File, Kind, Migrate, Versioning, read};

/// The variable in which sqlx finds its database's address, where `sqlx.toml` names none.
const USUAL: &str = "DATABASE_URL";

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
    use super::written::{LARGEST, parse};
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
