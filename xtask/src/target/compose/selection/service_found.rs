//! The service that was chosen, and how it was recognised.

use super::candidate::Candidate;
use super::role::POSTGRES;
use crate::words::shell_word;

/// How the service was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Recognised {
    /// By a setting, or by the usual name.
    ByName,
    /// By this image alone.
    ByImage(String),
    /// Its port answers.
    ByAnswer,
    /// It has this image but runs another program than the server. `others` are services with images that the team builds: one
    /// of them may be the server.
    Supposed { image: String, others: Vec<String> },
}

/// The service that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::target::compose) struct ServiceFound {
    pub(in crate::target::compose) name: String,
    pub(super) recognised: Recognised,
    /// Profiles that it belongs to, where none of them is active.
    pub(in crate::target::compose) inactive: Vec<String>,
}

impl ServiceFound {
    /// What a person types to start it.
    pub(in crate::target::compose) fn start_command(&self) -> String {
        match self.inactive.first() {
            Some(profile) => {
                let word = shell_word(profile);
                format!("COMPOSE_PROFILES={word} cargo xtask up (the profile {word} is not active)")
            }
            None => "cargo xtask up".to_owned(),
        }
    }

    /// Whether a clone of the repository may not recognise it without the setting.
    pub(in crate::target::compose) fn needs_its_setting(&self) -> bool {
        matches!(self.recognised, Recognised::ByImage(_) | Recognised::ByAnswer)
    }

    /// What a person should know of a service that was not recognised by its name.
    pub(in crate::target::compose) fn note(&self) -> Option<String> {
        let (name, setting) = (&self.name, POSTGRES.setting);
        let says_so = format!("to keep that in .env: {setting}={name}");
        match &self.recognised {
            Recognised::ByName => None,
            Recognised::ByImage(image) => {
                Some(format!("PostgreSQL is the service {name} (image {}); {says_so}", shell_word(image)))
            }
            Recognised::ByAnswer => Some(format!("PostgreSQL is the service {name} (its port answers); {says_so}")),
            Recognised::Supposed { image, others } => Some(format!(
                "The service {name} is taken for PostgreSQL: it has the image {}, but runs another program than \
                 its server, and no other service answers; if another service is PostgreSQL: {setting}={}, in .env or in the \
                 environment (it may be: {})",
                shell_word(image),
                others.first().map_or("NAME", String::as_str),
                others.join(", ")
            )),
        }
    }

    /// The service of this name, of which nothing more is known.
    pub(in crate::target::compose) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), recognised: Recognised::ByName, inactive: Vec::new() }
    }

    /// The service of this candidate, recognised by its image where that is known.
    pub(super) fn of(candidate: &Candidate) -> Self {
        let image = Some(candidate.image.clone()).filter(|image| !image.is_empty());
        let recognised = image.map_or(Recognised::ByName, Recognised::ByImage);
        Self { name: candidate.name.clone(), recognised, inactive: candidate.inactive.clone() }
    }
}
