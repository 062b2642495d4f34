//! `cargo xtask`: parse, dispatch, print the one error, end with its exit code.

mod adopt;
mod backup;
mod cli;
mod commands;
mod context;
mod error;
mod global_options;
mod health;
mod migration;
mod monitoring;
mod openfga;
mod platform;
mod postgres;
mod process;
mod restore;
mod schedule;
mod settings;
mod sql;
mod stats;
mod target;
mod terminal;
mod words;

use schedule::failure_document;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse_as(cli::action_first(std::env::args_os().collect()), settings::call());
    cli.check_databases().unwrap_or_else(|error| error.exit());
    process::signals::install();
    let context = context::Context::new(&cli.global).with_typed(cli.command.typed());
    if cli.global.verbose {
        context.tell_settings();
        let terminal = context.terminal.clone();
        process::trace_to(move |line| terminal.note(line));
    }
    for problem in context.settings.problems() {
        context.terminal.warn(&problem);
    }
    let checked = if cli.command.needs_checkout() { context.check() } else { Ok(()) };
    let ran = checked.map_err(Into::into).and_then(|()| cli.command.run(&context));
    // A thread may still wait for an answer that is not needed any more.
    process::end_all();
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error::is_silent(&error) {
                context.terminal.error(&error);
            }
            if settings::is_asked_for(failure_document::FAILURE_DOCUMENT) {
                let document = failure_document::Document::of(&error, |hint| context.terminal.to_type(hint));
                // The caller also reads the exit code: a document that cannot be written is no further error.
                let _ = context.terminal.json(&document);
            }
            u8::try_from(error::exit_code(&error)).map_or(ExitCode::FAILURE, ExitCode::from)
        }
    }
}
