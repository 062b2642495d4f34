//! The ports of this host that a service has, those that it should have, and who else has them.

use super::project::unwanted;
use super::protocol::{self, Protocol};
use crate::health::Scene;
use crate::health::report::Finding;
use crate::target::backend::{ContainerState, ServicePort, ServiceState};
use crate::target::ports::{self, Holder, PUBLISHED, Published};

/// Where its published ports are: first what a browser opens.
pub fn addresses(container: &ContainerState) -> Vec<String> {
    let is_http =
        |(inside, _): &(u16, _)| matches!(protocol::known(&container.image, *inside, None), Some(Protocol::Http(_)));
    let (web, others): (Vec<_>, Vec<_>) = container.mapped.iter().copied().partition(is_http);
    let web = web.into_iter().map(|(_, address)| format!("http://{address}"));
    web.chain(others.into_iter().map(|(_, address)| address.to_string())).collect()
}

/// A port that the files publish, but that leads elsewhere: the container is older than the settings.
/// `start` is what recreates it.
pub fn wrong(service: &ServiceState, container: &ContainerState, start: &str) -> Option<Finding> {
    let wrong = |port: &ServicePort| {
        let wanted = port.published?;
        let to_it = container.mapped.iter().copied().filter(|(inside, _)| *inside == port.target);
        let hosts: Vec<u16> = to_it.map(|(_, address)| address.port()).collect();
        if hosts.contains(&wanted) {
            return None;
        }
        let mapped = hosts.first();
        let is = mapped.map_or_else(|| "not published".to_owned(), |mapped| format!("published as {mapped}"));
        Some(format!("its port {} is {is}, but the settings say {wanted}", port.target))
    };
    // Several containers of one service share a range.
    let one = service.replicas == 1;
    let found = service.ports.iter().filter(|_| one).find_map(wrong)?;
    Some(Finding::fail(found, format!("recreate it with the current settings: {start}")))
}

/// A port of this host that a service is to have.
#[derive(Debug)]
pub struct Wanted {
    pub service: String,
    pub number: u16,
    /// The setting that names it.
    pub setting: Option<&'static str>,
    /// Who has it, where that is not this stack.
    pub holder: Option<Holder>,
}

/// The ports that a service is to have, where it is wanted at all.
pub fn wanted(scene: &Scene, name: &str) -> Vec<Wanted> {
    let Some(Ok(project)) = scene.project() else { return Vec::new() };
    let Some(service) = project.services.get(name).filter(|service| unwanted(service, scene.settings).is_none()) else {
        return Vec::new();
    };
    let mapped = || project.containers.values().flatten().flat_map(|container| &container.mapped);
    let looked_at = |port: &ServicePort| {
        let number = port.published?;
        let is_ours = mapped().any(|(_, address)| address.port() == number);
        let holder = if is_ours { None } else { ports::taken_by(number) };
        Some(Wanted { service: name.to_owned(), number, setting: setting_of(name, port.target), holder })
    };
    service.ports.iter().filter_map(looked_at).collect()
}

/// The setting that names the port of this host for a port inside.
fn setting_of(name: &str, inside: u16) -> Option<&'static str> {
    let known = PUBLISHED.iter().find(|known| known.part.shipped_service() == name && known.inside == inside);
    known.map(|known| known.setting)
}

/// A port that a setting names for this service's users, but where another program answers.
pub fn elsewhere(scene: &Scene, name: &str, container: &ContainerState) -> Option<Finding> {
    let taken = |published: &&Published| {
        let port = scene.settings.get(published.setting)?.parse().ok()?;
        let is_ours = container.mapped.iter().any(|(_, address)| address.port() == port);
        if is_ours { None } else { ports::taken_by(port).map(|by| (port, by)) }
    };
    let mut of_service = PUBLISHED.iter().filter(|published| published.part.shipped_service() == name);
    let (setting, (port, by)) = of_service.find_map(|published| Some((published.setting, taken(&published)?)))?;
    let detail = format!("{setting} is {port}, but that port is taken by {by}; the container publishes another one");
    let hint = format!("publish {port} again in the Compose files, or set {setting} to the published port");
    Some(Finding::fail(detail, hint))
}

/// Another program on the port of a service that does not run.
pub fn stranger(name: &str, service: &ServiceState) -> Option<Finding> {
    let taken = |port: &ServicePort| Some((port.target, port.published?, ports::taken_by(port.published?)?));
    let (inside, port, by) = service.ports.iter().find_map(taken)?;
    let detail = format!("it does not run, and its port {port} is taken by {by}");
    let hint = if setting_of(name, inside).is_some() {
        "stop it, or take another port: cargo xtask setup-env"
    } else {
        "stop it, or publish another port in the Compose files"
    };
    Some(Finding::fail(detail, hint))
}
