//! Names with `*` and `?` in them, as cargo and make write them.

/// Whether a pattern fits the whole name. The time is bounded by the product of the two lengths.
pub fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut of_name) = (0, 0);
    // The last `*`, and how much of the name it takes until now.
    let mut star: Option<(usize, usize)> = None;
    while of_name < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, of_name));
                at += 1;
            }
            Some(letter) if *letter == b'?' || *letter == name[of_name] => {
                at += 1;
                of_name += 1;
            }
            _ => {
                let Some((stands, taken)) = star else { return false };
                star = Some((stands, taken + 1));
                at = stands + 1;
                of_name = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_letters_and_a_question_mark_one() {
        for (pattern, name, expected) in [
            ("*.mk", "db.mk", true),
            ("*.mk", "db.mk.old", false),
            ("*", "", true),
            ("?", "", false),
            ("d?.mk", "db.mk", true),
            ("*a*b", "xaxbxb", true),
            ("*a*b", "xaxbxc", false),
            ("db.mk", "db.mk", true),
            ("db.mk**", "db.mk", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
        assert!(!fits(&"*a".repeat(60), &format!("{}b", "a".repeat(250))));
    }
}
