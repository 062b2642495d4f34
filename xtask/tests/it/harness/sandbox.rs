//! A copy of the checkout's run-time files, in a folder that is gone when the test is over.

use super::needs;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

/// What our Compose projects and temporary folders begin with; the process number follows.
pub const PREFIX: &str = "xtask-test-";

/// What a checkout holds that the program reads.
const FILES: &[&str] = &["docker-compose.yml", ".env.example", "Makefile", "backups/.gitignore"];

/// A checkout of its own, with its own `.env`, home folder and Compose project.
#[derive(Debug)]
pub struct Sandbox {
    folder: PathBuf,
    /// The checkout (`XTASK_ROOT`).
    pub root: PathBuf,
    /// The user's home.
    pub home: PathBuf,
    /// A Compose project's name that no other test uses.
    pub project: String,
}

impl Sandbox {
    /// A checkout whose Compose project has not been started.
    pub fn new() -> Self {
        Self::named("checkout")
    }

    /// The same, in a folder of this name.
    pub fn named(name: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = base().join(number.to_string());
        let (root, home) = (folder.join(name), folder.join("home"));
        fs::create_dir_all(root.join("backups")).unwrap();
        fs::create_dir_all(&home).unwrap();
        for file in FILES.iter().map(Path::new).filter(|file| checkout().join(file).exists()) {
            fs::copy(checkout().join(file), root.join(file)).unwrap();
        }
        let project = format!("{PREFIX}{}-{number}", std::process::id());
        let sandbox = Self { folder, root, home, project };
        sandbox.set("COMPOSE_PROJECT_NAME", &sandbox.project);
        sandbox.set("POSTGRES_IMAGE", &needs::postgres_image());
        sandbox.set("OPENFGA_IMAGE", &needs::openfga_image());
        sandbox
    }

    /// Adds a line to `.env`.
    pub fn set(&self, name: &str, value: &str) {
        let file = self.path(".env");
        let before = fs::read_to_string(&file).unwrap_or_default();
        fs::write(file, format!("{before}{name}={value}\n")).unwrap();
    }

    /// A path inside the checkout.
    pub fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        self.root.join(inside)
    }

    /// A path beside the checkout.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Copies a folder of this checkout.
    pub fn copy_folder(&self, inside: impl AsRef<Path>) {
        for entry in fs::read_dir(checkout().join(&inside)).unwrap().map(Result::unwrap) {
            let file = inside.as_ref().join(entry.file_name());
            if entry.path().is_dir() {
                self.copy_folder(file);
            } else {
                self.write(file, fs::read(entry.path()).unwrap());
            }
        }
    }

    /// Writes a file of the checkout, folders included; gives its path.
    pub fn write(&self, inside: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// The names in `backups/`, sorted, without `.gitignore` and what Prometheus reads.
    pub fn backups(&self) -> Vec<String> {
        let names = fs::read_dir(self.path("backups")).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        names.retain(|name| name != ".gitignore" && name != "metrics");
        names.sort();
        names
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if std::env::var_os("XTASK_TEST_KEEP").is_none() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// The checkout that is being tested.
pub fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Where this run's folders are.
pub fn base() -> &'static Path {
    static BASE: OnceLock<PathBuf> = OnceLock::new();
    BASE.get_or_init(|| {
        let base = std::env::temp_dir().join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir_all(&base).unwrap();
        base.canonicalize().unwrap()
    })
}

/// Removes the folders of runs that were killed.
pub fn remove_leftovers() {
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(is_leftover) {
            super::local::end_servers_below(&entry.path());
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether this name belongs to a run whose process is gone.
pub fn is_leftover(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else { return false };
    let number = rest.split('-').next().and_then(|number| number.parse().ok());
    let Some(process) = number.and_then(rustix::process::Pid::from_raw) else { return false };
    rustix::process::test_kill_process(process) == Err(rustix::io::Errno::SRCH)
}

/// A port of 127.0.0.1 that is free, below the ranges that outgoing connections use and that `local` chooses from.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 5_000).unwrap() * 2;
    loop {
        let port = 10_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
