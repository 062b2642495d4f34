//! The services that use the database, in a preview.

use crate::context::Context;
use crate::target::backend::ServiceUser;
use crate::terminal;

/// Names them in a preview; with `--verbose` the reasons, too.
pub fn show(users: &[ServiceUser], context: &Context) {
    if users.is_empty() {
        return;
    }
    let names: Vec<&str> = users.iter().map(|user| user.name.as_str()).collect();
    let text = format!("Services that will be stopped: {}", names.join(", "));
    context.terminal.note(&terminal::clean_line(&text));
    for ServiceUser { name, why } in users.iter().filter(|_| context.verbose) {
        context.terminal.note(&terminal::clean_line(&format!("  {name}: {why}")));
    }
}
