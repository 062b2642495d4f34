//! Many checks at once, in batches that shrink where the server is slow.
//!
//! A server gives a whole batch a few seconds. What it does not answer in that time says nothing about the model: it is
//! asked again by itself.

use super::reply::Reply;
use crate::openfga::api::{Api, Asking, CheckRequest};
use crate::process::signals;
use anyhow::Result;
use std::time::{Duration, Instant};

/// The most that a server takes in one batch.
const LARGEST: usize = 50;
/// Each check of a batch carries the test's tuples; a server takes about 600 kB in all.
const MOST_BYTES: usize = 400_000;
/// A batch that took longer makes the next one smaller: a server's usual limit is 3 s.
const SLOW: Duration = Duration::from_secs(1);
/// A batch that took less makes the next one larger again.
const QUICK: Duration = Duration::from_millis(250);
/// After this many unanswered questions in a row no more are asked.
const GIVE_UP: usize = 3;

/// How a server copes, from one test to the next.
#[derive(Debug)]
pub struct Pace {
    size: usize,
    silent: usize,
}

impl Pace {
    pub fn new() -> Self {
        Self { size: LARGEST, silent: 0 }
    }

    /// Whether the server has stopped answering.
    pub fn has_given_up(&self) -> bool {
        self.silent >= GIVE_UP
    }

    /// Counts what became of a question that was asked by itself.
    pub fn heard<T>(&mut self, reply: &Reply<T>) {
        self.silent = if matches!(reply, Reply::Unanswered(_)) { self.silent + 1 } else { 0 };
    }

    /// A reply for a question that is not asked any more.
    pub fn unasked<T>() -> Reply<T> {
        Reply::Unanswered("the server had stopped answering".to_owned())
    }

    /// One reply for each request, in their order. `tuple_bytes` is the size of the tuples that go along with each.
    pub fn ask(
        &mut self,
        api: &Api,
        asking: Asking<'_>,
        requests: &[CheckRequest<'_>],
        tuple_bytes: usize,
    ) -> Result<Vec<Reply<bool>>> {
        let largest = (MOST_BYTES / (tuple_bytes + 200)).clamp(1, LARGEST);
        let mut replies: Vec<Option<Reply<bool>>> = vec![None; requests.len()];
        let mut at = 0;
        while at < requests.len() && !self.has_given_up() {
            signals::check()?;
            let end = requests.len().min(at + self.size.min(largest));
            let start = Instant::now();
            let answers = Reply::of(api.batch_check(asking, &requests[at..end]))?;
            match answers {
                Reply::Answered(answers) => {
                    let open = answers.iter().any(Option::is_none);
                    self.measure(start.elapsed(), open, largest);
                    for (reply, answer) in replies[at..end].iter_mut().zip(answers) {
                        *reply = answer.map(Reply::Answered);
                    }
                }
                // One of them may spoil it for the others.
                Reply::Refused(_) => {}
                Reply::Unanswered(_) if end - at > 1 => {
                    self.size = (end - at) / 2;
                    continue;
                }
                Reply::Unanswered(_) => {}
            }
            for (reply, request) in replies[at..end].iter_mut().zip(&requests[at..end]) {
                if reply.is_none() && !self.has_given_up() {
                    signals::check()?;
                    let alone = Reply::of(api.check(asking, request))?;
                    self.heard(&alone);
                    *reply = Some(alone);
                }
            }
            at = end;
        }
        Ok(replies.into_iter().map(|reply| reply.unwrap_or_else(Self::unasked)).collect())
    }

    fn measure(&mut self, took: Duration, open: bool, largest: usize) {
        if open || took > SLOW {
            self.size = (self.size.min(largest) / 2).max(1);
        } else if took < QUICK {
            self.size = (self.size * 2).min(LARGEST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_shrink_while_the_server_is_slow_and_grow_again() {
        let mut pace = Pace::new();
        for (took, open, size) in [
            (10, false, 50),
            (1_500, false, 25),
            (10, true, 12),
            (500, false, 12),
            (10, false, 24),
            (10, false, 48),
            (10, false, 50),
        ] {
            pace.measure(Duration::from_millis(took), open, LARGEST);
            assert_eq!(pace.size, size);
        }
        for _ in 0..9 {
            pace.measure(SLOW * 2, false, LARGEST);
        }
        assert_eq!(pace.size, 1);
    }

    #[test]
    fn an_answer_in_between_keeps_it_asking() {
        let (mut pace, none) = (Pace::new(), Reply::<bool>::Unanswered(String::new()));
        for reply in [&none, &none, &Reply::Refused(String::new()), &none, &none] {
            pace.heard(reply);
            assert!(!pace.has_given_up());
        }
        pace.heard(&none);
        assert!(pace.has_given_up());
    }
}
