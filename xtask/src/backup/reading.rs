//! What pg_dump writes is read as it is stored: every byte is hashed and scanned.

use super::codec::{Recorded, Recording};
use super::fault::{LOCKING, failed, incomplete};
use super::manifest;
use super::options::BackupOptions;
use super::space;
use crate::postgres::beginning;
use crate::postgres::dump::{Flaw, Scanner};
use crate::postgres::server::Server;
use crate::process::{Captured, Ending, signals};
use crate::target::overriding;
use anyhow::{Error, Result};
use sha2::{Digest as _, Sha256};
use std::time::Instant;

const PIECE: usize = 1 << 18;
/// How much of the beginning is kept, in bytes: pg_dump's settings.
const OPENING: usize = 4096;
/// Free space is measured again after this many bytes.
const SPACE_CHECK: u64 = 16 << 20;

/// What a backup reports while it is taken.
#[derive(Debug)]
pub enum Event {
    /// Bytes of the dump so far, and about how many there will be.
    Written(u64, Option<u64>),
    /// Unfinished files of killed runs were removed.
    Cleared(usize),
}

/// How a dump is read while it is written.
pub(super) struct Reading<'a> {
    pub(super) server: &'a Server<'a>,
    pub(super) options: &'a BackupOptions,
    /// About how many bytes there will be.
    pub(super) expected: Option<u64>,
    pub(super) tell: &'a dyn Fn(Event),
    /// When pg_dump was started.
    pub(super) since: Instant,
}

/// What was read of a dump.
pub(super) struct Proof {
    pub(super) scanner: Scanner,
    /// The digest of all bytes so far, the file's head included.
    pub(super) hash: Sha256,
    /// All bytes so far, the file's head included.
    pub(super) bytes: u64,
    /// How they lie in the file.
    pub(super) recorded: Recorded,
}

impl Reading<'_> {
    /// Reads the dump to its end; `opening` gets its beginning, also where the rest fails.
    ///
    /// # Errors
    /// pg_dump failed, the file holds what no dump holds, or the disk is nearly full.
    pub(super) fn follow(&self, mut dump: Box<dyn Recording + '_>, opening: &mut Vec<u8>) -> Result<Proof> {
        let head = manifest::head(self.options.codec.format());
        let hash = Sha256::new().chain_update(head);
        let recorded = Recorded::AsItIs;
        let mut proof = Proof { scanner: Scanner::default(), hash, bytes: head.len() as u64, recorded };
        let flaw = self.read(&mut *dump, opening, &mut proof)?;
        if flaw.is_some() {
            dump.end();
        }
        let (ending, stderr) = dump.ended()?;
        signals::check()?;
        if let Some(flaw) = flaw {
            return Err(incomplete(self.server.target(), flaw, &stderr, ending));
        }
        self.check_end(ending, stderr)?;
        proof.recorded = dump.finish()?;
        Ok(proof)
    }

    /// Reads until pg_dump has ended, or until what it wrote is no dump: then why.
    fn read(&self, dump: &mut dyn Recording, opening: &mut Vec<u8>, proof: &mut Proof) -> Result<Option<Flaw>> {
        let mut buffer = vec![0; PIECE];
        let mut space_checked = 0u64;
        loop {
            let read = dump.read(&mut buffer)?;
            if read == 0 {
                return Ok(None);
            }
            let piece = &buffer[..read];
            opening.extend(piece.iter().take(OPENING.saturating_sub(opening.len())));
            let flaw = proof.scanner.feed(piece).err();
            proof.hash.update(piece);
            proof.bytes = proof.bytes.saturating_add(read as u64);
            (self.tell)(Event::Written(proof.bytes, self.expected));
            if proof.bytes.saturating_sub(space_checked) >= SPACE_CHECK {
                space_checked = proof.bytes;
                space::watch(self.options.destination.folder())?;
            }
            if flaw.is_some() {
                return Ok(flaw);
            }
        }
    }

    fn check_end(&self, ending: Ending, stderr: String) -> Result<()> {
        if ending.success() {
            return Ok(());
        }
        let said = Captured { ending, stdout: Vec::new(), stderr };
        if is_ended_by_a_setting(&said) && beginning::overcome(self.server, &said)? {
            return Err(Error::msg(said.stderr.trim().to_owned()));
        }
        Err(failed(self.server, self.options, &said, self.since.elapsed()))
    }
}

/// Whether pg_dump was ended before its first query for a table, after which it heeds no limit but the one that it was
/// given.
fn is_ended_by_a_setting(said: &Captured) -> bool {
    const LIMITS: [&str; 3] = ["due to statement timeout", "due to idle-session timeout", "due to transaction timeout"];
    let is_limit = LIMITS.iter().any(|limit| said.stderr.contains(limit)) && !said.stderr.contains(LOCKING);
    is_limit || overriding::is_library_missing(&said.stderr)
}
