//! Which server it is: its system identifier, made by initdb, and its version.

use super::server::Server;
use super::text::{Checked, Line, Rule};
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// The rule of [`SystemIdentifier`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SystemIdentifierRule;

/// The number that initdb gave the cluster, in decimal: a 64-bit number, which JSON readers would round.
pub type SystemIdentifier = Checked<SystemIdentifierRule>;

impl Rule for SystemIdentifierRule {
    const KIND: &'static str = "system identifier";
    const LONGEST: usize = 20;

    fn allows(letter: char) -> bool {
        letter.is_ascii_digit()
    }

    fn fits(text: &str) -> bool {
        text.parse::<u64>().is_ok_and(|number| number.to_string() == text)
    }
}

/// A server, as a file names the one that it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// `None`: the role that asked may not know it.
    pub system_identifier: Option<SystemIdentifier>,
    /// `15.18 (Debian 15.18-0+deb12u1)`.
    pub version: Line,
}

const VERSION: &str = "
SELECT pg_catalog.json_build_object('version', pg_catalog.current_setting('server_version'),
  'may_ask', pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE'))";
const IDENTIFIER: &str = "SELECT s.system_identifier FROM pg_catalog.pg_control_system() AS s";

impl Identity {
    /// Asks the server, in its maintenance database.
    ///
    /// # Errors
    /// It does not answer, or its version is none.
    pub fn ask(server: &Server<'_>) -> Result<Self> {
        #[derive(Deserialize)]
        struct Answer {
            version: Line,
            may_ask: bool,
        }
        let answer = server.ask_maintenance(VERSION)?;
        let Answer { version, may_ask } = serde_json::from_str(answer.trim()).context("the server's version")?;
        let identifier = if may_ask { Some(server.ask_maintenance(IDENTIFIER)?) } else { None };
        let system_identifier = identifier.map(|number| SystemIdentifier::try_from(number.trim())).transpose();
        Ok(Self { system_identifier: system_identifier.map_err(anyhow::Error::msg)?, version })
    }
}
