//! The answer to a list question, and whether the server cut it short.
//!
//! A server stops a list at its limit (1,000 names by default), and at its deadline (3 s), with what it has found until
//! then, and says nothing of it. Expected names that are missing in a list are therefore asked for one by one. A list
//! that is what was expected may be cut as well: objects are also asked for as a stream, which has no limit of names;
//! of users, the others that the tuples name are checked.

use super::checks::Pace;
use super::reply::Reply;
use crate::openfga::api::{Api, Asking, CheckRequest};
use crate::openfga::store_file::UserFilter;
use crate::process::signals;
use anyhow::Result;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// A list that took longer was ended by the server's deadline (3 s by default).
const SLOW: Duration = Duration::from_millis(2_500);
/// At most this many missing names are asked for: one that is not missing is enough.
const ASKED: usize = 50;
/// At most this many users that a list does not name are checked.
const OTHERS: usize = 200;
/// A list of as many names as a server's default limit may be cut.
const DEFAULT_LIMIT: usize = 1_000;

/// Which of the two lists is asked for: what their settings are called, and the check that a name stands for.
#[derive(Debug, Clone, Copy)]
pub enum Question<'a> {
    Objects { user: &'a str, relation: &'a str, object_type: &'a str },
    Users { object: &'a str, relation: &'a str, filters: &'a [UserFilter] },
}

/// A list, and what a person should know about it.
pub type List = (BTreeSet<String>, Option<String>);

impl<'a> Question<'a> {
    fn check(self, name: &'a str) -> CheckRequest<'a> {
        match self {
            Self::Objects { user, relation, .. } => CheckRequest { user, relation, object: name, context: None },
            Self::Users { object, relation, .. } => CheckRequest { user: name, relation, object, context: None },
        }
    }

    fn setting(self) -> &'static str {
        match self {
            Self::Objects { .. } => "OPENFGA_LIST_OBJECTS",
            Self::Users { .. } => "OPENFGA_LIST_USERS",
        }
    }

    /// The message about a list that the server cut.
    fn cut_at(self, count: usize) -> String {
        let setting = self.setting();
        format!("the server cut the list at {count} names: see {setting}_MAX_RESULTS, {setting}_DEADLINE")
    }

    fn list(self, api: &Api, asking: Asking<'_>) -> Result<BTreeSet<String>> {
        match self {
            Self::Objects { user, relation, object_type } => api.list_objects(asking, user, relation, object_type),
            Self::Users { object, relation, filters } => {
                // The API takes one filter a request.
                let lists = filters.iter().map(|filter| api.list_users(asking, object, relation, filter));
                Ok(lists.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
            }
        }
    }
}

/// A list question, and what its answer is compared with.
#[derive(Debug)]
pub struct Asked<'a> {
    pub api: &'a Api,
    pub asking: Asking<'a>,
    pub question: Question<'a>,
    pub expected: &'a BTreeSet<String>,
    /// The list must be exactly the expected one.
    pub exact: bool,
    /// The users of all tuples that count; nothing where they are not known.
    pub known: BTreeSet<&'a str>,
}

impl Asked<'_> {
    /// Asks for the list, and finds out whether it was cut.
    pub fn ask(&self, pace: &mut Pace) -> Result<Reply<List>> {
        // A second time where the first was too slow.
        for last in [false, true] {
            if pace.has_given_up() {
                return Ok(Pace::unasked());
            }
            signals::check()?;
            let start = Instant::now();
            let reply = Reply::of(self.question.list(self.api, self.asking))?;
            pace.heard(&reply);
            let found = match reply {
                Reply::Answered(found) => found,
                Reply::Refused(why) => return Ok(Reply::Refused(why)),
                Reply::Unanswered(why) => return Ok(Reply::Unanswered(why)),
            };
            let slow = start.elapsed() >= SLOW;
            let missing: Vec<&str> = self.expected.difference(&found).map(String::as_str).take(ASKED).collect();
            if missing.is_empty() {
                return self.beyond(found, pace);
            }
            match (!self.among(&missing, pace)?.is_empty(), slow) {
                (false, _) => return Ok(Reply::Answered((found, None))),
                (true, false) => {
                    let note = self.question.cut_at(found.len());
                    return Ok(Reply::Answered((found, Some(note))));
                }
                (true, true) if last => {
                    let setting = self.question.setting();
                    return Ok(Reply::Unanswered(format!(
                        "the server cut the list at its deadline: see {setting}_DEADLINE"
                    )));
                }
                (true, true) => {}
            }
        }
        Ok(Pace::unasked())
    }

    /// A list with every expected name: where it is the expected one to the name, whether it ends there or is cut there.
    /// Names that are found behind the cut are in the list that is given back.
    fn beyond(&self, mut found: BTreeSet<String>, pace: &mut Pace) -> Result<Reply<List>> {
        if !self.exact || found.is_empty() || found != *self.expected {
            return Ok(Reply::Answered((found, None)));
        }
        let (others, is_whole) = match self.question {
            Question::Objects { user, relation, object_type } => {
                match Reply::of(self.api.stream_objects(self.asking, user, relation, object_type))? {
                    Reply::Answered(streamed) => (streamed.difference(&found).cloned().collect(), true),
                    // A server without this question, or without time for it.
                    Reply::Refused(_) | Reply::Unanswered(_) => (Vec::new(), false),
                }
            }
            Question::Users { filters, .. } => {
                let others = users_to_check(&self.known, filters, &found);
                (self.among(&others, pace)?.into_iter().map(str::to_owned).collect(), !others.is_empty())
            }
        };
        let count = found.len();
        if !others.is_empty() {
            found.extend(others);
            return Ok(Reply::Answered((found, Some(self.question.cut_at(count)))));
        }
        if !is_whole && count == DEFAULT_LIMIT {
            let setting = self.question.setting();
            return Ok(Reply::Unanswered(format!(
                "the list has as many names as a server gives ({count}): whether it was cut cannot be decided; raise \
                 {setting}_MAX_RESULTS"
            )));
        }
        Ok(Reply::Answered((found, None)))
    }

    /// Those of the names that do stand for a yes.
    fn among<'n>(&self, names: &[&'n str], pace: &mut Pace) -> Result<Vec<&'n str>> {
        let requests: Vec<CheckRequest<'_>> = names.iter().map(|name| self.question.check(name)).collect();
        let replies = pace.ask(self.api, self.asking, &requests, 0)?;
        let yes = names.iter().zip(replies).filter(|(_, reply)| *reply == Reply::Answered(true));
        Ok(yes.map(|(name, _)| *name).collect())
    }
}

/// The known users of the wanted types that a list does not name, spread over all of them where they are many. None
/// where the list names everybody of a type: then a yes for one of them says nothing.
fn users_to_check<'a>(known: &BTreeSet<&'a str>, filters: &[UserFilter], found: &BTreeSet<String>) -> Vec<&'a str> {
    if found.iter().any(|name| name.ends_with(":*")) {
        return Vec::new();
    }
    let is_wanted = |user: &str| {
        let kind = user.split_once(':').map(|(kind, _)| kind);
        filters.iter().any(|filter| filter.relation.is_none() && Some(filter.user_type.as_str()) == kind)
            && !user.contains('#')
            && !user.ends_with(":*")
            && !found.contains(user)
    };
    let others: Vec<&str> = known.iter().copied().filter(|user| is_wanted(user)).collect();
    let step = others.len().div_ceil(OTHERS).max(1);
    others.into_iter().step_by(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_to_check_are_those_of_the_wanted_types_that_the_list_lacks() {
        let filter = |user_type: &str, relation: Option<&str>| UserFilter {
            user_type: user_type.to_owned(),
            relation: relation.map(str::to_owned),
        };
        let known = BTreeSet::from(["user:a", "user:b", "user:*", "team:x", "team:x#member", "bot:1"]);
        let found = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let check = |filters: &[UserFilter], names: &[&str]| users_to_check(&known, filters, &found(names));
        assert_eq!(check(&[filter("user", None)], &["user:a"]), ["user:b"]);
        assert_eq!(check(&[filter("team", Some("member"))], &["team:y#member"]), [""; 0]);
        assert_eq!(check(&[filter("team", None), filter("bot", None)], &["bot:2"]), ["bot:1", "team:x"]);
        assert_eq!(check(&[filter("user", None)], &["user:*"]), [""; 0], "everybody");
        let many: Vec<String> = (0..1_000).map(|number| format!("user:{number}")).collect();
        let many: BTreeSet<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(users_to_check(&many, &[filter("user", None)], &BTreeSet::new()).len(), OTHERS);
    }
}
