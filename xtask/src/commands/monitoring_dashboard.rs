//! `monitoring-dashboard`: Prometheus, its exporters and Grafana beside the stack, with dashboards and alert rules.

mod browser;
mod elsewhere;
mod report;

use self::report::Report;
use super::starting;
use crate::backup::metrics;
use crate::context::Context;
use crate::error::{self, Exit, Fault};
use crate::monitoring::files::{self, Targets};
use crate::monitoring::part::PARTS;
use crate::monitoring::passwords::{self, Passwords};
use crate::monitoring::start::{self, Plan};
use crate::monitoring::statements::{self, Statements};
use crate::monitoring::{ready, role};
use crate::postgres::server::Server;
use crate::process::signals::with_outcome;
use crate::settings::{self, EnvEdit};
use crate::target::Target;
use crate::target::backend::Extent;
use crate::target::companion::Surroundings;
use crate::words::clean;
use anyhow::Result;
use std::path::PathBuf;

/// Start Prometheus and Grafana beside the stack, with dashboards of OpenFGA, PostgreSQL and the backups
///
/// They run in a Compose project of their own; cargo xtask down stops them. It needs the target compose.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Do not open a browser
    #[arg(long)]
    no_open: bool,
    /// Only write the files, for a Prometheus and Grafana that you have already
    #[arg(long, value_name = "DIR", conflicts_with_all = ["no_open", "json"])]
    print: Option<PathBuf>,
    /// Write the addresses as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    if let Some(folder) = &args.print {
        let written = files::print(&context.typed(folder), &Targets::usual())?;
        return written.iter().try_for_each(|path| context.terminal.result_path(&context.relative_path(path)));
    }
    let target = context.target()?;
    context.terminal.note(&format!("Starting the dashboards of {}", target.shown()));
    let surroundings = elsewhere::or_explained(surroundings(&target, context), &target)?;
    let Some(surroundings) = surroundings else { return Err(elsewhere::no_containers(&target).into()) };
    complete(&target, &surroundings, context)
        .map_err(|error| with_outcome(error, || "run it again to complete the start".to_owned()))?;
    let report = Report::of(context)?;
    report.show(args.json, context)?;
    if !args.no_open && !args.json {
        browser::open(&report.grafana, context);
    }
    Ok(())
}

/// Where the stack is, which is started where it does not run.
fn surroundings(target: &Target, context: &Context) -> Result<Option<Surroundings>> {
    match target.companions().surroundings() {
        Err(error) if error::exit(&error) == Exit::Unreachable => {
            starting::start(target, Extent::Needed, false, context)?;
            target.companions().surroundings()
        }
        found => found,
    }
}

/// From the role to the last part that answers.
fn complete(target: &Target, surroundings: &Surroundings, context: &Context) -> Result<()> {
    let terminal = &context.terminal;
    let server = Server::new(target)?;
    let passwords = Passwords::of(&context.settings)?;
    let found = role::find(&server)?;
    role::check_ours(&found, passwords.is_new(passwords::EXPORTER))?;
    start::check_ports(target, &context.settings)?;
    fetch_images(target, context)?;
    write_passwords(target, &passwords, context)?;
    role::ensure(&server, &found, &passwords.exporter)?;
    terminal.done(&format!("The role {} reads the statistics of PostgreSQL (pg_monitor)", role::ROLE));
    say_what_stays_empty(&server, surroundings, &found, context);
    let renew = files::write(&context.root, &Targets::beside(surroundings))?;
    let plan = Plan {
        surroundings,
        passwords: &passwords,
        maintenance: server.maintenance_database(),
        tls: found.tls,
        metrics: &metrics::make_folder(&context.made_backups_folder()?)?,
    };
    let progress = terminal.waiting("starting the containers");
    start::start(target, &plan, &context.settings, &context.root, renew)?;
    let secrets = [passwords.exporter.as_str(), passwords.grafana.as_str()];
    for part in PARTS {
        progress.say(&format!("waiting for {}", part.name));
        ready::wait(part, start::port(part, &context.settings)?, target, &context.settings, &secrets)?;
        progress.aside(|| terminal.done(&format!("{} answers", part.name)));
    }
    Ok(())
}

/// Without their images there would be a role and passwords that nothing uses.
fn fetch_images(target: &Target, context: &Context) -> Result<()> {
    let progress = context.terminal.waiting("looking for the images");
    start::fetch_images(target, &context.settings, &|image| progress.say(&format!("pulling {}", clean(image))))
}

/// Writes new passwords to `.env`, after naming the services that the change concerns.
fn write_passwords(target: &Target, passwords: &Passwords, context: &Context) -> Result<()> {
    let values = passwords.to_write();
    if values.is_empty() {
        return Ok(());
    }
    target.stack().check_env_file(&context.settings)?;
    let names: Vec<&str> = context.settings.names_in_file().collect();
    let services = if names.is_empty() { Vec::new() } else { target.services().given_all(&names) };
    if !services.is_empty() {
        context.terminal.note(&format!(
            "Containers that get all of .env, and that the next {} recreates: {}",
            context.terminal.to_type("cargo xtask up"),
            services.join(", ")
        ));
    }
    settings::make_empty_env_file(&context.root)?;
    EnvEdit::prepare(&context.root, &values)?.write()?;
    let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
    context.terminal.done(&format!("Wrote new passwords to .env: {}", names.join(", ")));
    Ok(())
}

/// Makes what slow queries need, and names the panels that get no data.
fn say_what_stays_empty(server: &Server<'_>, surroundings: &Surroundings, found: &role::Found, context: &Context) {
    let terminal = &context.terminal;
    match statements::ensure(server, found) {
        Statements::Counted => {}
        Statements::Made(database) => {
            terminal.done(&format!("Made the extension pg_stat_statements in the database {database}"));
        }
        Statements::Missing(fault) => terminal.warn_of(&fault),
    }
    match &surroundings.openfga {
        None => terminal.warn("The dashboard OpenFGA stays empty: the stack has no OpenFGA that gives metrics"),
        Some(openfga) if !openfga.has_pool => {
            let fault = Fault::failed("The panels of the connection pool stay empty");
            let service = &openfga.service;
            terminal.warn_of(&fault.hint(format!(
                "set OPENFGA_DATASTORE_METRICS_ENABLED=true for the service {service}, then: cargo xtask up"
            )));
        }
        Some(_) => {}
    }
}
