//! The `local` server is its checkout's own: no other user gets in, no secret shows, no variable leads astray.

use crate::harness::{Local, Sandbox, Test, Watch, Xtask, needs, shared_local};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, TcpStream, UdpSocket};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres, OpenfgaBin] no_secret_shows_and_preshared_keys_are_tried,
        [Postgres] no_other_user_or_role_gets_in,
        [Postgres] libpq_variables_of_the_caller_have_no_effect,
    ]
}

/// A shell in which another server was worked on.
pub const HOSTILE: &[(&str, &str)] = &[
    ("PGHOST", "203.0.113.1"),
    ("PGHOSTADDR", "203.0.113.1"),
    ("PGPORT", "1"),
    ("PGUSER", "nosuch"),
    ("PGPASSWORD", "wrong"),
    ("PGPASSFILE", "/nosuch"),
    ("PGDATABASE", "nosuch"),
    ("PGDATA", "/nosuch"),
    ("PGOPTIONS", "-c default_transaction_read_only=on -c search_path=nosuch"),
    ("PGCLIENTENCODING", "LATIN1"),
    ("PGSERVICE", "nosuch"),
    ("PGSERVICEFILE", "/nosuch"),
    ("PGSSLMODE", "verify-full"),
    ("PGREQUIREAUTH", "none"),
    ("PGTZ", "Asia/Tokyo"),
    ("PGDATESTYLE", "German"),
    ("PGCONNECT_TIMEOUT", "1"),
    ("PGTARGETSESSIONATTRS", "standby"),
    ("LC_ALL", "de_DE.UTF-8"),
];

fn no_other_user_or_role_gets_in() {
    let local = shared_local();
    let folder = local.folder();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    // Root's server is another user's, who must pass through the folder, but may not look around in it.
    assert_eq!(mode(&folder) & 0o066, 0, "{:o}", mode(&folder));
    assert_eq!(mode(&folder.join("data")) & 0o077, 0);
    for name in ["password", "postgres.log", "state.json"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
    let rules = fs::read_to_string(folder.join("data/pg_hba.conf")).unwrap();
    let rules: Vec<&str> = rules.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).collect();
    assert!(!rules.is_empty() && rules.iter().all(|rule| rule.ends_with("scram-sha-256")), "{rules:#?}");
    assert_eq!(local.sql("postgres", "SHOW listen_addresses"), "127.0.0.1");
    assert_eq!(local.sql("postgres", "SHOW unix_socket_directories"), "");
    let port = local.port();
    for other in [Ipv4Addr::new(127, 0, 0, 2), own_address()] {
        let there = TcpStream::connect_timeout(&(other, port).into(), Duration::from_millis(500));
        assert!(there.is_err(), "the server can be reached at {other}");
    }
    let url = format!("host=127.0.0.1 port={port} user=postgres dbname=postgres password=postgres");
    let (output, errors) = local.client("postgres", &["psql", "-X", "-w", "-c", "SELECT 1", &url], b"");
    assert!(output.is_none() && errors.contains("password authentication failed"), "{errors}");
}

/// An address of this host that others can reach; loopback where it has none.
fn own_address() -> Ipv4Addr {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let _ = socket.connect((Ipv4Addr::new(203, 0, 113, 1), 9));
    match socket.local_addr().unwrap().ip() {
        IpAddr::V4(address) if !address.is_loopback() && !address.is_unspecified() => address,
        _ => Ipv4Addr::new(127, 0, 0, 3),
    }
}

fn no_secret_shows_and_preshared_keys_are_tried() {
    const KEYS: &str = "first-s3cret-key,second-s3cret-key";
    let local = Local::new();
    local.sandbox.set("OPENFGA_AUTHN_METHOD", "preshared");
    local.sandbox.set("OPENFGA_AUTHN_PRESHARED_KEYS", KEYS);
    // Found where Go puts it.
    fs::create_dir_all(local.sandbox.home.join("go/bin")).unwrap();
    symlink(needs::openfga_program().unwrap(), local.sandbox.home.join("go/bin/openfga")).unwrap();
    let watch = Watch::start();
    let with_key = |key: &str| local.xtask(["--verbose", "up"]).env("OPENFGA_API_TOKEN", key).run();
    let right = with_key("second-s3cret-key");
    right.ok().stderr_has("✓ OpenFGA answers at http://127.0.0.1:");
    assert_eq!(local.openfga().with_key("first-s3cret-key").request("/stores", None).0, 200);
    assert_eq!(local.openfga().request("/stores", None).0, 401);
    let wrong = with_key("wr0ng-s3cret");
    wrong.code(4).stderr_has("OPENFGA_API_TOKEN").stderr_has("OPENFGA_AUTHN_PRESHARED_KEYS").stderr_lacks("✓");
    let none = local.xtask(["up"]).run();
    none.ok().stderr_has("✓ OpenFGA").stderr_lacks("s3cret");
    let shell = local.xtask(["--verbose", "db-shell", "--", "-Atc", "SELECT pg_sleep(0.2)"]).run();
    shell.ok().stderr_has("PGPASSWORD=***");
    let backup = local.xtask(["--verbose", "db-backup"]).run();
    backup.ok();
    let down = local.xtask(["--verbose", "down"]).run();
    down.ok();

    let password = local.password();
    assert!(password.len() >= 32, "the password is short");
    watch.finish(&["s3cret", &password]);
    let mut texts: Vec<(String, String)> = [right, wrong, none, shell, backup, down]
        .iter()
        .map(|run| ("what a command said".to_owned(), format!("{}{}", run.stderr, run.text())))
        .collect();
    let folder = local.folder();
    let named = ["postgres.log", "openfga.log", "state.json", "openfga.json"].map(|name| folder.join(name));
    let backups = local.sandbox.backups().into_iter().map(|name| local.sandbox.path("backups").join(name));
    for path in named.into_iter().chain(backups) {
        texts.push((path.display().to_string(), fs::read_to_string(path).unwrap()));
    }
    for (what, text) in texts {
        assert!(!text.contains("s3cret") && !text.contains(&password), "a secret is in {what}: {text}");
    }
}

fn libpq_variables_of_the_caller_have_no_effect() {
    let local = shared_local();
    let database = local.database();
    local.sql(&database, "CREATE TABLE t AS SELECT 'Zoë 日本' AS name, timestamptz '2025-10-21 14:30:22+00' AS at");
    let sandbox = Sandbox::new();
    sandbox.set("XTASK_TARGET", "local");
    sandbox.set("XTASK_LOCAL_DIR", &format!("'{}'", local.folder().display()));
    let run = |args: &[&'static str], hostile: bool| {
        let run = Xtask::new(&sandbox).args(args).env("POSTGRES_DB", &database);
        let variables = HOSTILE.iter().filter(|_| hostile);
        variables.fold(run, |run, (name, value)| run.env(name, value)).run()
    };
    let select = ["db-shell", "--", "-Atc", "SELECT name, at FROM t"];
    let usual = run(&select, false).ok().text();
    run(&select, true).ok().prints(&usual).says_nothing();
    run(&["db-shell", "--", "-c", "INSERT INTO t VALUES ('ü', now())"], true).ok();
    let dump = |hostile| {
        let file = run(&["db-backup", "--quiet"], hostile).ok().text();
        let text = fs::read_to_string(sandbox.path(file.trim_end())).unwrap();
        let ours =
            |line: &&str| !["-- xtask ", "\\restrict", "\\unrestrict"].iter().any(|start| line.starts_with(start));
        text.lines().filter(ours).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(dump(false), dump(true));
}
