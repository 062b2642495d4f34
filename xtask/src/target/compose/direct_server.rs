//! The server that answers at a published port, and the programs of this host that fit it.

use crate::process::Program;
use crate::target::clients::Clients;
use std::net::SocketAddr;
use std::time::Duration;

/// The server's version, which cluster it is, and when it was started. Every name is in `pg_catalog`, and there is no
/// operator: no other role's object is found. Any role may ask.
const IDENTITY: &str = "SELECT pg_catalog.concat_ws(' ', pg_catalog.current_setting('server_version_num'), \
    (SELECT c.system_identifier FROM pg_catalog.pg_control_system() AS c), \
    EXTRACT(epoch FROM pg_catalog.pg_postmaster_start_time()));\n";

const OPTIONS: [&str; 8] =
    ["--no-password", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "-f", "-"];

/// A way that was found good.
#[derive(Debug)]
pub(super) struct Direct {
    pub(super) clients: Clients,
    pub(super) address: SocketAddr,
    pub(super) server: Identity,
}

/// A server as it answers: the same words mean the same server, not started again meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) major: u32,
    words: String,
}

impl Identity {
    /// The server's identity, as this psql gets it.
    pub(super) fn asked(psql: Program, deadline: Duration) -> Option<Self> {
        let said = psql.args(OPTIONS).capture_with(IDENTITY.into(), deadline).ok()?;
        Self::read(&said.text()).filter(|_| said.ending.success())
    }

    fn read(answer: &str) -> Option<Self> {
        let words = answer.strip_suffix('\n').unwrap_or(answer);
        let [version, identifier, started] = words.split(' ').collect::<Vec<_>>()[..] else { return None };
        let is_number = |word: &str| word.parse::<u64>().is_ok_and(|number| number > 0);
        let is_time = started.split_once('.').is_some_and(|(seconds, micros)| {
            is_number(seconds) && !micros.is_empty() && micros.bytes().all(|digit| digit.is_ascii_digit())
        });
        let version: u32 = version.parse().ok().filter(|_| is_number(identifier) && is_time)?;
        Some(Self { major: version / 10_000, words: words.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_identity_is_one() {
        let told = Identity::read("150018 7712950282489765920 1795811185.235910\n").unwrap();
        assert_eq!(told.major, 15);
        for other in [
            "150018 7712950282489765921 1795811185.235910",
            "150018 7712950282489765920 1795811185.235911",
            "150019 7712950282489765920 1795811185.235910",
        ] {
            assert_ne!(Identity::read(other).unwrap(), told);
        }
        let none = [
            "",
            "\n",
            "150018 7712950282489765920",
            "150018  1795811185.235910",
            "150018 7712950282489765920 1795811185.",
            "150018 0 1795811185.235910",
            "150018 7712950282489765920 1795811185.235910 more",
            "150018 7712950282489765920 1795811185.235910\n150018 7712950282489765920 1795811185.235910\n",
        ];
        assert!(none.iter().all(|answer| Identity::read(answer).is_none()));
    }
}
