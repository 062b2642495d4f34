//! A screen that is drawn again in place, on a terminal's second screen: what stood there before comes back at the end.

use super::Terminal;
use crate::error::Fault;
use crate::process::suspension::{self, Suspensions};
use anyhow::Result;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use unicode_width::UnicodeWidthChar as _;

/// A smaller terminal shows nothing useful.
const LEAST_COLUMNS: usize = 40;
const LEAST_ROWS: usize = 10;

/// The second screen without a cursor, and back.
const BEGIN: &str = "\x1b[?1049h\x1b[?25l\x1b[2J";
const END: &str = "\x1b[?25h\x1b[?1049l";
/// To the first line; a terminal that knows how shows the frame only once it is whole.
const FRAME: &str = "\x1b[?2026h\x1b[H";
const FRAME_END: &str = "\x1b[J\x1b[?2026l";

/// A terminal that shows frames. Dropped, it restores what the terminal showed before.
#[derive(Debug)]
pub struct Live {
    size: (usize, usize),
    /// Set when the terminal was given back for a while, and its frame is gone.
    is_back: Arc<AtomicBool>,
    _suspensions: Option<Suspensions>,
}

impl Terminal {
    /// Takes the terminal over for frames.
    ///
    /// # Errors
    /// Exit 2: stdout is no terminal. Exit 1: it is too small.
    pub fn live(&self) -> Result<Live> {
        let size = size().filter(|_| self.stdout_is_terminal());
        let Some((columns, rows)) = size else {
            return Err(Fault::usage("--watch needs a terminal to draw on")
                .hint("look once: leave --watch out")
                .into());
        };
        if is_too_small((columns, rows)) {
            let message = format!("The terminal is too small for --watch: {columns} columns, {rows} rows");
            let hint = format!("it needs {LEAST_COLUMNS} columns and {LEAST_ROWS} rows; or leave --watch out");
            return Err(Fault::failed(message).hint(hint).into());
        }
        let is_back = Arc::new(AtomicBool::new(false));
        let suspensions = given_back_while_suspended(&is_back);
        write(BEGIN)?;
        Ok(Live { size: (columns, rows), is_back, _suspensions: suspensions })
    }

    /// The lines, in place of those that were drawn before. Lines that do not fit are left out, and that is said.
    pub fn draw(&self, live: &mut Live, lines: &[String]) -> Result<()> {
        live.size = size().unwrap_or(live.size);
        let text = if is_too_small(live.size) { "The terminal is too small".to_owned() } else { lines.join("\n") };
        write(&frame(&self.plain_with_marks(&text, self.color_of_results), live.size))
    }

    /// Whether the last frame is to be drawn again: the terminal has another size, or was another program's meanwhile.
    pub fn is_stale(&self, live: &Live) -> bool {
        live.is_back.swap(false, Ordering::Relaxed) || size().is_some_and(|size| size != live.size)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // When the terminal is gone, there is no place to report it.
        let _ = write(END);
    }
}

/// The user who suspends this program gets the terminal as it was. No frame is written meanwhile: stdout is locked.
fn given_back_while_suspended(is_back: &Arc<AtomicBool>) -> Option<Suspensions> {
    let is_back = Arc::clone(is_back);
    suspension::around(move |suspend| {
        let mut out = io::stdout().lock();
        // A terminal that is gone takes no frame either.
        let _ = out.write_all(END.as_bytes()).and_then(|()| out.flush());
        suspend();
        let _ = out.write_all(BEGIN.as_bytes()).and_then(|()| out.flush());
        is_back.store(true, Ordering::Relaxed);
    })
}

/// Columns and rows.
fn size() -> Option<(usize, usize)> {
    let (columns, rows) = terminal_size::terminal_size_of(io::stdout())?;
    Some((usize::from(columns.0), usize::from(rows.0))).filter(|(columns, rows)| *columns > 0 && *rows > 0)
}

fn is_too_small((columns, rows): (usize, usize)) -> bool {
    columns < LEAST_COLUMNS || rows < LEAST_ROWS
}

fn write(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    Ok(out.write_all(text.as_bytes()).and_then(|()| out.flush())?)
}

/// One frame, written as one piece. No line is cleared before it is written: nothing flickers.
fn frame(text: &str, (columns, rows): (usize, usize)) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let more = lines.len().saturating_sub(rows);
    let shown = if more > 0 { rows.saturating_sub(1) } else { lines.len() };
    let mut lines: Vec<String> = lines.iter().take(shown).map(|line| clipped(line, columns)).collect();
    if more > 0 {
        lines.push(clipped(&format!("{} more lines: make the terminal taller", more + 1), columns));
    }
    let lines: Vec<String> = lines.into_iter().map(|line| format!("{line}\x1b[K")).collect();
    format!("{FRAME}{}{FRAME_END}", lines.join("\r\n"))
}

/// The beginning of a line that fits; colours take no room.
fn clipped(line: &str, columns: usize) -> String {
    let mut shown = String::new();
    let (mut width, mut in_colour) = (0, false);
    for letter in line.chars() {
        if letter == '\x1b' || in_colour {
            in_colour = letter != 'm';
            shown.push(letter);
            continue;
        }
        width += letter.width().unwrap_or(0);
        if width > columns {
            break;
        }
        shown.push(letter);
    }
    // A colour that was begun ends with its mark, which is at the beginning of a line.
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_fits_and_begins_at_the_first_line() {
        let shown = frame("one\ntwo 日本語\nthree", (7, 3));
        assert_eq!(shown, format!("{FRAME}one\x1b[K\r\ntwo 日\x1b[K\r\nthree\x1b[K{FRAME_END}"));
        assert!(!shown.contains("\x1b[2J"), "a screen that is cleared first flickers");
    }

    #[test]
    fn lines_that_do_not_fit_are_counted() {
        let shown = frame("1\n2\n3\n4\n5", (80, 3));
        assert_eq!(
            shown,
            format!("{FRAME}1\x1b[K\r\n2\x1b[K\r\n3 more lines: make the terminal taller\x1b[K{FRAME_END}")
        );
    }

    #[test]
    fn a_colour_takes_no_room() {
        assert_eq!(clipped("\x1b[33m⚠\x1b[0m abc", 3), "\x1b[33m⚠\x1b[0m a");
    }
}
