//! Who hears how a backup ended, beside the person who sees it: a ping's server, a program of the team's own. Nothing
//! here fails a backup.

use super::delivery::Delivery;
use super::hook::{Failure, Hook};
use super::ping::Ping;
use crate::process::signals;

/// The ping and the hook that get a run's outcome.
#[derive(Debug, Default)]
pub struct Notifier {
    pub ping: Option<Ping>,
    pub hook: Option<Hook>,
}

/// What became of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Notified {
    /// `None` where there is no ping.
    pub ping: Option<Delivery>,
    /// `None` where no program was called.
    pub on_failure: Option<Delivery>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

impl Notifier {
    /// Whether there is a ping or a hook.
    pub fn is_there(&self) -> bool {
        self.ping.is_some() || self.hook.is_some()
    }

    /// Tells that a backup begins.
    pub fn begin(&mut self) {
        self.ping.iter_mut().for_each(Ping::begin);
    }

    /// Tells that there is a proven backup; `failure`: what else failed, of which no ping tells.
    pub fn succeed(self, report: &str, failure: Option<&Failure>) -> Notified {
        let mut notified = Notified::of_ping(self.ping.map(|ping| ping.succeed(report)));
        if let (Some(hook), Some(failure)) = (self.hook, failure) {
            notified.called(hook.call(failure));
        }
        notified
    }

    /// Tells that there is none. After a signal, too.
    pub fn fail(self, failure: &Failure) -> Notified {
        signals::shielded(|| {
            let sent = self.ping.map(|ping| ping.fail(&format!("{} ({})", failure.message, failure.command)));
            let mut notified = Notified::of_ping(sent);
            if let Some(hook) = self.hook {
                notified.called(hook.call(failure));
            }
            notified
        })
    }
}

impl Notified {
    fn called(&mut self, called: Result<(), String>) {
        if let Err(why) = &called {
            self.warnings.push(format!("The program of {} failed: {why}", super::hook::SETTING));
        }
        self.on_failure = Some(called.map_or_else(Delivery::Failed, |()| Delivery::Called));
    }

    fn of_ping(sent: Option<Result<(), String>>) -> Self {
        let Some(sent) = sent else { return Self::default() };
        let warning = sent.as_ref().err().map(|why| format!("The ping was not taken: {why}"));
        Self {
            ping: Some(sent.map_or_else(Delivery::Failed, |()| Delivery::Sent)),
            on_failure: None,
            warnings: warning.into_iter().collect(),
        }
    }
}
