//! One question to the server, asked once for all checks that need its answer.

use super::server_facts::Facts;
use super::service;
use crate::error::Cause;
use crate::health::Scene;
use crate::health::report::{Finding, Part};
use crate::postgres::openfga_tables;
use crate::postgres::reader::Reader;
use crate::postgres::rows::has_data;
use crate::restore::workers;
use crate::target::StdioMode;
use crate::target::backend::ComposeProject;
use crate::target::client_error::reason;
use anyhow::Result;

const QUERY: &str = concat!(
    "
SELECT pg_catalog.json_build_object(
  'version', pg_catalog.split_part(pg_catalog.current_setting('server_version'), ' ', 1),
  'recovery', pg_catalog.pg_is_in_recovery(),
  'read_only', pg_catalog.current_setting('transaction_read_only')::pg_catalog.bool,
  'size_bytes', pg_catalog.pg_database_size(pg_catalog.current_database()),
  'used', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity
      WHERE backend_type = 'client backend' OR (backend_type IS NULL AND usesysid IS NOT NULL)),
  'sees_all', pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
  'most', pg_catalog.current_setting('max_connections')::pg_catalog.int8,
  'reserved', pg_catalog.current_setting('superuser_reserved_connections')::pg_catalog.int8
      + COALESCE(pg_catalog.current_setting('reserved_connections', true)::pg_catalog.int8, 0),
  'oldest', (SELECT pg_catalog.json_build_object('pid', a.pid, 'application', a.application_name,
      'state', COALESCE(a.state, ''), 'seconds', pg_catalog.floor(EXTRACT(epoch FROM pg_catalog.now() - a.xact_start))::pg_catalog.int8)
      FROM pg_catalog.pg_stat_activity AS a
      WHERE a.datname = pg_catalog.current_database() AND a.backend_type = 'client backend' AND a.xact_start IS NOT NULL
      AND a.pid <> pg_catalog.pg_backend_pid() AND a.application_name NOT LIKE 'xtask-%' ORDER BY a.xact_start LIMIT 1),
  'idle_in_transaction', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity
      WHERE datname = pg_catalog.current_database() AND state LIKE 'idle in transaction%' AND application_name NOT LIKE 'xtask-%'),
  'invalid_indexes', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.format('%I.%I', n.nspname, c.relname) ORDER BY 1), '[]')
      FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      WHERE NOT i.indisvalid AND c.relkind = 'i'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index AS p WHERE p.index_relid = i.indexrelid)),
  'has_data', ",
    has_data!(),
    ",
  'settings', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('database', s.setdatabase <> 0,
      'role', CASE WHEN s.setrole <> 0 THEN pg_catalog.pg_get_userbyid(s.setrole) END, 'entry', e)
      ORDER BY s.setdatabase DESC, s.setrole, e), '[]')
      FROM pg_catalog.pg_db_role_setting AS s, pg_catalog.unnest(s.setconfig) AS e
      WHERE s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))),
  'open_schemas', (SELECT COALESCE(pg_catalog.json_agg(n.nspname), '[]') FROM pg_catalog.pg_namespace AS n
      WHERE pg_catalog.has_schema_privilege('public', n.oid, 'CREATE')),
  'idle_workers', IDLE_WORKERS,
  'data_directory', CASE WHEN pg_catalog.pg_has_role(current_user, 'pg_read_all_settings', 'USAGE')
      THEN pg_catalog.current_setting('data_directory', true) END);
"
);

impl Scene<'_> {
    /// What the server says of itself and of the database; else why it does not.
    pub fn server(&self) -> Result<&Facts, &Finding> {
        self.server.get_or_init(|| ask(self)).as_ref()
    }
}

/// Asks, over the way that the services take: by the network, with the password that the settings have.
fn ask(scene: &Scene) -> Result<Facts, Finding> {
    reach(scene)?;
    let variables = scene.target.access().as_services_connect(scene.settings);
    let more: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    facts(scene, &more).map_err(|error| refusal(&error, scene))
}

/// Makes sure that there is a container to ask in: Docker need not be searched for it again.
pub fn reach(scene: &Scene) -> Result<(), Finding> {
    if let Some(compose) = scene.compose() {
        compose.adopt(&running(scene, compose)?);
    }
    Ok(())
}

/// The database's container, where it runs.
fn running(scene: &Scene, compose: &dyn ComposeProject) -> Result<String, Finding> {
    let Some(Ok(project)) = scene.project() else { return Err(Finding::not_asked(Part::Compose)) };
    let service = compose.database_service();
    if let Some(several) = service::several(scene, project, service) {
        return Err(several);
    }
    let running = project.containers_of(service).iter().find(|container| container.is_running());
    running.map(|container| container.id.clone()).ok_or_else(|| {
        let (state, hint) = service::down(project, service);
        Finding::fail(state, hint)
    })
}

/// Why it does not answer; `pg_isready` tells a server that refuses us from one that is not there.
fn refusal(error: &anyhow::Error, scene: &Scene) -> Finding {
    let finding = Finding::of_error(error, &scene.target.hints().log_hint());
    if finding.cause == Some(Cause::ListensElsewhere) {
        return finding;
    }
    let words = format!("{error:#}");
    let is_without_answer = finding.cause == Some(Cause::NoAnswer);
    let is_late = finding.cause == Some(Cause::LoginTimedOut);
    let is_silent = is_without_answer || is_late || finding.cause == Some(Cause::NotListening);
    let readiness = scene.target.access().readiness();
    if readiness.is_none() && is_without_answer {
        let hint = "check whether this host may connect there, and see the server's log";
        return Finding::fail(format!("PostgreSQL at {} does not answer: {words}", scene.target.place()), hint);
    }
    let Some(readiness) = readiness.filter(|_| is_silent) else {
        let is_told = |reason: &str| {
            let unknown = [Cause::NoConnection, Cause::NotListening, Cause::Lost, Cause::Refused];
            let is_known = words.contains("FATAL") && !finding.cause.is_some_and(|cause| unknown.contains(&cause));
            finding.detail.contains(reason) || (is_known && !reason.starts_with("the database system"))
        };
        return match reason(&words).filter(|reason| !is_told(reason)) {
            Some(reason) => Finding { detail: format!("{}: {reason}", finding.detail), ..finding },
            None => finding,
        };
    };
    // A server that let a login wait to the end would not answer this either.
    let ready = (!is_late).then(|| pg_isready(scene, readiness.host)).flatten();
    let said = ready.or_else(|| reason(&words).map(str::to_owned)).unwrap_or_else(|| "no answer".to_owned());
    Finding::fail(format!("PostgreSQL does not answer over TCP ({said})"), readiness.hint)
}

/// What it says of the server, beside which it runs.
fn pg_isready(scene: &Scene, host: &str) -> Option<String> {
    let asked = scene.postgres().with_environment(&[("PGHOST", host)]).program("pg_isready", StdioMode::Piped);
    let said = asked.ok()?.capture(scene.left()).ok()?.text().trim().to_owned();
    (!said.is_empty()).then_some(said)
}

fn facts(scene: &Scene, more: &[(&str, &str)]) -> Result<Facts> {
    let mut reader = Reader::start(&scene.postgres().with_environment(more).within(scene.left()))?;
    let mut facts: Facts = reader.ask(&QUERY.replace("IDLE_WORKERS", workers::IDLE))?;
    (facts.revision, facts.stores) = openfga_tables::revision_and_stores(&mut reader);
    Ok(facts)
}
