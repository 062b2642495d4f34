//! Tablespaces that the objects of a backup name: this server has them, and this role may fill them.

use crate::backup::proof::Proven;
use crate::error::Fault;
use crate::postgres::quote::{literals, printable_identifier};
use crate::postgres::server::Server;
use crate::words::shell_word;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// One that the server has.
#[derive(Deserialize)]
struct Tablespace {
    name: String,
    may_create: bool,
}

/// Refuses a backup whose objects would go into tablespaces that are missing, or closed to this role.
pub(super) fn check(server: &Server<'_>, backup: &Proven) -> Result<()> {
    let named = &backup.contents.tablespaces;
    if named.is_empty() {
        return Ok(());
    }
    let names = literals(named.iter().map(String::as_str))?;
    let sql = format!(
        "SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('name', t.spcname, 'may_create', \
         pg_catalog.has_tablespace_privilege(t.oid, 'CREATE'))), '[]') FROM pg_catalog.pg_tablespace AS t \
         WHERE t.spcname = ANY (ARRAY[{names}]::pg_catalog.text[])"
    );
    let found: Vec<Tablespace> =
        serde_json::from_str(server.ask_maintenance(&sql)?.trim()).context("the tablespaces of the server")?;
    let found: BTreeMap<String, bool> = found.into_iter().map(|found| (found.name, found.may_create)).collect();
    let (closed, missing): (BTreeSet<_>, BTreeSet<_>) =
        named.iter().filter(|name| found.get(*name) != Some(&true)).partition(|name| found.contains_key(*name));
    let shell = format!("cargo xtask db-shell -- -d {}", server.maintenance_database());
    if !missing.is_empty() {
        let fault = Fault::failed(format!("The server lacks tablespaces that the backup names: {}", listed(&missing)));
        let create = statements(&missing, |name| format!("CREATE TABLESPACE {name} LOCATION 'DIRECTORY';"))?;
        let hint = format!(
            "create them, each in an empty directory of the server's user on a disk that lasts, in {shell}\n{create}\n{}",
            without(backup)
        );
        return Err(fault.hint(hint).into());
    }
    if !closed.is_empty() {
        let user = printable_identifier(server.target().user())?;
        let fault = Fault::failed(format!(
            "This role may create nothing in tablespaces that the backup names: {}",
            listed(&closed)
        ));
        let grant = statements(&closed, |name| format!("GRANT CREATE ON TABLESPACE {name} TO {user};"))?;
        return Err(fault.hint(format!("as a superuser, in {shell}\n{grant}\n{}", without(backup))).into());
    }
    Ok(())
}

fn listed(names: &BTreeSet<&String>) -> String {
    names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
}

fn statements(names: &BTreeSet<&String>, of: impl Fn(String) -> String) -> Result<String, Fault> {
    let lines: Vec<String> =
        names.iter().map(|name| Ok(of(printable_identifier(name)?))).collect::<Result<_, Fault>>()?;
    Ok(lines.join("\n"))
}

/// How everything goes into the tablespace of the database. What this program added to the dump would not fit any more.
fn without(backup: &Proven) -> String {
    let leave_out = shell_word("/^SET default_tablespace = .*;$/d; 1{/^-- xtask /d;}; ${/^-- xtask /d;}");
    format!("or leave them out, and restore that file: sed {leave_out} {} > x.sql", backup.as_word())
}
