//! The answer to a list question, and whether the server cut it short.
//!
//! A server stops a list at its limit (1,000 names by default), and at its deadline (3 s), with what it has found until
//! then, and says nothing of it. Names that are missing in a list are therefore asked for one by one.

use super::checks::Pace;
use super::reply::Reply;
use crate::openfga::api::{Api, Asking, CheckRequest};
use crate::process::signals;
use anyhow::Result;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// A list that took longer was ended by the server's deadline (3 s by default).
const SLOW: Duration = Duration::from_millis(2_500);
/// So many missing names are asked for: one that is not missing is enough.
const ASKED: usize = 50;

/// Which of the two lists is asked for: what their settings are called, and the check that a name stands for.
#[derive(Debug, Clone, Copy)]
pub enum Question<'a> {
    Objects { user: &'a str, relation: &'a str },
    Users { object: &'a str, relation: &'a str },
}

/// A list, and what a person should know about it.
pub type List = (BTreeSet<String>, Option<String>);

impl<'a> Question<'a> {
    fn check(self, name: &'a str) -> CheckRequest<'a> {
        match self {
            Self::Objects { user, relation } => CheckRequest { user, relation, object: name, context: None },
            Self::Users { object, relation } => CheckRequest { user: name, relation, object, context: None },
        }
    }

    fn setting(self) -> &'static str {
        match self {
            Self::Objects { .. } => "OPENFGA_LIST_OBJECTS",
            Self::Users { .. } => "OPENFGA_LIST_USERS",
        }
    }
}

/// Asks for a list; where expected names are missing, finds out whether it was cut.
pub fn ask(
    pace: &mut Pace,
    api: &Api,
    asking: Asking<'_>,
    question: Question<'_>,
    expected: &BTreeSet<String>,
    list: &dyn Fn() -> Result<BTreeSet<String>>,
) -> Result<Reply<List>> {
    // A second time where the first was too slow.
    for last in [false, true] {
        if pace.has_given_up() {
            return Ok(Pace::unasked());
        }
        signals::check()?;
        let start = Instant::now();
        let reply = Reply::of(list())?;
        pace.heard(&reply);
        let found = match reply {
            Reply::Answered(found) => found,
            Reply::Refused(why) => return Ok(Reply::Refused(why)),
            Reply::Unanswered(why) => return Ok(Reply::Unanswered(why)),
        };
        let slow = start.elapsed() >= SLOW;
        let missing: Vec<&str> = expected.difference(&found).map(String::as_str).take(ASKED).collect();
        if missing.is_empty() {
            return Ok(Reply::Answered((found, None)));
        }
        let requests: Vec<CheckRequest<'_>> = missing.iter().map(|name| question.check(name)).collect();
        let replies = pace.ask(api, asking, &requests, 0)?;
        let is_cut = replies.contains(&Reply::Answered(true));
        let setting = question.setting();
        match (is_cut, slow) {
            (false, _) => return Ok(Reply::Answered((found, None))),
            (true, false) => {
                let count = found.len();
                let note =
                    format!("the server cut the list at {count} names: see {setting}_MAX_RESULTS, {setting}_DEADLINE");
                return Ok(Reply::Answered((found, Some(note))));
            }
            (true, true) if last => {
                return Ok(Reply::Unanswered(format!(
                    "the server cut the list at its deadline: see {setting}_DEADLINE"
                )));
            }
            (true, true) => {}
        }
    }
    Ok(Pace::unasked())
}
