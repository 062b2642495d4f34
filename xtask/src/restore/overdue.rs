//! Previous databases that a run was to drop and could not: each takes its room on the server's disk until it goes.

use super::blockers::Blockers;
use super::previous::Previous;
use super::record::View;
use crate::postgres::server::Server;

/// One of them.
#[derive(Debug)]
pub struct Overdue {
    /// The live database that it was.
    pub live: String,
    /// What it is, and why it is still there, in one line.
    pub shown: String,
    /// What a person types.
    pub by_hand: String,
}

/// Those of every live database that the record names.
pub fn list(server: &Server<'_>, view: &View) -> Vec<Overdue> {
    let all = super::previous::all(view, server.target().database());
    all.iter().filter(|old| old.entry.details.is_overdue).map(|old| described(server, old)).collect()
}

fn described(server: &Server<'_>, old: &Previous) -> Overdue {
    let (name, live) = (&old.entry.name, old.entry.live.clone());
    let blockers = Blockers::of(server, name);
    let why = match blockers.shown() {
        Some(shown) => format!("it has: {shown}"),
        None => "the next restore tries again".to_owned(),
    };
    let shown = format!("{name} was to be dropped after a later swap, and could not be; {why}");
    let by_hand = blockers.by_hand(server, name).unwrap_or_else(|error| error.to_string());
    Overdue { live, shown, by_hand }
}
