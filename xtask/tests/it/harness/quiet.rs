//! Who loads into a server, and who changes what belongs to all of it. A load is refused where roles or databases of the
//! server change meanwhile that no living run of the same role recorded, and tests kill runs: one goes on at a time.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// A test that uses two servers at once must not wait for ever.
const TIMEOUT: Duration = Duration::from_secs(600);
/// Words of commands that compare what belongs to the whole server before and after they run code of a file. `db-reset` runs
/// none, but two of them while a file loads drop a database that no record names afterwards.
const LOADS: &[&str] = &["db-restore", "--restore", "db-reset", "verify", "baseline", "--drift"];
/// Commands that make databases without a file: for runs of another role that is a change of the server.
const MAKERS: &[&str] = &["db-migrate", "setup-env"];
const WORDS: [&str; 6] = [" ROLE", " DATABASE", " USER", "TABLESPACE", "PARAMETER", "GRANT "];

/// Who uses a server now, how often, and who waits for it.
#[derive(Debug, Default)]
struct Server {
    holders: HashMap<ThreadId, usize>,
    queue: VecDeque<ThreadId>,
}

static SERVERS: Mutex<Option<HashMap<String, Server>>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();

/// A load or a change that goes on until it is dropped.
#[derive(Debug)]
pub struct Quiet {
    server: String,
    thread: ThreadId,
}

impl Quiet {
    /// Waits for the others, in the order in which they came; a thread that has begun already goes on.
    fn begin(server: &str) -> Self {
        let thread = thread::current().id();
        let end = Instant::now() + TIMEOUT;
        let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
        servers.get_or_insert_default().entry(server.to_owned()).or_default().queue.push_back(thread);
        loop {
            let Server { holders, queue } = servers.get_or_insert_default().entry(server.to_owned()).or_default();
            let is_next = holders.is_empty() && queue.front() == Some(&thread);
            if is_next || holders.contains_key(&thread) || Instant::now() >= end {
                queue.retain(|waiting| *waiting != thread);
                *holders.entry(thread).or_default() += 1;
                return Self { server: server.to_owned(), thread };
            }
            servers = CHANGED.wait_timeout(servers, TIMEOUT).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Server { holders, .. }) = servers.as_mut().and_then(|servers| servers.get_mut(&self.server)) {
            let count = holders.entry(self.thread).or_default();
            *count = count.saturating_sub(1);
            holders.retain(|_, count| *count > 0);
        }
        CHANGED.notify_all();
    }
}

/// For a test that changes what belongs to the whole server: no other test loads into it meanwhile.
pub fn while_changing(server: &str) -> Quiet {
    Quiet::begin(server)
}

/// Where these arguments load a file into the server of this checkout: nobody loads into it or changes it meanwhile.
pub fn for_run(args: &[String], root: &Path, url: bool) -> Option<Quiet> {
    let server = server_of(root, url);
    let has = |words: &[&str]| args.iter().any(|arg| words.contains(&arg.as_str()));
    // On the shared local server each test has a role of its own; SQL comes with `db-shell -c` too.
    let changes =
        has(LOADS) || (server == SHARED_LOCAL && has(MAKERS)) || args.iter().any(|arg| changes_the_server(arg));
    changes.then(|| Quiet::begin(&server))
}

/// Whether this SQL may make, change or drop what belongs to the whole server.
fn changes_the_server(sql: &str) -> bool {
    WORDS.iter().any(|word| sql.contains(word))
}

/// Runs SQL; what belongs to the whole server is changed while nobody loads.
pub fn changing<T>(server: &str, sql: &str, run: impl FnOnce() -> T) -> T {
    let _quiet = changes_the_server(sql).then(|| while_changing(server));
    run()
}

/// The local server that tests of the `local` and `url` targets share.
pub const SHARED_LOCAL: &str = "the shared local server";
static SHARED_ROOT: OnceLock<PathBuf> = OnceLock::new();

/// The shared local server is the one of this checkout.
pub fn is_shared(root: &Path) {
    let _ = SHARED_ROOT.set(root.to_owned());
}

/// The local server of this checkout.
pub fn local(root: &Path) -> String {
    let is_shared = SHARED_ROOT.get().is_some_and(|shared| shared == root);
    if is_shared { SHARED_LOCAL.to_owned() } else { root.display().to_string() }
}

fn server_of(root: &Path, url: bool) -> String {
    let file = root.join(".env");
    // A pipe would hold us.
    let settings = if file.is_file() { std::fs::read_to_string(file).unwrap_or_default() } else { String::new() };
    let last = |name: &str| settings.lines().rev().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    match last("XTASK_TARGET") {
        Some("local") => local(root),
        Some("url") => SHARED_LOCAL.to_owned(),
        _ if url => SHARED_LOCAL.to_owned(),
        _ => last("COMPOSE_PROJECT_NAME").map_or_else(|| local(root), str::to_owned),
    }
}
