//! The results of the last runs: a small file among the backups, which is no backup.

use super::delivery::Delivery;
use crate::backup::manifest::{Seconds, StartedAt as Time};
use crate::platform;
use crate::target::state_folder::write_private;
use crate::words::shortened;
use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

const FILE: &str = "schedule.json";
const VERSION: u32 = 1;
/// How many runs are kept.
const KEPT: usize = 30;
/// No file of ours is longer, in bytes.
const LONGEST: u64 = 1 << 20;
/// Letters of a message that are kept.
const MESSAGE: usize = 2_000;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It has not ended, or was killed.
    Running,
    /// Its backups are proven.
    Done,
    Failed,
    /// Shown alone, never kept: it began and goes on no more, and how it ended was not written.
    Unknown,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub started_at: Time,
    /// How long it took; null until it ends.
    pub seconds: Option<Seconds>,
    pub outcome: Outcome,
    /// The exit code; null until it ends.
    pub exit: Option<i32>,
    /// Why it failed.
    pub message: Option<String>,
    /// What the program that failed said to type next.
    #[serde(default)]
    pub hint: Option<String>,
    /// The backups that it made and proved.
    pub files: Vec<String>,
    /// The size of all these files.
    pub bytes: u64,
    /// Whether they were restored and compared; null where that was not due.
    pub verified: Option<bool>,
    /// Runs that were due before it, since the run before, and were not made.
    pub missed: u32,
    /// The result of the ping: `sent`, or why not; null where there is none.
    pub ping: Option<Delivery>,
    /// The result of the program that is called after a failure: `called`, or why not; null where none was called.
    #[serde(default)]
    pub on_failure: Option<Delivery>,
}

impl Run {
    /// A run that begins.
    pub fn begun(started_at: Time, missed: u32) -> Self {
        Self {
            started_at,
            seconds: None,
            outcome: Outcome::Running,
            exit: None,
            message: None,
            hint: None,
            files: Vec::new(),
            bytes: 0,
            verified: None,
            missed,
            ping: None,
            on_failure: None,
        }
    }

    /// Why its ping was not taken.
    pub fn unsent_ping(&self) -> Option<&str> {
        self.ping.as_ref()?.failure()
    }

    /// Why the program that is called after a failure did not do its work.
    pub fn uncalled_program(&self) -> Option<&str> {
        self.on_failure.as_ref()?.failure()
    }
}

/// The last runs, the oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    version: u32,
    pub runs: Vec<Run>,
    /// When the last run began that made proven backups.
    pub last_done_at: Option<Time>,
    /// When a run began whose backups were restored and compared.
    pub last_verified_at: Option<Time>,
}

impl Default for History {
    fn default() -> Self {
        Self { version: VERSION, runs: Vec::new(), last_done_at: None, last_verified_at: None }
    }
}

impl History {
    /// Where it is.
    pub fn path(backups: &Path) -> PathBuf {
        backups.join(FILE)
    }

    /// Reads it; an empty one where there is no file.
    ///
    /// # Errors
    /// It cannot be read, or is not one.
    pub fn read(backups: &Path) -> io::Result<Self> {
        let text = match platform::read_regular(&Self::path(backups), LONGEST) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let history: Self = serde_json::from_slice(&text).map_err(io::Error::other)?;
        if history.version == VERSION {
            Ok(history)
        } else {
            Err(io::Error::other(format!("it is of version {}, which this program does not know", history.version)))
        }
    }

    /// Reads it for a run that will add to it. A file that is no history is kept under another name.
    pub fn read_to_write(backups: &Path, warn: &mut dyn FnMut(String)) -> Self {
        Self::read(backups).unwrap_or_else(|error| {
            let path = Self::path(backups);
            let aside = path.with_extension("json.damaged");
            let kept = fs::rename(&path, &aside)
                .map_or_else(|error| error.to_string(), |()| format!("kept as {}", aside.display()));
            warn(format!("{} cannot be read: {error}; a new one is begun ({kept})", path.display()));
            Self::default()
        })
    }

    /// Adds a run, or replaces it where it is there already.
    pub fn set(&mut self, run: &Run) {
        let mut run = run.clone();
        for text in [&mut run.message, &mut run.hint] {
            *text = text.take().map(|text| shortened(text.trim(), MESSAGE).into_owned());
        }
        if run.outcome == Outcome::Done {
            self.last_done_at = Some(run.started_at);
        }
        if run.verified == Some(true) {
            self.last_verified_at = Some(run.started_at);
        }
        match self.runs.last_mut().filter(|last| last.started_at == run.started_at && last.outcome == Outcome::Running)
        {
            Some(last) => *last = run,
            None => self.runs.push(run),
        }
        let surplus = self.runs.len().saturating_sub(KEPT);
        self.runs.drain(..surplus);
    }

    /// Says of the last run who heard of its end.
    pub fn set_heard(&mut self, run: &Run) {
        if let Some(last) = self.runs.last_mut() {
            last.ping.clone_from(&run.ping);
            last.on_failure = run.on_failure.clone().map(|result| match result {
                Delivery::Failed(why) => Delivery::Failed(shortened(why.trim(), MESSAGE).into_owned()),
                done => done,
            });
        }
    }

    /// Writes it in one step.
    pub fn write(&self, backups: &Path) -> io::Result<()> {
        write_private(&Self::path(backups), &serde_json::to_vec_pretty(self).map_err(io::Error::other)?)
    }

    /// The last run.
    pub fn last(&self) -> Option<&Run> {
        self.runs.last()
    }

    /// The last runs that failed one after the other, the newest first. One that has not ended counts as killed, unless it
    /// is the last one and still runs.
    pub fn bad(&self, runs_now: bool) -> impl Iterator<Item = &Run> {
        let ended = self.runs.iter().rev().skip(usize::from(runs_now && self.last_runs()));
        ended.take_while(|run| run.outcome != Outcome::Done)
    }

    /// How many they are.
    pub fn failures(&self, runs_now: bool) -> u32 {
        u32::try_from(self.bad(runs_now).count()).unwrap_or(u32::MAX)
    }

    /// The runs as they are shown: of one that did not tell how it ended that is not known. `runs_now`: the last one goes on.
    pub fn shown(&self, runs_now: bool) -> Vec<Run> {
        let last = self.runs.len().saturating_sub(1);
        let shown = |(at, run): (usize, &Run)| {
            let is_lost = run.outcome == Outcome::Running && !(runs_now && at == last);
            Run { outcome: if is_lost { Outcome::Unknown } else { run.outcome }, ..run.clone() }
        };
        self.runs.iter().enumerate().map(shown).collect()
    }

    fn last_runs(&self) -> bool {
        self.last().is_some_and(|run| run.outcome == Outcome::Running)
    }

    /// Whether a restore of the backups is due, after so many days without one. It is due a little earlier, so that runs
    /// that take turns in length do not put it off by a day.
    pub fn verification_is_due(&self, days: i64, now: DateTime<FixedOffset>) -> bool {
        const EARLIER: i64 = 3_600;
        let since = |time: Time| now.signed_duration_since(time.time()).num_seconds();
        self.last_verified_at
            .is_none_or(|time| since(time) >= days.saturating_mul(86_400).saturating_sub(EARLIER) || since(time) < 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(hour: u32, outcome: Outcome) -> Run {
        let time = Time::try_from(format!("2026-11-27T{hour:02}:00:00+00:00")).unwrap();
        Run { outcome, message: Some("m".repeat(9_000)), ..Run::begun(time, 0) }
    }

    #[test]
    fn the_last_runs_are_kept_and_failures_in_a_row_are_counted() {
        let mut history = History::default();
        assert_eq!(history.failures(false), 0);
        for count in 0..50 {
            history.set(&run(count % 24, Outcome::Failed));
        }
        assert_eq!((history.runs.len(), history.failures(false)), (KEPT, 30));
        history.set(&run(3, Outcome::Done));
        assert_eq!(history.failures(false), 0);
        history.set(&run(4, Outcome::Running));
        assert_eq!((history.failures(true), history.failures(false)), (0, 1));
        history.set(&run(4, Outcome::Failed));
        assert_eq!(history.runs.len(), KEPT);
        assert_eq!(history.failures(false), 1);
        assert_eq!(history.last_done_at, Some(run(3, Outcome::Done).started_at));
        assert_eq!(history.last().unwrap().message, Some(format!("{}…", "m".repeat(MESSAGE))));
    }

    #[test]
    fn the_end_of_a_run_that_goes_on_no_more_is_not_known() {
        let mut history = History::default();
        [3, 4].into_iter().for_each(|hour| history.set(&run(hour, Outcome::Running)));
        let outcomes = |runs_now| history.shown(runs_now).iter().map(|run| run.outcome).collect::<Vec<_>>();
        assert_eq!(outcomes(true), [Outcome::Unknown, Outcome::Running]);
        assert_eq!(outcomes(false), [Outcome::Unknown, Outcome::Unknown]);
    }

    #[test]
    fn a_file_that_is_none_is_kept_aside() {
        let folder = std::env::temp_dir().join(format!("xtask-history-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut history = History::default();
        history.set(&run(3, Outcome::Done));
        history.write(&folder).unwrap();
        assert_eq!(History::read(&folder).unwrap(), history);
        for wrong in ["", "{", "[]", "{\"version\": 2, \"runs\": []}"] {
            fs::write(History::path(&folder), wrong).unwrap();
            assert!(History::read(&folder).is_err(), "{wrong}");
            let mut said = Vec::new();
            assert_eq!(History::read_to_write(&folder, &mut |text| said.push(text)), History::default());
            assert!(said[0].contains("kept as"), "{said:?}");
            assert_eq!(fs::read_to_string(folder.join("schedule.json.damaged")).unwrap(), wrong);
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_restore_is_due_after_its_days() {
        let mut history = History::default();
        let at =
            |day: u32, hour: u32| DateTime::parse_from_rfc3339(&format!("2026-11-{day:02}T{hour:02}:30:00Z")).unwrap();
        assert!(history.verification_is_due(7, at(27, 3)));
        history.last_verified_at = Some(run(3, Outcome::Done).started_at);
        assert!(!history.verification_is_due(1, at(27, 9)));
        assert!(history.verification_is_due(1, at(28, 3)) && !history.verification_is_due(7, at(28, 3)));
        // The clock was set back.
        assert!(history.verification_is_due(7, at(26, 3)));
    }
}
