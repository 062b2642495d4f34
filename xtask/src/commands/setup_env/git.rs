//! What git would take along of what `setup-env` writes.

use crate::adopt::Repository;
use crate::context::Context;

/// Says of a `.env` that git does not ignore what keeps it out of a commit. A checkout without git, or a file that is
/// committed on purpose, is nothing to say of.
pub fn warn_of_env(context: &Context) {
    let is_there = context.root.join(".env").symlink_metadata().is_ok();
    let Some(repository) = Repository::open(&context.root).ok().filter(|_| is_there) else { return };
    if repository.ignores(".env").unwrap_or(true) || repository.is_tracked(".env") {
        return;
    }
    context.terminal.warn("git does not ignore .env, which holds passwords");
    let file = context.as_word(&context.root.join(".gitignore"));
    context.terminal.hint(&format!("keep it out of commits: printf '\\n/.env\\n' >> {file}"));
}
