//! A word that ends a transaction, wherever it stands in a file.

/// Words that end a transaction.
const ENDS: [&[u8]; 5] = [b"abort", b"commit", b"end", b"prepare", b"rollback"];
/// The letters of the longest of them.
const LONGEST_END: usize = 8;

/// Looks for a word that ends a transaction anywhere in a file, in strings and comments, too.
#[derive(Debug, Default)]
pub struct EndsAnywhere {
    /// The first letters of the word that is being read: one more than the longest of them has.
    word: Vec<u8>,
    found: bool,
}

impl EndsAnywhere {
    pub fn feed(&mut self, piece: &[u8]) {
        for byte in piece {
            if !(byte.is_ascii_alphanumeric() || b"_$".contains(byte)) {
                self.end();
            } else if self.word.len() <= LONGEST_END {
                self.word.push(byte.to_ascii_lowercase());
            }
        }
    }

    fn end(&mut self) {
        self.found |= ENDS.contains(&self.word.as_slice());
        self.word.clear();
    }

    /// Whether such a word was there.
    pub fn finish(mut self) -> bool {
        self.end();
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_ends_a_transaction_is_found_wherever_it_stands() {
        let found = |text: &str, size: usize| {
            let mut ends = EndsAnywhere::default();
            text.as_bytes().chunks(size).for_each(|piece| ends.feed(piece));
            ends.finish()
        };
        for size in 1..12 {
            for text in ["end", "'a\\''; COMMIT; --'", "ü;Abort", "x rollback\n", "PREPARE TRANSACTION 'x'"] {
                assert!(found(text, size), "{text} in pieces of {size}");
            }
            for text in ["", "INSERT INTO t VALUES ('C:\\dir\\')", "weekend end_date committed $end prepares"] {
                assert!(!found(text, size), "{text} in pieces of {size}");
            }
        }
    }
}
