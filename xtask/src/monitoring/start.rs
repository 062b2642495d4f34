//! The containers are started: ports first, then the variables of `compose.yml`.

use super::part::{PARTS, Part};
use super::passwords::{self, Passwords};
use super::role::ROLE;
use super::{NAME, files};
use crate::error::Fault;
use crate::settings::Settings;
use crate::target::Target;
use crate::target::companion::{Companion, CompanionImage, Surroundings};
use crate::target::percent::encoded;
use crate::target::ports;
use anyhow::Result;
use std::path::Path;

/// The setting of the flags that another version of postgres_exporter needs.
const FLAGS: &str = "POSTGRES_EXPORTER_FLAGS";

/// What the containers are started with.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    pub surroundings: &'a Surroundings,
    pub passwords: &'a Passwords,
    /// The maintenance database, and whether the server takes TLS.
    pub maintenance: &'a str,
    pub tls: bool,
    /// The folder of the backups' metrics.
    pub metrics: &'a Path,
}

/// The port of 127.0.0.1 that leads to a part.
///
/// # Errors
/// Exit 2: the setting is no port.
pub fn port(part: &Part, settings: &Settings) -> Result<u16, Fault> {
    let Some(text) = settings.get(part.port_setting) else { return Ok(part.default_port) };
    text.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
        let fault = Fault::usage(format!("{} is {text:?}, which is not a port", part.port_setting));
        fault.hint(format!("it is a number from 1 to 65535; without it: {}", part.default_port))
    })
}

/// Gets the images that are not here, before anything is made for them.
///
/// # Errors
/// Exit 4: Docker does not answer. Exit 1: one cannot be pulled.
pub fn fetch_images(target: &Target, settings: &Settings, say: &dyn Fn(&str)) -> Result<()> {
    let image = |part: &'static Part| {
        let setting = part.image_setting;
        CompanionImage { name: settings.or_default(setting), setting, user: part.name }
    };
    target.companions().fetch_images(&PARTS.map(image), say)
}

/// Refuses ports that others hold.
///
/// # Errors
/// Exit 1, naming the holder and a free port; exit 2: a setting is no port.
pub fn check_ports(target: &Target, settings: &Settings) -> Result<()> {
    for part in PARTS {
        let port = port(part, settings)?;
        // Asked again where the port is taken: a container that Docker restarts holds its port now and then.
        let is_ours = || {
            let ours = target.companions().companion_containers(NAME, super::TIMEOUT);
            ours.iter().any(|one| one.runs() && one.service == part.service && one.port == Some(port))
        };
        let Some(by) = ports::stranger(port, is_ours) else { continue };
        let free = (port.saturating_add(1)..u16::MAX).find(|free| ports::is_free(*free));
        let name = part.port_setting;
        let fault = Fault::failed(format!("Port {port} ({name}), which {} would have, is taken by {by}", part.name));
        return Err(fault
            .hint(format!("stop it, or set another port in .env: {name}={}", free.unwrap_or(port)))
            .into());
    }
    Ok(())
}

/// Starts them; `renew` recreates them, because their files changed.
pub fn start(target: &Target, plan: &Plan, settings: &Settings, root: &Path, renew: bool) -> Result<()> {
    let surroundings = plan.surroundings;
    let openfga_network =
        surroundings.openfga.as_ref().map_or(&surroundings.database.network, |found| &found.place.network);
    let mut variables = vec![
        ("XTASK_MONITORING_DATABASE_URL", addresses(plan, target.database())),
        ("XTASK_MONITORING_DATABASE_NETWORK", surroundings.database.network.clone()),
        ("XTASK_MONITORING_OPENFGA_NETWORK", openfga_network.clone()),
        ("XTASK_MONITORING_METRICS", plan.metrics.display().to_string()),
        (passwords::GRAFANA, plan.passwords.grafana.clone()),
    ];
    for part in PARTS {
        variables.push((part.port_setting, port(part, settings)?.to_string()));
        variables.extend(settings.get(part.image_setting).map(|image| (part.image_setting, image.to_owned())));
    }
    variables.extend(settings.get(FLAGS).map(|flags| (FLAGS, flags.to_owned())));
    let companion = Companion { name: NAME, folder: &files::folder(root), variables: &variables };
    target.companions().start_companion(&companion, renew)
}

/// The two logins of the exporter, a comma between them: each query of `queries.yaml` runs in one of them.
fn addresses(plan: &Plan, database: &str) -> String {
    let place = &plan.surroundings.database;
    let address = |application: &str, database: &str| {
        format!(
            "postgresql://{ROLE}:{}@{}:{}/{}?application_name={application}&connect_timeout=5&sslmode={}\
             &search_path=pg_catalog&statement_timeout=10000&lock_timeout=1000",
            encoded(&plan.passwords.exporter),
            place.host,
            place.port,
            encoded(database),
            if plan.tls { "require" } else { "disable" }
        )
    };
    format!("{},{}", address("xtask_server", plan.maintenance), address("xtask_database", database))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::companion::Place;

    #[test]
    fn each_login_is_one_address_whatever_the_database_is_called() {
        let database = Place { network: "n".to_owned(), host: "db".to_owned(), port: 5433 };
        let surroundings = Surroundings { database, openfga: None };
        let passwords = Passwords { exporter: "p@,/".to_owned(), grafana: String::new(), made: Vec::new() };
        let metrics = Path::new("m");
        let plan =
            Plan { surroundings: &surroundings, passwords: &passwords, maintenance: "postgres", tls: true, metrics };
        let both = addresses(&plan, "a,b/c?d");
        let (server, database) = both.split_once(',').unwrap();
        assert!(
            server.starts_with("postgresql://xtask_monitor:p%40%2C%2F@db:5433/postgres?application_name=xtask_server&")
        );
        assert!(
            database.contains("/a%2Cb%2Fc%3Fd?application_name=xtask_database&")
                && database.contains("sslmode=require")
        );
    }

    #[test]
    fn the_images_that_are_fetched_are_those_of_the_compose_file() {
        let compose = include_str!("../../monitoring/compose.yml");
        for part in PARTS {
            let default = crate::settings::default_of(part.image_setting);
            assert!(compose.contains(&format!("image: ${{{}:-{default}}}", part.image_setting)), "{}", part.name);
        }
    }

    #[test]
    fn a_port_is_a_number_that_a_server_can_have() {
        let mut settings = Settings::default();
        assert_eq!(port(PARTS[0], &settings).unwrap(), 9187);
        for wrong in ["0", "65536", "x", "-1"] {
            settings.set_flag("POSTGRES_EXPORTER_PORT", wrong);
            assert_eq!(port(PARTS[0], &settings).unwrap_err().exit, crate::error::Exit::Usage, "{wrong}");
        }
    }
}
