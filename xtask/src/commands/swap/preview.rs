//! What people see before a database takes the live one's place.

use crate::backup::proof::Proven;
use crate::context::Context;
use crate::restore::code_in_file;
use crate::restore::plan::{Change, Plan};
use crate::restore::staging::LoadWarning;
use crate::target::Target;
use crate::terminal;

/// What stands for the number of a table's rows where the file leaves them out.
const LEFT_OUT: &str = "no rows in the file";

/// What would come and go; `then` heads the column of what is there afterwards.
pub fn changes(plan: &Plan, then: &str, context: &Context) {
    let terminal = &context.terminal;
    if let Some(why) = &plan.unreadable {
        terminal.warn(&terminal::clean_line(&format!("The live database cannot be read: {why}")));
    }
    let number = |rows: Option<u64>, estimated: bool| {
        rows.map_or_else(
            || "-".to_owned(),
            |rows| format!("{}{}", if estimated { "≈ " } else { "" }, terminal::count(rows)),
        )
    };
    if let Some(why) = &plan.not_compared {
        terminal.warn(&format!("The live OpenFGA stores and models are not compared: {why}"));
    }
    let row = |table: &Change| {
        let name = format!("{}.{}", table.schema, table.table);
        let then = if table.rows_left_out { LEFT_OUT.to_owned() } else { number(table.backup, false) };
        vec![name, number(table.now, table.estimated), "→".to_owned(), then]
    };
    let rows: Vec<Vec<String>> = plan.tables.iter().flatten().map(row).collect();
    if !rows.is_empty() {
        terminal.note_table(&["TABLE", "ROWS NOW", "", then], &rows, &[1, 3]);
    }
    for store in &plan.stores_gained {
        terminal.note(&terminal::clean_line(&format!("OpenFGA store comes back: {store}")));
    }
    for store in &plan.stores_lost {
        terminal.note(&terminal::clean_line(&format!("OpenFGA store disappears: {store}")));
    }
    if plan.models_gained + plan.models_lost > 0 {
        terminal.note(&format!("OpenFGA models: {} come back, {} disappear", plan.models_gained, plan.models_lost));
    }
    if !plan.sessions.is_empty() {
        terminal
            .note(&terminal::clean_line(&format!("Sessions that will be terminated: {}", plan.sessions.join(", "))));
    }
    if !plan.workers.is_empty() {
        let workers = plan.workers.join(", ");
        let text = format!("Background workers that will end, perhaps until the server restarts: {workers}");
        terminal.note(&terminal::clean_line(&text));
    }
}

/// What a person should know of a load that succeeded.
pub fn load_warning(warning: &LoadWarning, context: &Context) {
    context.terminal.warn(&terminal::clean_line(&warning.what));
    warning.hint.iter().for_each(|hint| context.terminal.hint(hint));
}

/// A file without keys and indexes, while the live database has so many.
pub fn name_lost_keys(backup: &Proven, lost: Option<u64>, (target, context): (&Target, &Context)) {
    let Some(lost) = lost else { return };
    let text = format!(
        "{} creates tables and holds no key or index; database {} has {}",
        context.shown(&backup.path),
        target.database(),
        terminal::counted(lost, "key or index", "keys and indexes")
    );
    context.terminal.warn(&terminal::clean_line(&text));
    context.terminal.hint("have it dumped again without --section");
}

/// What the file lets roles reach beyond its own objects: a role that may call PostgreSQL's own functions for files and
/// programs, or those of an extension, has the server.
pub fn name_rights_beyond_database(backup: &Proven, context: &Context) {
    let contents = &backup.contents;
    let of_extensions = contents.grants_on_others.filter(|_| code_in_file::has_other_extensions(contents));
    for (line, what, why) in [
        (
            contents.grants_on_catalog,
            "gives roles rights on objects of PostgreSQL itself",
            "a role with such a right may reach the server's files",
        ),
        (
            of_extensions,
            "gives roles rights on functions of an extension, or on aggregates",
            "a role with such a right may reach the server's files, programs or other databases",
        ),
        (
            contents.mappings_without_password,
            "has user mappings that need no password",
            "their roles may reach a server that lets this one's host in, with all rights there",
        ),
        (
            contents.reads_catalogs,
            "has views or rules on catalogs that not every role may read",
            "who may use them may see what those hold, such as passwords",
        ),
    ] {
        if let Some(line) = line {
            let (file, line) = (context.shown(&backup.path), backup.line_of_dump(line));
            context.terminal.warn(&format!("{file} {what}, from line {line} on: {why}"));
        }
    }
}

/// What reads a foreign table while the file loads, such as a materialized view, connects to another server.
pub fn name_foreign_tables(backup: &Proven, context: &Context) {
    let count = backup.contents.foreign_tables;
    if count > 0 {
        let tables = terminal::counted(count, "foreign table", "foreign tables");
        context.terminal.note(&format!(
            "{} has {tables}: the server may connect to other servers while it fills materialized views",
            context.shown(&backup.path)
        ));
        if backup.contents.extensions.contains("file_fdw") {
            context.terminal.warn(&format!(
                "{} has foreign tables of file_fdw: who may read one reads a file of the server's host, or runs a program there",
                context.shown(&backup.path)
            ));
        }
    }
}
