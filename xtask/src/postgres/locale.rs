//! How systems write one locale: `en_US.UTF-8` here is `en_US.utf8` there.

/// The spellings of UTF-8 behind the dot.
const UTF8: [&str; 4] = ["UTF-8", "utf8", "utf-8", "UTF8"];

/// Whether both are the same locale.
pub fn same(one: &str, other: &str) -> bool {
    let without_spelling = |locale| of_utf8(locale).map(|(language, _, modifier)| (language, modifier));
    one == other || without_spelling(one).is_some_and(|one| without_spelling(other) == Some(one))
}

/// The locale as it is written, then as other systems write it: `en_US.utf8`, `en_US.UTF-8`.
pub fn spellings(locale: &str) -> Vec<String> {
    let mut all = vec![locale.to_owned()];
    if let Some((language, written, modifier)) = of_utf8(locale) {
        let others = UTF8.iter().filter(|other| **other != written);
        all.extend(others.map(|other| format!("{language}.{other}{modifier}")));
    }
    all
}

/// The parts of a locale of UTF-8: what stands before the dot, how UTF-8 is written, and `@euro` behind it.
fn of_utf8(locale: &str) -> Option<(&str, &str, &str)> {
    let (language, rest) = locale.split_once('.')?;
    let (encoding, modifier) = rest.split_at(rest.find('@').unwrap_or(rest.len()));
    encoding.replace('-', "").eq_ignore_ascii_case("utf8").then_some((language, encoding, modifier))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_is_looked_for_as_each_system_writes_it() {
        assert_eq!(spellings("en_US.utf8"), ["en_US.utf8", "en_US.UTF-8", "en_US.utf-8", "en_US.UTF8"]);
        assert_eq!(spellings("sr_RS.UTF-8@latin").get(1).unwrap(), "sr_RS.utf8@latin");
        assert_eq!(spellings("C"), ["C"]);
        assert_eq!(spellings("de_DE.ISO-8859-1"), ["de_DE.ISO-8859-1"]);
    }

    #[test]
    fn only_the_spelling_of_utf8_makes_no_difference() {
        for (one, other) in [("en_US.UTF-8", "en_US.utf8"), ("sr_RS.utf8@latin", "sr_RS.UTF-8@latin"), ("C", "C")] {
            assert!(same(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("en_US.UTF-8", "de_DE.UTF-8"),
            ("sr_RS.UTF-8@latin", "sr_RS.UTF-8"),
            ("C", "C.UTF-8"),
            ("UTF-8", "utf8"),
            ("de_DE.ISO-8859-1", "de_DE.ISO88591"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }
}
