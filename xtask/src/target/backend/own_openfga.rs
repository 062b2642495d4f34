//! OpenFGA as a part of a stack.

use crate::error::Fault;
use crate::settings::Settings;
use crate::target::openfga_exposure::PinnedPath;
use anyhow::Result;
use std::path::PathBuf;

/// OpenFGA as a part of the stack, with its data in the target's database.
pub trait OwnOpenfga {
    /// Whether a stack of this target can have one. A server elsewhere then keeps its data elsewhere.
    fn can_have_openfga(&self) -> bool;

    /// Whether this stack has one, or would once it is started.
    fn has_openfga(&self) -> bool;

    /// Its service, as the target names it.
    fn openfga_service(&self) -> &str;

    /// What it is, for people: `this project's openfga container`.
    fn openfga_name(&self) -> &'static str;

    /// Where it answers: `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// Exit 4 where it does not run; exit 2 where the stack can have none and no setting names one.
    fn openfga_address(&self) -> Result<String>;

    /// Where its metrics are: `http://127.0.0.1:2112`.
    ///
    /// # Errors
    /// Exit 4 where it does not run, or its metrics cannot be reached from here.
    fn openfga_metrics_address(&self) -> Result<String>;

    /// Where it would answer if it ran, as far as the settings say that.
    fn openfga_address_of_settings(&self, settings: &Settings) -> Option<String>;

    /// Its keys, a comma between them, where they stand elsewhere than in the settings.
    fn openfga_keys(&self) -> Option<String>;

    /// Why the OpenFGA that runs belongs to another database than the target's; `None` where nothing shows that.
    fn other_database_of_openfga(&self) -> Option<String>;

    /// `openfga migrate`, where this program starts it itself, with its own login; `None` where it does not, or a service of
    /// the stack does it with the stack's login.
    ///
    /// # Errors
    /// The program that a setting names is not there, or the server does not run.
    fn own_migration(&self) -> Result<Option<OwnMigration>>;

    /// Brings OpenFGA's tables in the target's database up to date, where this target has the means. `path`: the only
    /// schemas that a program of our own login sees.
    fn migrate_openfga(&self, path: Option<&PinnedPath>) -> Result<()>;

    /// What its container was made of, where it has one that Docker runs.
    fn openfga_container(&self) -> Option<MadeOf>;

    /// How its program is built on this host, where it is missing.
    ///
    /// # Errors
    /// The program that a setting names is not there.
    fn openfga_to_build(&self) -> Result<Option<Build<'_>>, Fault>;
}

/// A program of this host that logs in as we do.
#[derive(Debug)]
pub struct OwnMigration {
    pub program: PathBuf,
    /// The database's address, without a login: `postgres://127.0.0.1:5432/openfga`.
    pub uri: String,
    /// Whether the server is the target's own, on this host: the person who runs this program made its roles.
    pub is_on_own_server: bool,
}

/// What a container was made of.
#[derive(Debug)]
pub struct MadeOf {
    /// The name of its Compose project, where that is known.
    pub project: Option<String>,
    /// The image's id.
    pub image: String,
    /// `NAME=value` each; there are secrets among them.
    pub environment: Vec<String>,
}

/// A program that can be built on this host.
pub struct Build<'a> {
    /// Asked first: what is built, into which folder.
    pub question: String,
    /// Builds and installs it; where it is then.
    pub install: Box<dyn Fn() -> Result<PathBuf> + 'a>,
}
