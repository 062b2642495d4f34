//! Where psql could read a dump in another way than we do, and what it would find there.

use super::{CLOSING, OPENING, dump, scan, scan_pieces};
use crate::postgres::dump::Hidden;

const HIDDEN: &str = "COMMENT ON TABLE public.t IS '; \\unrestrict `touch x` --';\n";

/// The lines that are named for what follows the dump's settings, in pieces of every size.
fn hidden(middle: &[u8]) -> (Option<u64>, Option<u64>) {
    let text = [OPENING.as_bytes(), middle, CLOSING.as_bytes()].concat();
    let whole = scan_pieces(&text, text.len()).unwrap();
    for size in 1..40 {
        assert_eq!(scan_pieces(&text, size).as_ref(), Ok(&whole), "pieces of {size} bytes");
    }
    let Hidden { unrestrict, command } = whole.hidden;
    (unrestrict, command)
}

#[test]
fn a_command_behind_a_string_that_may_end_elsewhere_is_named() {
    let parts = [
        "COMMENT ON TABLE public.t IS 'a\\';\n".as_bytes().to_vec(),
        "COMMENT ON TABLE public.t IS 'a\\\\\\';\n".as_bytes().to_vec(),
        "SET standard_conforming_strings = off; COMMENT ON TABLE public.t IS 'a\\' b';\n".as_bytes().to_vec(),
        // The second half of a letter in Shift JIS, in Big5, in GB18030, in Johab.
        b"COMMENT ON TABLE public.t IS 'a\x83';\n".to_vec(),
        b"COMMENT ON TABLE public.t IS E'\xb1\xb1\\' b';\n".to_vec(),
        b"COMMENT ON TABLE public.t IS '\xb1\xb1\xb1';\n".to_vec(),
        b"COMMENT ON TABLE public.t IS '\xb1\xb10';\n".to_vec(),
        b"COMMENT ON TABLE public.t IS '\xb1\xb1\xb10';\n".to_vec(),
        b"COMMENT ON TABLE public.t IS '\x8f\xb1';\n".to_vec(),
        b"COMMENT ON TABLE public.\"\xb1\xb1\xb1\" IS 'x';\n".to_vec(),
        "CREATE VIEW public.v AS SELECT $$日本語$$;\n".as_bytes().to_vec(),
        "/* 日本語*/\n".as_bytes().to_vec(),
    ];
    for part in parts {
        let found = hidden(&[&part, HIDDEN.as_bytes()].concat());
        let shown = String::from_utf8_lossy(&part);
        let surely = !shown.contains("\\' b") && !shown.ends_with("\u{fffd}\u{fffd}0';\n");
        assert_eq!(found.0.is_some(), found.1.is_some(), "{shown}");
        assert!(found.0 == Some(13) || !surely, "{shown}: {found:?}");
    }
}

#[test]
fn where_all_readings_agree_nothing_is_hidden() {
    for text in [
        HIDDEN,
        "COMMENT ON TABLE public.t IS E'it\\'s \\\\';\nCOMMENT ON TABLE public.t IS 'C:\\dir\\\\';\n",
        "COMMENT ON TABLE public.t IS 'Zoë';\nCOMMENT ON TABLE public.\"日本\" IS '日本';\n-- 日本語 (\n",
        "CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $_$ SELECT '\\d\\' $_$;\n",
        "CREATE TABLE public.t (a text);\nCOPY public.t (a) FROM stdin;\n日本語\\t\\N\\\\!\n\\.\n",
    ] {
        assert_eq!(hidden([text, HIDDEN].concat().as_bytes()), (None, None), "{text}");
    }
}

/// A string that does not end for psql takes the rows after it, and what is in them.
#[test]
fn rows_count_once_the_readings_have_parted() {
    let parted =
        "COMMENT ON TABLE public.t IS 'a\\';\nCREATE TABLE public.t (a text);\nCOPY public.t (a) FROM stdin;\n";
    for (row, expected) in [
        ("\\N", None),
        ("\\\\x00\\tend\\n\\r\\b\\v\\f.", None),
        ("'; \\\\! touch x", None),
        ("'; \\! touch x", Some(15)),
        ("a\\t `touch x`", Some(15)),
        ("日\\\\! touch x", Some(15)),
        ("'; \\q", Some(15)),
    ] {
        let text = format!("{parted}{row}\n\\.\n");
        assert_eq!(hidden(text.as_bytes()), (None, expected), "{row}");
    }
    assert_eq!(hidden(format!("{parted}'; \\\\unrestrict `x`\n\\.\n").as_bytes()), (Some(15), None));
    assert_eq!(scan(&dump(&format!("{parted}\\.\n"))).unwrap().hidden, Hidden::default());
}
