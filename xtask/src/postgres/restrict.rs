//! `\restrict KEY`: from there on psql refuses its own commands, whatever the text that it reads hides them in.

use super::session;
use crate::process::Dialog;
use anyhow::Result;
use std::io::Write as _;
use std::time::Duration;

/// What psql's answer to the question for its version begins with.
const VERSION: &str = "xtask-psql ";

/// Sends a psql its first statements, asks for its version, and restricts it where it knows how. Whether it answered: one
/// that did not may have ended, and says why when it is asked.
pub fn begin(psql: &mut Dialog, preamble: &str, patience: Duration) -> Result<bool> {
    let asked = writeln!(psql, "{preamble}\\echo {VERSION}:VERSION_NAME").and_then(|()| psql.flush());
    let version = loop {
        match psql.line(patience).filter(|_| asked.is_ok()) {
            Some(line) => match line.strip_prefix(VERSION) {
                Some(version) => break version.to_owned(),
                None => continue,
            },
            None => return Ok(false),
        }
    };
    if is_known(&version) {
        // Letters and digits only; nobody can know it who wrote what psql will read.
        let key = [session::fresh_name()?, session::fresh_name()?].concat().replace('-', "");
        return Ok(writeln!(psql, "\\restrict {key}").is_ok());
    }
    Ok(true)
}

/// Whether the psql of this version has it (17.6, 16.10, 15.14, 14.19, 13.22 and every later major version).
pub fn is_known(version: &str) -> bool {
    let Some(number) = version.split_whitespace().find(|word| word.starts_with(|letter: char| letter.is_ascii_digit()))
    else {
        return false;
    };
    let mut parts = number.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match major {
        13 => minor >= 22,
        14 => minor >= 19,
        15 => minor >= 14,
        16 => minor >= 10,
        17 => minor >= 6,
        major => major >= 18,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_psql_is_told_by_its_version() {
        assert!(is_known("psql (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)") && is_known("18.6"));
        assert!(!is_known("psql (PostgreSQL) 16.8"));
        // The first two betas of 18 did not have it: none of them is trusted to.
        assert!(is_known("psql (PostgreSQL) 18.0") && !is_known("psql (PostgreSQL) 18beta1"));
        assert!(!is_known("psql (PostgreSQL) 12.22") && !is_known(""));
    }
}
