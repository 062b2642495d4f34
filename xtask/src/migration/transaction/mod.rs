//! `BEGIN` and `COMMIT` in a file that runs in a transaction of ours.
//!
//! A file whose statements all stand between the two means what we do anyway. There the words are left out of what is
//! sent, so that the row in the ledger is written in the same transaction; the file and its checksum stay as they are.

mod control;
mod enclosing;
mod ending_words;
mod left_out;

pub use control::Control;
pub use enclosing::Enclosing;
pub use ending_words::EndsAnywhere;
pub use left_out::LeftOut;
