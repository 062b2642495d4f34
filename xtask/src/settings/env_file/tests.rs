use super::*;

fn environment(name: &str) -> Option<String> {
    match name {
        "OUTSIDE" => Some("outside".to_owned()),
        "HOLLOW" => Some(String::new()),
        _ => None,
    }
}

fn parse(text: &[u8]) -> EnvFile {
    EnvFile::parse(text, &environment)
}

/// Text and value of `A`, as `docker compose config` 2.26.1 has it.
const READ: &[(&str, &str)] = &[
    ("A=b", "b"),
    ("\u{feff}export A = b # c\r\n", "b"),
    ("A: b\n", "b"),
    ("A=b# c", "b# c"),
    ("A= # c", "# c"),
    ("A='' # c", ""),
    ("A='$OUTSIDE \\n \\' \"'", "$OUTSIDE \\n ' \""),
    (r#"A="\n\r\t\\\"\$OUTSIDE\0101\07\q""#, "\n\r\t\\\"$OUTSIDEA\\7\\q"),
    ("A=\"b\nc # d\"\nB=e", "b\nc # d"),
    ("B='c' A=d", "d"),
    ("A=1\nA=2", "2"),
    ("A=1\nA\n", "1"),
    ("OUTSIDE=file\nA=$OUTSIDE", "outside"),
    ("B=b\nA=x${B}y$B-$NOWHERE", "xbyb-"),
    ("A=$$B $1 a$", "$B $1 a$"),
    ("A=${HOLLOW:-x}${HOLLOW-y}${NOWHERE-z}", "xz"),
    ("A=${OUTSIDE:+x}${HOLLOW:+y}${HOLLOW+z}${NOWHERE+q}", "xz"),
    ("A=${NOWHERE:-${HOLLOW:-${OUTSIDE}}}", "outside"),
    ("A=${NOWHERE:-{}}", "{}"),
    ("A=${NOWHERE:-x} } ${NOWHERE:-y}", "x } y"),
    ("A=${OUTSIDE:?err}${HOLLOW?err}", "outside"),
];

#[test]
fn values_are_those_of_compose() {
    for (text, value) in READ {
        let file = parse(text.as_bytes());
        assert_eq!((file.get("A"), file.problems()), (Some(*value), &[][..]), "{text:?}");
    }
}

#[test]
fn names_without_a_value_are_inherited() {
    let file = parse(b"OUTSIDE\nNOWHERE\n");
    assert_eq!((file.get("OUTSIDE"), file.get("NOWHERE")), (Some("outside"), None));
}

/// Text and line of the problem. Each has `A=1` too, which is read all the same.
const REFUSED: &[(&[u8], usize)] = &[
    (b"B=\"x\nA=1\n", 1),
    (b"\n# c\nA=1\nB c=1\n", 4),
    (b"A=1\nB!=1\n", 2),
    (b"A=1\n=x\n", 2),
    (b"A=1\nB", 2),
    (b"B='x\ny' !\nA=1\n", 2),
    (b"B=${x\nA=1\n", 1),
    (b"B=${NOWHERE?e}\nA=1\n", 1),
    (b"B=${HOLLOW:?e}\nA=1\n", 1),
    (b"A=1\nB=\xff\n", 2),
    (b"A=1\n\xff=2\n", 2),
    (b"A=1\nB=\0\n", 2),
    (b"A=1\nexport ", 2),
];

#[test]
fn problems_have_their_line_and_the_rest_is_read() {
    for (text, line) in REFUSED {
        let file = parse(text);
        let lines: Vec<usize> = file.problems().iter().map(|problem| problem.line).collect();
        assert_eq!((file.get("A"), lines), (Some("1"), vec![*line]), "{:?}", String::from_utf8_lossy(text));
    }
}

#[test]
fn defaults_nested_without_end_are_a_problem() {
    let text = format!("A={}{}\n", "${B:-".repeat(5000), "}".repeat(5000));
    assert_eq!(parse(text.as_bytes()).problems().len(), 1);
}

/// Text before, value of `A`, text after.
const SET: &[(&str, &str, &str)] = &[
    ("", "b", "A=b\n"),
    ("\u{feff}", "b", "\u{feff}A=b\n"),
    ("B=1", "b", "B=1\nA=b\n"),
    ("B=1\r\n", "b", "B=1\r\nA=b\r\n"),
    ("export A=1 # c\r\nB=2\r\n", "b c", "export A='b c' # c\r\nB=2\r\n"),
    ("A: 1\n", "$x", "A: '$x'\n"),
    ("A=1\nA=2\nB=3\n", "b", "A=1\nA=b\nB=3\n"),
    ("A=\r\n", "b", "A=b\r\n"),
    ("A= # c\n", "b", "A=b # c\n"),
    ("A=1 # c\n", "", "A='' # c\n"),
    ("A='1'#c\n", "b", "A='b'#c\n"),
    ("A='1\n2' # c\nB=3\n", "b", "A=b # c\nB=3\n"),
    ("A\nB=1\n", "b", "A=b\nB=1\n"),
    ("A=\"1\nB=2\n", "b", "A=b\nB=2\n"),
    ("# A=x\nB=1\n", "b", "# A=x\nA=b\nB=1\n"),
    ("B=1\n#A=", "b", "B=1\n#A=\nA=b\n"),
    ("B='\n# A=x\n'\n", "b", "B='\n# A=x\n'\nA=b\n"),
    ("#AB=x\nB=1\n", "b", "#AB=x\nB=1\nA=b\n"),
    ("", "it's $5 \\ \"q\"\n", "A=\"it's \\$5 \\\\ \\\"q\\\"\\n\"\n"),
    ("", "C:\\dir", "A='C:\\dir'\n"),
    ("", "C:\\dir\\", "A=\"C:\\\\dir\\\\\"\n"),
    ("A=\"b\" # c\n", "b", "A=\"b\" # c\n"),
    ("A=1\n", "\0", "A=1\n"),
];

#[test]
fn set_keeps_everything_else() {
    for (before, value, after) in SET {
        let edited = String::from_utf8(set(before.as_bytes(), "A", value)).unwrap();
        assert_eq!(edited, *after, "{before:?}");
        assert_eq!(set(after.as_bytes(), "A", value), after.as_bytes(), "twice: {before:?}");
    }
}

#[test]
fn set_refuses_a_name_that_compose_would_refuse() {
    for name in ["", "A B", "A!", "A\nB"] {
        assert_eq!(set(b"B=1\n", name, "x"), b"B=1\n");
    }
}

struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn text(&mut self, choices: &[&str], longest: usize) -> String {
        (0..self.below(longest + 1)).map(|_| self.pick(choices)).collect()
    }
}

const PIECES: &[&str] = &[
    "a", "Z", "0", " ", "\t", "\n", "\r", "$", "{", "}", "${A", ":-", "#", " #", "'", "\"", "\\", "=", "é", "漢",
    "\u{a0}",
];
const LINES: &[&str] = &[
    "",
    "# words",
    "B=1",
    "B='x\ny'",
    "export C=\"$B \\\" # d\"",
    "D: e # f",
    "E",
    "F=${B:-x}",
    "  # AB=1",
    "G= # c",
    "AB=A=3",
];
const ASSIGNMENTS: &[(&str, &str)] =
    &[("A=1", ""), ("export A='1'", " # c"), ("A: 1", "  # c"), ("A = \"x\ny\"", "# c"), ("A", ""), ("A=", " # c")];

/// 500 generated cases; the seed of the one that fails is shown.
fn repeat(check: impl Fn(&mut Xorshift) + std::panic::RefUnwindSafe) {
    for seed in 1..=500_u64 {
        let run = || check(&mut Xorshift(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        if let Err(cause) = std::panic::catch_unwind(run) {
            panic!("seed {seed}: {}", cause.downcast_ref::<String>().map_or("", String::as_str));
        }
    }
}

#[test]
fn what_is_set_is_read_back_and_nothing_else_changes() {
    repeat(|random| {
        let line_end = random.pick(&["\n", "\r\n"]);
        let lines =
            |random: &mut Xorshift| (0..random.below(5)).map(|_| random.pick(LINES).to_owned() + line_end).collect();
        let bom = random.pick(&["", "\u{feff}"]);
        let (before, after): (String, String) = (lines(random), lines(random));
        let (assignment, comment) = ASSIGNMENTS[random.below(ASSIGNMENTS.len())];
        let text = format!("{bom}{before}{assignment}{comment}{line_end}{after}");
        let value = random.text(PIECES, 8);

        let edited = String::from_utf8(set(text.as_bytes(), "A", &value)).unwrap();
        assert_eq!(parse(edited.as_bytes()).get("A"), Some(value.as_str()), "{text:?} became {edited:?}");
        assert_eq!(set(edited.as_bytes(), "A", &value), edited.as_bytes(), "twice");
        let prefix = assignment.split_inclusive(['=', ':']).next().unwrap_or_default();
        assert!(edited.starts_with(&format!("{bom}{before}{prefix}")), "{text:?} became {edited:?}");
        assert!(edited.ends_with(&format!("{comment}{line_end}{after}")), "{text:?} became {edited:?}");
    });
}

#[test]
fn a_new_name_adds_one_line() {
    repeat(|random| {
        let text = random.text(&["B=1\n", "# c\n", "C='x\ny'\n", "\n", "B=1"], 6);
        let value = random.text(PIECES, 8);
        let edited = String::from_utf8(set(text.as_bytes(), "A", &value)).unwrap();
        assert_eq!(parse(edited.as_bytes()).get("A"), Some(value.as_str()), "{text:?} became {edited:?}");
        assert!(edited.starts_with(&text), "{text:?} became {edited:?}");
        let line_end = if text.is_empty() || text.ends_with('\n') { 0 } else { 1 };
        assert_eq!(edited[text.len() + line_end..].matches('\n').count(), 1, "{text:?} became {edited:?}");
    });
}

#[test]
fn no_bytes_panic() {
    repeat(|random| {
        let mut text =
            random.text(&[PIECES, LINES, &["A=", "${A:-", "${A?", "\0", "\\0", "\u{feff}"]].concat(), 40).into_bytes();
        for _ in 0..random.below(4) {
            let at = random.below(text.len() + 1);
            text.insert(at, random.below(256) as u8);
        }
        let value = random.text(PIECES, 8);
        let edited = set(&text, "A", &value);
        assert!(edited == text || parse(&edited).get("A") == Some(value.as_str()), "{text:?}");
        assert_eq!(set(&edited, "A", &value), edited, "twice");
    });
}

#[test]
fn variables_that_multiply_are_refused_in_bounded_memory() {
    let mut text = format!("A0={}\n", "x".repeat(1000));
    for level in 1..12 {
        text.push_str(&format!("A{level}={}\n", format!("${{A{}}}", level - 1).repeat(10)));
    }
    text.push_str("B=$A0\n");
    let file = parse(text.as_bytes());
    assert_eq!(file.get("A3").map(str::len), Some(1_000_000));
    assert_eq!((file.get("A4"), file.get("B").map(str::len)), (None, Some(1000)));
    let problem = &file.problems()[0];
    assert_eq!((problem.line, problem.name.as_deref(), problem.compose_refuses), (5, Some("A4"), false));
    assert!(problem.message.contains("add more than 4 MiB"), "{}", problem.message);
}

#[test]
fn many_bad_lines_take_no_long_time() {
    let text = "!\n".repeat(500_000);
    let file = parse(text.as_bytes());
    assert_eq!(file.problems().len(), 500_000);
    assert_eq!(file.problems().last().map(|problem| problem.line), Some(500_000));
}
