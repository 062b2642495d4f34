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
    /// All of SQL, in a file that psql reads.
    Any,
    /// What the server reads and psql passes on: the body of a `DO` block, the text of an `EXECUTE`, also in other languages
    /// than SQL. What has no certain reading for psql is read as the server does, or passed over.
    Body,
    /// Only those of `pg_dump`, which writes no carriage return outside of quotes and no `U&`.
    PgDump,
}
