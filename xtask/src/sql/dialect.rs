//! What a reader of SQL knows of the text that it reads.

/// What the reader knows of the text.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// The setting `standard_conforming_strings`: whether a backslash in `'…'` is an ordinary letter.
    pub standard_strings: bool,
    pub spelling: Spelling,
}

/// Which spellings are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// All of SQL.
    Any,
    /// Only those of `pg_dump`, which writes no carriage return outside of quotes and no `U&`.
    PgDump,
}
