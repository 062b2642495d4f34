//! What stands in the way, by name; nothing is written then.

use crate::error::Fault;

/// One thing in the way, and the way round it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collision {
    pub what: String,
    pub way_round: String,
}

impl Collision {
    /// Another package, folder or alias has the name.
    pub fn of_name(what: impl Into<String>) -> Self {
        Self { what: what.into(), way_round: "give this one another name: --name NAME".to_owned() }
    }

    pub fn new(what: impl Into<String>, way_round: impl Into<String>) -> Self {
        Self { what: what.into(), way_round: way_round.into() }
    }
}

impl From<Collision> for Fault {
    fn from(collision: Collision) -> Self {
        Self::failed(format!("{}; nothing was changed", collision.what)).hint(collision.way_round)
    }
}
