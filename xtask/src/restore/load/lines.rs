//! Which line of the file a line is that a psql got.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

/// What a psql got of a file, in order: stretches of it, with other lines between them.
#[derive(Debug, Default)]
pub(in crate::restore) struct Lines {
    /// For each stretch: how many lines psql had got before it, and how many of the file precede it.
    stretches: Vec<(u64, u64)>,
}

impl Lines {
    /// A stretch follows, behind so many lines of each.
    pub(super) fn follow(&mut self, got: u64, of_file: u64) {
        self.stretches.push((got, of_file));
    }

    /// The file's line, for a line that psql names; `None`: it is none of the file's.
    pub(in crate::restore) fn in_file(&self, line: u64) -> Option<u64> {
        let (got, of_file) = self.stretches.iter().rev().find(|(got, _)| *got < line)?;
        Some(line.saturating_sub(*got).saturating_add(*of_file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_belongs_to_the_stretch_that_came_last_before_it() {
        let mut lines = Lines::default();
        assert_eq!(lines.in_file(7), None);
        lines.follow(5, 2);
        lines.follow(10, 100);
        assert_eq!((lines.in_file(5), lines.in_file(6), lines.in_file(10)), (None, Some(3), Some(7)));
        assert_eq!((lines.in_file(11), lines.in_file(12)), (Some(101), Some(102)));
    }
}
