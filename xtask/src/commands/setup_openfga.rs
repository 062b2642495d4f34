//! `setup-openfga`: one store, its model, its tuples, its tests, and the ids in `.env`; as often as one likes.

mod args;
mod print;

pub use self::args::Args;

use super::store_setup;
use crate::context::Context;
use crate::process::signals;
use anyhow::Result;

pub fn run(args: &Args, context: &Context) -> Result<()> {
    if let Some(form) = args.print_model {
        return print::print(args.file.read_without_store(context)?.required_model()?, form, context);
    }
    let target = context.target()?;
    context.terminal.note(&format!("Setting up OpenFGA of {}", target.shown()));
    let report = store_setup::set_up(args.options(), &target, context)?;
    // It is done and checked: a signal that comes now must not say otherwise.
    signals::shielded(|| report.show(args.json, context))
}
