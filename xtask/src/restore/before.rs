//! The databases of before a swap, which stay on the server under their own names.

use super::mark::{self, Marked, Use};
use super::staging;
use crate::target::Target;
use anyhow::Result;

/// Those of the target's database, newest first.
pub fn list(target: &Target, run: &str) -> Result<Vec<Marked>> {
    let ours = |marked: &Marked| marked.mark.r#use == Use::Before && marked.mark.database == target.database();
    let mut marked: Vec<Marked> = mark::marked(target, run)?.into_iter().filter(ours).collect();
    marked.sort_by(|one, other| other.mark.time().cmp(&one.mark.time()).then_with(|| other.name.cmp(&one.name)));
    Ok(marked)
}

/// Drops all but the newest ones; one that is the only way back stays. Gives the names of those that went.
pub fn drop_old(target: &Target, run: &str, keep: usize) -> Result<Vec<String>> {
    let old = list(target, run)?.into_iter().skip(keep).filter(|old| !old.mark.only_way_back);
    old.map(|old| staging::drop_database(target, run, &old.name).map(|()| old.name)).collect()
}
