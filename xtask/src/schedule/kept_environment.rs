//! What a run at night sees of the environment of the day of installation: enough to mean the same server and the same
//! database, and nothing else.

use std::collections::BTreeMap;

/// Names that are taken as they are: programs and homes, languages, proxies, certificates, and what Windows cannot do
/// without.
const NAMES: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSH_AUTH_SOCK",
    "DATABASE_URL",
    "PATHEXT",
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "COMSPEC",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "TEMP",
    "TMP",
];
/// Each of them also in lower case.
const PROXIES: &[&str] = &["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];
const STARTS: &[&str] = &["DOCKER_", "COMPOSE_", "PG", "POSTGRES_", "OPENFGA_", "XTASK_"];
/// What has a place of its own in the plan, what `--root` says, and what only tests set.
const NEVER: &[&str] = &["XTASK_ON_FAILURE", "XTASK_PING_URL", "XTASK_ROOT"];
const NEVER_STARTS: &[&str] = &["XTASK_FAULT_", "XTASK_TEST_", "XTASK_CI_"];
/// Those that stand in crontab and unit as well: the run itself needs them before it has read the plan.
const OPEN: &[&str] = &["HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "SSL_CERT_FILE", "SSL_CERT_DIR", "PATH"];

/// The part of this environment that runs keep.
pub fn of(environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let kept = environment.iter().filter(|(name, value)| !value.is_empty() && is_carried(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn is_carried(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let starts = |list: &[&str]| list.iter().any(|start| name.starts_with(start));
    let is_proxy = PROXIES.contains(&upper.as_str());
    let is_named = NAMES.contains(&name) || (crate::platform::WINDOWS && NAMES.contains(&upper.as_str()));
    (is_named || is_proxy || starts(STARTS)) && !NEVER.contains(&name) && !starts(NEVER_STARTS)
}

/// Names that decide which server and database a run means, whom it believes, or that hold a secret: a person should know
/// that the plan keeps them.
pub fn notable(carried: &BTreeMap<String, String>) -> Vec<&str> {
    let decides = |name: &str| {
        let starts = ["COMPOSE_", "PG", "POSTGRES_", "OPENFGA_", "XTASK_"].iter().any(|start| name.starts_with(start));
        starts || ["DATABASE_URL", "SSL_CERT_FILE", "SSL_CERT_DIR"].contains(&name)
    };
    carried.keys().map(String::as_str).filter(|name| decides(name)).collect()
}

/// Whether a run finds this in its environment alone: Docker's, libpq's and the certificates' variables are not read from `.env`.
pub fn is_of_environment_alone(name: &str) -> bool {
    ["DOCKER_", "PG", "SSL_CERT_"].iter().any(|start| name.starts_with(start))
}

/// Names of a plan before that a new one has not, so that its runs would mean another server or database, or believe others.
/// `elsewhere` gives what a run finds without the environment, as in `.env`.
pub fn lost<'b>(
    before: &'b BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
    elsewhere: impl Fn(&str) -> Option<String>,
) -> Vec<&'b str> {
    let is_other = |name: &str| {
        let is_of_docker = name.starts_with("DOCKER_");
        is_of_docker || PROXIES.contains(&name.to_ascii_uppercase().as_str())
    };
    let others = before.keys().map(String::as_str).filter(|name| is_other(name));
    let wanted = notable(before).into_iter().chain(others);
    let found = |name: &str| if is_of_environment_alone(name) { None } else { elsewhere(name) };
    wanted.filter(|name| !now.contains_key(*name) && found(name).as_ref() != before.get(*name)).collect()
}

/// Those that stand in crontab and unit, in a fixed order; `PATH` is the last.
pub fn open(carried: &BTreeMap<String, String>) -> Vec<(&'static str, &str)> {
    OPEN.iter().filter_map(|name| Some((*name, carried.get(*name)?.as_str()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_keeps_what_names_the_database_and_no_secret_stands_in_the_open() {
        let names = [
            "PATH",
            "HOME",
            "DOCKER_HOST",
            "DATABASE_URL",
            "PGPASSWORD",
            "POSTGRES_DB",
            "https_proxy",
            "XTASK_TARGET",
            "XTASK_ON_FAILURE",
            "XTASK_PING_URL",
            "XTASK_FAULT_POINT",
            "EDITOR",
            "LD_PRELOAD",
            "AWS_SECRET_ACCESS_KEY",
        ];
        let environment = names.map(|name| (name.to_owned(), "value".to_owned())).into();
        let carried = of(&environment);
        let kept: Vec<&str> = carried.keys().map(String::as_str).collect();
        let expected =
            ["DATABASE_URL", "DOCKER_HOST", "HOME", "PATH", "PGPASSWORD", "POSTGRES_DB", "XTASK_TARGET", "https_proxy"];
        assert_eq!(kept, expected);
        let open: Vec<&str> = open(&carried).into_iter().map(|(name, _)| name).collect();
        assert_eq!(open, ["HOME", "DOCKER_HOST", "PATH"]);
        assert_eq!(notable(&carried), ["DATABASE_URL", "PGPASSWORD", "POSTGRES_DB", "XTASK_TARGET"]);
    }

    #[test]
    fn what_a_new_plan_lacks_is_lost_unless_a_run_finds_the_same_elsewhere() {
        let names =
            ["DATABASE_URL", "DOCKER_HOST", "HOME", "LANG", "PATH", "SSL_CERT_DIR", "XTASK_TARGET", "https_proxy"];
        let before = names.map(|name| (name.to_owned(), "value".to_owned())).into();
        let none = |_: &str| None;
        let all = ["DATABASE_URL", "SSL_CERT_DIR", "XTASK_TARGET", "DOCKER_HOST", "https_proxy"];
        assert_eq!(lost(&before, &BTreeMap::new(), none), all);
        assert!(lost(&before, &before, none).is_empty());
        // Another value that is set now is wanted; one of `.env` is not what was set before.
        let other = before.keys().map(|name| (name.clone(), "other".to_owned())).collect();
        assert!(lost(&before, &other, none).is_empty());
        let in_file = |name: &str| Some(if name == "DATABASE_URL" { "other" } else { "value" }.to_owned());
        assert_eq!(lost(&before, &BTreeMap::new(), in_file), ["DATABASE_URL", "SSL_CERT_DIR", "DOCKER_HOST"]);
    }
}
