//! One part of a login, and where it came from.

use crate::settings::{Origin, Settings};

pub(super) const USER: &str = "POSTGRES_USER";
pub(super) const PASSWORD: &str = "POSTGRES_PASSWORD";
pub(in crate::target::compose) const DATABASE: &str = "POSTGRES_DB";
/// The settings that a stack answers, where neither command line nor environment do.
pub(in crate::target) const SETTINGS: [&str; 3] = [USER, PASSWORD, DATABASE];

/// A part of the login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::target::compose) struct Part {
    pub(in crate::target::compose) value: String,
    pub(in crate::target::compose) origin: PartOrigin,
}

/// Where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::target::compose) enum PartOrigin {
    CommandLine,
    Environment,
    /// A variable of a service.
    Variable {
        service: String,
        name: String,
    },
    /// What the image does without.
    Image,
}

impl PartOrigin {
    pub(super) fn shown(&self, setting: &str) -> String {
        match self {
            Self::CommandLine => Origin::Flag.shown().to_owned(),
            Self::Environment => Origin::Environment.shown().to_owned(),
            Self::Variable { service, name } if name == setting => format!("service {service}"),
            Self::Variable { service, name } => format!("service {service}: {name}"),
            Self::Image => "the image's default".to_owned(),
        }
    }
}

/// What command line or process environment say.
pub(in crate::target::compose) fn given(settings: &Settings, name: &str) -> Option<Part> {
    let (value, origin) = settings.find(name)?;
    let origin = match origin {
        Origin::Flag => PartOrigin::CommandLine,
        Origin::Environment => PartOrigin::Environment,
        Origin::File | Origin::Default => return None,
    };
    Some(Part { value: value.to_owned(), origin })
}
