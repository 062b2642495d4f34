//! What is kept between runs, besides the data itself: the record and the password.

use super::Folder;
use crate::error::Fault;
use crate::platform::random;
use crate::words::hex;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

const RECORD: &str = "state.json";
const PASSWORD: &str = "password";

/// The record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The role that the cluster was made for.
    pub role: String,
    /// The server's port.
    pub port: Option<u16>,
    /// The folder of the programs that started the server last.
    pub programs: Option<PathBuf>,
    /// OpenFGA's ports.
    pub openfga: Option<OpenfgaPorts>,
}

/// The ports of 127.0.0.1 at which the local OpenFGA answers; they stay the same over restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenfgaPorts {
    pub http: u16,
    pub grpc: u16,
    pub metrics: u16,
}

impl Folder {
    /// What was kept; nothing yet is an empty record.
    pub fn record(&self) -> Result<Record> {
        match self.read(RECORD)? {
            Some(text) => serde_json::from_str(&text).with_context(|| {
                let fault = Fault::failed(format!("{} cannot be understood", self.path.join(RECORD).display()));
                fault.hint("remove it: new ports are chosen then, the data stays")
            }),
            None => Ok(Record::default()),
        }
    }

    /// Writes the record, in one step.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep(&self, record: &Record) -> Result<()> {
        self.write(RECORD, serde_json::to_string_pretty(record)?.as_bytes())
    }

    /// The server's password; `None` before there is one.
    pub fn password(&self) -> Result<Option<String>> {
        Ok(self.read(PASSWORD)?.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
    }

    /// The password, made now if there is none. It is on disk before a cluster can be made with it.
    pub fn password_or_new(&self) -> Result<String> {
        if let Some(password) = self.password()? {
            return Ok(password);
        }
        let password = hex(&random::<24>()?);
        self.write(PASSWORD, password.as_bytes())?;
        Ok(password)
    }
}
