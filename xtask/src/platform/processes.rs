//! Starting, ending and suspending processes.

use super::{User, system};
use std::io;
use std::process::{Command, ExitStatus};

/// Puts the program into a process group of its own, so that Ctrl-C reaches only us and we end all of it.
pub fn own_group(command: &mut Command) {
    system::own_group(command);
}

/// Starts the program as another user (needs root; elsewhere nothing happens).
pub fn run_as(command: &mut Command, user: &User) {
    system::run_as(command, user);
}

/// Ends a process group: asks, or with `now` kills.
pub fn end_group(pid: u32, now: bool) -> io::Result<()> {
    system::end_group(pid, now)
}

/// Stops this process until another one, a shell or a test, continues or kills it.
pub fn stop_here() {
    system::stop_here();
}

/// The signal that suspends this process (Ctrl-Z); `None` where nothing could let it go on again.
pub fn suspending_signal() -> Option<i32> {
    system::suspending_signal()
}

/// Asks one process to end.
pub fn end_process(pid: u32) -> io::Result<()> {
    system::end_process(pid)
}

/// Whether a process with this number runs.
pub fn is_running(pid: u32) -> bool {
    system::is_running(pid)
}

/// Replaces this process by the program (terminal, signals and exit code are then its own); returns only on failure.
pub fn hand_over(command: &mut Command) -> io::Error {
    system::hand_over(command)
}

/// The signal that ended a program, if one did.
pub fn signal_of(status: ExitStatus) -> Option<i32> {
    system::signal_of(status)
}

/// Makes a pipe as wide as the system allows.
#[cfg(unix)]
pub fn widen_pipe(pipe: &impl std::os::fd::AsFd) {
    system::widen_pipe(pipe);
}

/// Makes a pipe as wide as the system allows.
#[cfg(not(unix))]
pub fn widen_pipe<T>(pipe: &T) {
    system::widen_pipe(pipe);
}
