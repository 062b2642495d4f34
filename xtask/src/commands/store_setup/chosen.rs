//! The store that a run is about, and what an interrupted run left absent in it.

use super::options::Options;
use crate::context::Context;
use crate::openfga::api::{Api, Store};
use crate::openfga::reconcile::absent::Absent;
use crate::openfga::store::{self, STORE_ID};
use crate::openfga::store_file::StoreFile;
use crate::settings::Origin;
use crate::target::state_folder::StateFolder;
use crate::terminal::{clean_line, counted};
use anyhow::Result;

/// At most this many lines of a long list are shown.
const SHOWN: usize = 20;

/// A store that the settings name, and where.
pub type Elsewhere = (Store, Origin);

/// What was found before the store's model and tuples are read.
#[derive(Debug)]
pub struct Chosen<'a> {
    pub api: &'a Api,
    /// The store; `None` where it is to be made.
    pub store: Option<Store>,
    /// A store of another name that the settings name.
    pub other: Option<Elsewhere>,
    pub absent: Absent,
}

impl<'a> Chosen<'a> {
    /// Looks at the server, and at what earlier runs recorded.
    pub fn find(options: Options<'_>, api: &'a Api, file: &StoreFile, context: &Context) -> Result<Self> {
        let (store, other) = store_and_other(options, api, &file.name, context)?;
        let id = store.as_ref().map(|store| store.id.as_str());
        let absent = Absent::find(api, &StateFolder::of(&context.root), id, &file.tuples)?;
        for (path, about) in &absent.others {
            context.terminal.note(&clean_line(&format!("{path} is left alone: it is about {about}")));
        }
        Ok(Self { api, store, other, absent })
    }

    /// Names what an interrupted run left absent and the file does not name, and writes it once it was asked for; `wrote` hears of
    /// each tuple.
    pub fn complete(&self, options: Options<'_>, context: &Context, wrote: &dyn Fn()) -> Result<()> {
        let (Some(store), lines) = (&self.store, self.absent.shown()) else { return Ok(()) };
        if options.dry_run || lines.is_empty() {
            return Ok(());
        }
        let terminal = &context.terminal;
        let tuples = counted(lines.len() as u64, "tuple", "tuples");
        terminal
            .note("An earlier run was interrupted while it changed conditions. It deleted, and did not write again:");
        list(lines.iter().map(|line| clean_line(line)), context);
        terminal.confirm(&format!("Write {tuples} of the store {} again?", clean_line(&store.name)), options.yes)?;
        self.absent.write(self.api, &store.id, wrote)?;
        terminal.done(&format!("{tuples} written again"));
        Ok(())
    }
}

fn store_and_other(
    options: Options<'_>,
    api: &Api,
    name: &str,
    context: &Context,
) -> Result<(Option<Store>, Option<Elsewhere>)> {
    let mut other = None;
    if let Some(named) = store::named(api, &context.settings, !options.no_env)? {
        match named.store {
            Some(store) if store.name == name => return Ok((Some(store), None)),
            Some(store) => other = Some((store, named.origin)),
            None => {
                let (id, origin) = (clean_line(&named.id), named.origin.shown());
                context.terminal.note(&format!("{STORE_ID}={id} ({origin}) names no store of {}", api.url()));
            }
        }
    }
    Ok((store::by_name(api, name)?, other))
}

/// Shows the first lines of a list.
pub fn list(lines: impl ExactSizeIterator<Item = String>, context: &Context) {
    let more = lines.len().saturating_sub(SHOWN);
    lines.take(SHOWN).for_each(|line| context.terminal.note(&format!("  {line}")));
    if more > 0 {
        context.terminal.note(&format!("  … and {more} more"));
    }
}
