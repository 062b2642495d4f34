//! What a restore of a new backup cannot do, or may fail at.

use crate::backup::take::Taken;
use crate::commands::full_backup::warn_of_extensions;
use crate::context::Context;
use crate::postgres::path_dependents::PathDependent;
use crate::target::Target;
use crate::terminal;

/// Says of a whole database's backup what a restore of it cannot do, or may fail at.
pub(super) fn warn_of_restores(taken: &Taken, target: &Target, context: &Context) {
    if !taken.manifest.is_full() {
        return;
    }
    warn_of_extensions(taken, target, context);
    for PathDependent { object, function, names, schema, is_built } in &taken.path_dependents {
        let text = format!(
            "A restore may fail at {object}: it uses {function}, which names {names} without its schema ({schema}), and a \
             dump loads with an empty search_path\n\
             check whether it loads: cargo xtask db-verify --restore; load it with: --search-path {word}{until}\n\
             fix it for good: ALTER FUNCTION {function} SET search_path = {schema}",
            word = terminal::shell_word(schema),
            until = if *is_built { " (into PostgreSQL 16 and older)" } else { "" }
        );
        context.terminal.warn(&terminal::clean(&text));
    }
}
