//! A browser is opened where a person sits at this host.

use crate::context::Context;
use crate::platform;
use crate::process::{self, Program};
use std::time::Duration;

/// The program hands the address over and ends.
const DEADLINE: Duration = Duration::from_secs(5);

/// Opens the address; where that does not work the person has read it.
pub fn open(url: &str, context: &Context) {
    if !context.terminal.stdout_is_terminal() {
        return;
    }
    let settings = &context.settings;
    let is_remote = settings.in_environment("SSH_CONNECTION").is_some();
    let has_desktop = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| settings.in_environment(name).is_some());
    let program = if platform::MACOS {
        Program::new("open")
    } else if platform::WINDOWS {
        Program::new("explorer")
    } else {
        Program::new("xdg-open")
    };
    let can_open = platform::WINDOWS || process::find(&program.name()).is_some();
    if can_open && !is_remote && (has_desktop || platform::MACOS || platform::WINDOWS) {
        let _ = program.arg(url).capture(DEADLINE);
    }
}
