//! What is ours on the server: a record of the databases that this role's runs made. It lies in a small database of the
//! role's own, where no dump, no manifest and no other role can write. One place decides by it: [`evidence`]. Database
//! comments decide nothing.

mod by_hand;
mod entry;
mod evidence;
mod names;
mod place;
mod session;
mod sessions;
mod view;

pub use by_hand::Unrecorded;
pub use entry::{Details, Entry, SwapSet, at};
pub use evidence::{Doubt, OwnedDatabase, Verdict};
pub use names::Purpose;
pub use place::QUESTION;
pub use session::Record;
pub use view::View;

use crate::error::Fault;
use crate::postgres::open_session::OpenSession;
use crate::postgres::server::Server;
use crate::words::shell_word;
use anyhow::Result;
use place::{Place, RecordState};
use serde::Deserialize;
use std::collections::HashMap;

/// What a command that only looks asks for beside the record itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Databases that are named like ours and are not recorded.
    pub unrecorded: bool,
    /// What the databases take on the server's disk.
    pub sizes: bool,
}

/// Reads the record for a command that only looks: it is never made or removed. One that is not to be trusted is
/// empty and says why.
pub fn read(server: &Server<'_>, wanted: Wanted) -> Result<View> {
    let answer = server.ask_maintenance(QUESTION)?;
    read_answer(&answer, server, wanted)
}

/// The same, where [`QUESTION`] was asked already.
pub fn read_answer(answer: &str, server: &Server<'_>, wanted: Wanted) -> Result<View> {
    let live = server.target().database();
    let maintenance = server.maintenance_database();
    let place = Place::read(answer)?;
    let state = match place.state(maintenance) {
        Ok(state) => state,
        Err(why) => return Ok(View::distrusted(why)),
    };
    if state == RecordState::Complete {
        let view = open(server, &place.name).and_then(|(mut session, table)| {
            table.then(|| View::read(&session.run(&View::question(live, wanted.sizes)?)?.join("\n"))).transpose()
        });
        match view {
            Ok(Some(view)) => return Ok(view),
            Ok(None) => {}
            // A run that ended meanwhile may have removed it.
            Err(error) => {
                let now = Place::read(&server.ask_maintenance(QUESTION)?)?;
                if now.state(maintenance)? == RecordState::Complete {
                    return Err(place.unreadable(error));
                }
            }
        }
    }
    if !wanted.unrecorded {
        return Ok(View::default());
    }
    View::read(&server.ask_maintenance(&View::question_without_record(live)?)?)
}

/// The databases that this program made for itself on the server, each with what it is: those that this role's record
/// proves to be its own, and the records of all roles. A record that is not to be trusted proves nothing.
pub fn own_databases(server: &Server<'_>) -> Result<HashMap<String, String>> {
    let records: Vec<String> = serde_json::from_str(server.ask_maintenance(place::RECORDS)?.trim())?;
    let view = read(server, Wanted::default())?;
    let live = server.target().database();
    let beside = view.entries().iter().filter_map(|entry| {
        let what = match entry.purpose {
            Purpose::Previous => format!("the previous database of {}", entry.live),
            Purpose::Staging => format!("a restore of {} is filling it", entry.live),
            Purpose::Verify => format!("a drill for {} uses it", entry.live),
            Purpose::First | Purpose::Unknown => return None,
        };
        Some((view.owned(entry, live)?.name().to_owned(), what))
    });
    let records = records.into_iter().map(|name| (name, "this program's record".to_owned()));
    Ok(beside.chain(records).collect())
}

/// A quote around SQL that no name in it can end: it holds the run's random name.
pub(in crate::restore) fn dollar_quote(run: &str) -> String {
    format!("${}$", run.replace('-', ""))
}

/// A statement that runs nothing of another role, who may have made that database.
const OWNERS: &str =
    r#""SELECT tablename, tableowner FROM pg_catalog.pg_tables WHERE schemaname OPERATOR(pg_catalog.=) 'xtask'""#;

/// A session in the record database, and whether the record is there.
fn open<'a>(server: &Server<'a>, name: &str) -> Result<(OpenSession<'a>, bool)> {
    /// `None`: there is no such thing.
    #[derive(Deserialize)]
    struct Own {
        database: Option<bool>,
        table: Option<bool>,
    }
    let mut session = OpenSession::start(&server.in_database(name))?;
    session.run("SET synchronous_commit TO on")?;
    let own: Own = serde_json::from_str(&session.run(view::IS_THERE)?.join("\n"))?;
    if own.database != Some(true) || own.table == Some(false) {
        let message = format!("The record in the database {name} was made by another role: it is not trusted");
        return Err(Fault::failed(message)
            .hint(format!("see whose it is: cargo xtask db-shell -- -d {} -c {OWNERS}", shell_word(name)))
            .into());
    }
    Ok((session, own.table.is_some()))
}
