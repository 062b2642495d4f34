//! One question to the server, asked once for all checks that need its answer.

use super::container::Container;
use crate::health::Scene;
use crate::health::report::Finding;
use crate::postgres::session;
use crate::target::compose::SERVICE;
use anyhow::{Context as _, Result};
use serde::Deserialize;

/// The server and the database, as they say themselves.
#[derive(Debug, Deserialize)]
pub struct Facts {
    pub version: String,
    pub recovery: bool,
    pub read_only: bool,
    pub size_bytes: u64,
    /// Client sessions of the whole server.
    pub used: u64,
    /// `max_connections`, and how many of them only superusers get.
    pub most: u64,
    pub reserved: u64,
    /// The oldest open transaction of the database, our own tools' apart.
    pub oldest: Option<Transaction>,
    pub idle_in_transaction: u64,
    /// Indexes that the server does not use; those that are being built are none.
    pub invalid_indexes: Vec<String>,
    /// Whether there are rows that a backup would save.
    pub has_data: bool,
    pub data_directory: Option<String>,
    /// OpenFGA's revision; `None` where its tables are not there.
    #[serde(skip)]
    pub revision: Option<u64>,
    /// Ids of OpenFGA's stores, not deleted, the first of them.
    #[serde(skip)]
    pub stores: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct Transaction {
    pub pid: i64,
    pub application: String,
    pub state: String,
    pub seconds: i64,
}

const QUERY: &str = "
SELECT pg_catalog.json_build_object(
  'version', pg_catalog.split_part(pg_catalog.current_setting('server_version'), ' ', 1),
  'recovery', pg_catalog.pg_is_in_recovery(),
  'read_only', pg_catalog.current_setting('transaction_read_only')::pg_catalog.bool,
  'size_bytes', pg_catalog.pg_database_size(pg_catalog.current_database()),
  'used', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend'),
  'most', pg_catalog.current_setting('max_connections')::pg_catalog.int8,
  'reserved', pg_catalog.current_setting('superuser_reserved_connections')::pg_catalog.int8
      + COALESCE(pg_catalog.current_setting('reserved_connections', true)::pg_catalog.int8, 0),
  'oldest', (SELECT pg_catalog.json_build_object('pid', a.pid, 'application', a.application_name,
      'state', COALESCE(a.state, ''), 'seconds', pg_catalog.floor(EXTRACT(epoch FROM now() - a.xact_start))::pg_catalog.int8)
      FROM pg_catalog.pg_stat_activity AS a
      WHERE a.datname = pg_catalog.current_database() AND a.backend_type = 'client backend' AND a.xact_start IS NOT NULL
      AND a.pid <> pg_catalog.pg_backend_pid() AND a.application_name NOT LIKE 'xtask-%' ORDER BY a.xact_start LIMIT 1),
  'idle_in_transaction', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity
      WHERE datname = pg_catalog.current_database() AND state LIKE 'idle in transaction%' AND application_name NOT LIKE 'xtask-%'),
  'invalid_indexes', (SELECT COALESCE(pg_catalog.json_agg(n.nspname || '.' || c.relname ORDER BY 1), '[]')
      FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      WHERE NOT i.indisvalid AND c.relkind = 'i'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index AS p WHERE p.index_relid = i.indexrelid)),
  'has_data', EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_t(oast|emp_)'
      AND c.relname NOT IN ('_sqlx_migrations', 'goose_db_version') AND pg_catalog.pg_relation_size(c.oid) > 0),
  'data_directory', CASE WHEN pg_catalog.pg_has_role(current_user, 'pg_read_all_settings', 'USAGE')
      THEN pg_catalog.current_setting('data_directory', true) END);
SELECT f.there, f.there AND COALESCE(pg_catalog.has_table_privilege(pg_catalog.to_regclass('store')::pg_catalog.oid, 'SELECT'), false) AS stores
  FROM (SELECT COALESCE(pg_catalog.has_table_privilege(pg_catalog.to_regclass('goose_db_version')::pg_catalog.oid, 'SELECT'), false) AS there) AS f \\gset
\\if :there
SELECT COALESCE(pg_catalog.max(version_id), 0) FROM goose_db_version WHERE is_applied;
\\else
SELECT 'null';
\\endif
\\if :stores
SELECT COALESCE(pg_catalog.json_agg(s.id), '[]') FROM (SELECT id FROM store WHERE deleted_at IS NULL ORDER BY id LIMIT 1000) AS s;
\\else
SELECT '[]';
\\endif
";

/// Asks, over the way that the services take: by the network, with the password that the settings have.
pub fn ask(scene: &Scene) -> Result<Facts, Finding> {
    let password;
    let mut more = Vec::new();
    reach(scene)?;
    if scene.target.compose().is_some() {
        password = scene.settings.get_or("POSTGRES_PASSWORD", "postgres").to_owned();
        // From inside and over 127.0.0.1 the image lets everyone in; and while it makes a new cluster, a passing
        // server answers on the socket alone.
        more.extend([("PGHOST", SERVICE), ("PGPASSWORD", password.as_str())]);
    }
    let asked = session::ask_with(scene.target, &scene.run, QUERY, &more, scene.left());
    asked.and_then(|text| understood(&text)).map_err(|error| refusal(&error, scene))
}

/// Makes sure that there is a container to ask in: Docker need not be searched for it again.
pub fn reach(scene: &Scene) -> Result<(), Finding> {
    if let Some(compose) = scene.target.compose() {
        compose.adopt(&running(scene)?);
    }
    Ok(())
}

/// The database's container, where it runs.
fn running(scene: &Scene) -> Result<String, Finding> {
    let Some(Ok(project)) = scene.project() else { return Err(super::not_without("Compose")) };
    let containers = project.containers_of(SERVICE);
    let named = format!("service/{SERVICE}");
    match containers.iter().find(|container| container.is_running()) {
        Some(container) => Ok(container.id.clone()),
        None => {
            let first = containers.first();
            let state = first.map_or("not there", |container| container.state.status.as_str());
            let hint = first.map_or_else(|| "cargo xtask up".to_owned(), Container::wake);
            Err(Finding::fail(format!("its container is {state} (see {named})"), hint))
        }
    }
}

/// Why it does not answer; `pg_isready` tells a server that refuses us from one that is not there.
fn refusal(error: &anyhow::Error, scene: &Scene) -> Finding {
    let finding = Finding::of_error(error, "see what it says: docker compose logs --tail 20 postgres");
    let is_silent =
        ["Connection refused", "timeout expired", "did not answer"].iter().any(|words| finding.detail.contains(words));
    if !is_silent || scene.target.compose().is_none() {
        return finding;
    }
    let ready =
        scene.target.program_with("pg_isready", &scene.run, crate::target::Talk::Piped, &[("PGHOST", "127.0.0.1")]);
    let said =
        ready.and_then(|program| program.capture(scene.left())).map(|captured| captured.text().trim().to_owned());
    let said = said.ok().filter(|said| !said.is_empty()).unwrap_or_else(|| "no answer".to_owned());
    let hint =
        "it may still be starting: cargo xtask health-check --wait; else: docker compose logs --tail 20 postgres";
    Finding::fail(format!("PostgreSQL does not answer over TCP ({said})"), hint)
}

fn understood(text: &str) -> Result<Facts> {
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    let mut next = || documents.next().transpose().context("the server's answer").map(Option::unwrap_or_default);
    let mut facts: Facts = serde_json::from_value(next()?).context("the server's answer")?;
    facts.revision = serde_json::from_value(next()?).context("OpenFGA's revision")?;
    facts.stores = serde_json::from_value(next()?).context("OpenFGA's stores")?;
    Ok(facts)
}
