//! Commands in texts, completed as they are to be typed now.

use crate::words::clean_line;
use std::ops::Range;

/// What commands are written as in our texts, up to the name of the command.
const CALL: &str = "cargo xtask ";

/// The text for a program that is called by these words of a command line.
pub fn as_called(text: &str, call: &str) -> String {
    let call = format!("{} ", clean_line(call));
    let mut called = String::with_capacity(text.len());
    let mut done = 0;
    for at in outside_quotes(text, CALL) {
        called.extend([&text[done..at], &call]);
        done = at + CALL.len();
    }
    called + &text[done..]
}

/// Where these words stand in a hint, but for those in quotes: a name of others may hold any.
fn outside_quotes<'a>(text: &'a str, words: &'a str) -> impl Iterator<Item = usize> + 'a {
    let quoted = quotes(text);
    let found = text.match_indices(words).map(|(at, _)| at);
    found.filter(move |at| !quoted.iter().any(|quote| quote.contains(at)))
}

/// The words in quotes, whichever a quote is of: a backslash in double quotes escapes in a shell, and is a letter in SQL.
pub(super) fn quotes(text: &str) -> Vec<Range<usize>> {
    [true, false].into_iter().flat_map(|escapes| quotes_of(text, escapes)).collect()
}

/// The words in quotes of a shell or of SQL. An apostrophe behind a letter is none, nor a quote that nothing ends.
fn quotes_of(text: &str, escapes: bool) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let ((mut earlier, mut before), mut from) = ((' ', ' '), 0);
    for (at, letter) in text.char_indices() {
        let is_escaping = before == 'E' && !earlier.is_alphanumeric();
        // Behind a backslash a quote begins nothing: `'it'\''s'`.
        let may_begin = at >= from && before != '\\' && (is_escaping || !before.is_alphanumeric());
        let is_begin = may_begin && matches!(letter, '\'' | '"');
        let length = is_begin.then(|| quote_length(&text[at + 1..], letter, escapes)).flatten();
        if let Some(length) = length {
            from = at + 1 + length;
            found.push(at..from);
        }
        (earlier, before) = (before, letter);
    }
    found
}

/// How long the rest of a quote is, with its end.
fn quote_length(text: &str, quote: char, escapes: bool) -> Option<usize> {
    let mut is_escaped = false;
    let end = text.char_indices().find(|(_, letter)| {
        let is_end = *letter == quote && !is_escaped;
        is_escaped = escapes && quote == '"' && *letter == '\\' && !is_escaped;
        is_end
    });
    end.map(|(at, _)| at + 1)
}

/// What Compose is typed as, and the commands of it that work on the project of the folder where they are typed.
const COMPOSE: &str = "docker compose ";
const ALL_PROFILES: &str = "--profile '*' ";
const OF_PROJECT: [&str; 11] =
    ["config", "down", "logs", "ps", "restart", "rm", "run", "start", "stop", "unpause", "up"];

/// Commands of Compose that a text says to type, for a person who stands outside of the project's folder, a word of a
/// command line. Only there Compose reads the same `.env` and files as this program.
pub fn in_folder(text: &str, folder: Option<&str>) -> String {
    let Some(folder) = folder else { return text.to_owned() };
    let there = format!("cd {} && ", clean_line(folder));
    let mut completed = String::with_capacity(text.len());
    let mut done = 0;
    for at in outside_quotes(text, COMPOSE) {
        let (before, after) = (&text[done..at], &text[at + COMPOSE.len()..]);
        completed.push_str(before);
        let command = after.strip_prefix(ALL_PROFILES).unwrap_or(after);
        let command = command.split(|letter: char| !letter.is_ascii_lowercase()).next().unwrap_or_default();
        if OF_PROJECT.contains(&command) && !before.ends_with(&there) {
            completed.push_str(&there);
        }
        completed.push_str(COMPOSE);
        done = at + COMPOSE.len();
    }
    completed + &text[done..]
}

/// Options that say which store file is meant, and the commands that read one. Every other option is every command's.
const OF_STORE_FILES: &[&str] = &["--file", "--store", "--allow-external-files"];
const READ_STORE_FILES: &[&str] = &["setup-openfga", "test-auth"];

/// Commands that a text says to type, with these options; a command that has one of them already keeps it. An option
/// without a value has an empty one.
pub fn with_options(text: &str, options: &[(&str, String)]) -> String {
    let mut completed = String::with_capacity(text.len());
    let mut done = 0;
    for at in outside_quotes(text, CALL) {
        let (before, after) = (&text[done..at + CALL.len()], &text[at + CALL.len()..]);
        let end = after.find(|letter: char| !letter.is_ascii_lowercase() && letter != '-').unwrap_or(after.len());
        let (command, after) = after.split_at(end);
        completed.push_str(before);
        completed.push_str(command);
        if !command.is_empty() && command != "help" && !command.starts_with('-') {
            let given = own_options(after);
            let taken = |option: &str| !OF_STORE_FILES.contains(&option) || READ_STORE_FILES.contains(&command);
            for (option, value) in options.iter().filter(|(option, _)| taken(option) && !given.contains(option)) {
                completed.push_str(format!(" {option} {}", clean_line(value)).trim_end());
            }
        }
        done = at + CALL.len() + command.len();
    }
    completed + &text[done..]
}

/// The options of a command whose arguments begin here: words of our own, never part of a name. They end at `--`, at a
/// bracket, and where the line or the command does.
fn own_options(arguments: &str) -> Vec<&str> {
    let line = arguments.split('\n').next().unwrap_or_default();
    let mut options = Vec::new();
    let mut quote = None;
    for word in line.split(' ') {
        let is_quoted = quote.is_some();
        quote = quote_behind(word, quote);
        if is_quoted {
            continue;
        }
        let bare = word.trim_end_matches([';', ',', '.', ':']);
        if bare == "--" || bare.starts_with('(') {
            break;
        }
        if bare.starts_with("--") {
            options.push(bare.split('=').next().unwrap_or(bare));
        }
        if bare != word && !word.ends_with('.') {
            break;
        }
    }
    options
}

/// The quote of a shell that is open behind this word.
fn quote_behind(word: &str, mut open: Option<char>) -> Option<char> {
    let mut letters = word.chars();
    while let Some(letter) = letters.next() {
        match (open, letter) {
            (None, '\\') => drop(letters.next()),
            (None, '\'' | '"') => open = Some(letter),
            (Some(quote), _) if quote == letter => open = None,
            _ => {}
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_compose_are_typed_in_the_projects_folder() {
        let text = "see: docker compose ps --all, and docker compose logs db\ndocker compose failed (exit code 1)";
        let expected = "see: cd '../a b' && docker compose ps --all, and cd '../a b' && docker compose logs db\n\
                        docker compose failed (exit code 1)";
        assert_eq!(in_folder(text, Some("'../a b'")), expected);
        assert_eq!(in_folder(expected, Some("'../a b'")), expected);
        assert_eq!(in_folder(text, None), text);
        let all = "docker compose --profile '*' config --quiet";
        assert_eq!(in_folder(all, Some("a")), format!("cd a && {all}"));
    }

    #[test]
    fn what_is_to_be_typed_has_the_options_that_were_typed() {
        for (text, expected) in [
            ("repair it: cargo xtask db-restore --repair", "repair it: cargo xtask db-restore --target url --repair"),
            (
                "cargo xtask up, then: cargo xtask down\n",
                "cargo xtask up --target url, then: cargo xtask down --target url\n",
            ),
            (
                "cargo xtask up --target local\ncargo xtask up",
                "cargo xtask up --target local\ncargo xtask up --target url",
            ),
            ("cargo xtask help db-list; cargo xtask …", "cargo xtask help db-list; cargo xtask …"),
        ] {
            assert_eq!(with_options(text, &[("--target", "url".to_owned())]), expected);
        }
        let both = [("--target", "url".to_owned()), ("--database", "'a b\n'".to_owned())];
        let text = "go back: cargo xtask db-restore --undo\ncargo xtask up --target url";
        let expected = "go back: cargo xtask db-restore --target url --database 'a b\\n' --undo\n\
                        cargo xtask up --database 'a b\\n' --target url";
        assert_eq!(with_options(text, &both), expected);
        // What looks like an option in a name is none.
        for rest in [
            " -- -f p--database--target.sql",
            " 'a --database --target b' x",
            " 'a'\\'' --target --database '",
            " (--database)",
        ] {
            assert_eq!(
                with_options(&format!("of --target and --database: cargo xtask db-shell{rest}"), &both),
                format!("of --target and --database: cargo xtask db-shell --target url --database 'a b\\n'{rest}")
            );
        }
        let own = "cargo xtask db-shell 'x' --target=url --database c -- -f y";
        assert_eq!(with_options(own, &both), own);
    }

    #[test]
    fn a_command_in_a_name_is_none_of_ours() {
        let both = [("--target", "url".to_owned()), ("--database", "'a b\n'".to_owned())];
        for named in [
            "'a'\\'' cargo xtask db-reset'",
            "\"i cargo xtask db-reset\"",
            "$'a\\012cargo xtask db-reset'",
            "E'x cargo xtask db-reset'",
        ] {
            let typed =
                format!("the owner's: P={named} cargo xtask db-restore --target url --database 'a b\\n' {named}");
            let text = format!("the owner's: P={named} cargo xtask db-restore {named}");
            assert_eq!(with_options(&text, &both), typed);
            assert_eq!(as_called(&text, "x"), format!("the owner's: P={named} x db-restore {named}"));
        }
        assert_eq!(in_folder("a 'docker compose up' b", Some("f")), "a 'docker compose up' b");
        // In a name of SQL a backslash is a letter, and ends nothing.
        for named in ["REVOKE \"me\\\" FROM \"x cargo xtask db-reset --yes \"", "\"i\\\" TO \"cargo xtask db-reset \""]
        {
            assert_eq!(with_options(named, &both), named);
            assert_eq!(as_called(named, "x"), named);
        }
        assert_eq!(as_called("cargo xtask up: \"a\\\" b\"", "x"), "x up: \"a\\\" b\"");
    }

    #[test]
    fn a_command_begins_as_the_program_was_called() {
        let text = "COMPOSE_PROFILES=db cargo xtask up; docs of cargo xtask: x";
        assert_eq!(as_called(text, "cargo tasks"), "COMPOSE_PROFILES=db cargo tasks up; docs of cargo xtask: x");
        assert_eq!(as_called("cargo xtask up", "'/a b/xtask\n'"), "'/a b/xtask\\n' up");
    }

    #[test]
    fn a_store_file_goes_to_the_commands_that_read_one() {
        let options = [("--root", "/r"), ("--file", "'a b.fga.yaml'"), ("--allow-external-files", "")];
        let options = options.map(|(option, value)| (option, value.to_owned()));
        assert_eq!(
            with_options("write it: cargo xtask setup-openfga; then: cargo xtask health-check\n", &options),
            "write it: cargo xtask setup-openfga --root /r --file 'a b.fga.yaml' --allow-external-files; \
             then: cargo xtask health-check --root /r\n"
        );
        assert_eq!(
            with_options("cargo xtask test-auth --file -", &options),
            "cargo xtask test-auth --root /r --allow-external-files --file -"
        );
    }
}
