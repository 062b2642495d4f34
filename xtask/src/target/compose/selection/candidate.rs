//! The services of a project that may be the one that is looked for.

use super::role::Role;
use crate::target::compose::image::ImageKind;

/// A service of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::target::compose) struct Candidate {
    pub(in crate::target::compose) name: String,
    /// Empty where it is not known: a service that is built.
    pub(super) image: String,
    pub(super) product: ImageKind,
    /// Profiles that it belongs to, where none of them is active.
    pub(in crate::target::compose) inactive: Vec<String>,
    /// It runs another program of the image than its server: OpenFGA's migration, a nightly `pg_dump`.
    pub(in crate::target::compose) runs_other_program: bool,
}

/// Whether this is a service's name: of Compose's letters, and no option of a command line.
pub(in crate::target::compose) fn is_name(name: &str) -> bool {
    let is_letter = |letter: u8| letter.is_ascii_alphanumeric() || b"._-".contains(&letter);
    (1..=255).contains(&name.len()) && !name.starts_with('-') && name.bytes().all(is_letter)
}

/// The service of the usual name, unless its image is another product's.
pub(super) fn usual<'a>(role: &Role, candidates: &'a [Candidate]) -> Option<&'a Candidate> {
    let may_be = |candidate: &&Candidate| role.may_be(candidate.product);
    candidates.iter().find(|candidate| candidate.name == role.usual).filter(may_be)
}

/// The services that run this product's server. A PostgreSQL whose program is not known (a script of the team's own)
/// counts where no other does.
pub(super) fn servers<'a>(role: &Role, candidates: &'a [Candidate]) -> Vec<&'a Candidate> {
    let (other, servers): (Vec<_>, Vec<_>) = candidates
        .iter()
        .filter(|candidate| candidate.product == role.product)
        .partition(|candidate| candidate.runs_other_program);
    if servers.is_empty() && role.product == ImageKind::Postgres { other } else { servers }
}
