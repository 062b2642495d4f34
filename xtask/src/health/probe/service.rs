//! The services of the compose file, each by its containers, and by its protocol where that is known.

use super::project::unwanted;
use super::protocol::{self, Protocol};
use super::published;
use crate::health::Scene;
use crate::health::report::{Finding, Part, Status};
use crate::target::backend::{ContainerState, ProjectState, ServiceState};
use crate::words::{counted, span};

/// Restarted this often by Docker, and again just now: it will not stay. One that has stayed for less than some minutes
/// may end again: many services end when what they wait for does not answer.
const RESTARTS: u64 = 2;
const JUST_NOW_SECONDS: i64 = 20;
const LATELY_SECONDS: i64 = 300;

/// The services' names; none where the target has no project.
pub fn all(scene: &Scene) -> Result<Vec<String>, Finding> {
    match scene.project() {
        None => Ok(Vec::new()),
        Some(project) => project.map(|project| project.services.keys().cloned().collect()).map_err(Clone::clone),
    }
}

/// Checks one service; `asked`: it was named by `--only`.
pub fn probe(scene: &Scene, name: &str, asked: bool) -> Finding {
    let Some(Ok(project)) = scene.project() else { return Finding::not_asked(Part::Compose) };
    let Some(service) = project.services.get(name) else { return Finding::skipped("no such service") };
    let containers = project.containers_of(name);
    // A service of an inactive profile is judged while it runs; its ended container is not.
    if containers.iter().all(|container| matches!(container.status.as_str(), "exited" | "created" | "dead"))
        && let Some(finding) = unwanted(service, scene.settings)
    {
        return finding;
    }
    if containers.is_empty() {
        return published::stranger(name, service).unwrap_or_else(|| {
            let (detail, start) = (format!("{name} has not been started"), start(scene, project, name));
            // `up` leaves it alone: that it does not run may be meant.
            if asked || is_needed(scene, project, name) {
                Finding::fail(detail, start)
            } else {
                Finding::warn(detail, start)
            }
        });
    }
    if let Some(several) = several(scene, project, name) {
        return several;
    }
    let mut findings: Vec<Finding> =
        containers.iter().map(|container| one(scene, project, name, service, container)).collect();
    let worst = findings.iter().position(|finding| finding.status == Status::Fail).unwrap_or(0);
    let mut finding = findings.swap_remove(worst);
    if containers.len() > 1 {
        finding.detail = format!("{} containers; {}", containers.len(), finding.detail);
    }
    finding
}

/// A database that runs in more than one container: the other commands refuse to guess which is meant.
pub fn several(scene: &Scene, project: &ProjectState, name: &str) -> Option<Finding> {
    scene.compose().filter(|compose| compose.database_service() == name)?;
    let running = project.containers_of(name).iter().filter(|container| container.is_running()).count();
    (running > 1).then(|| {
        let detail = format!("the database runs in {running} containers, and must be in one");
        Finding::fail(
            detail,
            format!("once you know whose data is the right one: docker compose up -d --no-recreate --scale {name}=1"),
        )
    })
}

/// What a person types next about a service.
struct Next {
    /// Its log.
    logs: String,
    /// What starts it.
    start: &'static str,
}

impl Next {
    fn of(scene: &Scene, project: &ProjectState, name: &str) -> Self {
        Self { logs: format!("see why: docker compose logs --tail 20 {name}"), start: start(scene, project, name) }
    }
}

/// What starts the service: `up` alone starts the database, OpenFGA and what they need.
fn start(scene: &Scene, project: &ProjectState, name: &str) -> &'static str {
    if is_needed(scene, project, name) { "cargo xtask up" } else { "cargo xtask up --all" }
}

/// Whether the database or OpenFGA need the service, or it is one of them.
fn is_needed(scene: &Scene, project: &ProjectState, name: &str) -> bool {
    project.is_needed_by(&servers(scene), name)
}

/// The services of the database and of OpenFGA.
fn servers<'s>(scene: &'s Scene<'_>) -> Vec<&'s str> {
    let database = scene.compose().map(|compose| compose.database_service());
    database.into_iter().chain([scene.openfga_service()]).collect()
}

/// Whether `up` starts the service.
pub fn is_of_up(scene: &Scene, name: &str) -> bool {
    scene.project().is_none_or(|project| project.is_ok_and(|project| is_needed(scene, project, name)))
}

fn one(
    scene: &Scene,
    project: &ProjectState,
    name: &str,
    service: &ServiceState,
    container: &ContainerState,
) -> Finding {
    let next = Next::of(scene, project, name);
    let Next { logs, start } = &next;
    let is_one_shot = !container.comes_back && project.is_one_shot(name) && !servers(scene).contains(&name);
    let finding = match container.status.as_str() {
        "running" => return running(scene, name, service, container, &next),
        "paused" => Finding::fail("it is paused", container.wake()),
        "restarting" => loops(scene, container, logs),
        "created" => published::stranger(name, service).unwrap_or_else(|| {
            let why = if container.error.is_empty() { String::new() } else { format!(": {}", container.error) };
            Finding::fail(format!("it was created but not started{why}"), *start)
        }),
        _ if container.exit_code == 0 && is_one_shot => {
            return Finding::ok(format!("done, exit code 0, {} ago", span(container.ended_for())));
        }
        _ if is_one_shot => Finding::fail(
            format!("the one-shot ended with exit code {}", container.exit_code),
            format!("{logs}\nthen: {start}"),
        ),
        _ => published::stranger(name, service).unwrap_or_else(|| {
            let memory = if container.is_out_of_memory { ", out of memory" } else { "" };
            let ago = span(container.ended_for());
            let detail = format!("it is stopped (exit code {}{memory}, {ago} ago)", container.exit_code);
            Finding::fail(detail, format!("{start}\n{logs}"))
        }),
    };
    finding.about(&container.id)
}

fn running(scene: &Scene, name: &str, service: &ServiceState, container: &ContainerState, next: &Next) -> Finding {
    let logs = &next.logs;
    if container.restarts >= RESTARTS && container.running_for() < JUST_NOW_SECONDS {
        return loops(scene, container, logs).about(&container.id);
    }
    let health = container.health();
    if health == Some("unhealthy") {
        let words = container.health_words().map(|words| format!(": {words}")).unwrap_or_default();
        return Finding::fail(format!("it is unhealthy{words}"), logs).about(&container.id);
    }
    let wrong = published::wrong(service, container, next.start);
    if let Some(wrong) = wrong.or_else(|| published::elsewhere(scene, name, container)) {
        return wrong;
    }
    let answers = match asked(scene, service, container, health) {
        Ok(answers) => answers,
        Err(why) => return Finding::fail(why, logs).about(&container.id),
    };
    let answers = if answers.is_empty() { other_check(scene, name) } else { answers };
    if answers.is_empty() && health == Some("starting") {
        return Finding::fail("it is still starting", "wait for it: cargo xtask health-check --wait")
            .about(&container.id);
    }
    let mut facts = vec![format!("running for {}", span(container.running_for()))];
    facts.extend(health.map(str::to_owned));
    facts.push(container.image.clone());
    if container.restarts > 0 {
        facts.push(counted(container.restarts, "restart", "restarts"));
    }
    if answers.is_empty() {
        let ports: Vec<String> = container.mapped.iter().map(|(_, address)| address.to_string()).collect();
        facts.extend((!ports.is_empty()).then(|| format!("at {}", ports.join(" "))));
    }
    facts.extend(answers);
    if container.restarts >= RESTARTS && container.running_for() < LATELY_SECONDS {
        return Finding::warn(facts.join(", "), logs).about(&container.id);
    }
    Finding::ok(facts.join(", "))
}

/// What another check of this report was answered by the service: its container's own check may not have run yet.
fn other_check(scene: &Scene, name: &str) -> Vec<String> {
    let is_database = scene.compose().is_some_and(|compose| compose.database_service() == name);
    let is_openfga = scene.openfga_service() == name;
    let answers = match name {
        _ if is_database => scene.server().is_ok(),
        _ if is_openfga => scene.openfga().is_ok_and(|found| found.is_some()),
        _ => false,
    };
    if answers { vec![format!("{name} answers")] } else { Vec::new() }
}

/// The answers of its published ports: those whose protocol is known; else its own health counts; else any port.
fn asked(
    scene: &Scene,
    service: &ServiceState,
    container: &ContainerState,
    health: Option<&str>,
) -> Result<Vec<String>, String> {
    let mapped = &container.mapped;
    let named = |inside| service.ports.iter().find(|port| port.target == inside)?.app_protocol.as_deref();
    let known = mapped
        .iter()
        .filter_map(|(inside, address)| Some((protocol::known(&container.image, *inside, named(*inside))?, *address)));
    let mut questions: Vec<_> = known.collect();
    if questions.is_empty() && health != Some("healthy") {
        questions = mapped.iter().map(|(_, address)| (Protocol::Tcp, *address)).collect();
    }
    if mapped.is_empty() && health != Some("healthy") && protocol::is_redis(&container.image) {
        return ping_inside(scene, container).map(|said| said.into_iter().collect());
    }
    let answer = |(protocol, address): (Protocol, _)| {
        let said = protocol::ask(protocol, address, scene);
        said.map(|said| format!("{said} at {address}")).map_err(|why| format!("it does not answer at {address}: {why}"))
    };
    questions.into_iter().map(answer).collect()
}

/// Asks a Redis that publishes no port, by its own client. `None` without that client, or on another port.
fn ping_inside(scene: &Scene, container: &ContainerState) -> Result<Option<String>, String> {
    let Some(compose) = scene.compose() else { return Ok(None) };
    let asked = compose.ask_in(&container.id, &["redis-cli", "ping"], scene.left());
    let captured = asked.map_err(|_| "redis-cli ping gets no answer".to_owned())?;
    if !captured.ending.success() {
        return Ok(None);
    }
    // The client leaves out the sign that an answer begins with.
    let said = captured.text();
    let sign = if said.trim() == "PONG" { '+' } else { '-' };
    protocol::redis(format!("{sign}{said}").as_bytes()).map(Some)
}

fn loops(scene: &Scene, container: &ContainerState, logs: &str) -> Finding {
    let count = counted(container.restarts, "restart", "restarts");
    let last_exit_code = || scene.compose()?.last_exit_code(&container.id, scene.left());
    // Docker sets a container's exit code to 0 while it runs.
    let code = if container.is_running() { last_exit_code() } else { Some(container.exit_code) };
    let code = code.map_or_else(String::new, |code| format!(", last exit code {code}"));
    let memory = if container.is_out_of_memory { ", out of memory" } else { "" };
    Finding::fail(format!("it keeps crashing ({count}{code}{memory})"), logs)
}

/// How it is that a service does not run, and what makes it run.
pub fn down(project: &ProjectState, name: &str) -> (String, String) {
    let first = project.containers_of(name).first();
    let state = first.map_or("missing", |container| container.status.as_str());
    let shown = if state == "exited" { "stopped" } else { state };
    let holds_its_ports = matches!(state, "paused" | "restarting" | "removing");
    let taken =
        project.services.get(name).filter(|_| !holds_its_ports).and_then(|service| published::stranger(name, service));
    let start = || first.map_or_else(|| "cargo xtask up".to_owned(), ContainerState::wake);
    let hint = taken.and_then(|taken| taken.hint).unwrap_or_else(start);
    (format!("its container is {shown} (see service/{name})"), hint)
}
