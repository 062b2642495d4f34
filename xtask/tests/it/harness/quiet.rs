//! Who loads into a server, and who changes what belongs to all of it. A load is refused where roles or databases of the
//! server change meanwhile that no run of the program recorded: loads go side by side, and changes wait for them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// A test that uses two servers at once must not wait for ever.
const PATIENCE: Duration = Duration::from_secs(120);
const LOADS: &[&str] = &["db-restore", "--restore"];
const WORDS: [&str; 6] = [" ROLE", " DATABASE", " USER", "TABLESPACE", "PARAMETER", "GRANT "];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Use {
    Load,
    Change,
}

/// What goes on in a server.
#[derive(Debug, Default)]
struct Server {
    /// How often a thread uses it so.
    users: HashMap<(ThreadId, Use), usize>,
    /// Changes that wait: no load of others begins before them.
    waiting: usize,
}

static SERVERS: Mutex<Option<HashMap<String, Server>>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();

/// A load or a change that goes on until it is dropped.
#[derive(Debug)]
pub struct Quiet {
    server: String,
    user: (ThreadId, Use),
}

impl Server {
    fn may_begin(&self, (thread, kind): (ThreadId, Use)) -> bool {
        let mut others = self.users.keys().filter(|(other, _)| *other != thread);
        match kind {
            Use::Change => others.next().is_none(),
            Use::Load => {
                let has_begun = self.users.keys().any(|(user, _)| *user == thread);
                !others.any(|(_, other)| *other == Use::Change) && (has_begun || self.waiting == 0)
            }
        }
    }
}

impl Quiet {
    fn begin(server: &str, kind: Use) -> Self {
        let user = (thread::current().id(), kind);
        let end = Instant::now() + PATIENCE;
        let is_change = usize::from(kind == Use::Change);
        let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
        servers.get_or_insert_default().entry(server.to_owned()).or_default().waiting += is_change;
        loop {
            let state = servers.get_or_insert_default().entry(server.to_owned()).or_default();
            if state.may_begin(user) || Instant::now() >= end {
                state.waiting -= is_change;
                *state.users.entry(user).or_default() += 1;
                return Self { server: server.to_owned(), user };
            }
            servers = CHANGED.wait_timeout(servers, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = servers.as_mut().and_then(|servers| servers.get_mut(&self.server)) {
            let count = state.users.entry(self.user).or_default();
            *count = count.saturating_sub(1);
            state.users.retain(|_, count| *count > 0);
        }
        CHANGED.notify_all();
    }
}

/// For a test that changes what belongs to the whole server: no other test loads into it meanwhile.
pub fn while_changing(server: &str) -> Quiet {
    Quiet::begin(server, Use::Change)
}

/// Where these arguments load a file into the server of this checkout: nobody changes the server meanwhile. What runs of
/// another role do is not recorded for the others: they load alone.
pub fn for_run(args: &[String], root: &Path, url: bool, another_role: bool) -> Option<Quiet> {
    let loads = args.iter().any(|arg| LOADS.contains(&arg.as_str()));
    let server = server_of(root, url);
    let kind = if another_role || server == SHARED_LOCAL { Use::Change } else { Use::Load };
    loads.then(|| Quiet::begin(&server, kind))
}

/// Runs SQL; what belongs to the whole server is changed while nobody loads.
pub fn changing<T>(server: &str, sql: &str, run: impl FnOnce() -> T) -> T {
    let _quiet = WORDS.iter().any(|word| sql.contains(word)).then(|| while_changing(server));
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
    let settings = std::fs::read_to_string(root.join(".env")).unwrap_or_default();
    let last = |name: &str| settings.lines().rev().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    match last("XTASK_TARGET") {
        Some("local") => local(root),
        Some("url") => SHARED_LOCAL.to_owned(),
        _ if url => SHARED_LOCAL.to_owned(),
        _ => last("COMPOSE_PROJECT_NAME").map_or_else(|| local(root), str::to_owned),
    }
}
