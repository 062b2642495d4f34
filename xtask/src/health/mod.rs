//! Whether every part works: each is asked by its own protocol, all at the same time, none longer than its deadline.

pub mod doctor;
mod logs;
mod probe;
pub mod report;
mod root_cause;
mod scene;

pub use scene::{DEADLINE, Scene};

use crate::schedule::{name, plan::Plan};
use crate::target::backend::ContainerState;
use probe::service;
use report::{Check, Finding, Report, Status};
use std::thread::ScopedJoinHandle;
use std::time::Instant;

type Probe = fn(&Scene) -> Finding;

/// Runs a check, and gives it its name.
type Run<'a> = dyn Fn(String, &dyn Fn() -> Finding) -> Check + Sync + 'a;

/// The checks, in the order of the report. `service/…` stands for one check for each service of the compose file.
const PROBES: &[(&str, Probe)] = &[
    (DOCKER, probe::engine::probe),
    ("postgres", probe::server::probe),
    ("connections", probe::sessions::connections),
    ("transactions", probe::sessions::transactions),
    ("indexes", probe::indexes::probe),
    ("settings", probe::db_settings::probe),
    ("migrations", probe::migrations::probe),
    ("openfga", probe::openfga::probe),
    ("openfga/schema", probe::schema::probe),
    ("openfga/store", probe::store::probe),
    ("openfga/model", probe::model::probe),
    ("backups", probe::backups::probe),
    (OTHERS, probe::other_backups::probe),
    (SCHEDULE, probe::schedule::probe),
    ("leftovers", probe::leftovers::probe),
    ("disk", probe::disk::of_backups),
    ("disk/postgres", probe::disk::of_server),
    (MONITORING, probe::monitoring::probe),
];

const DOCKER: &str = "docker";
/// Shown where it says something to act on, or was asked for by this name: most stacks have one database.
const OTHERS: &str = "backups/others";
/// The check that is left out of a whole report where there is nothing to look at.
const MONITORING: &str = "monitoring";
/// The check of a schedule: there is a line of it only where one is installed, or where it was asked for by name.
const SCHEDULE: &str = "schedule";

/// What the services' checks are named by.
const SERVICES: &str = "service";

/// Which checks are wanted, and what they bring along.
#[derive(Debug, Default)]
pub struct Options<'a> {
    /// Names, or the part before a `/`; none: all.
    pub only: &'a [String],
    /// The last log lines of a sick container as well.
    pub logs: bool,
    /// The report is of what `up` starts: a fault of a service that it leaves alone is a warning.
    pub of_up: bool,
}

impl Options<'_> {
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| is_part(name, only))
    }

    /// Whether a check below this name may be wanted.
    fn wants_below(&self, name: &str) -> bool {
        self.wants(name) || self.only.iter().any(|only| is_part(only, name))
    }

    /// The first name that no check bears. Where the services cannot be read, one of them may well be there; and a
    /// target without any is not the caller's mistake.
    pub fn unknown(&self, report: &Report) -> Option<&str> {
        let is_known = |only: &&String| {
            let bears =
                |check: &Check| is_part(&check.name, only) || (check.name == SERVICES && is_part(only, SERVICES));
            report.checks.iter().any(bears)
        };
        self.only.iter().find(|only| !is_known(only)).map(String::as_str)
    }
}

/// Whether `name` is `whole` itself or a part of it.
fn is_part(name: &str, whole: &str) -> bool {
    name.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The names of the checks that every target has.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROBES.iter().map(|(name, _)| *name).chain([SERVICES])
}

/// Asks every part.
pub fn examine(scene: &Scene, options: &Options) -> Report {
    let begin = Instant::now();
    let checks = std::thread::scope(|scope| {
        let run = move |name: String, probe: &dyn Fn() -> Finding| checked(name, scene, options, begin, probe);
        let has_schedule = !options.only.is_empty() || Plan::is_there(&name::checkout(scene.root));
        let wanted = |(name, _): &&(&str, Probe)| options.wants(name) && (*name != SCHEDULE || has_schedule);
        let spawn = |&(name, probe): &'static (&'static str, Probe)| {
            (name.to_owned(), scope.spawn(move || run(name.to_owned(), &|| probe(scene))))
        };
        let threads: Vec<_> = PROBES.iter().filter(wanted).map(spawn).collect();
        let services = options.wants_below(SERVICES).then(|| scope.spawn(move || of_services(scene, options, &run)));
        let mut checks = joined(threads);
        // The services come behind Docker, which runs them.
        let behind = checks.iter().position(|check| check.name != DOCKER).unwrap_or(checks.len());
        let services =
            services.map_or_else(Vec::new, |thread| thread.join().unwrap_or_else(|_| vec![died(SERVICES.to_owned())]));
        checks.splice(behind..behind, services);
        checks.retain(|check| is_shown(check, options));
        checks
    });
    let mut report = with_causes(scene, checks);
    if options.of_up {
        lower_faults_beside_up(scene, &mut report);
    }
    report
}

/// A check for each service of the Compose file.
fn of_services(scene: &Scene, options: &Options, run: &Run<'_>) -> Vec<Check> {
    match service::all(scene) {
        Err(finding) => vec![run(SERVICES.to_owned(), &|| finding.clone())],
        Ok(names) if names.is_empty() && !options.only.is_empty() => {
            vec![run(SERVICES.to_owned(), &|| Finding::skipped("this target has none"))]
        }
        Ok(names) => std::thread::scope(|inner| {
            let named = names.iter().map(|name| (format!("{SERVICES}/{name}"), name));
            let wanted = named.filter(|(check, _)| options.wants(check));
            let threads = wanted.map(|(check, name)| {
                let is_asked = options.only.contains(&check);
                (check.clone(), inner.spawn(move || run(check, &|| service::probe(scene, name, is_asked))))
            });
            joined(threads.collect())
        }),
    }
}

/// The checks of these threads, each by its name.
fn joined(threads: Vec<(String, ScopedJoinHandle<'_, Check>)>) -> Vec<Check> {
    threads.into_iter().map(|(name, thread)| thread.join().unwrap_or_else(|_| died(name))).collect()
}

/// A check whose thread ended without an answer.
fn died(name: String) -> Check {
    let detail = "the check itself failed: a bug of this program".to_owned();
    let hint = Some("run it again with --verbose, and report what it prints".to_owned());
    Check { name, status: Status::Fail, detail, hint, ms: 0, log: Vec::new(), blocked: None }
}

/// Whether the report has a line of it: two checks are left out where they say nothing that matters.
fn is_shown(check: &Check, options: &Options) -> bool {
    match check.name.as_str() {
        OTHERS => matches!(check.status, Status::Warn | Status::Fail) || options.only.iter().any(|only| only == OTHERS),
        MONITORING => check.status != Status::Skipped || !options.only.is_empty(),
        _ => true,
    }
}

/// A check that could not ask is skipped where another check says why. Where that other check was not wanted, it fails
/// itself: a missing answer must not look like health.
fn with_causes(scene: &Scene, mut checks: Vec<Check>) -> Report {
    let failed: Vec<String> =
        checks.iter().filter(|check| check.status == Status::Fail).map(|check| check.name.clone()).collect();
    for check in &mut checks {
        let Some((part, cause)) = check.blocked.and_then(|part| probe::cause(scene, part)) else { continue };
        let is_named = failed.iter().any(|failed| part.checks().iter().any(|check| is_part(failed, check)));
        if !is_named {
            check.status = Status::Fail;
            check.detail = format!("{}: {}", check.detail, cause.detail);
            check.hint = cause.hint;
        }
    }
    Report { checks }
}

/// Makes warnings of the faults of what `up` leaves alone.
fn lower_faults_beside_up(scene: &Scene, report: &mut Report) {
    let faults = report.checks.iter_mut().filter(|check| check.status == Status::Fail);
    faults.filter(|check| !is_of_up(scene, check)).for_each(|check| check.status = Status::Warn);
}

/// Whether a check is of what `up` starts: further services of the Compose file are not.
fn is_of_up(scene: &Scene, check: &Check) -> bool {
    let name = check.name.strip_prefix(SERVICES).and_then(|rest| rest.strip_prefix('/'));
    name.is_none_or(|name| service::is_of_up(scene, name))
}

/// Where the parts that run listen: a name and an address each.
pub fn addresses(scene: &Scene) -> Vec<(String, String)> {
    let Some(project) = scene.project() else {
        let openfga = scene.openfga().ok().flatten().map(|found| found.server.endpoint.url().to_owned());
        let openfga = openfga.map(|url| ("openfga".to_owned(), url));
        return std::iter::once(("postgres".to_owned(), scene.target.place())).chain(openfga).collect();
    };
    let services = project.into_iter().flat_map(|project| &project.containers);
    let of_service = |(name, containers): (&String, &Vec<ContainerState>)| {
        let addresses = containers.iter().flat_map(probe::published::addresses);
        let addresses: Vec<String> = addresses.collect();
        (!addresses.is_empty()).then(|| (name.clone(), addresses.join(" ")))
    };
    services.filter_map(of_service).collect()
}

fn checked(name: String, scene: &Scene, options: &Options, begin: Instant, probe: &dyn Fn() -> Finding) -> Check {
    let finding = probe();
    let ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    let log = finding.container.as_deref().filter(|_| options.logs).map(|container| logs::last(scene, container));
    let Finding { status, detail, hint, blocked, .. } = finding;
    Check { name, status, detail, hint, ms, log: log.unwrap_or_default(), blocked }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_panics_fails_by_its_name() {
        let fine = || Check { status: Status::Ok, ..died("indexes".to_owned()) };
        let checks = std::thread::scope(|scope| {
            joined(vec![
                ("indexes".to_owned(), scope.spawn(fine)),
                ("disk".to_owned(), scope.spawn(|| panic!("a probe of the test panics"))),
            ])
        });
        let shown: Vec<_> = checks.iter().map(|check| (check.name.as_str(), check.status)).collect();
        assert_eq!(shown, [("indexes", Status::Ok), ("disk", Status::Fail)]);
        assert!(checks[1].detail.contains("bug") && checks[1].hint.is_some());
    }

    #[test]
    fn a_name_stands_for_itself_and_for_what_is_below() {
        let only = ["openfga".to_owned(), "service/redis".to_owned()];
        let options = Options { only: &only, ..Options::default() };
        assert!(options.wants("openfga") && options.wants("openfga/model") && !options.wants("openfgax"));
        assert!(options.wants("service/redis") && !options.wants("service/kafka") && !options.wants("postgres"));
        assert!(options.wants_below("service") && Options::default().wants_below("service"));
        assert_eq!(options.unknown(&Report::default()), Some("openfga"));
    }
}
