//! Why no service is chosen, and which could be named.

use super::candidate::{Candidate, servers};
use super::role::Role;
use crate::error::Fault;
use crate::target::compose::image::ImageKind;
use crate::words::shell_word;

/// Several services of the project fit this role.
pub(super) fn several(role: &Role, candidates: &[&Candidate]) -> Fault {
    let names: Vec<String> = candidates.iter().map(|candidate| shown(candidate)).collect();
    let Role { setting, what, .. } = role;
    let first = candidates.first().map_or("NAME", |candidate| candidate.name.as_str());
    Fault::usage(format!("Several services of this project are {what}: {}", names.join(", ")))
        .hint(format!("name one of them: {setting}={first}, in .env or in the environment"))
}

/// No service of the project fits this role.
pub(super) fn none(role: &Role, candidates: &[Candidate]) -> Fault {
    let Role { setting, what, usual, .. } = role;
    let other = candidates.iter().find(|candidate| candidate.name == *usual && candidate.product == ImageKind::Other);
    let message = match other {
        Some(other) => format!("The service {usual} is not {what} (its image is {})", other.image),
        None => format!("No service of this project is {what}, by name or image"),
    };
    // A service that is known to be something else would be refused under that setting, too.
    let may_be = candidates.iter().filter(|candidate| role.may_be(candidate.product));
    let names: Vec<&str> = may_be.map(|candidate| candidate.name.as_str()).collect();
    Fault::usage(message).hint(match names.as_slice() {
        [] => format!("{} if there is one outside of this project: {}", role.purpose, role.outside),
        names => {
            format!("name it: {setting}=SERVICE, in .env or in the environment; it may be: {}", names.join(", "))
        }
    })
}

/// What could be named instead.
pub(super) fn those_that_are(role: &Role, candidates: &[Candidate]) -> String {
    let Role { setting, what, .. } = role;
    let are: Vec<String> = servers(role, candidates).into_iter().map(shown).collect();
    if are.is_empty() {
        let names: Vec<&str> = candidates.iter().map(|candidate| candidate.name.as_str()).collect();
        return format!("the services of this project are: {}", names.join(", "));
    }
    format!("the services that are {what}: {}; name one of them in {setting}, or leave it unset", are.join(", "))
}

fn shown(candidate: &Candidate) -> String {
    let Candidate { name, inactive, .. } = candidate;
    // A hint holds them: a name of others is one word there.
    let image = shell_word(&candidate.image);
    let profiles: Vec<String> = inactive.iter().map(|profile| shell_word(profile)).collect();
    match profiles.as_slice() {
        [] => format!("{name} ({image})"),
        profiles => format!("{name} ({image}, profile {} is not active)", profiles.join(", ")),
    }
}
