//! The words of a statement.

use super::cutter::Piece;

/// All words without quotes.
pub(super) fn words(statement: &[Piece]) -> Vec<&str> {
    statement.iter().filter_map(word).collect()
}

/// Those that stand in no parentheses.
pub(super) fn outside(statement: &[Piece]) -> Vec<&str> {
    let mut depth = 0usize;
    let mut found = Vec::new();
    for piece in statement {
        match piece {
            Piece::Symbol('(') => depth += 1,
            Piece::Symbol(')') => depth = depth.saturating_sub(1),
            Piece::Word(word) if depth == 0 => found.push(word.as_str()),
            _ => {}
        }
    }
    found
}

/// Where this word stands first that is in no parentheses.
pub(super) fn outside_at(statement: &[Piece], sought: &str) -> Option<usize> {
    let mut depth = 0usize;
    statement.iter().position(|piece| {
        match piece {
            Piece::Symbol('(') => depth += 1,
            Piece::Symbol(')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && word(piece) == Some(sought)
    })
}

pub(super) fn word(piece: &Piece) -> Option<&str> {
    match piece {
        Piece::Word(word) => Some(word),
        _ => None,
    }
}

pub(super) fn name(piece: Option<&Piece>) -> Option<&str> {
    match piece {
        Some(Piece::Word(name) | Piece::Quoted(name)) => Some(name),
        _ => None,
    }
}

pub(super) fn begins(statement: &[Piece], with: &[&str]) -> bool {
    statement.len() >= with.len() && statement.iter().zip(with).all(|(piece, word)| self::word(piece) == Some(word))
}

pub(super) fn shown(statement: &[Piece]) -> String {
    format!("{:?}", statement.iter().take(12).collect::<Vec<_>>())
}
