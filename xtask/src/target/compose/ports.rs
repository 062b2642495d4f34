//! The ports of this host that the project publishes: which of them others hold, and which are free instead.

use super::Compose;
use crate::settings::{Origin, Settings};
use crate::target::ports::{PUBLISHED, Part, Published, Taken, is_free, stranger};

/// The stack's ports that others hold. Ports that this project's own containers hold are not taken.
pub(super) fn taken(compose: &Compose, settings: &Settings) -> Vec<Taken> {
    let named = |published: &Published| {
        let (text, origin) = settings.find(published.setting).unwrap_or(("", Origin::Default));
        (*published, text.parse().unwrap_or(published.default), origin)
    };
    let wanted: Vec<(Published, u16, Origin)> =
        PUBLISHED.iter().map(named).filter(|(published, port, _)| is_published(compose, published, *port)).collect();
    let mut avoid: Vec<u16> = wanted.iter().map(|(_, port, _)| *port).collect();
    let mut taken = Vec::new();
    for (published, port, origin) in wanted {
        let ours = || {
            let mapped = compose.mapped_port(service_of(compose, &published), published.inside);
            mapped.is_ok_and(|address| address.rsplit_once(':').is_some_and(|(_, mapped)| mapped == port.to_string()))
        };
        let Some(by) = stranger(port, ours) else { continue };
        let free = (port.saturating_add(1)..u16::MAX).find(|free| !avoid.contains(free) && is_free(*free));
        avoid.extend(free);
        taken.push(Taken { setting: published.setting, port, origin, by, free });
    }
    taken
}

/// Whether the files publish it at this port: in another team's files the settings may name nothing. Where they cannot be
/// read, they are taken for the shipped ones.
fn is_published(compose: &Compose, published: &Published, port: u16) -> bool {
    let Ok(config) = compose.config() else { return true };
    config.service(service_of(compose, published)).is_some_and(|service| service.publishes(published.inside, port))
}

/// The project's service that publishes it.
fn service_of<'a>(compose: &'a Compose, published: &Published) -> &'a str {
    match published.part {
        Part::Postgres => compose.service(),
        Part::Openfga => compose.openfga_or_usual(),
    }
}
