//! The store file of a command, and the OpenFGA that it is about.

use crate::context::Context;
use crate::openfga::api::Api;
use crate::openfga::server::OpenfgaServer;
use crate::openfga::store_file::findings::SHOWN;
use crate::openfga::store_file::{Options, StoreFile};
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// `--file -`: the store file comes on stdin.
const STDIN: &str = "-";

/// Which store file a command reads.
#[derive(Debug, Default, clap::Args)]
pub struct FileArgs {
    /// The store file; - reads it from stdin [default: openfga/store.fga.yaml]
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The store's name [default: the file's own]
    #[arg(long, value_name = "NAME")]
    store: Option<String>,
    /// Let the store file name files outside its folder
    #[arg(long)]
    allow_external_files: bool,
    /// Where tests need a second OpenFGA and none can be started, run them in a temporary store of the server; its rows
    /// stay in the database
    #[arg(long)]
    pub temporary_store: bool,
}

impl FileArgs {
    /// What was typed of it that makes another file or store of it, as words of a command line.
    pub fn typed(&self) -> Vec<(&'static str, String)> {
        let file = self.file.iter().map(|file| ("--file", terminal::shell_word(&file.display().to_string())));
        let store = self.store.iter().map(|store| ("--store", terminal::shell_word(store)));
        let external = self.allow_external_files.then(|| ("--allow-external-files", String::new()));
        file.chain(store).chain(external).collect()
    }

    /// Where the store file is; `None` where it comes on stdin.
    pub fn path(&self, context: &Context) -> Option<PathBuf> {
        match &self.file {
            Some(file) if file == Path::new(STDIN) => None,
            Some(file) => Some(context.typed(file)),
            None => Some(context.root.join("openfga").join("store.fga.yaml")),
        }
    }

    /// Reads the store file and says what its author should know.
    pub fn read(&self, context: &Context) -> Result<StoreFile> {
        self.read_as(self.store.as_deref(), context)
    }

    /// The same, where no store is asked: whatever name the file would give one.
    pub fn read_without_store(&self, context: &Context) -> Result<StoreFile> {
        self.read_as(Some("no store"), context)
    }

    fn read_as(&self, store: Option<&str>, context: &Context) -> Result<StoreFile> {
        let options = Options { store, allow_external_files: self.allow_external_files };
        let file = match self.path(context) {
            Some(path) => StoreFile::read(&path, &context.shown(&path), options)?,
            // Files that it names are those of the folder that the user stands in.
            None => {
                let bytes = context.terminal.stdin_bytes("the store file")?;
                StoreFile::of(bytes, &context.here, "<stdin>", None, options)?
            }
        };
        for warning in file.warnings.iter().take(SHOWN) {
            context.terminal.warn(&warning.to_string());
        }
        if file.warnings.len() > SHOWN {
            context.terminal.warn(&format!("{} more warnings", terminal::count((file.warnings.len() - SHOWN) as u64)));
        }
        Ok(file)
    }
}

/// The server's API, once it is known to answer.
pub fn connected(server: &mut OpenfgaServer, target: &Target, context: &Context) -> Result<Api> {
    let waiting = context.terminal.waiting("waiting for OpenFGA");
    server.wait_until_ready(target)?;
    drop(waiting);
    Ok(Api::new(server.endpoint.clone()))
}
