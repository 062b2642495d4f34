//! What a terminal shows of texts of others, and which commands are completed.

use super::*;

fn options() -> Options {
    let call = "cargo xtask".to_owned();
    Options { color: ColorChoice::Never, unicode: true, quiet: false, call, typed: Vec::new(), folder: None }
}

#[test]
fn nothing_that_another_wrote_is_obeyed_and_our_marks_keep_their_colour() {
    let terminal = |color| Terminal::new(Options { color, ..options() });
    let hostile = "a\x1b]0;x\x07b\u{9b}31m\x1b[31mc\r";
    let shown = "a\\u{1b}]0;x\\u{7}b\\u{9b}31m\\u{1b}[31mc\\r";
    let line = |terminal: &Terminal, color| terminal.plain_with_marks(&terminal.done_line(hostile), color);
    assert_eq!(line(&terminal(ColorChoice::Never), false), format!("✓ {shown}"));
    assert_eq!(line(&terminal(ColorChoice::Always), true), format!("\x1b[32m✓\x1b[0m {shown}"));
    // Where only the other stream shows colours.
    assert_eq!(line(&terminal(ColorChoice::Always), false), format!("✓ {shown}"));
}

#[test]
fn a_mark_that_another_wrote_gets_no_colour() {
    let terminal = Terminal::new(Options { color: ColorChoice::Always, ..options() });
    for forged in ["\x1b[32m✓\x1b[0m", "\x1b[0m✓\x1b[0m", "\x1b[1m✓\x1b[0m"] {
        let escaped = forged.replace('\x1b', "\\u{1b}");
        for shown in [terminal.plain(forged), terminal.plain_with_marks(forged, true)] {
            assert_eq!(shown, escaped);
        }
        let line = terminal.plain_with_marks(&terminal.failure_line(&format!("{forged} b.sql")), true);
        assert_eq!(line, format!("\x1b[31m✗\x1b[0m {escaped} b.sql"));
        assert_eq!(terminal.marked(Mark::Failure, forged), format!("\x1b[31m✗\x1b[0m {escaped}\n"));
    }
}

#[test]
fn commands_are_completed_unless_they_are_quoted() {
    let typed = vec![("--root", "app".to_owned())];
    let terminal = Terminal::new(Options { typed, folder: Some("app".into()), ..options() });
    let text = "docker compose up; cargo xtask db-backup";
    assert_eq!(terminal.to_type(text), "cd app && docker compose up; cargo xtask db-backup --root app");
    assert_eq!(terminal.verbatim().to_type(text), text);
    // What is no hint may hold names of others.
    assert_eq!((terminal.plain(text), terminal.plain_lines(text)), (text.to_owned(), text.to_owned()));
}

#[test]
fn no_line_begins_with_a_mark_that_is_not_ours() {
    let terminal = Terminal::new(options());
    let named = "zz\n✓ Done\n  → type this\n\u{2800}\u{a0}✔ yes\n⚠️ x\n… and 3 more\n≈ 2\nERROR:  x";
    let shown = "zz\n| ✓ Done\n  | → type this\n\u{2800}\u{a0}| ✔ yes\n| ⚠\\u{fe0f} x\n… and 3 more\n≈ 2\nERROR:  x";
    assert_eq!((terminal.plain(named), terminal.plain_lines(named)), (shown.to_owned(), shown.to_owned()));
    assert_eq!((terminal.plain("✓ a"), terminal.plain_lines("✓ a")), ("✓ a".to_owned(), "| ✓ a".to_owned()));
    let lines = [terminal.done_line("✓ a"), "✓ b".to_owned(), terminal.hint_line("c\n→ d")].join("\n");
    assert_eq!(terminal.plain_with_marks(&lines, false), "✓ ✓ a\n| ✓ b\n→ c\n| → d");
    let others =
        ["\u{301}✓", "\u{20e0}✓", "𝅙✓", "\u{16fe4}→", "\u{13441}✓", "🮱", "𐄂", "ᐅ x", "-> x", "> x", "×", "—› x"];
    for forged in others.into_iter().chain(["OK: x", "SKIPPED: x", "'✓' x", "… ✓", "--> x"]) {
        assert_eq!(terminal.plain(&format!("zz\n  {forged}")), format!("zz\n  | {forged}"));
    }
    // Words of a server stay as they are.
    let said = "FEHLER\nDETAIL:  x\nLINE 1: SELECT é\n               ^\nÄ\nдля\n错误\n\"a\" (b)\n- c\n--d\nWARNING:  x";
    assert_eq!(terminal.plain(said), said);
    assert_eq!(terminal.plain("a\n  → b\n    ^\n  c\n    ^"), "a\n  | → b\n      ^\n  c\n    ^");
    let ascii = Terminal::new(Options { unicode: false, ..options() });
    assert_eq!(ascii.plain("a\n✓ b\nERROR:  c\n-> d"), "a\n| OK: b\n| ERROR:  c\n| -> d");
}
