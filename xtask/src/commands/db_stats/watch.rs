//! `db-stats --watch`: the screen, drawn again in place until a signal ends it.

use super::screen::Screen;
use crate::context::Context;
use crate::error::Fault;
use crate::process::signals;
use crate::stats::{Observer, Stats};
use crate::target::Target;
use crate::terminal::{Terminal, clean_line, hanging};
use anyhow::Result;
use chrono::Local;
use std::time::{Duration, Instant};

/// How often signals and the terminal's size are looked at between two looks.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How often, and how much.
pub(super) struct Rhythm {
    /// From one look to the next.
    pub(super) seconds: u64,
    /// How many rows of each list.
    pub(super) top: usize,
}

/// Looks and draws, again and again. A server that does not answer any more is asked again.
///
/// # Errors
/// The signal that ended it; the terminal is as it was before. Also what ends the first look.
pub(super) fn watch(rhythm: &Rhythm, mut observer: Observer<'_>, target: &Target, context: &Context) -> Result<()> {
    let Rhythm { seconds, top } = *rhythm;
    let terminal = &context.terminal;
    let mut live = terminal.live()?;
    terminal.draw(&mut live, &[format!("Every {seconds} s; the first look takes a second")])?;
    let mut before: Option<Stats> = None;
    loop {
        let end = Instant::now() + Duration::from_secs(seconds);
        let observed = observer.observe(true);
        still_wanted()?;
        let now = match observed {
            Err(error) if before.is_none() => return Err(error),
            observed => observed,
        };
        let lines = || {
            let head = format!("{}, every {seconds} s; Ctrl-C ends it", Local::now().format("%H:%M:%S"));
            let shown = match &now {
                Ok(stats) => Screen { stats, before: before.as_ref(), target, top }.lines(terminal),
                Err(error) => vec![terminal.failure_line(&clean_line(&error.to_string()))],
            };
            let lines = std::iter::once(head).chain(shown);
            lines.flat_map(|text| whole(&text, terminal)).collect::<Vec<_>>()
        };
        terminal.draw(&mut live, &lines())?;
        while Instant::now() < end {
            still_wanted()?;
            if terminal.is_stale(&live) {
                terminal.draw(&mut live, &lines())?;
            }
            std::thread::sleep(POLL_INTERVAL.min(end.saturating_duration_since(Instant::now())));
        }
        still_wanted()?;
        before = now.ok().or(before);
    }
}

/// A signal is the only way out of a watch: there is nothing to say of it.
fn still_wanted() -> Result<(), Fault> {
    signals::check().map_err(Fault::silent)
}

/// The lines of a text, folded where a frame would cut them: nothing scrolls there.
fn whole(text: &str, terminal: &Terminal) -> Vec<String> {
    let columns = terminal.width_of_results();
    let folded = |line: &str| columns.map_or_else(|| vec![line.to_owned()], |columns| hanging(line, columns));
    if text.is_empty() { vec![String::new()] } else { text.lines().flat_map(folded).collect() }
}
