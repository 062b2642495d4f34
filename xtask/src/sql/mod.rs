//! The one lexer of SQL: what is a word, a quote, a comment or a command of psql, as psql reads it (psqlscan.l) when it
//! is given a file line by line. The reader of dumps and that of migrations stand on it, so that they cannot disagree.
//!
//! Where psql's versions read a text in two ways, or psql in another way than the server, the text is refused. No dump
//! and no ordinary file holds such a text.

mod dialect;
mod lexer;
mod nesting;
mod number;
mod routine_body;
mod rules;
mod state;
#[cfg(test)]
mod tests;
mod token;

pub use dialect::{Dialect, Spelling};
pub use lexer::Lexer;
pub use routine_body::{BodyWord, RoutineBody};
pub use state::State;
pub use token::{Found, LONGEST_TOKEN, Token};
