//! Containers of ours beside the stack, and where they find it.

use std::path::Path;

/// A Compose project of ours beside the stack's own.
#[derive(Debug)]
pub struct Companion<'a> {
    /// What is added to the name of the stack's project: `monitoring` makes `app-monitoring`.
    pub name: &'a str,
    /// The folder of its `compose.yml`.
    pub folder: &'a Path,
    /// The variables of that file. Some are secret: they go into Compose's environment, never into its arguments.
    pub variables: &'a [(&'a str, String)],
}

/// One container of a companion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompanionContainer {
    pub id: String,
    pub service: String,
    /// Docker's word: `running`, `exited`.
    pub state: String,
    /// The port of 127.0.0.1 that leads to it.
    pub port: Option<u16>,
}

/// An image that a companion needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompanionImage<'a> {
    pub name: &'a str,
    /// The setting that names another one.
    pub setting: &'a str,
    /// The program that is in it, for messages.
    pub user: &'a str,
}

/// How a container of a companion ended, although it should run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompanionEnd {
    /// For people: `it has ended (exit code 1)`.
    pub how: String,
    /// What it said last. It may hold a secret.
    pub last_line: Option<String>,
}

impl CompanionContainer {
    /// Whether it runs.
    pub fn runs(&self) -> bool {
        self.state == "running"
    }
}

/// Where containers find the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    pub database: Place,
    /// OpenFGA's metrics; `None` where the stack has no OpenFGA, or it gives none.
    pub openfga: Option<Metrics>,
}

/// A server in a network of containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub network: String,
    pub host: String,
    pub port: u16,
}

/// Where OpenFGA's metrics are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metrics {
    pub place: Place,
    /// Its service.
    pub service: String,
    /// Whether those of its connection pool are among them.
    pub has_pool: bool,
}
