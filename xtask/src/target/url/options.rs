//! `options` of `DATABASE_URL`: settings of the session. A server that refuses one quotes it, and it may be a secret.

/// A shorter value says nothing, and stands in many words.
const SHORTEST: usize = 4;

/// The values in it, as the server reads them: words are parted by blanks, and a backslash takes the next letter as it is.
pub(super) fn values(options: &str) -> Vec<String> {
    let value = |word: &String| {
        let value = word.split_once('=').map_or(word.trim_start_matches('-'), |(_, value)| value);
        (value.len() >= SHORTEST).then(|| value.to_owned())
    };
    let mut values: Vec<String> = words(options).iter().filter_map(value).collect();
    // The longest first: another one may be a part of it.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values
}

fn words(options: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut letters = options.chars();
    while let Some(letter) = letters.next() {
        let letter = match letter {
            blank if blank.is_ascii_whitespace() => {
                words.push(String::new());
                continue;
            }
            '\\' => letters.next(),
            letter => Some(letter),
        };
        words.last_mut().into_iter().for_each(|word| word.extend(letter));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_as_the_server_reads_them() {
        assert_eq!(values("-c x.y=hunter2 -c a=on  --b.c=two\\ words\\\\"), ["two words\\", "hunter2"]);
        assert_eq!(values("hunter2\t-c1 -chunter3=x"), ["hunter2"]);
        assert_eq!(values(""), [""; 0]);
    }
}
