//! Whether colour is used.

use super::Settings;

/// When colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    Auto,
    Always,
    Never,
}

impl Settings {
    /// What `NO_COLOR` and `CLICOLOR_FORCE` make of `--color`.
    pub fn color(&self, asked: ColorChoice) -> ColorChoice {
        match asked {
            ColorChoice::Auto if self.get("NO_COLOR").is_some() => ColorChoice::Never,
            ColorChoice::Auto if self.get("CLICOLOR_FORCE").is_some_and(|value| value != "0") => ColorChoice::Always,
            ColorChoice::Auto if self.get("TERM") == Some("dumb") => ColorChoice::Never,
            asked => asked,
        }
    }
}
