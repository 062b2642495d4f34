//! Whether a process that an earlier run started is still that process: numbers are used again.

use super::Program;
use crate::platform;
use std::ffi::OsStr;

/// Whether the process with this number is the program `name`, started with `word` among its arguments.
/// A zombie is not: it has no arguments left.
pub fn is(pid: u32, name: &str, word: &OsStr) -> bool {
    if !platform::is_running(pid) {
        return false;
    }
    if platform::WINDOWS {
        return said(&Program::new("tasklist").args(["/NH", "/FO", "CSV", "/FI", &format!("PID eq {pid}")]), name);
    }
    match std::fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(words) => words.split(|byte| *byte == 0).any(|found| found == word.as_encoded_bytes()),
        Err(_) => {
            let listing = Program::new("ps").args(["-ww", "-o", "command=", "-p", &pid.to_string()]);
            said(&listing, &word.to_string_lossy())
        }
    }
}

fn said(program: &Program, word: &str) -> bool {
    program.ask().is_ok_and(|captured| captured.text().contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_alone_proves_nothing() {
        let own = std::process::id();
        assert!(!is(own, "postgres", OsStr::new("a word that no process has")));
        assert!(!is(u32::MAX, "postgres", OsStr::new("x")));
    }
}
