//! Who changes what belongs to a whole server, and when. A load is refused where roles or databases of the server change
//! meanwhile, whoever changes them: tests that share a server wait for one another's loads.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// A test that holds two servers at once must not wait for ever.
const PATIENCE: Duration = Duration::from_secs(60);
const LOADS: &[&str] = &["db-restore", "--restore"];
const WORDS: [&str; 6] = [" ROLE", " DATABASE", " USER", "TABLESPACE", "PARAMETER", "GRANT "];

/// How often a thread loads into a server, or changes it, right now.
type Holders = HashMap<ThreadId, usize>;

static LOADING: Mutex<Option<HashMap<String, Holders>>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();

/// Others' changes wait until it is dropped.
#[derive(Debug)]
pub struct Quiet {
    server: String,
    thread: ThreadId,
}

/// Waits until no other test loads into this server, and keeps others from changing it.
pub fn while_loading(server: String) -> Quiet {
    let thread = thread::current().id();
    let mut loading = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    let end = Instant::now() + PATIENCE;
    while others(loading.as_ref(), &server, thread) && Instant::now() < end {
        loading = CHANGED.wait_timeout(loading, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
    }
    *loading.get_or_insert_default().entry(server.clone()).or_default().entry(thread).or_default() += 1;
    Quiet { server, thread }
}

/// The same where these arguments load a file into the server of this checkout.
pub fn for_run(args: &[String], root: &Path, url: bool) -> Option<Quiet> {
    let loads = args.iter().any(|arg| LOADS.contains(&arg.as_str()));
    loads.then(|| while_loading(server_of(root, url)))
}

/// Runs SQL; what belongs to the whole server is changed alone.
pub fn changing<T>(server: &str, sql: &str, run: impl FnOnce() -> T) -> T {
    let _quiet = WORDS.iter().any(|word| sql.contains(word)).then(|| while_loading(server.to_owned()));
    run()
}

/// The servers of this host are one: tests of the `url` and `local` targets share one.
pub const HOST: &str = "this host";

fn server_of(root: &Path, url: bool) -> String {
    let settings = std::fs::read_to_string(root.join(".env")).unwrap_or_default();
    let last = |name: &str| settings.lines().rev().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    match last("XTASK_TARGET") {
        Some("url" | "local") => HOST.to_owned(),
        _ if url => HOST.to_owned(),
        _ => last("COMPOSE_PROJECT_NAME").unwrap_or(HOST).to_owned(),
    }
}

fn others(loading: Option<&HashMap<String, Holders>>, server: &str, thread: ThreadId) -> bool {
    let holders = loading.and_then(|loading| loading.get(server));
    holders.is_some_and(|holders| holders.keys().any(|holder| *holder != thread))
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let mut loading = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(holders) = loading.as_mut().and_then(|loading| loading.get_mut(&self.server)) {
            let count = holders.entry(self.thread).or_default();
            *count = count.saturating_sub(1);
            holders.retain(|_, count| *count > 0);
        }
        CHANGED.notify_all();
    }
}
