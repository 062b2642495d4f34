//! Whether programs of this host may reach a server in a container by the port that Docker publishes for it.

use crate::error::Fault;
use crate::settings::Settings;
use clap::ValueEnum as _;
use std::fmt;

/// `--direct` and `XTASK_DIRECT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum DirectChoice {
    /// Where they are of the server's own version, and the port is known to lead to the same server
    Auto,
    /// Programs run inside the container
    Never,
}

impl DirectChoice {
    /// The setting of this choice.
    pub const SETTING: &str = "XTASK_DIRECT";

    /// What the settings say.
    ///
    /// # Errors
    /// Exit 2: another word.
    pub(super) fn chosen(settings: &Settings) -> Result<Self, Fault> {
        let Some(word) = settings.get(Self::SETTING) else { return Ok(Self::Auto) };
        Self::from_str(word, false)
            .map_err(|_| Fault::usage(format!("{} is {word:?}", Self::SETTING)).hint("it can be auto or never"))
    }
}

impl fmt::Display for DirectChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_possible_value().map_or(Ok(()), |value| formatter.write_str(value.get_name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_choice_is_refused() {
        let chosen = |word: &str| {
            let mut settings = Settings::default();
            settings.set_flag(DirectChoice::SETTING, word);
            DirectChoice::chosen(&settings)
        };
        assert_eq!(chosen("").unwrap(), DirectChoice::Auto);
        assert_eq!(chosen("never").unwrap(), DirectChoice::Never);
        assert!(["always", "Never", " auto"].into_iter().all(|word| chosen(word).is_err()));
    }
}
