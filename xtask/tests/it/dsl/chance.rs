//! Properties of random models and of texts that are none. `XTASK_TEST_SEED` repeats a run, `XTASK_TEST_CASES`
//! lengthens it.

use super::generator::{self, mutated};
use super::model::Model;
use super::{files, shown};
use crate::harness::Test;
use crate::harness::dice::{self, Dice};

pub fn tests() -> Vec<Test> {
    tests![
        [] a_random_model_goes_through_dsl_and_json_and_back,
        [] no_text_makes_it_panic,
        [] no_json_makes_it_panic,
    ]
}

fn a_random_model_goes_through_dsl_and_json_and_back() {
    let (mut dice, seed) = Dice::thrown();
    for _ in 0..dice::cases(300) {
        let json = generator::model(&mut dice);
        let what = format!("seed {seed}: {json:#}");
        let (model, _) = Model::from_json("model.json", &json.to_string())
            .unwrap_or_else(|found| panic!("{}\n{what}", shown(&found)));
        assert_eq!(model.to_json(), json, "{what}");
        assert!(Model::from_value(&json).unwrap() == model, "{what}");
        let dsl = model.to_dsl().unwrap_or_else(|error| panic!("{error}\n{what}"));
        let (again, found) =
            Model::from_dsl("model.fga", &dsl).unwrap_or_else(|found| panic!("{}\n{dsl}\nseed {seed}", shown(&found)));
        assert!(!shown(&found).contains("OpenFGA's own tools"), "{}\n{dsl}\nseed {seed}", shown(&found));
        assert_eq!(model.difference(&again), Vec::<String>::new(), "{dsl}\n{what}");
        assert!(model == again, "{dsl}\n{what}");
        let (third, _) = Model::from_json("model.json", &again.to_json().to_string()).unwrap();
        assert_eq!(model.difference(&third), Vec::<String>::new(), "{dsl}\n{what}");
        assert_eq!(again.to_dsl().unwrap(), dsl, "{what}");
    }
}

/// What is put into a text: words and signs of the language, and letters that it does not expect.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "type", "define", "relations", "condition", "model", "schema", "module", "extend", "or", "and", "but not",
    "from", "with", "[", "]", "(", ")", "{", "}", "<", ">", ":", ",", "#", "*", "\n", "\r", "\t", "\"", "'",
    "\"\"\"", "//", "\\", "é", "日", "\u{feff}", "\u{0}", "((((((((((((((((((((((((((((((((((((((((", "a", " ",
];

/// A text with a few random changes: letters, words of the language, pieces of itself.
fn damaged(dice: &mut Dice, text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for _ in 0..=dice.below(6) {
        let at = dice.below(letters.len() + 1);
        let end = letters.len().min(at + dice.below(40));
        match dice.below(4) {
            0 => drop(letters.drain(at..end)),
            1 => drop(letters.splice(at..at, letters[at..end].to_vec())),
            2 => letters.truncate(if dice.once_in(8) { at } else { letters.len() }),
            _ => drop(letters.splice(at..at, dice.one_of(WORDS).chars())),
        }
    }
    letters.into_iter().collect()
}

/// What may be said of any text: it is read or refused with findings that point into it.
fn read(text: &str, seed: u64) {
    let findings = match Model::from_dsl("model.fga", text) {
        Ok((model, findings)) => {
            // What was read can be written, and read again as the same; or the DSL says that it cannot.
            if let Ok(dsl) = model.to_dsl() {
                assert!(super::model(&dsl) == model, "seed {seed}: {text}\n{dsl}");
            }
            assert!(Model::from_value(&model.to_json()).unwrap() == model, "seed {seed}: {text}");
            findings
        }
        Err(findings) => {
            assert!(!findings.is_empty(), "seed {seed}: {text}");
            findings
        }
    };
    let lines: Vec<&str> = text.split_inclusive(['\n', '\r']).collect();
    for finding in findings {
        assert!((1..=lines.len() + 1).contains(&finding.line), "seed {seed}: {finding}\n{text}");
        let shown = &finding.source_line;
        assert!(finding.column >= 1 && finding.before <= shown.chars().count(), "seed {seed}: {finding}\n{text}");
        let excerpt = shown.strip_prefix('…').unwrap_or(shown);
        let excerpt = excerpt.strip_suffix('…').unwrap_or(excerpt);
        assert!(text.contains(excerpt) && !finding.to_string().is_empty(), "seed {seed}: {finding}");
    }
}

fn no_text_makes_it_panic() {
    let (mut dice, seed) = Dice::thrown();
    let texts: Vec<String> = ["accepted", "refused", "warned"]
        .iter()
        .flat_map(|folder| files(folder, ".fga"))
        .map(|(_, text)| text)
        .collect();
    for _ in 0..dice::cases(2000) {
        let text = &texts[dice.below(texts.len())];
        read(&damaged(&mut dice, text), seed);
        let length = dice.below(200);
        let bytes: Vec<u8> = (0..length).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
        read(&String::from_utf8_lossy(&bytes), seed);
        let manifest = damaged(&mut dice, "schema: '1.2'\ncontents:\n  - core.fga\n  - sub/wiki.fga\n");
        let _ = Model::from_modules("fga.mod", &manifest, &|_| Ok(text.clone()));
    }
}

fn no_json_makes_it_panic() {
    let (mut dice, seed) = Dice::thrown();
    for _ in 0..dice::cases(300) {
        let json = generator::model(&mut dice);
        let changed = mutated(&mut dice, &json);
        let text = changed.to_string();
        let read = [Model::from_json("m", &text).ok().map(|(model, _)| model), Model::from_value(&changed).ok()];
        for model in read.into_iter().flatten() {
            let again = Model::from_value(&model.to_json()).unwrap();
            assert!(again == model, "seed {seed}: {text}");
            if let Ok(dsl) = model.to_dsl()
                && let Ok((again, _)) = Model::from_dsl("m", &dsl)
            {
                assert!(again == model, "seed {seed}: {text}\n{dsl}");
            }
        }
        let _ = Model::from_json("m", &damaged(&mut dice, &text));
    }
}
