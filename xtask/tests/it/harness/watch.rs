//! Looks at the arguments of every process, again and again, for what must not be there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// It looks until [`Watch::finish`].
#[derive(Debug)]
pub struct Watch {
    over: Arc<AtomicBool>,
    thread: JoinHandle<BTreeSet<String>>,
}

impl Watch {
    pub fn start() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !until.load(Ordering::Relaxed) {
                for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
                    let words = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
                    seen.insert(String::from_utf8_lossy(&words).replace('\0', " "));
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            seen
        });
        Self { over, thread }
    }

    /// No process had one of these among its arguments.
    #[track_caller]
    pub fn finish(self, secrets: &[&str]) {
        self.over.store(true, Ordering::Relaxed);
        let seen = self.thread.join().unwrap();
        let found: Vec<&String> =
            seen.iter().filter(|words| secrets.iter().any(|secret| words.contains(secret))).collect();
        assert!(found.is_empty(), "secrets in arguments: {found:#?}");
        let ours = seen.iter().filter(|words| words.contains("xtask")).count();
        assert!(ours > 0 || !cfg!(target_os = "linux"), "the watch saw nothing of ours");
    }
}
