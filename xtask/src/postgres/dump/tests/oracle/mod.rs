//! A second opinion on what a dump may hold, written on purpose in another way than the reader: the whole text at once, cut
//! at every semicolon, and a list of what is forbidden instead of what is allowed. The fuzz targets use it, too.

mod bodies;
mod commands;
mod cutter;
mod words;

use bodies::Bodies;
use commands::judge_statement;
use cutter::{Cutter, Piece};
use words::{begins, shown, words};

/// Why this text must not be loaded, if it holds anything that reaches beyond its own database, or that no pg_dump writes
/// and that could run something. What it says of a text that is no SQL at all means nothing.
pub fn judge(text: &[u8]) -> Result<(), String> {
    // Bytes and letters are the same here.
    let letters: Vec<char> = text.iter().map(|byte| char::from(*byte)).collect();
    let mut cutter = Cutter::new(&letters);
    let mut bodies = Bodies::default();
    let mut statement = Vec::new();
    let mut depth = 0usize;
    loop {
        let Some(piece) = cutter.next()? else { return Ok(()) };
        match piece {
            Piece::Symbol('(') => depth += 1,
            Piece::Symbol(')') => depth = depth.saturating_sub(1),
            Piece::Symbol(';') if depth == 0 => {
                let inside = bodies.is_within(&statement);
                judge_statement(&statement, inside).map_err(|why| format!("{why}: {}", shown(&statement)))?;
                if is_setting(&statement, "standard_conforming_strings") {
                    cutter.escapes = words(&statement).last() == Some(&"off");
                }
                if !inside && begins(&statement, &["copy"]) {
                    cutter.skip_rows();
                }
                statement.clear();
                continue;
            }
            _ => {}
        }
        statement.push(piece);
    }
}

fn is_setting(statement: &[Piece], named: &str) -> bool {
    begins(statement, &["set", named])
}
