//! The words of the glossary: what it retires stays out of messages, help, comments, names and pages.

use crate::documents::pages;
use crate::harness::{Test, sandbox::checkout};
use std::fs;
use std::path::{Path, PathBuf};

pub fn tests() -> Vec<Test> {
    tests![
        [] retired_phrases_stay_out_of_messages_and_comments,
        [] retired_phrases_stay_out_of_the_pages,
        [] retired_names_stay_out_of_the_code,
        [] phrases_are_found_as_whole_words_in_any_case,
    ]
}

/// The rows of the glossary's table of retired words: the words of the first cell, and what to say instead.
fn retired(quote: char) -> Vec<(String, String)> {
    let page = fs::read_to_string(checkout().join("docs/glossary.md")).unwrap();
    let section = page.split("\n## Retired words\n").nth(1).expect("the glossary has the section");
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let mut found = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let words = cells[1].split(quote).skip(1).step_by(2);
        found.extend(words.map(|word| (word.to_owned(), cells[2].to_owned())));
    }
    assert!(found.len() >= 5, "the rows were not found: {found:?}");
    found
}

/// The lines of every source file below this folder of `xtask`, with their place; this file quotes what is refused.
fn source_lines(folder: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                walk(&entry.path(), found);
            } else {
                found.push(entry.path());
            }
        }
    }
    let folder = checkout().join("xtask").join(folder);
    let mut files = Vec::new();
    walk(&folder, &mut files);
    files.retain(|file| !file.ends_with("plain_words.rs"));
    files.sort();
    let mut lines = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(&folder).unwrap().display().to_string();
        lines.extend(text.lines().enumerate().map(|(at, line)| (format!("{name}:{}", at + 1), line.to_owned())));
    }
    assert!(lines.len() > 10_000, "the source files were not found");
    lines
}

/// Whether the text has the phrase between word boundaries; `_` and digits belong to a word. Behind `feed::` any word may
/// follow.
fn has(text: &str, phrase: &str) -> bool {
    let is_word = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    let ends_in_word = is_word(phrase.chars().next_back());
    text.match_indices(phrase).any(|(at, found)| {
        let goes_on = ends_in_word && is_word(text[at + found.len()..].chars().next());
        !is_word(text[..at].chars().next_back()) && !goes_on
    })
}

fn check(lines: &[(String, String)], quote: char, in_any_case: bool) {
    let mut wrong = Vec::new();
    for (word, instead) in retired(quote) {
        for (place, line) in lines {
            let found = if in_any_case { has(&line.to_lowercase(), &word) } else { has(line, &word) };
            if found {
                wrong.push(format!("{place}: {word}: say {instead}: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "words that docs/glossary.md retires:\n{}", wrong.join("\n"));
}

fn retired_phrases_stay_out_of_messages_and_comments() {
    check(&source_lines("src"), '"', true);
    check(&source_lines("tests/it"), '"', true);
}

fn retired_phrases_stay_out_of_the_pages() {
    let mut lines = Vec::new();
    for (page, text) in pages() {
        // The glossary lists them, and the changelog speaks of versions that used them.
        if !["docs/glossary.md", "CHANGELOG.md"].contains(&page.as_str()) {
            lines.extend(text.lines().enumerate().map(|(at, line)| (format!("{page}:{}", at + 1), line.to_owned())));
        }
    }
    assert!(lines.len() > 500, "the pages were not found");
    check(&lines, '"', true);
}

fn retired_names_stay_out_of_the_code() {
    check(&source_lines("src"), '`', false);
    check(&source_lines("tests/it"), '`', false);
}

fn phrases_are_found_as_whole_words_in_any_case() {
    assert!(has("mend the file", "mend") && has("then (mend) it", "mend"));
    assert!(!has("recommended, amend, mend_it", "mend") && !has("the databases of before", "database of before"));
    assert!(has("super::feed::prove", "feed::") && !has("newsfeed::x", "feed::"));
}
