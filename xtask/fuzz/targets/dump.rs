//! Bytes are a whole dump, or what stands between the first and last lines of one. Nothing panics; pieces of any size
//! are read alike; and what passes holds no statement that touches what all databases share.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xtask_fuzz::oracle;
use xtask_fuzz::postgres::dump::{Contents, Flaw, Scanner};

const HEAD: &[u8] = b"--\n-- PostgreSQL database dump\n--\n\n";
const TRAILER: &[u8] = b"--\n-- PostgreSQL database dump complete\n--\n\n";

fuzz_target!(|data: &[u8]| {
    let text = if data.starts_with(b"--\n") { data.to_vec() } else { [HEAD, data, b"\n", TRAILER].concat() };
    let whole = read(&text, text.len().max(1));
    let size = 1 + data.len() % 23;
    match (read(&text, size), &whole) {
        // What the file is instead, its first piece says.
        (Err(flaw), Err(other)) if flaw.what.starts_with("not a plain SQL dump") => assert_eq!(flaw.line, other.line),
        (pieces, whole) => assert_eq!(pieces, *whole, "pieces of {size} bytes"),
    }
    if let Ok(contents) = whole {
        if let Err(why) = oracle::judge(&text) {
            panic!("{why}");
        }
        assert!(contents.filled().len() >= contents.copied.len());
        for line in &contents.restrict_lines {
            let (start, end) = (line.start as usize, line.end as usize);
            assert!(text[start..end].starts_with(b"\\") && text[start..end].ends_with(b"\n"));
        }
    }
});

fn read(text: &[u8], size: usize) -> Result<Contents, Flaw> {
    let mut scanner = Scanner::default();
    text.chunks(size).try_for_each(|piece| scanner.feed(piece))?;
    scanner.finish()
}
