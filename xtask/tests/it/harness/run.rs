//! Runs the real binary in a clean environment, through pipes or on a pseudo-terminal, and looks at how it ended.

use super::Sandbox;
use rustix::process::{Pid, Signal};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(150);
/// What the program may see of the tests' own environment.
const KEPT: &[&str] = &["PATH", "TMPDIR", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"];

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
    /// A pipe that nobody reads any more.
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
        Running { child, stdout, stderr, shown, started: Instant::now() }
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
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"]);
        command.env_clear().envs(&self.env).env("SHELL", "/bin/sh").env("TERM", "xterm").current_dir(&self.folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("script: {error}"));
        let keyboard = child.stdin.take();
        let stdout = Reader::of(child.stdout.take());
        let stderr = Reader::of(child.stderr.take());
        Terminal { running: Running { child, stdout, stderr, shown, started: Instant::now() }, keyboard }
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

/// A program that has been started.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Reader,
    stderr: Reader,
    shown: String,
    started: Instant,
}

impl Running {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends the process (not its group) a signal.
    pub fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(process, signal).unwrap();
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// What it has written to stdout until now.
    pub fn stdout(&self) -> String {
        self.stdout.so_far()
    }

    /// What it has written to stderr until now.
    pub fn stderr(&self) -> String {
        self.stderr.so_far()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(mut self) -> Outcome {
        let mut pause = Duration::from_millis(1);
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if self.started.elapsed() > DEADLINE {
                let (stdout, stderr) = (self.stdout.so_far(), self.stderr.so_far());
                panic!("{} did not end\n--- stdout\n{stdout}\n--- stderr\n{stderr}", self.shown);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        };
        Outcome {
            code: status.code(),
            signal: status.signal(),
            stdout: self.stdout.all(),
            stderr: String::from_utf8_lossy(&self.stderr.all()).into_owned(),
            took: self.started.elapsed(),
            shown: std::mem::take(&mut self.shown),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
                let _ = rustix::process::kill_process_group(group, Signal::KILL);
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A program on a pseudo-terminal, with someone at the keyboard.
#[derive(Debug)]
pub struct Terminal {
    running: Running,
    keyboard: Option<ChildStdin>,
}

impl Terminal {
    /// Types this. Ctrl-C is `\x03`, Ctrl-D `\x04`, Enter `\n`.
    pub fn types(&mut self, keys: &str) -> &mut Self {
        let keyboard = self.keyboard.as_mut().unwrap();
        keyboard.write_all(keys.as_bytes()).and_then(|()| keyboard.flush()).unwrap();
        self
    }

    /// Waits until the screen has shown this.
    #[track_caller]
    pub fn shows(&mut self, text: &str) -> &mut Self {
        let end = Instant::now() + Duration::from_secs(30);
        while !self.running.stdout().contains(text) {
            let ended = !self.running.is_running() && !self.running.stdout().contains(text);
            let screen = self.running.stdout();
            assert!(!ended, "{} ended before it showed {text:?}\n--- screen\n{screen}", self.running.shown);
            assert!(Instant::now() < end, "{} never showed {text:?}\n--- screen\n{screen}", self.running.shown);
            std::thread::sleep(Duration::from_millis(10));
        }
        self
    }

    /// What it has shown until now.
    pub fn screen(&self) -> String {
        self.running.stdout()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(self) -> Outcome {
        let outcome = self.running.wait();
        drop(self.keyboard);
        outcome
    }
}

#[derive(Debug)]
struct Reader {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bytes);
        let thread = pipe.map(|mut pipe| {
            std::thread::spawn(move || {
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                    kept.lock().unwrap().extend_from_slice(&buffer[..count]);
                }
            })
        });
        Self { bytes, thread }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    /// Everything, once the pipe is closed. A program left behind may hold it open: no longer than 5 s.
    fn all(&mut self) -> Vec<u8> {
        let end = Instant::now() + Duration::from_secs(5);
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.bytes.lock().unwrap().clone()
    }
}

/// How a run ended. The assertions print everything when they fail.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
    pub took: Duration,
    shown: String,
}

impl Outcome {
    /// stdout as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The one JSON document on stdout.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| self.fail(&format!("stdout is not JSON: {error}")))
    }

    #[track_caller]
    pub fn ok(&self) -> &Self {
        self.code(0)
    }

    #[track_caller]
    pub fn code(&self, code: i32) -> &Self {
        self.holds(self.code == Some(code), &format!("exit code {code} was expected"))
    }

    /// stdout is exactly this, but for white space at its end.
    #[track_caller]
    pub fn prints(&self, text: &str) -> &Self {
        self.holds(self.text().trim_end() == text.trim_end(), &format!("stdout {text:?} was expected"))
    }

    #[track_caller]
    pub fn stdout_has(&self, text: &str) -> &Self {
        self.holds(self.text().contains(text), &format!("stdout should contain {text:?}"))
    }

    #[track_caller]
    pub fn stdout_lacks(&self, text: &str) -> &Self {
        self.holds(!self.text().contains(text), &format!("stdout should not contain {text:?}"))
    }

    #[track_caller]
    pub fn stderr_has(&self, text: &str) -> &Self {
        self.holds(self.stderr.contains(text), &format!("stderr should contain {text:?}"))
    }

    #[track_caller]
    pub fn stderr_lacks(&self, text: &str) -> &Self {
        self.holds(!self.stderr.contains(text), &format!("stderr should not contain {text:?}"))
    }

    /// Nothing on stdout.
    #[track_caller]
    pub fn prints_nothing(&self) -> &Self {
        self.holds(self.stdout.is_empty(), "stdout should be empty")
    }

    /// Nothing on stderr.
    #[track_caller]
    pub fn says_nothing(&self) -> &Self {
        self.holds(self.stderr.is_empty(), "stderr should be empty")
    }

    /// Any other condition, with everything shown when it does not hold.
    #[track_caller]
    pub fn holds(&self, condition: bool, expected: &str) -> &Self {
        if !condition {
            self.fail(expected);
        }
        self
    }

    #[track_caller]
    pub fn fail(&self, expected: &str) -> ! {
        let (code, signal) = (self.code, self.signal);
        let (stdout, stderr) = (shortened(&self.text()), shortened(&self.stderr));
        panic!(
            "{expected}\n--- {} (code {code:?}, signal {signal:?}, {:?})\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---",
            self.shown, self.took
        );
    }
}

/// The beginning and the end of a text that is too long to read.
fn shortened(text: &str) -> String {
    let letters = text.chars().count();
    if letters <= 8_000 {
        return text.to_owned();
    }
    let (head, tail): (String, String) =
        (text.chars().take(4_000).collect(), text.chars().skip(letters - 2_000).collect());
    format!("{head}\n[… {letters} letters …]\n{tail}")
}
