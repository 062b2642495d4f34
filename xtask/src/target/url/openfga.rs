//! OpenFGA beside a server elsewhere: `OPENFGA_API_URL` names it, its tables may be in the target's database.

use super::Url;
use crate::error::Fault;
use crate::process::Program;
use crate::settings::Settings;
use crate::target::backend::{Build, MadeOf, OwnMigration, OwnOpenfga, StdioMode};
use crate::target::openfga::URL;
use crate::target::openfga_exposure::PinnedPath;
use crate::target::{openfga, openfga_migration, percent};
use anyhow::Result;
use std::time::Duration;

const MIGRATE_DEADLINE: Duration = Duration::from_secs(180);

impl OwnOpenfga for Url {
    fn can_have_openfga(&self) -> bool {
        false
    }

    fn has_openfga(&self) -> bool {
        false
    }

    fn openfga_service(&self) -> &str {
        openfga::USUAL_SERVICE
    }

    fn openfga_name(&self) -> &'static str {
        "the OpenFGA of this target"
    }

    fn openfga_address(&self) -> Result<String> {
        let fault = Fault::usage(format!("{URL} is not set; it names the OpenFGA of this target"));
        Err(fault.hint(format!("set it, in .env or the environment: {URL}=https://fga.example.com")).into())
    }

    fn openfga_metrics_address(&self) -> Result<String> {
        let fault = Fault::usage("This target does not know where OpenFGA's metrics are");
        Err(fault.hint("set it: XTASK_OPENFGA_METRICS_URL=http://HOST:2112/metrics").into())
    }

    fn openfga_address_of_settings(&self, _: &Settings) -> Option<String> {
        None
    }

    fn openfga_keys(&self) -> Option<String> {
        None
    }

    fn other_database_of_openfga(&self) -> Option<String> {
        None
    }

    fn own_migration(&self) -> Result<Option<OwnMigration>> {
        let uri = || self.connection.uri(&self.login.database);
        Ok(self.openfga.program()?.map(|program| OwnMigration { program, uri: uri(), is_on_own_server: false }))
    }

    /// Runs `openfga migrate` where this host has the program.
    fn migrate_openfga(&self, path: Option<&PinnedPath>) -> Result<()> {
        let Some(program) = self.openfga.program()? else { return Ok(()) };
        let (database, user) = (self.login.database.as_str(), self.login.user.as_str());
        // The address has no host: OpenFGA's library takes the rest from the same variables as libpq.
        let pinned = path.map(|path| format!("?{}", path.parameter())).unwrap_or_default();
        let uri = format!("postgres:///{}{pinned}", percent::encoded(database));
        let program = Program::new(program)
            .arg("migrate")
            .env("OPENFGA_DATASTORE_ENGINE", "postgres")
            .env("OPENFGA_DATASTORE_URI", uri)
            .env("OPENFGA_DATASTORE_USERNAME", user)
            .unset("OPENFGA_DATASTORE_SECONDARY_URI");
        let program = match &self.connection.password {
            Some(password) => program.secret("OPENFGA_DATASTORE_PASSWORD", &password.0),
            None => program.unset("OPENFGA_DATASTORE_PASSWORD"),
        };
        let environment = [("PGDATABASE", database), ("PGUSER", user), ("PGAPPNAME", "xtask-migrate")];
        let captured = self.prepared(program, &environment, StdioMode::Piped).capture(MIGRATE_DEADLINE)?;
        openfga_migration::check(&captured, user)
    }

    fn openfga_container(&self) -> Option<MadeOf> {
        None
    }

    /// `up` starts no OpenFGA here.
    fn openfga_to_build(&self) -> Result<Option<Build<'_>>, Fault> {
        Ok(None)
    }
}
