//! Names as SQL writes them.

/// Longest name that the server keeps, in bytes.
const LONGEST: usize = 63;

/// The parts of `schema.table`, as the server means them: capital letters count only in double quotes.
pub fn parts(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let (part, after) = part(rest)?;
        parts.push(part);
        rest = after.trim_start();
        match rest.strip_prefix('.') {
            Some(next) => rest = next.trim_start(),
            None if rest.is_empty() => return Some(parts),
            None => return None,
        }
    }
}

fn part(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut name = String::new();
        let mut letters = quoted.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            if letter != '"' {
                name.push(letter);
            } else if letters.next_if(|(_, next)| *next == '"').is_some() {
                name.push('"');
            } else {
                return usable(name).map(|name| (name, &quoted[at + 1..]));
            }
        }
        return None;
    }
    let is_start = |letter: char| letter.is_ascii_alphabetic() || letter == '_' || !letter.is_ascii();
    let inside = |letter: char| is_start(letter) || letter.is_ascii_digit() || letter == '$';
    let end = text.find(|letter| !inside(letter)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    name.starts_with(is_start).then(|| usable(name.to_ascii_lowercase())).flatten().map(|name| (name, rest))
}

/// The server cuts a longer name silently: it would be another one.
fn usable(name: String) -> Option<String> {
    (!name.is_empty() && name.len() <= LONGEST && !name.contains('\0')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_the_server_reads_them() {
        for (text, expected) in [
            ("_sqlx_migrations", Some(&["_sqlx_migrations"][..])),
            (" App . Ledger ", Some(&["app", "ledger"])),
            ("\"App\".\"say \"\"x\"\"\"", Some(&["App", "say \"x\""])),
            ("ünder$1", Some(&["ünder$1"])),
            ("a.b.c", Some(&["a", "b", "c"])),
            ("1a", None),
            ("a b", None),
            ("a.", None),
            (".a", None),
            ("", None),
            ("\"\"", None),
            ("\"a", None),
            ("a--b", None),
            ("a;b", None),
            ("\"a\0b\"", None),
        ] {
            let expected = expected.map(|parts| parts.iter().map(ToString::to_string).collect::<Vec<_>>());
            assert_eq!(parts(text), expected, "{text:?}");
        }
        assert_eq!(parts(&"x".repeat(64)), None);
    }
}
