//! Tuples that an interrupted run of `setup-openfga` deleted and has not written again.

use crate::context::Context;
use crate::openfga::api::Api;
use crate::openfga::reconcile::pending;
use crate::target::state_folder::StateFolder;
use crate::terminal::counted;
use anyhow::Result;

/// Warns where tuples of this store may be absent; how many.
///
/// # Errors
/// Exit 6: what was recorded of them cannot be understood.
pub fn warn(api: &Api, store: &str, context: &Context) -> Result<usize> {
    let absent = pending::count(&StateFolder::of(&context.root), api.url(), store)?;
    if absent > 0 {
        let tuples = counted(absent as u64, "tuple", "tuples");
        let text =
            format!("setup-openfga was interrupted: {tuples} may be missing; it writes them when it is run again");
        context.terminal.warn(&text);
    }
    Ok(absent)
}
