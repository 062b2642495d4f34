//! A migration file. Nothing panics; pieces of any size are read alike; statements lie in the file, in order; what is left
//! out of a file leaves its length and its lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::LazyLock;
use xtask_fuzz::migration::checks::{Direction, Flaw, check};
use xtask_fuzz::migration::checksum::Ignored;
use xtask_fuzz::migration::reader::{Listener, Next, Reader};
use xtask_fuzz::migration::statement::Statement;
use xtask_fuzz::sql::Token;

static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let name = format!("xtask-fuzz-{}.sql", std::process::id());
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory.join(name) } else { std::env::temp_dir().join(name) }
});

#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    tokens: Vec<(String, u64)>,
    ended: Vec<(u64, Range<u64>)>,
    copies: Vec<bool>,
}

#[derive(Default)]
struct Listening {
    heard: Heard,
    statement: Statement,
}

impl Listener for Listening {
    fn token(&mut self, token: Token<'_>, line: u64) -> Result<(), Flaw> {
        self.heard.tokens.push((format!("{token:?}"), line));
        self.statement.take(token, line);
        Ok(())
    }

    fn ended(&mut self, line: u64, bytes: Range<u64>) -> Result<Next, Flaw> {
        self.heard.ended.push((line, bytes));
        let copies = std::mem::take(&mut self.statement).takes_rows;
        self.heard.copies.push(copies);
        Ok(if copies { Next::CopyRows } else { Next::Statement })
    }

    fn rows_ended(&mut self, _line: u64) {}
}

fuzz_target!(|data: &[u8]| {
    let whole = read(data, data.len().max(1));
    let size = 1 + data.len() % 23;
    assert_eq!(read(data, size), whole, "pieces of {size} bytes");
    let (_, heard) = whole;
    let mut at = 0;
    for (line, bytes) in &heard.ended {
        assert!(at <= bytes.start && bytes.start < bytes.end && bytes.end <= data.len() as u64, "{bytes:?} after {at}");
        assert!(*line >= 1);
        at = bytes.end;
    }
    std::fs::write(&*FILE, data).expect("a file can be written");
    for direction in [Direction::Up, Direction::Down] {
        let Ok(findings) = check(&FILE, direction, &Ignored::default()) else { continue };
        let mut sent = data.to_vec();
        findings.left_out.blank(&mut sent, 0);
        assert_eq!(sent.len(), data.len());
        let lines = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(lines(&sent), lines(data));
        assert!(findings.warnings.iter().all(|warning| warning.line >= 1 && !warning.what.is_empty()));
    }
});

fn read(text: &[u8], size: usize) -> (Result<(), Flaw>, Heard) {
    let mut listening = Listening::default();
    let mut reader = Reader::default();
    let read = text.chunks(size).try_for_each(|piece| reader.feed(piece, &mut listening));
    let read = read.and_then(|()| reader.finish(&mut listening)).map(drop);
    (read, listening.heard)
}
