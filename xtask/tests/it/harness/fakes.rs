//! Programs on PATH that stand in for real ones: they note their arguments, and do what a real server cannot.

use super::{Sandbox, Xtask, needs};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// A folder of programs that comes first on PATH.
#[derive(Debug)]
pub struct Fakes {
    folder: PathBuf,
    log: PathBuf,
}

impl Fakes {
    pub fn new(sandbox: &Sandbox) -> Self {
        let folder = sandbox.beside("fakes");
        fs::create_dir_all(&folder).unwrap();
        Self { log: sandbox.beside("fakes.log"), folder }
    }

    /// A program that notes its arguments, then runs this `sh` text.
    pub fn program(self, name: &str, body: &str) -> Self {
        let log = self.log.display();
        // Fields end with 0x1f, calls with 0x1e: arguments may hold anything else. One printf writes a whole call:
        // programs that run side by side share the file.
        let note = format!("call=$(printf '%s\\037' '{name}' \"$@\")\nprintf '%s\\036' \"$call\" >>'{log}'");
        let path = self.folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{note}\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// A `docker` that passes everything through to the real one, except calls that run `program` in a
    /// container: those run this `sh` text, in which `real "$@"` is the real call. For example
    /// `real "$@" | head -c 1000` is a stream cut short with exit 0.
    pub fn docker_but(self, program: &str, body: &str) -> Self {
        let real = needs::on_path("docker").unwrap();
        let real = real.display();
        let text = format!(
            "real() {{ '{real}' \"$@\"; }}\n\
             for word; do if [ \"$word\" = '{program}' ]; then {body}\nexit $?; fi; done\n\
             exec '{real}' \"$@\""
        );
        self.program("docker", &text)
    }

    /// Puts these programs first on the run's PATH; none goes past them to the server.
    pub fn over(&self, xtask: Xtask) -> Xtask {
        xtask.path_first(&self.folder).env("XTASK_DIRECT", "never")
    }

    /// Makes these programs, and nothing else, the run's PATH (`/bin` stays for their scripts' sake unless
    /// it holds the real ones).
    pub fn instead_of_path(&self, xtask: Xtask) -> Xtask {
        xtask.env("PATH", &self.folder)
    }

    /// Every call so far: the program's name and its arguments.
    pub fn calls(&self) -> Vec<Vec<String>> {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let calls = text.split_terminator('\u{1e}');
        calls.map(|call| call.split_terminator('\u{1f}').map(str::to_owned).collect()).collect()
    }

    /// The calls but for those that look which containers there are: the stack is read before anything else.
    pub fn calls_but_looks(&self) -> Vec<Vec<String>> {
        let is_look = |call: &Vec<String>| call[0] == "docker" && ["ps", "inspect"].contains(&call[1].as_str());
        self.calls().into_iter().filter(|call| !is_look(call)).collect()
    }
}
