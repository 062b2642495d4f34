//! Who starts the runs.

use serde::{Deserialize, Serialize};

/// Who starts the runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Timer {
    /// A timer of this user's systemd.
    Systemd,
    /// A block in this user's crontab.
    Cron,
    /// Lines that a person adds to a timer of the system themselves.
    Paste,
}

/// Whether what was installed is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    There,
    /// It is there, but a person changed it: the line that is there now.
    Edited(String),
    /// A part of it is there, which nothing can replace: what is wrong with it.
    Broken(String),
    /// It is gone, or no line of it starts anything.
    Gone(String),
    /// This cannot be seen from here, and why.
    Unknown(String),
}

impl Timer {
    /// As `--timer` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Cron => "cron",
            Self::Paste => "paste",
        }
    }

    /// What it is, as a person reads it.
    pub fn shown(self, name: &str) -> String {
        match self {
            Self::Systemd => format!("systemd, the timer {name}.timer of your user"),
            Self::Cron => format!("cron, the block {name} of your crontab"),
            Self::Paste => "lines that you added to a timer of the system yourself".to_owned(),
        }
    }
}
