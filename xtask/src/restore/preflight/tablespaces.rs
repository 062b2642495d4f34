//! Tablespaces that the objects of a backup name: this server has them, and this role may fill them.

use crate::backup::proof::Proven;
use crate::error::Fault;
use crate::postgres::dump::MOST_TABLESPACE_LINES;
use crate::postgres::quote::{literal, literals, printable_identifier};
use crate::postgres::server::Server;
use crate::words::{first_lines, first_names, shell_word};
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// At most this many names are in the message.
const MOST: usize = 10;

/// One that the server has.
#[derive(Deserialize)]
struct Tablespace {
    name: String,
    may_create: bool,
}

/// Refuses a backup whose objects would go into tablespaces that are missing, or closed to this role. The database's own,
/// which no right is needed for, is that of the live one, or `of_new`.
pub(super) fn check(server: &Server<'_>, backup: &Proven, of_new: Option<&str>) -> Result<()> {
    let named = &backup.contents.tablespaces;
    if named.is_empty() {
        return Ok(());
    }
    let found = found(server, named)?;
    let is_own = |name: &&String| of_new == Some(name.as_str());
    let (closed, missing): (Vec<_>, Vec<_>) = named
        .iter()
        .filter(|name| found.get(*name) != Some(&true) && !(is_own(name) && found.contains_key(*name)))
        .cloned()
        .partition(|name| found.contains_key(name));
    let shell = format!("cargo xtask db-shell -- -d {}", server.maintenance_database());
    if !missing.is_empty() {
        let names = first_names(&missing, MOST);
        let fault = Fault::failed(format!("The server lacks tablespaces that the backup names: {names}"));
        let create = statements(&missing, |name| format!("CREATE TABLESPACE {name} LOCATION 'DIRECTORY';"))?;
        let hint = format!(
            "create them, each in an empty directory of the server's user, on a volume that outlives the container, in {shell}\n\
             {create}\n{}",
            without(backup)
        );
        return Err(fault.hint(hint).into());
    }
    if !closed.is_empty() {
        let user = printable_identifier(server.target().user())?;
        let names = first_names(&closed, MOST);
        let fault =
            Fault::failed(format!("This role may create nothing in tablespaces that the backup names: {names}"));
        let grant = statements(&closed, |name| format!("GRANT CREATE ON TABLESPACE {name} TO {user};"))?;
        return Err(fault.hint(format!("as a superuser, in {shell}\n{grant}\n{}", without(backup))).into());
    }
    Ok(())
}

/// Those that the server has, and whether this role may put objects of this database there.
fn found(server: &Server<'_>, named: &BTreeSet<String>) -> Result<BTreeMap<String, bool>> {
    let sql = format!(
        "SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('name', t.spcname, 'may_create', \
         pg_catalog.has_tablespace_privilege(t.oid, 'CREATE') OR t.spcname OPERATOR(pg_catalog.=) 'pg_default' OR t.oid \
         OPERATOR(pg_catalog.=) ANY (SELECT d.dattablespace FROM pg_catalog.pg_database AS d \
         WHERE d.datname OPERATOR(pg_catalog.=) {live}))), '[]') FROM pg_catalog.pg_tablespace AS t \
         WHERE t.spcname = ANY (ARRAY[{names}]::pg_catalog.text[])",
        live = literal(server.target().database())?,
        names = literals(named.iter().map(String::as_str))?
    );
    let found: Vec<Tablespace> =
        serde_json::from_str(server.ask_maintenance(&sql)?.trim()).context("the tablespaces of the server")?;
    Ok(found.into_iter().map(|found| (found.name, found.may_create)).collect())
}

/// One line for each.
fn statements(names: &[String], of: impl Fn(String) -> String) -> Result<String, Fault> {
    let lines: Vec<String> =
        names.iter().map(|name| Ok(of(printable_identifier(name)?))).collect::<Result<_, Fault>>()?;
    Ok(first_lines(lines.into_iter()))
}

/// How everything goes into the tablespace of the database. The statements are left out by their lines, because a string or
/// the body of a function may hold a line like theirs; what this program added to the dump would not fit any more.
fn without(backup: &Proven) -> String {
    let lines = &backup.contents.tablespace_lines;
    if lines.len() >= MOST_TABLESPACE_LINES {
        return "or leave them out where the file came from: pg_dump --no-tablespaces".to_owned();
    }
    let mut steps = vec!["1{/^-- xtask /d;}".to_owned(), "${/^-- xtask /d;}".to_owned()];
    steps.extend(lines.iter().map(|line| format!("{}bx", backup.line_of_dump(*line))));
    // Only a statement that is alone in its line.
    steps.extend(["b", ":x", "/^SET default_tablespace = [^;]*;$/d"].map(str::to_owned));
    let steps: Vec<String> = steps.iter().map(|step| format!("-e {}", shell_word(step))).collect();
    let (steps, file) = (steps.join(" "), backup.as_word());
    let text = if backup.path.extension().is_some_and(|end| end == "zst") {
        format!("zstd -dc {file} | sed {steps}")
    } else {
        format!("sed {steps} {file}")
    };
    format!("or leave them out, and restore that file: {text} > x.sql")
}
