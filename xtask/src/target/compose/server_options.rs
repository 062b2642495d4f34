//! How programs inside a container reach its server, where its command line moves it.

use std::collections::BTreeMap;

/// libpq's variables for a program inside; empty where the usual socket and port do.
pub(super) fn inside(environment: &BTreeMap<String, String>, command: &[String]) -> Vec<(&'static str, String)> {
    let mut variables = Vec::new();
    // Bitnami's image takes the port from this variable.
    let port = option(command, 'p', "port").or_else(|| environment.get("POSTGRESQL_PORT_NUMBER").cloned());
    if let Some(port) = port.filter(|port| port.parse::<u16>().is_ok()) {
        variables.push(("PGPORT", port));
    }
    let folder = option(command, 'k', "unix_socket_directories");
    let folder = folder.and_then(|folders| folders.split(',').next().map(|folder| folder.trim().to_owned()));
    if let Some(folder) = folder.filter(|folder| folder.starts_with('/')) {
        variables.push(("PGHOST", folder));
    } else if environment.get("PGHOST").is_some_and(|host| !host.is_empty() && !host.starts_with('/')) {
        // The container's own variable may name another server. Empty means the socket.
        variables.push(("PGHOST", String::new()));
    }
    variables
}

/// Whether these words start the server in a container of PostgreSQL's image: the image's own entrypoint does, with
/// options or without, as does a script that calls it.
pub(super) fn start_server(entrypoint: &[String], command: &[String]) -> bool {
    let starts = |word: &String| {
        let program = word.rsplit('/').next().unwrap_or(word);
        ["postgres", "postmaster"].contains(&program) || word.contains("entrypoint") || word.contains("exec postgres")
    };
    if entrypoint.iter().any(starts) {
        return true;
    }
    let by_image = entrypoint.is_empty() && command.first().is_none_or(|word| word.starts_with('-'));
    by_image || command.iter().any(starts)
}

/// The last value of an option of `postgres`: `-p 5433`, `-p5433`, `--port=5433`, `-c port=5433`.
fn option(command: &[String], short: char, long: &str) -> Option<String> {
    let mut found = None;
    let mut words = command.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let assigned = match word.strip_prefix("--") {
            Some(assigned) => assigned,
            None => match word.strip_prefix("-c") {
                Some("") => words.next().unwrap_or_default(),
                Some(assigned) => assigned,
                None => match word.strip_prefix('-').and_then(|word| word.strip_prefix(short)) {
                    Some("") => {
                        found = words.next().map(str::to_owned);
                        continue;
                    }
                    Some(value) => {
                        found = Some(value.to_owned());
                        continue;
                    }
                    None => continue,
                },
            },
        };
        if let Some((name, value)) = assigned.split_once('=')
            && name.trim().replace('-', "_") == long
        {
            found = Some(value.trim().trim_matches('\'').to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &[&str]) -> Vec<String> {
        text.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn what_starts_the_server_is_distinguished_from_a_job() {
        let starts = |entrypoint: &[&str], command: &[&str]| start_server(&words(entrypoint), &words(command));
        assert!(starts(&[], &[]));
        assert!(starts(&[], &["-c", "max_connections=200"]));
        assert!(starts(&[], &["postgres", "-c", "fsync=off"]));
        assert!(starts(&["/docker-entrypoint.sh"], &["/run.sh"]));
        assert!(starts(&["/our.sh"], &["postgres"]));
        assert!(starts(&[], &["sh", "-c", "cp /k /l && exec docker-entrypoint.sh postgres"]));
        assert!(!starts(&["sleep"], &["infinity"]));
        assert!(!starts(&[], &["sh", "-c", "while true; do pg_dump -h postgres app > /b/x.sql; sleep 86400; done"]));
        assert!(!starts(&["/backup.sh"], &[]));
        assert!(!starts(&[], &["psql", "-h", "db"]));
    }

    fn of(command: &str) -> Vec<(&'static str, String)> {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        inside(&BTreeMap::new(), &words)
    }

    #[test]
    fn a_port_and_a_socket_folder_of_the_command_are_found() {
        let port = [("PGPORT", "5433".to_owned())];
        for command in [
            "postgres -p 5433",
            "postgres -p5433",
            "postgres -c port=5433",
            "-cport=5433",
            "postgres --port=5433",
            "postgres -p 1 -c max_connections=5 -p 5433",
        ] {
            assert_eq!(of(command), port, "{command}");
        }
        let socket = [("PGHOST", "/run/x".to_owned())];
        assert_eq!(of("postgres -k /run/x"), socket);
        assert_eq!(of("postgres --unix-socket-directories='/run/x, /tmp'"), socket);
        for command in ["postgres", "", "postgres -c", "postgres -p", "postgres -c log_statement=all", "postgres -p x"]
        {
            assert_eq!(of(command), [], "{command}");
        }
    }

    #[test]
    fn bitnamis_port_counts_unless_the_command_says_another() {
        let environment = [("POSTGRESQL_PORT_NUMBER".to_owned(), "6432".to_owned())].into();
        assert_eq!(inside(&environment, &[]), [("PGPORT", "6432".to_owned())]);
        assert_eq!(inside(&environment, &words(&["postgres", "-p", "5433"])), [("PGPORT", "5433".to_owned())]);
    }

    #[test]
    fn another_host_of_the_container_is_not_taken() {
        let environment = |host: &str| [("PGHOST".to_owned(), host.to_owned())].into();
        assert_eq!(inside(&environment("elsewhere.example.com"), &[]), [("PGHOST", String::new())]);
        assert_eq!(inside(&environment("/var/run/postgresql"), &[]), []);
    }
}
