//! An address with several servers: a run works on one of them.

use crate::harness::url::UrlDatabase;
use crate::harness::{Test, Xtask};
use std::io::copy;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::spawn;

pub fn tests() -> Vec<Test> {
    tests![[Postgres] a_run_keeps_to_the_server_that_its_first_session_reached]
}

/// The port of a relay to this one, which takes so many sessions and then no more.
fn relay(port: u16, sessions: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let relayed = listener.local_addr().unwrap().port();
    spawn(move || {
        for client in listener.incoming().flatten().take(sessions) {
            let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            for (mut from, mut to) in [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)] {
                spawn(move || {
                    let _ = copy(&mut from, &mut to);
                    to.shutdown(Shutdown::Both)
                });
            }
        }
    });
    relayed
}

fn a_run_keeps_to_the_server_that_its_first_session_reached() {
    let database = UrlDatabase::new();
    database.sql(&format!("CREATE TABLE t AS SELECT 1 AS a; ALTER TABLE t OWNER TO \"{}\"", database.role));
    let port = database.server.port();
    let run = |first: u16, args: &[&'static str]| -> Xtask {
        let hosts = format!("127.0.0.1:{first},127.0.0.1");
        database.xtask(args.iter().copied()).env("DATABASE_URL", database.address(&hosts, port, &database.name))
    };
    // No program listens at the first one from the beginning on.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    run(closed, &["db-backup"]).run().ok();
    run(relay(port, usize::MAX), &["db-backup"]).run().ok();
    assert_eq!(database.sandbox.backups().len(), 2);
    // It takes no more while the run is at work: none of the rest goes to the second one.
    for sessions in 1..=2 {
        for args in [&["db-backup"][..], &["db-restore", "--yes"], &["db-reset", "--yes"]] {
            let ended = run(relay(port, sessions), args).run();
            ended.stderr_has("✗").stderr_lacks("✓");
            assert_ne!(ended.code, Some(0), "{args:?} {sessions}");
        }
    }
    assert_eq!(database.sandbox.backups().len(), 2);
    assert_eq!(database.sql("SELECT a FROM t"), "1");
}
