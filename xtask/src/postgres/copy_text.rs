//! A row as `COPY … TO STDOUT` writes it: fields between tabs, `\N` for NULL, some letters behind a backslash.

/// The fields of a row; `None`: NULL.
pub fn fields(row: &str) -> Vec<Option<String>> {
    row.split('\t').map(|field| (field != "\\N").then(|| unescaped(field))).collect()
}

fn unescaped(field: &str) -> String {
    let mut text = String::with_capacity(field.len());
    let mut letters = field.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            text.push(letter);
            continue;
        }
        text.extend(letters.next().map(|escaped| match escaped {
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            other => other,
        }));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_taken_apart_as_the_server_put_it_together() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(fields("a\t\\N\t\tb\\\\N\tc\\td\\ne"), [some("a"), None, some(""), some("b\\N"), some("c\td\ne")]);
        assert_eq!(fields(""), [some("")]);
        assert_eq!(fields("ends in \\"), [some("ends in ")]);
    }
}
