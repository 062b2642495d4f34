//! The only place that starts programs. `xshell` asks short local questions, `duct` captures with a
//! deadline, a program that we feed or that writes a file is `std` behind a handle that another thread may end.

mod answer;
mod dialog;
mod filter;
pub mod identity;
mod program;
mod running;
pub mod signals;
mod source;
pub mod suspension;
mod text_mode;
mod watched;
mod writer;

pub use dialog::Dialog;
pub use filter::Filter;
pub use program::Program;
pub use running::end_all;
pub use source::Source;
pub use writer::Writer;

use crate::platform;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::OnceLock;

type Trace = Box<dyn Fn(&str) + Send + Sync>;
static TRACE: OnceLock<Trace> = OnceLock::new();

/// What `--verbose` shows goes to `trace` from here on: every program that is started, secrets masked, and remarks.
pub fn trace_to(trace: impl Fn(&str) + Send + Sync + 'static) {
    let _ = TRACE.set(Box::new(trace));
}

/// Tells `--verbose` why a program is started in the way in which it is.
pub fn remark(line: &str) {
    if let Some(trace) = TRACE.get() {
        trace(line);
    }
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Code(i32),
    Signal(i32),
}

impl Ending {
    fn of(status: ExitStatus) -> Self {
        match status.code() {
            Some(code) => Self::Code(code),
            None => Self::Signal(platform::signal_of(status).unwrap_or(0)),
        }
    }

    /// Exit code 0.
    pub fn success(self) -> bool {
        self == Self::Code(0)
    }
}

impl std::fmt::Display for Ending {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(formatter, "exit code {code}"),
            Self::Signal(signal) => write!(formatter, "killed by signal {signal}"),
        }
    }
}

/// What a captured program said, and how it ended.
#[derive(Debug)]
pub struct Captured {
    pub ending: Ending,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Captured {
    /// stdout as text; bytes that are not UTF-8 are shown as such.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// A program that goes on when we end. While we are here we know better than anyone whether it has ended.
#[derive(Debug)]
pub struct Detached {
    child: Child,
}

impl Detached {
    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended already.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

/// The full path of a program, if PATH has it.
pub fn find(name: &str) -> Option<PathBuf> {
    which::which(name).ok()
}

/// The full path of a program, as another process finds it: by its own PATH, and by a path from this folder.
pub fn find_from(name: &str, path: &str, folder: &Path) -> Option<PathBuf> {
    which::which_in(name, Some(path), folder).ok()
}

/// Whether a file begins as a program does, or as a script that names its interpreter; `None`: it cannot be read.
pub fn is_program(path: &Path) -> Option<bool> {
    /// ELF, those of macOS in both orders of bytes and for several processors, Windows'.
    const STARTS: [&[u8]; 9] = [
        b"\x7fELF",
        b"\xfe\xed\xfa\xce",
        b"\xfe\xed\xfa\xcf",
        b"\xce\xfa\xed\xfe",
        b"\xcf\xfa\xed\xfe",
        b"\xca\xfe\xba\xbe",
        b"\xca\xfe\xba\xbf",
        b"MZ",
        b"#!",
    ];
    let mut begins = Vec::new();
    platform::open_regular(path).ok()?.take(4).read_to_end(&mut begins).ok()?;
    Some(STARTS.iter().any(|start| begins.starts_with(start)))
}

/// The path of this program. Where a build replaced the program while it runs, the path is still that one.
pub fn own_path() -> std::io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    let replaced = path.to_str().and_then(|text| text.strip_suffix(" (deleted)")).map(PathBuf::from);
    Ok(replaced.filter(|_| !path.exists()).unwrap_or(path))
}

fn captured(status: ExitStatus, stdout: Vec<u8>, stderr: &[u8], text_mode: bool) -> Captured {
    let stdout = if text_mode { text_mode::decoded(&stdout) } else { stdout };
    Captured { ending: Ending::of(status), stdout, stderr: words(stderr) }
}

/// What a program says to people, with the line ends of every system.
fn words(stderr: &[u8]) -> String {
    String::from_utf8_lossy(stderr).replace("\r\n", "\n")
}
