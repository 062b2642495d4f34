//! A target's stack or services are started, and the server that comes up is asked what it is.

use super::openfga_grounds;
use super::quote::{identifier, literal};
use super::server::Server;
use super::session;
use crate::error::Fault;
use crate::process;
use crate::settings::Settings;
use crate::target::Target;
use crate::target::backend::Extent;
use crate::target::openfga_exposure::Grounds;
use crate::target::openfga_program;
use crate::target::startup::{Answering, Callbacks, Identity, Queries, Startup};
use anyhow::{Context as _, Result};

const SESSION: &str = "xtask-up";

/// Starts the target's stack and waits until it answers.
pub fn up(target: &Target, extent: Extent, settings: &Settings, callbacks: &Callbacks) -> Result<Answering> {
    let startup = Startup { settings, callbacks, queries: &Starting { target } };
    let answering = target.stack().up(&startup, extent);
    answering.map_err(|error| session::explain_migration(target, error))
}

/// Brings OpenFGA's tables in the target's database up to date, where the target has the means. Where a setting of its
/// role or its database ended OpenFGA's session, the failure names it, with the statement that takes it away.
/// Where another role could have it run that role's code with our login, nothing is run.
///
/// # Errors
/// It failed; or it is another role's to do, and there is something to do.
pub fn migrate_openfga(target: &Target) -> Result<()> {
    let mut path = None;
    if let Some(own) = target.own_openfga().own_migration()? {
        let server = Server::under_name(target, "xtask-openfga");
        let grounds = openfga_grounds::of(&server)?.of_version(|| openfga_program::is_pinned(&own.program));
        let reasons = grounds.reasons(own.is_on_own_server);
        if !reasons.is_empty() {
            return openfga_grounds::other_migrates(&reasons, &server, &own);
        }
        if let Some(warning) = grounds.warning(target.user()) {
            process::remark(&warning);
        }
        path = grounds.path;
    }
    let migrated = target.own_openfga().migrate_openfga(path.as_ref());
    migrated.map_err(|error| session::explain_migration(target, error))
}

/// Starts services that were stopped for a swap, and waits until they answer. Nothing is installed for that.
pub fn start_services(target: &Target, settings: &Settings, services: &[String]) -> Result<()> {
    let callbacks = Callbacks {
        stage: &|_| (),
        note: &|_| (),
        consent: &|_| Err(Fault::failed("PostgreSQL's programs are gone").into()),
    };
    target.services().start(services, &Startup { settings, callbacks: &callbacks, queries: &Starting { target } })
}

/// The target's server, as it comes up.
struct Starting<'a> {
    target: &'a Target,
}

impl Starting<'_> {
    /// While the stack starts, and the target's own database may not be there.
    fn server(&self) -> Server<'_> {
        Server::under_name(self.target, SESSION).in_database("postgres")
    }
}

impl Queries for Starting<'_> {
    fn version(&self, more: &[(&str, &str)]) -> Result<String> {
        let server = Server::under_name(self.target, "xtask-version").with_environment(more);
        let version = server.ask("SHOW server_version")?;
        Ok(number_of(&version))
    }

    fn identity(&self) -> Result<Identity> {
        let sql = format!(
            "SELECT pg_catalog.json_build_object('version', pg_catalog.current_setting('server_version'), \
             'data', pg_catalog.current_setting('data_directory'), \
             'database', EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = {}))",
            literal(self.target.database())?
        );
        let text = self.server().ask(&sql)?;
        let identity: Identity = serde_json::from_str(text.trim()).context("the server's answer is not understood")?;
        Ok(Identity { version: number_of(&identity.version), ..identity })
    }

    fn openfga_grounds(&self) -> Result<Grounds> {
        openfga_grounds::of(&Server::under_name(self.target, SESSION))
    }

    fn create_database(&self) -> Result<()> {
        let create = format!("CREATE DATABASE {}", identifier(self.target.database())?);
        self.server().ask(&create).map(drop)
    }
}

/// The number in `15.18 (Debian 15.18-0+deb12u1)`.
fn number_of(version: &str) -> String {
    version.split_whitespace().next().unwrap_or_default().to_owned()
}
