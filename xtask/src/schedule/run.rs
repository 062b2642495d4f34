//! One run: the backup as a program of its own, each file proven again, a restore where it is due, and its entry in the
//! history.

use super::failure_document;
use super::history::{History, Outcome, Run};
use super::hook::Failure;
use super::log;
use super::notifier::Notifier;
use super::outcome::{failure, files, warnings};
use super::plan::Plan;
use super::turn::Turn;
use crate::backup::manifest::{Seconds, StartedAt as Time};
use crate::backup::proof;
use crate::error::{self, Exit, Fault};
use crate::process::{Captured, Program, signals};
use crate::settings;
use anyhow::{Error, Result};
use std::path::Path;
use std::time::{Duration, Instant};

/// No backup takes longer; a program that hangs must not keep the next nights' runs out for ever.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);
/// How long a backup may take to clear up after a signal.
const GRACE: Duration = Duration::from_secs(20);

/// What a person, a mail or a log should hear while it runs.
pub type Tell<'a> = &'a mut dyn FnMut(&str);

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub run: Run,
    /// Why it failed, with the exit code of the program that did.
    pub error: Option<Error>,
    /// Why its entry could not be written, although the backup is there.
    pub unwritten_entry: Option<Error>,
}

/// One run of a plan.
#[derive(Debug)]
pub struct Runner<'a> {
    pub plan: &'a Plan,
    pub root: &'a Path,
    /// The folder of the backups, which is there.
    pub backups: &'a Path,
    /// The program that is running.
    pub program: &'a Path,
}

impl Runner<'_> {
    /// Makes the run.
    ///
    /// # Errors
    /// Exit 5: another run goes on. Whatever fails afterwards is in the result.
    pub fn run(&self, mut notifier: Notifier, tell: Tell) -> Result<Ended> {
        let _turn = match Turn::take(self.root) {
            Ok(Some(turn)) => turn,
            Ok(None) => {
                let fault = Fault::new(Exit::Locked, "Another scheduled run has not ended; this one is skipped");
                return Err(fault.hint("wait until it has ended: cargo xtask db-schedule status").into());
            }
            Err(error) => return Err(not_begun(error, notifier, self.root, tell)),
        };
        let clock = Instant::now();
        let now = settings::now();
        let mut history = History::read_to_write(self.backups, &mut |text| tell(&text));
        let mut run = Run::begun(Time::try_from(now.fixed_offset()).map_err(Error::msg)?, self.missed(&history));
        history.set(&run);
        // What counts is whether the entry can be written in the end.
        let _ = history.write(self.backups);
        notifier.begin();
        if let Err(error) = self.write_log(&format!("a run begins{}", missed_text(run.missed))) {
            tell(&format!("The log {} cannot be written: {error}", log::path(self.root).display()));
        }
        if run.missed > 0 {
            tell(&format!("This run comes late{}", missed_text(run.missed)));
        }
        let error = self.work(&mut run, &history, tell).err();
        Ok(signals::shielded(|| {
            let ended = self.end(run, clock, error, &mut history);
            self.notify(ended, notifier, &mut history, tell)
        }))
    }

    /// Runs that were due since the last one, before this one.
    fn missed(&self, history: &History) -> u32 {
        let now = settings::now();
        let since = history.last().map_or(self.plan.installed_at, |last| last.started_at);
        let since = since.time().max(self.plan.installed_at.time()).with_timezone(&now.timezone());
        // The run that is due now is this one.
        self.plan.rhythm.due_between(&since, &now).saturating_sub(1)
    }

    fn work(&self, run: &mut Run, history: &History, tell: Tell) -> Result<()> {
        let mut words = vec!["db-backup".to_owned(), "--json".to_owned()];
        words.extend(self.plan.backup.iter().cloned());
        let captured = self.start(&words)?;
        let files = files(&captured.stdout);
        let heard = self.heard("db-backup", &captured, run, tell);
        // Of several databases, those that could be taken count although others failed.
        for file in &files {
            run.bytes = run.bytes.saturating_add(prove(file)?);
            run.files.push(file.strip_prefix(self.backups).unwrap_or(file).to_string_lossy().into_owned());
        }
        heard?;
        if files.is_empty() {
            let fault = Fault::failed("db-backup ended without an error, but named no file");
            return Err(fault.hint("run it by hand: cargo xtask db-backup --verbose").into());
        }
        let now = settings::now().fixed_offset();
        if self.plan.verify.is_some_and(|verify| history.verification_is_due(verify.days(), now)) {
            run.verified = Some(false);
            let mut words = vec!["db-verify".to_owned(), "--restore".to_owned(), "--json".to_owned()];
            words.extend(files.iter().map(|file| file.to_string_lossy().into_owned()));
            let captured = self.start(&words)?;
            self.heard("db-verify --restore", &captured, run, tell)?;
            run.verified = Some(true);
        }
        Ok(())
    }

    /// Starts this program with nothing of our environment.
    fn start(&self, words: &[String]) -> Result<Captured> {
        let mut program = Program::new(self.program).alone().grace(GRACE).folder(self.root);
        for (name, value) in &self.plan.environment {
            program = program.secret(name, value);
        }
        // The run says itself how it ended; an empty variable wins over the `.env`.
        program = program.env("XTASK_PING_URL", "").env(failure_document::FAILURE_DOCUMENT, "1");
        let common = ["--root", &self.plan.root, "--quiet", "--color", "never"];
        program.args(common).args(&self.plan.options).args(words).capture(LONGEST)
    }

    /// What a program said, for log, mail and person, and whether it did its work.
    fn heard(&self, name: &str, captured: &Captured, run: &mut Run, tell: Tell) -> Result<()> {
        let said = captured.stderr.trim();
        if !said.is_empty() {
            self.log(said);
        }
        if captured.ending.success() {
            warnings(said).iter().for_each(|warning| tell(warning));
            return Ok(());
        }
        run.hint = failure_document::failure(&captured.stdout).and_then(|told| told.hint);
        let (kept, install) = (self.plan.notable_secrets(), self.plan.install_command());
        Err(failure(name, captured, &kept, &install, &log::path(self.root)))
    }

    fn end(&self, mut run: Run, clock: Instant, error: Option<Error>, history: &mut History) -> Ended {
        run.seconds = Seconds::try_from(clock.elapsed().as_secs_f64()).ok();
        run.outcome = if error.is_some() { Outcome::Failed } else { Outcome::Done };
        run.exit = Some(error.as_ref().map_or(0, error::exit_code));
        run.message = error.as_ref().map(|error| format!("{error:#}"));
        history.set(&run);
        let unwritten_entry = history.write(self.backups).err().map(|error| unwritten(error, self.backups));
        match &run.message {
            // What the program said stands above already.
            Some(message) => self.log(&format!("the run failed: {}", message.lines().next().unwrap_or_default())),
            None => self.log(&format!("the run is done: {}", run.files.join(", "))),
        }
        Ended { run, error, unwritten_entry }
    }

    /// Tells others how the run ended, and writes down the result of that.
    fn notify(&self, mut ended: Ended, notifier: Notifier, history: &mut History, tell: Tell) -> Ended {
        let run = &ended.run;
        let notified = match &run.message {
            None => {
                let report = format!("{} bytes: {}", run.bytes, run.files.join(", "));
                let unwritten = ended.unwritten_entry.as_ref();
                let unwritten = unwritten.map(|error| (error::exit_code(error), format!("{error:#}")));
                let failure = unwritten.as_ref().map(|(exit, message)| Failure {
                    command: "db-schedule run",
                    exit: *exit,
                    message,
                    root: self.root,
                });
                notifier.succeed(&report, failure.as_ref())
            }
            Some(message) => {
                let exit = run.exit.unwrap_or_default();
                let hint = run.hint.iter().flat_map(|hint| hint.lines()).map(|line| format!("\n→ {line}"));
                let message = &format!("{message}{}", hint.collect::<String>());
                notifier.fail(&Failure { command: "db-schedule run", exit, message, root: self.root })
            }
        };
        for warning in &notified.warnings {
            self.log(warning);
            tell(warning);
        }
        if notified.ping.is_some() || notified.on_failure.is_some() {
            (ended.run.ping, ended.run.on_failure) = (notified.ping, notified.on_failure);
            history.set_heard(&ended.run);
            // The run itself is written already; if this cannot be, that could not be either, or the next run does it.
            let _ = history.write(self.backups);
        }
        ended
    }

    /// Writes on; that it cannot be written was reported when the run began.
    fn log(&self, text: &str) {
        let _ = self.write_log(text);
    }

    fn write_log(&self, text: &str) -> std::io::Result<()> {
        let time = settings::now().format("%Y-%m-%d %H:%M:%S").to_string();
        log::write(self.root, &time, text)
    }
}

/// The error of a run that could not begin, after it was reported to others.
pub fn not_begun(error: Error, notifier: Notifier, root: &Path, tell: Tell) -> Error {
    let (exit, message) = (error::exit_code(&error), format!("{error:#}"));
    let notified = notifier.fail(&Failure { command: "db-schedule run", exit, message: &message, root });
    notified.warnings.iter().for_each(|warning| tell(warning));
    error
}

fn missed_text(missed: u32) -> String {
    match missed {
        0 => String::new(),
        1 => ": the one that was due before it was not made".to_owned(),
        missed => format!(": {missed} that were due before it were not made"),
    }
}

fn unwritten(error: std::io::Error, backups: &Path) -> Error {
    let what = format!("The result of this run could not be written to {}", History::path(backups).display());
    let fault = Fault::new(Exit::Partial, what);
    Error::new(error).context(
        fault.hint("free some space on its disk; until the next run its end is not known to status and health-check"),
    )
}

/// Reads a backup to its last byte; gives its size.
///
/// # Errors
/// Exit 3: it is not whole, or carries no proof.
pub fn prove(file: &Path) -> Result<u64> {
    let proven = proof::prove(file, &|_| ())?;
    if proven.manifest.is_none() {
        let fault = Fault::new(Exit::Refused, format!("{} carries no proof", file.display()));
        return Err(fault.hint("take a new one: cargo xtask db-backup").into());
    }
    Ok(std::fs::metadata(file).map_or(0, |facts| facts.len()))
}
