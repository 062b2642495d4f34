//! OpenFGA: its health, which knows nothing of keys and data; a request with the key; and whose data it serves.

use super::answering_openfga::Found;
use super::project::unwanted;
use super::service;
use crate::error::{Cause, Fault};
use crate::health::Scene;
use crate::health::report::{Finding, Part};
use crate::openfga::api::Api;
use crate::openfga::server::OpenfgaServer;
use crate::postgres::openfga_tables::Known;
use crate::target::loopback::is_loopback;
use crate::target::openfga::HTTP_PORT;
use anyhow::Result;

const START: &str = "cargo xtask up";
const URL: &str = "OPENFGA_API_URL";

/// What brings store, model and ids in line with the file.
pub const SETUP_OPENFGA: &str = "cargo xtask setup-openfga";

impl Scene<'_> {
    /// The OpenFGA that answers; `None` where the target has none.
    pub fn openfga(&self) -> Result<Option<&Found>, &Finding> {
        self.openfga.get_or_init(|| find(self)).as_ref().map(Option::as_ref)
    }
}

/// Looks for it; `None` where this target has none.
fn find(scene: &Scene) -> Result<Option<Found>, Finding> {
    if !is_configured(scene) {
        return Ok(None);
    }
    let own = own_address(scene)?;
    // What answers on the port of a service that does not run is another program.
    if let (Err(why), true) = (&own, names_own_port(scene)) {
        return Err(Finding::of_error(why, START));
    }
    let find = || -> Result<Found> {
        let mut server = OpenfgaServer::at(own, scene.target, scene.settings)?;
        server.answers(scene.target)?;
        Ok(Found { api: Api::new(server.endpoint.clone()), server })
    };
    find().map(Some).map_err(|error| Finding::of_error(&error, &scene.log_hint(scene.openfga_service())))
}

/// Whether there should be one: an address, a service of the compose file, a program of this host.
fn is_configured(scene: &Scene) -> bool {
    let is_named = scene.settings.get(URL).is_some();
    is_named
        || match scene.project() {
            Some(Ok(project)) => {
                let name = scene.openfga_service();
                let is_wanted =
                    project.services.get(name).is_some_and(|service| unwanted(service, scene.settings).is_none());
                is_wanted || !project.containers_of(name).is_empty()
            }
            Some(Err(_)) => true,
            None => scene.target.own_openfga().has_openfga(),
        }
}

/// Whether the address that was set is the one at which the stack's own would be.
fn names_own_port(scene: &Scene) -> bool {
    let named = || {
        let address = scene.settings.get(URL)?.trim().trim_end_matches('/').rsplit_once("//")?.1;
        let (host, port) = address.rsplit_once(':')?;
        is_loopback(host).then(|| port.parse::<u16>().ok()).flatten()
    };
    let Some(Ok(project)) = scene.project() else { return false };
    let ports = project.services.get(scene.openfga_service()).into_iter().flat_map(|service| &service.ports);
    let mut own = ports.filter(|port| port.target == HTTP_PORT).filter_map(|port| port.published);
    named().is_some_and(|named| own.any(|port| port == named))
}

/// Where the stack's own is really mapped to, or why it has none.
fn own_address(scene: &Scene) -> Result<Result<String>, Finding> {
    let is_named = scene.settings.get(URL).is_some();
    match scene.project() {
        Some(Err(_)) if !is_named => Err(Finding::not_asked(Part::Compose)),
        Some(Err(_)) => Ok(Err(Fault::unreachable("Compose does not answer").into())),
        Some(Ok(project)) => {
            let name = scene.openfga_service();
            let running = project.containers_of(name).iter().find(|container| container.is_running());
            let mapped = running.map(|container| container.mapped_port(HTTP_PORT));
            Ok(match mapped {
                Some(Some(address)) => Ok(format!("http://{address}")),
                Some(None) => {
                    Err(Fault::unreachable(format!("The {name} service publishes no port")).hint(START).into())
                }
                None => {
                    let (state, hint) = service::down(project, name);
                    Err(Fault::unreachable(state).hint(hint).into())
                }
            })
        }
        None => Ok(scene.target.own_openfga().openfga_address()),
    }
}

pub fn probe(scene: &Scene) -> Finding {
    let found = match scene.openfga() {
        Ok(Some(found)) => found,
        Ok(None) => return Finding::skipped("no OpenFGA is configured"),
        Err(finding) => return because_of_database(scene, finding),
    };
    let url = found.server.endpoint.url();
    if let Some(other) = other_database(scene, found) {
        let database = scene.target.database();
        let hint = "recreate it on this database: cargo xtask up\nor set its database: POSTGRES_DB";
        return Finding::fail(format!("OpenFGA at {url} does not use the database {database}: {other}"), hint);
    }
    let key = if found.server.endpoint.has_key() { ", key accepted" } else { "" };
    Finding::ok(format!("serving at {url}{key}"))
}

/// Without its database it says that it is in trouble itself: then the cause is there.
fn because_of_database(scene: &Scene, finding: &Finding) -> Finding {
    let is_of_stack = scene.target.own_openfga().can_have_openfga();
    match scene.server() {
        Err(cause) if is_of_stack && finding.cause == Some(Cause::ServerFails) => Finding {
            detail: format!("{}: its database does not answer (see postgres)", finding.detail),
            hint: cause.hint.clone(),
            ..finding.clone()
        },
        _ => finding.clone(),
    }
}

/// Evidence that the server's data is not in our database: its stores, else its settings.
fn other_database(scene: &Scene, found: &Found) -> Option<String> {
    if !found.server.is_of_stack {
        return None;
    }
    let told = || scene.target.own_openfga().other_database_of_openfga();
    let ours = match &scene.server().ok()?.stores {
        Known::Is(ours) => ours.as_slice(),
        Known::Absent => &[],
        // What cannot be read proves nothing.
        Known::Unread(_) => return told(),
    };
    let answer = found.server.endpoint.get("/stores?page_size=50", scene.left()).ok()?;
    let answer: serde_json::Value = serde_json::from_str(&answer.body).ok()?;
    let theirs: Vec<&str> = answer["stores"].as_array()?.iter().filter_map(|store| store["id"].as_str()).collect();
    // One store in common is proof enough; a store may be made between the two looks.
    if theirs.iter().any(|id| ours.iter().any(|own| own == id)) {
        return None;
    }
    match (theirs.first(), ours.first()) {
        (Some(id), _) => Some(format!("its store {id} is not in that database")),
        (None, Some(id)) => Some(format!("it does not know the store {id}")),
        (None, None) => told(),
    }
}

/// What this says of the OpenFGA that answers.
pub fn of_openfga(scene: &Scene, judge: fn(&Scene, &Found) -> Result<Finding>) -> Finding {
    match scene.openfga() {
        Ok(None) => Finding::skipped("no OpenFGA is configured"),
        Err(_) => Finding::not_asked(Part::Openfga),
        Ok(Some(found)) => judge(scene, found).unwrap_or_else(|error| Finding::of_error(&error, SETUP_OPENFGA)),
    }
}
