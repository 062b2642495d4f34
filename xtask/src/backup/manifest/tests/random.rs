//! Random manifests.

use super::{facts, parsed};
use crate::backup::manifest::Manifest;
use crate::backup::sealed::Sealed as _;
use crate::postgres::count::Count;
use chrono::DateTime;
use serde_json::{Value, json};

/// Random numbers: the same for the same seed.
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        // Knuth's MMIX generator; the upper bits are the random ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.throw()).unwrap() % end.max(1)
    }

    fn text(&mut self) -> String {
        let letters =
            ['a', '"', '\'', '\\', '\0', '\n', '\u{1b}', '\u{9b}', '=', '/', '.', '*', 'T', '1', 'ü', '😀', ';', ' '];
        let length = [0, 1, 3, 9, 63, 64, 256, 300][self.below(8)];
        (0..length).map(|_| letters[self.below(letters.len())]).collect()
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 8 } else { 10 }) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 => json!([0, 1, u64::MAX, Count::MOST, Count::MOST + 1, 1 << 32][self.below(6)]),
            3 => json!([-1, -2, i64::MIN, i64::from(i32::MAX), i64::from(i32::MIN)][self.below(5)]),
            4 => json!([0.5, -0.5, 1e300, 1e18, -0.0][self.below(5)]),
            5 => json!(
                ["C", "UTF8", "icu", "a=T/b", "a.b=c", "2025-10-21T14:30:22Z", "9998-12-31T23:59:59-23:59"]
                    [self.below(7)]
            ),
            6 | 7 => json!(self.text()),
            8 => (0..self.below(4)).map(|_| self.value(depth - 1)).collect(),
            _ => Value::Object((0..self.below(4)).map(|_| (self.text(), self.value(depth - 1))).collect()),
        }
    }

    /// Puts something else in the place of one of its parts, or takes it away.
    fn change(&mut self, value: &mut Value) {
        let stop = self.below(4) == 0;
        match value {
            Value::Object(members) if !stop && !members.is_empty() => {
                let at = self.below(members.len());
                let key = members.keys().nth(at).cloned().unwrap();
                match self.below(12) {
                    0 => drop(members.remove(&key)),
                    1 => drop(members.insert(self.text(), self.value(2))),
                    _ => self.change(members.get_mut(&key).unwrap()),
                }
            }
            Value::Array(elements) if !stop && !elements.is_empty() => {
                let at = self.below(elements.len());
                match self.below(6) {
                    0 => drop(elements.remove(at)),
                    1 => elements.push(elements[at].clone()),
                    _ => self.change(&mut elements[at]),
                }
            }
            value => *value = self.value(2),
        }
    }
}

/// What holds for every manifest that is taken.
fn is_in_bounds(manifest: &Manifest) {
    let year = chrono::Datelike::year(&manifest.started_at.time());
    assert!((1900..=9998).contains(&year));
    assert!(manifest.rows() <= Count::MOST && manifest.bytes.get() <= Count::MOST);
    assert!(manifest.tables().len() <= manifest.copied.len());
    let _ = DateTime::UNIX_EPOCH.fixed_offset().signed_duration_since(manifest.started_at.time());
    let value = serde_json::to_value(manifest).unwrap();
    let mut parts = vec![&value];
    while let Some(part) = parts.pop() {
        match part {
            Value::String(text) => assert!(text.len() <= 1 << 21 && !text.contains('\0'), "{text:?}"),
            Value::Array(elements) => parts.extend(elements),
            Value::Object(members) => {
                assert!(members.keys().all(|key| !key.contains('\0')));
                parts.extend(members.values());
            }
            _ => {}
        }
    }
    assert_eq!(Manifest::parse(&manifest.line().unwrap()), Some(Ok(manifest.clone())));
}

const CASES: u64 = 1000;

#[test]
fn random_manifests_never_panic_and_are_taken_only_within_bounds() {
    let mut taken = 0;
    for seed in 0..CASES {
        let mut dice = Dice(seed * 77 + 1);
        let mut facts = facts();
        for _ in 0..=dice.below(3) {
            dice.change(&mut facts);
        }
        if !facts.is_object() {
            continue;
        }
        if let Ok(manifest) = parsed(&facts) {
            is_in_bounds(&manifest);
            taken += 1;
        }
    }
    assert!((CASES / 40..CASES * 3 / 4).contains(&taken), "{taken} of {CASES} were taken");
}
