//! Starts the real binary in a clean environment, through pipes or on a pseudo-terminal.

pub use super::outcome::Outcome;
pub use super::running::{Running, Terminal};

use super::Sandbox;
use super::quiet::{self, Quiet};
use super::running::Reader;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// What the program may see of the tests' own environment.
const KEPT: &[&str] = &[
    "PATH",
    "TMPDIR",
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    // Either way of the target `compose` may be chosen for the whole suite.
    "XTASK_DIRECT",
];

/// One run of the program, being prepared.
#[derive(Debug, Clone)]
pub struct Xtask {
    program: PathBuf,
    through: Vec<OsString>,
    args: Vec<OsString>,
    env: BTreeMap<OsString, OsString>,
    folder: PathBuf,
    stdin: Input,
    stdout: Output,
}

#[derive(Debug, Clone)]
enum Input {
    Nothing,
    Bytes(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Kept,
    /// A pipe without a reader.
    Closed,
}

impl Xtask {
    /// The binary on this checkout, started in it.
    pub fn new(sandbox: &Sandbox) -> Self {
        Self::bare(&sandbox.root, &sandbox.home).env("XTASK_ROOT", &sandbox.root)
    }

    /// The same without `XTASK_ROOT`.
    pub fn bare(folder: &Path, home: &Path) -> Self {
        let mut env: BTreeMap<OsString, OsString> =
            KEPT.iter().filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?))).collect();
        env.insert("HOME".into(), home.into());
        env.insert("LANG".into(), "C.UTF-8".into());
        // As `cargo xtask` starts it.
        env.insert("CARGO_PKG_NAME".into(), "xtask".into());
        // Docker finds its plugins there.
        let docker = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
        let docker = docker.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".docker")));
        env.extend(docker.map(|docker| ("DOCKER_CONFIG".into(), docker.into())));
        Self {
            program: env!("CARGO_BIN_EXE_xtask").into(),
            through: Vec::new(),
            args: Vec::new(),
            env,
            folder: folder.to_owned(),
            stdin: Input::Nothing,
            stdout: Output::Kept,
        }
    }

    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.insert(name.into(), value.as_ref().to_owned());
        self
    }

    pub fn unset(mut self, name: &str) -> Self {
        self.env.remove(OsStr::new(name));
        self
    }

    /// Puts this folder first on PATH.
    pub fn path_first(self, folder: &Path) -> Self {
        let rest = self.env.get(OsStr::new("PATH")).cloned().unwrap_or_default();
        let path = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&rest));
        let path = std::env::join_paths(path).unwrap();
        self.env("PATH", path)
    }

    /// The folder that the user stands in.
    pub fn here(mut self, folder: impl AsRef<Path>) -> Self {
        folder.as_ref().clone_into(&mut self.folder);
        self
    }

    pub fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stdin = Input::Bytes(bytes.as_ref().to_owned());
        self
    }

    /// stdout is a pipe whose reader has gone.
    pub fn stdout_closed(mut self) -> Self {
        self.stdout = Output::Closed;
        self
    }

    /// Another program in place of ours (`make`, `sh`), in the same environment.
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// Started by another program: `["setpriv", "--reuid=nobody"]`.
    pub fn through<A: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = A>) -> Self {
        self.through = words.into_iter().map(|word| word.as_ref().to_owned()).collect();
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(self) -> Outcome {
        self.spawn().wait()
    }

    /// Starts it.
    #[track_caller]
    pub fn spawn(self) -> Running {
        let shown = self.shown();
        let quiet = self.quiet();
        let mut command = self.command();
        let input = match &self.stdin {
            Input::Nothing => None,
            Input::Bytes(bytes) => Some(bytes.clone()),
        };
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stderr(Stdio::piped()).process_group(0);
        match self.stdout {
            Output::Kept => command.stdout(Stdio::piped()),
            Output::Closed => command.stdout(std::io::pipe().unwrap().1),
        };
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{shown}: {error}"));
        drop(command);
        if let Some(bytes) = input {
            let mut pipe = child.stdin.take().unwrap();
            // A program that ends early closes the pipe: what it says then is what counts.
            std::thread::spawn(move || drop(pipe.write_all(&bytes)));
        }
        let stdout = Reader::of(child.stdout.take());
        let stderr = Reader::of(child.stderr.take());
        Running { child, stdout, stderr, shown, started: Instant::now(), _quiet: quiet }
    }

    /// Runs it on a pseudo-terminal (`Need::Script`); stdout and stderr come as one.
    #[track_caller]
    pub fn terminal(self) -> Terminal {
        self.terminal_with("")
    }

    /// The same with a shell's redirections, such as `>'out.txt'` or `</dev/null`.
    #[track_caller]
    pub fn terminal_with(self, redirections: &str) -> Terminal {
        let program = std::iter::once(self.program.as_os_str());
        let words = self.through.iter().map(AsRef::as_ref).chain(program).chain(self.args.iter().map(AsRef::as_ref));
        let words: Vec<String> = words.map(quoted).collect();
        // A terminal without a size makes every pager wait.
        let line = format!("stty rows 40 columns 120; exec {} {redirections}", words.join(" "));
        let shown = self.shown();
        let quiet = self.quiet();
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"]);
        command.env_clear().envs(&self.env).env("SHELL", "/bin/sh").env("TERM", "xterm").current_dir(&self.folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("script: {error}"));
        let keyboard = child.stdin.take();
        let stdout = Reader::of(child.stdout.take());
        let stderr = Reader::of(child.stderr.take());
        Terminal { running: Running { child, stdout, stderr, shown, started: Instant::now(), _quiet: quiet }, keyboard }
    }

    /// While a run loads a file nobody changes what belongs to the whole server.
    fn quiet(&self) -> Option<Quiet> {
        let args: Vec<String> = self.args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
        let root = self.env.get(OsStr::new("XTASK_ROOT")).map_or(self.folder.as_path(), Path::new);
        quiet::for_run(&args, root, self.env.get(OsStr::new("XTASK_TARGET")).is_some_and(|target| target != "compose"))
    }

    fn command(&self) -> Command {
        let mut words = self.through.iter().cloned().chain(std::iter::once(self.program.clone().into_os_string()));
        let mut command = Command::new(words.next().unwrap());
        command.args(words).args(&self.args).env_clear().envs(&self.env).current_dir(&self.folder);
        command
    }

    fn shown(&self) -> String {
        let words: Vec<String> = self.args.iter().map(|word| quoted(word)).collect();
        format!("{} {}", self.program.file_name().unwrap_or_default().to_string_lossy(), words.join(" "))
    }
}

fn quoted(word: &OsStr) -> String {
    format!("'{}'", word.to_str().unwrap().replace('\'', r"'\''"))
}

/// Runs a program of the tests' own, fed with this; stdout if it worked, and stderr.
pub fn fed(mut command: Command, input: Vec<u8>) -> (Option<Vec<u8>>, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    // Beside us: a program that writes while it reads would else wait for us for ever.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success().then_some(output.stdout), errors)
}
