//! Which service of a project is PostgreSQL, and which OpenFGA: by setting, by name, else the only one by its image.

mod candidate;
mod of_project;
mod refusal;
mod role;
mod service_found;
#[cfg(test)]
mod tests;

pub(super) use candidate::is_name;
pub(super) use role::{OPENFGA, POSTGRES};
pub(super) use service_found::ServiceFound;

use self::candidate::{Candidate, servers, usual};
use self::refusal::{several, those_that_are};
use self::role::Role;
use self::service_found::Recognised;
use super::image::ImageKind;
use crate::error::Fault;

/// The service of this role; `None` where none fits by setting, name or image.
///
/// # Errors
/// Exit 2: the setting names no service, or one that is something else; several services fit.
pub(super) fn choose(
    role: &Role,
    named: Option<&str>,
    candidates: &[Candidate],
) -> Result<Option<ServiceFound>, Fault> {
    match recognised(role, named, candidates)? {
        Some(found) => Ok(Some(found)),
        None => supposed(role, candidates),
    }
}

/// The service that is recognised by setting, name or image: an active one that runs the product's server.
///
/// # Errors
/// As [`choose`].
fn recognised(role: &Role, named: Option<&str>, candidates: &[Candidate]) -> Result<Option<ServiceFound>, Fault> {
    if let Some(name) = named {
        return by_setting(role, name, candidates).map(Some);
    }
    if let Some(usual) = usual(role, candidates).filter(|usual| usual.inactive.is_empty()) {
        return Ok(Some(ServiceFound::named(&usual.name)));
    }
    let servers = candidates.iter().filter(|one| one.product == role.product && one.inactive.is_empty());
    let servers: Vec<&Candidate> = servers.filter(|one| !one.runs_other_program).collect();
    match servers.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(ServiceFound::of(only))),
        _ => Err(several(role, &servers)),
    }
}

/// The service that has the product's image, where none is known: it is not active, or its program is not known.
///
/// # Errors
/// Exit 2: several services fit.
fn supposed(role: &Role, candidates: &[Candidate]) -> Result<Option<ServiceFound>, Fault> {
    let usual = usual(role, candidates);
    let (active, inactive): (Vec<&Candidate>, Vec<&Candidate>) =
        servers(role, candidates).into_iter().partition(|candidate| candidate.inactive.is_empty());
    match (active.as_slice(), inactive.as_slice()) {
        ([only], _) => Ok(Some(beside_others(only, candidates))),
        ([_, _, ..], _) => Err(several(role, &active)),
        // An inactive OpenFGA service counts as none. An inactive database service is still the project's database.
        ([], _) if role.product == ImageKind::Openfga => Ok(None),
        ([], _) if usual.is_some() => Ok(usual.map(ServiceFound::of)),
        ([], [only]) => Ok(Some(ServiceFound::of(only))),
        ([], []) => Ok(None),
        ([], _) => Err(several(role, &inactive)),
    }
}

/// The service that answers, where only one does.
///
/// # Errors
/// Exit 2: several services fit.
fn answering(role: &Role, candidates: &[&Candidate]) -> Result<Option<ServiceFound>, Fault> {
    match candidates {
        [] => Ok(None),
        [only] => Ok(Some(ServiceFound { recognised: Recognised::ByAnswer, ..ServiceFound::of(only) })),
        _ => Err(several(role, candidates)),
    }
}

/// A service, with those that may be it instead where it runs another program.
fn beside_others(candidate: &Candidate, candidates: &[Candidate]) -> ServiceFound {
    let unknown = candidates.iter().filter(|other| other.product == ImageKind::Unknown && other.inactive.is_empty());
    let others: Vec<String> = unknown.map(|other| other.name.clone()).collect();
    if !candidate.runs_other_program || others.is_empty() {
        return ServiceFound::of(candidate);
    }
    ServiceFound {
        recognised: Recognised::Supposed { image: candidate.image.clone(), others },
        ..ServiceFound::of(candidate)
    }
}

fn by_setting(role: &Role, name: &str, candidates: &[Candidate]) -> Result<ServiceFound, Fault> {
    let Role { setting, what, .. } = role;
    let Some(candidate) = candidates.iter().find(|candidate| candidate.name == name) else {
        let fault = Fault::usage(format!("{setting} is {name:?}, which is no service of this project"));
        return Err(fault.hint(those_that_are(role, candidates)));
    };
    if !role.may_be(candidate.product) {
        let fault =
            Fault::usage(format!("{setting} is {name}, which is not {what} (its image is {})", candidate.image));
        return Err(fault.hint(those_that_are(role, candidates)));
    }
    Ok(ServiceFound { recognised: Recognised::ByName, ..ServiceFound::of(candidate) })
}
