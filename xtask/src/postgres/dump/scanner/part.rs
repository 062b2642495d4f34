//! The parts of a dump.

/// Which part of the dump the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// How many bytes of pg_dump's first lines have come.
    Head(usize),
    Statements,
    /// After the backslash of a psql command.
    Meta,
    CopyHeaderEnd,
    Copy,
    /// How many bytes of what follows the trailer have come.
    Tail(usize),
}
