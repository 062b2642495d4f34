//! Several sessions load a file side by side. The first one that fails stops all. While a safety backup is taken there is one
//! session less; one more joins the others when it is done.

use super::job::Load;
use super::plan::{Piece, Stage};
use super::queue::Queue;
use super::session::Session;
use crate::backup::parts::Parts;
use crate::error::{self, Exit};
use crate::postgres::dump::Part;
use crate::postgres::server::Server;
use crate::process::{self, signals};
use crate::restore::load_failure::LoadOptions;
use crate::settings::fault_point;
use anyhow::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

/// How often progress is reported, and sessions that are to end are ended again.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// A file that is loaded so.
pub(super) struct Text<'a> {
    pub(super) parts: Parts<'a>,
    pub(super) stages: Vec<Stage<'a>>,
    /// How many sessions there are in the end.
    pub(super) sessions: usize,
}

/// Which session failed, and how.
struct Failed {
    session: usize,
    error: Error,
    /// While other sessions worked.
    is_beside: bool,
}

impl Failed {
    /// One of which the others waited.
    fn alone(session: usize) -> impl FnOnce(Error) -> Self {
        move |error| Self { session, error, is_beside: false }
    }
}

/// What all sessions share.
struct Work<'a> {
    load: &'a Load<'a>,
    server: &'a Server<'a>,
    text: &'a Text<'a>,
    sent: AtomicU64,
    /// The server takes no more sessions while this stage lasts.
    is_full: AtomicBool,
}

/// Loads it into the server's database; `progress` gets the bytes that were sent.
pub(super) fn load(load: &Load<'_>, server: &Server<'_>, text: &Text<'_>, progress: &dyn Fn(u64)) -> Result<()> {
    let work = Work { load, server, text, sent: AtomicU64::new(0), is_full: AtomicBool::new(false) };
    let mut sessions = vec![Session::begin(load, server, text.sessions)?];
    let done = work.run(&mut sessions, progress);
    work.end(sessions, done)
}

impl Work<'_> {
    fn run(&self, sessions: &mut Vec<Session>, progress: &dyn Fn(u64)) -> Result<(), Failed> {
        let mut settings = Vec::new();
        for stage in &self.text.stages {
            match stage {
                Stage::Alone(part) => self.send(sessions, 0, part, progress)?,
                Stage::Everywhere(part) => {
                    self.wait(sessions)?;
                    settings.push(*part);
                    (0..sessions.len()).try_for_each(|session| self.send(sessions, session, part, progress))?;
                }
                Stage::Beside(pieces) => {
                    self.is_full.store(false, Ordering::Relaxed);
                    self.wait(sessions)?;
                    self.join(sessions, &settings);
                    self.beside(pieces, sessions, &settings, progress)?;
                }
            }
            progress(self.sent.load(Ordering::Relaxed));
        }
        for (session, psql) in sessions.iter_mut().enumerate() {
            psql.check_committed().map_err(Failed::alone(session))?;
        }
        Ok(())
    }

    /// Starts the sessions that there may be and that are not there.
    fn join(&self, sessions: &mut Vec<Session>, settings: &[&Part]) {
        while let Some(session) = self.one_more(sessions.len(), settings) {
            sessions.push(session);
        }
    }

    /// One more than so many sessions, if there may be one. Where the server takes no more of them, those that are there do it
    /// alone.
    fn one_more(&self, count: usize, settings: &[&Part]) -> Option<Session> {
        if count >= self.allowed() || self.is_full.load(Ordering::Relaxed) {
            return None;
        }
        match self.another(settings) {
            Ok(session) => Some(session),
            Err(error) => {
                self.is_full.store(true, Ordering::Relaxed);
                process::remark(&format!("another session cannot begin: {error}"));
                None
            }
        }
    }

    /// A session with the settings so far.
    fn another(&self, settings: &[&Part]) -> Result<Session> {
        let mut session = Session::begin(self.load, self.server, self.text.sessions)?;
        settings.iter().try_for_each(|part| session.send(self.load, &self.text.parts, part, &|_| ()))?;
        Ok(session)
    }

    /// How many sessions there may be now.
    fn allowed(&self) -> usize {
        let is_beside = self.load.options.beside.is_some_and(|safety| !safety.is_over());
        let jobs = usize::from(self.load.options.jobs).saturating_sub(usize::from(is_beside));
        jobs.clamp(1, self.text.sessions)
    }

    fn send(
        &self,
        sessions: &mut [Session],
        session: usize,
        part: &Part,
        progress: &dyn Fn(u64),
    ) -> Result<(), Failed> {
        let Some(psql) = sessions.get_mut(session) else { return Ok(()) };
        let told = |bytes| {
            self.told(bytes);
            progress(self.sent.load(Ordering::Relaxed));
        };
        psql.send(self.load, &self.text.parts, part, &told).map_err(Failed::alone(session))
    }

    /// All that was sent is done: what follows may need it.
    fn wait(&self, sessions: &mut [Session]) -> Result<(), Failed> {
        for (session, psql) in sessions.iter_mut().enumerate() {
            psql.wait().map_err(Failed::alone(session))?;
        }
        Ok(())
    }

    fn told(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Each session takes one part after the other; the one of a safety backup is another's once the backup is taken.
    fn beside(
        &self,
        pieces: &[Piece<'_>],
        sessions: &mut Vec<Session>,
        settings: &[&Part],
        progress: &dyn Fn(u64),
    ) -> Result<(), Failed> {
        let queue = Queue::of(pieces);
        thread::scope(|scope| {
            let (tell, told) = channel();
            let start = |session: usize, mut psql: Session| {
                let (tell, queue): (Sender<_>, _) = (tell.clone(), &queue);
                scope.spawn(move || {
                    let work = || self.take_all(&mut psql, queue);
                    let done = catch_unwind(AssertUnwindSafe(work))
                        .unwrap_or_else(|_| Err(Error::msg("a session of the load did not come to its end")));
                    let is_beside = queue.is_out_of_order();
                    // The receiver waits for all.
                    let _ = tell.send(done.map_err(|error| Failed { session, error, is_beside }));
                    psql
                })
            };
            let begun = sessions.drain(..).enumerate();
            let mut working: Vec<_> = begun.map(|(session, psql)| start(session, psql)).collect();
            let outcome = self.wait_for(&told, &queue, progress, &mut |joins| {
                let more = if joins { self.one_more(working.len(), settings) } else { None };
                working.extend(more.map(|psql| start(working.len(), psql)));
                working.len()
            });
            let ended = working.into_iter().map(|one| one.join().unwrap_or_else(|panic| resume_unwind(panic)));
            sessions.extend(ended);
            outcome
        })
    }

    fn take_all(&self, psql: &mut Session, queue: &Queue<'_>) -> Result<()> {
        while let Some(piece) = queue.take() {
            psql.send(self.load, &self.text.parts, piece.part, &|bytes| self.told(bytes))?;
            psql.wait()?;
            queue.done(&piece);
        }
        Ok(())
    }

    /// Waits until each session has come to its end; the first failure ends the others on the server. `working` says how
    /// many there are, and lets one more join them.
    fn wait_for(
        &self,
        told: &Receiver<Result<(), Failed>>,
        queue: &Queue<'_>,
        progress: &dyn Fn(u64),
        working: &mut dyn FnMut(bool) -> usize,
    ) -> Result<(), Failed> {
        let (mut outcome, mut ended) = (Ok(()), 0_usize);
        while ended < working(false) {
            match told.recv_timeout(POLL_INTERVAL) {
                Ok(done) => {
                    ended = ended.saturating_add(1);
                    if outcome.is_ok() && done.is_err() {
                        outcome = done;
                        queue.stop();
                        self.stop();
                    }
                }
                Err(_) if outcome.is_err() => self.stop(),
                Err(_) => {
                    progress(self.sent.load(Ordering::Relaxed));
                    if queue.offers() {
                        working(true);
                    }
                }
            }
        }
        outcome
    }

    /// Ends all sessions of this load on the server. A server that does not answer has ended them itself, or is asked
    /// again.
    fn stop(&self) {
        let _ = signals::shielded(|| self.server.in_maintenance().terminate());
    }

    /// What the end of all sessions means.
    fn end(&self, mut sessions: Vec<Session>, done: Result<(), Failed>) -> Result<()> {
        let Err(Failed { session, error, is_beside }) = done else {
            return self.check(sessions);
        };
        self.stop();
        let failed = sessions.swap_remove(session);
        drop(sessions);
        let (said, lines) = failed.finish()?;
        fault_point("loaded");
        signals::check()?;
        // A file that changed is refused, whatever psql said to it.
        if error::exit(&error) == Exit::Refused {
            return Err(error);
        }
        let Load { backup, options, settings } = *self.load;
        let options = if is_beside { options } else { LoadOptions { jobs: 1, ..options } };
        Load { backup, options, settings }.check_end(self.server.target(), &lines, &said)?;
        Err(error::explain(error, || self.load.cannot()))
    }

    /// Every session has done all, and what follows the dump in the file is as it was.
    fn check(&self, sessions: Vec<Session>) -> Result<()> {
        let mut counted = vec![0; self.load.backup.contents.copied.len()];
        let mut complete = true;
        for session in sessions {
            complete &= session.tell_rows(&mut counted);
            let (said, lines) = session.finish()?;
            signals::check()?;
            self.load.check_end(self.server.target(), &lines, &said)?;
        }
        fault_point("loaded");
        signals::check()?;
        self.text.parts.check_end()?;
        let checked = match complete {
            true => self.load.check_rows(&counted),
            false => Err(Error::msg("the server counted rows in another number of tables than the backup holds")),
        };
        checked.map_err(|error| error::explain(error, || self.load.cannot()))
    }
}
