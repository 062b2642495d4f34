//! A batch of tuples that is deleted and not yet written again, on disk: `.xtask/openfga/pending-….json`.

use crate::error::{Exit, Fault};
use crate::openfga::api::Stored;
use crate::openfga::id;
use crate::platform::random;
use crate::target::state_folder::StateFolder;
use crate::words::hex;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

const START: &str = "pending-";
const END: &str = ".json";
const VERSION: u32 = 1;

/// A tuple before and after.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    pub before: Stored,
    pub after: Stored,
}

/// What is written down.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    version: u32,
    server: String,
    #[serde(deserialize_with = "id::deserialize")]
    store: String,
    tuples: Vec<Pair>,
}

impl Record {
    /// Reads one; a pair is one tuple, with another condition at most.
    fn read(text: &str) -> Result<Self> {
        let record: Self = serde_json::from_str(text)?;
        anyhow::ensure!(record.version == VERSION, "version {VERSION} was expected");
        let other = record.tuples.iter().find(|pair| pair.before.key() != pair.after.key());
        anyhow::ensure!(other.is_none(), "before and after are not the same tuple");
        Ok(record)
    }
}

/// One recorded batch.
#[derive(Debug)]
pub struct Pending {
    folder: StateFolder,
    name: String,
    record: Record,
}

impl Pending {
    /// Records a batch; it is on disk when this returns.
    pub fn record(folder: &StateFolder, server: &str, store: &str, tuples: Vec<Pair>) -> Result<Self> {
        let run = hex(&random::<6>()?);
        let record = Record { version: VERSION, server: server.to_owned(), store: store.to_owned(), tuples };
        let pending = Self { folder: folder.clone(), name: format!("{START}{run}{END}"), record };
        folder.write(&pending.name, serde_json::to_string_pretty(&pending.record)?.as_bytes())?;
        Ok(pending)
    }

    /// What earlier runs have left.
    ///
    /// # Errors
    /// Exit 6 for a record that cannot be understood: it may be the only copy of tuples that are absent.
    pub fn all(folder: &StateFolder) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        for name in folder.names(START, END)? {
            let Some(text) = folder.read(&name)? else { continue };
            let path = folder.path(&name);
            let record = Record::read(&text).with_context(|| {
                let fault = Fault::new(Exit::Partial, format!("{} cannot be understood", path.display()));
                fault.hint(
                    "it holds tuples that an earlier run deleted: check that they are in the store, then remove it",
                )
            })?;
            all.push(Self { folder: folder.clone(), name, record });
        }
        Ok(all)
    }

    /// Whether it is about this store of this server: no other's is written to.
    pub fn is_of(&self, server: &str, store: &str) -> bool {
        self.record.server == server && self.record.store == store
    }

    /// Which store of which server it is about, for people.
    pub fn about(&self) -> String {
        format!("the store {} of {}", self.record.store, self.record.server)
    }

    pub fn pairs(&self) -> &[Pair] {
        &self.record.tuples
    }

    /// Where it is, for people.
    pub fn path(&self) -> String {
        self.folder.path(&self.name).display().to_string()
    }

    /// Nothing of it is absent any more.
    pub fn forget(&self) -> Result<()> {
        self.folder.remove(&self.name)
    }
}

/// How many tuples of this server's store an earlier run may have left absent.
pub fn count(folder: &StateFolder, server: &str, store: &str) -> Result<usize> {
    let all = Pending::all(folder)?;
    Ok(all.iter().filter(|pending| pending.is_of(server, store)).map(|pending| pending.pairs().len()).sum())
}
