//! `\restrict KEY`: from there on psql refuses its own commands, whatever the text that it reads hides them in. It comes
//! before the first statement, and so does the question for psql's version: nothing of it passes the server.

use super::quote::sendable;
use super::session_name::fresh_name;
use crate::process::Dialog;
use anyhow::Result;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// What psql's answer to the question for its version begins with.
const VERSION: &str = "xtask-psql ";
/// Variables of psql whose values are words of others: it puts them into what it reads, wherever `:NAME` stands outside of
/// quotes. A database's or a role's name may hold a statement. Those that are not here hold words of psql's own.
const UNSET: &str = "\\unset DBNAME
\\unset ENCODING
\\unset HOST
\\unset LAST_ERROR_MESSAGE
\\unset PORT
\\unset SERVER_VERSION_NAME
\\unset SERVER_VERSION_NUM
\\unset SERVICE
\\unset USER
\\unset VERSION
\\unset VERSION_NAME
\\unset VERSION_NUM
";
/// The row behind its first statements.
const BEGUN: &str = "xtask-begun";

/// A psql that has answered.
#[derive(Debug)]
pub struct Begun {
    pub version: String,
    /// How many lines it has got so far: the next one is one more in its messages.
    pub lines: u64,
}

/// Asks a psql for its version, takes from it the variables that hold words of others, restricts it where it knows how,
/// and sends it its first statements. `None`: it is silent or has ended, and says why when it is asked.
pub fn begin(psql: &mut Dialog, preamble: &str, timeout: Duration) -> Result<Option<Begun>> {
    let end = Instant::now() + timeout;
    let question = format!("\\echo {VERSION}:VERSION_NAME\n");
    let Some(answer) = answered(psql, &question, end, |line| line.starts_with(VERSION)) else { return Ok(None) };
    let version = answer.trim_start_matches(VERSION).to_owned();
    let restrict = if is_known(&version) {
        // Letters and digits only. The author of the text that psql reads cannot know the key.
        let key = [fresh_name()?, fresh_name()?].concat().replace('-', "");
        format!("\\restrict {key}\n")
    } else {
        String::new()
    };
    let first = format!("{UNSET}{restrict}{}SELECT '{BEGUN}';\n", sendable(preamble)?);
    let lines = [&question, &first].map(|text| text.matches('\n').count() as u64).iter().sum();
    Ok(answered(psql, &first, end, |line| line == BEGUN).map(|_| Begun { version, lines }))
}

/// The first such line that psql prints once it has this text.
fn answered(psql: &mut Dialog, text: &str, end: Instant, is_it: impl Fn(&str) -> bool) -> Option<String> {
    psql.write_all(text.as_bytes()).and_then(|()| psql.flush()).ok()?;
    loop {
        let line = psql.line(end.saturating_duration_since(Instant::now()))?;
        if is_it(&line) {
            return Some(line);
        }
    }
}

/// Whether the psql of this version has it (17.6, 16.10, 15.14, 14.19, 13.22 and every later major version).
pub fn is_known(version: &str) -> bool {
    let Some((major, minor)) = numbers(version) else { return false };
    match major {
        13 => minor >= 22,
        14 => minor >= 19,
        15 => minor >= 14,
        16 => minor >= 10,
        17 => minor >= 6,
        major => major >= 18,
    }
}

/// Whether the psql of this version runs programs for `\unrestrict` in spite of it (CVE-2026-18408).
pub fn is_leaky(version: &str) -> bool {
    let (major, minor) = numbers(version).unwrap_or_default();
    match major {
        14 => minor < 24,
        15 => minor < 19,
        16 => minor < 15,
        17 => minor < 11,
        18 => minor < 6,
        major => major < 14,
    }
}

/// Major and minor version; of a beta the minor one is 0, and so is the major one.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let number = version.split_whitespace().find(|word| word.starts_with(|letter: char| letter.is_ascii_digit()))?;
    let mut parts = number.split('.').map(|part| part.parse().unwrap_or_default());
    Some((parts.next()?, parts.next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_psql_is_reported_by_its_version() {
        assert!(is_known("psql (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)") && is_known("18.6"));
        assert!(!is_known("psql (PostgreSQL) 16.8"));
        // The first two betas of 18 did not have it: none of them is trusted to.
        assert!(is_known("psql (PostgreSQL) 18.0") && !is_known("psql (PostgreSQL) 18beta1"));
        assert!(!is_known("psql (PostgreSQL) 12.22") && !is_known(""));
    }

    #[test]
    fn a_psql_with_the_hole_is_reported_by_its_version() {
        for leaky in
            ["15.18 (Debian 15.18-0+deb12u1)", "14.23", "16.14", "17.10", "18.5", "18.0", "18beta1", "13.22", ""]
        {
            assert!(is_leaky(leaky), "{leaky}");
        }
        for firm in ["15.19", "14.24", "16.15", "17.11", "18.6", "19.0"] {
            assert!(!is_leaky(firm), "{firm}");
        }
    }
}
