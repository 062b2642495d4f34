//! A store is made to match its file: what `setup-openfga` does, and `setup-env` for the checkout's own file.

mod apply;
mod asked;
mod chosen;
mod env;
mod options;
mod plan;
mod report;
mod write;

pub use self::options::Options;

use self::apply::{Setup, StoreState};
use self::env::Ids;
use self::report::Report;
use super::other_run::Wait;
use super::store_file::FileArgs;
use crate::context::Context;
use crate::error::{self, Exit, Fault};
use crate::openfga::client::refusal;
use crate::openfga::server::OpenfgaServer;
use crate::postgres::change_lock::Lock;
use crate::postgres::server::Server;
use crate::process::signals;
use crate::target::Target;
use crate::target::file_lock::FileLock;
use crate::target::state_folder::{self, Whose};
use crate::terminal;
use anyhow::Result;
use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

/// How long a run waits for another one.
const LOCK_TIMEOUT: Duration = Duration::from_secs(120);

/// The store of the checkout's own file, for a command that sets up everything; gives one line about it, `None` where
/// the checkout has no such file.
pub fn set_up_own(target: &Target, yes: bool, context: &Context) -> Result<Option<String>> {
    let file = FileArgs::default();
    if !file.path(context).is_some_and(|path| path.is_file()) {
        return Ok(None);
    }
    let options = Options { file: &file, no_env: false, prune: false, allow_empty: false, dry_run: false, yes };
    set_up(options, target, context).map(|report| Some(report.in_short()))
}

/// Makes the store match the file.
///
/// # Errors
/// What was refused or failed, and what that means for the store.
pub fn set_up(options: Options<'_>, target: &Target, context: &Context) -> Result<Report> {
    let file = options.file.read(context)?;
    let model = file.required_model()?;
    let ids = Ids::of(options, target, context)?;
    let openfga = OpenfgaServer::of(target, &context.settings)?;
    let server = Server::new(target)?;
    let _lock = if options.dry_run { None } else { Some(Held::take(&openfga, &server, context)?) };
    let state = Cell::new(StoreState::Untouched);
    let setup = Setup { options, target, file: &file, model, ids: &ids, state: &state, context };
    setup.run(openfga).map_err(|error| explained(error, state.get()))
}

/// What a failure means for the store.
fn explained(error: anyhow::Error, state: StoreState) -> anyhow::Error {
    match (error::exit(&error), state) {
        (Exit::Failed, StoreState::Untouched) if refusal(&error).is_some() => {
            let fault = Fault::failed(format!("{error}; nothing was changed"));
            let hint = error::fault(&error).and_then(Fault::hint_text).unwrap_or("fix the cause, then run it again");
            let fault = fault.hint(hint);
            error.context(fault)
        }
        (Exit::Signal(signal), StoreState::Changed) => {
            let said = signals::interrupted_while(signal, "part of it is done; .env is unchanged");
            Fault::new(Exit::Partial, said.to_string()).hint("run it again: that completes it").into()
        }
        (Exit::Failed, StoreState::Changed) => error.context(
            Fault::new(Exit::Partial, "Only part of it is done; .env is unchanged")
                .hint("fix the cause, then run it again"),
        ),
        (Exit::Unreachable, StoreState::Changed) => error.context(
            Fault::new(Exit::Unreachable, "The connection to OpenFGA was lost half-way; .env is unchanged")
                .hint("run it again when the server answers: that completes it"),
        ),
        _ => error,
    }
}

/// One run at a time: in the database where the store's data is, else in this checkout.
enum Held<'a> {
    Database(#[expect(dead_code, reason = "held until it is dropped")] Lock<'a>),
    Checkout(#[expect(dead_code, reason = "held until it is dropped")] FileLock),
}

impl<'a> Held<'a> {
    fn take(openfga: &OpenfgaServer, server: &Server<'a>, context: &Context) -> Result<Self> {
        if openfga.is_of_stack || !server.target().own_openfga().can_have_openfga() {
            let wait = Wait::begin(LOCK_TIMEOUT, None);
            let lock = wait.take(context, &mut |timeout| Lock::take(server, timeout))?;
            return Ok(Self::Database(lock));
        }
        let waiting = context.terminal.waiting("waiting for another run");
        let folder = state_folder::make_below(&context.root, Path::new(".xtask"), 0o755, Whose::Own)?;
        let said = Cell::new(false);
        let tell = |who: &str| {
            if !said.replace(true) {
                waiting.aside(|| context.terminal.note(&terminal::clean_line(who)));
            }
        };
        Ok(Self::Checkout(FileLock::take(&folder.join("setup-openfga.lock"), &tell)?))
    }
}
