//! Names, lengths and numbers: what the API's field rules refuse, and what is defined twice.

use super::super::definition::Model;
use super::super::finding::Note;
use super::super::names::{self, LONGEST_NAME, LONGEST_TYPE};
use super::super::parts::{Condition, Name};
use super::super::types;

/// The most conditions of a model, and the most parameters of a condition.
const MOST_CONDITIONS: usize = 25;
/// The most bytes of an expression.
const LONGEST_EXPRESSION: usize = 512;
/// A server's default for `OPENFGA_MAX_TYPES_PER_AUTHORIZATION_MODEL`.
const USUAL_TYPES: usize = 100;

/// The most operands of a model. Each takes seven bytes at least; a server takes a model of 256 kB, and a request of
/// about 600 kB, unless it is configured otherwise.
const MOST_OPERANDS: usize = 100_000;

/// Whether the model is so large that no more is looked at.
pub fn is_too_large(model: &Model, notes: &mut Vec<Note>) -> bool {
    let mut operands: usize = 0;
    for relation in model.types.iter().flat_map(|definition| &definition.relations) {
        relation.rewrite.visit(&mut |_| operands += 1);
        operands += relation.user_types.len();
        if operands > MOST_OPERANDS {
            let message = format!("the model has more than {MOST_OPERANDS} operands: no server takes a model so large");
            notes.push(Note::error(relation.name.place, message));
            return true;
        }
    }
    false
}

/// `complete` if everything in the files was understood.
pub fn check(model: &Model, complete: bool, notes: &mut Vec<Note>) {
    schema(model, notes);
    if model.types.is_empty() && complete {
        notes.push(Note::error(model.schema.place, "a model needs at least one type"));
    }
    if let Some(definition) = model.types.get(USUAL_TYPES) {
        let message = format!(
            "the model has {} types: a server takes {USUAL_TYPES} unless OPENFGA_MAX_TYPES_PER_AUTHORIZATION_MODEL says more",
            model.types.len()
        );
        notes.push(Note::warning(definition.name.place, message));
    }
    names(model.types.iter().map(|definition| &definition.name), "type", LONGEST_TYPE, notes);
    for definition in &model.types {
        names(definition.relations.iter().map(|relation| &relation.name), "relation", LONGEST_NAME, notes);
    }
    names(model.conditions.iter().map(|condition| &condition.name), "condition", LONGEST_NAME, notes);
    if let Some(condition) = model.conditions.get(MOST_CONDITIONS) {
        let message = format!("the model has {} conditions, {MOST_CONDITIONS} are allowed", model.conditions.len());
        notes.push(Note::error(condition.name.place, message));
    }
    for one in &model.conditions {
        condition(one, notes);
    }
}

fn condition(condition: &Condition, notes: &mut Vec<Note>) {
    names(condition.parameters.iter().map(|(name, _)| name), "parameter", LONGEST_NAME, notes);
    let (parameters, bytes) = (condition.parameters.len(), condition.expression.len());
    if parameters > MOST_CONDITIONS {
        let message = format!("`{}` has {parameters} parameters, {MOST_CONDITIONS} are allowed", condition.name);
        notes.push(Note::error(condition.name.place, message));
    }
    for (name, kind) in &condition.parameters {
        if !types::is_complete(kind) {
            let message = format!("expected a type in `{kind}` exactly where it is a map or list");
            notes.push(Note::error(name.place, message));
        }
    }
    if condition.expression.trim().is_empty() {
        notes.push(Note::error(condition.name.place, format!("the condition `{}` has no expression", condition.name)));
    }
    if bytes > LONGEST_EXPRESSION {
        let message = format!(
            "the expression of `{}` has {bytes} bytes, {LONGEST_EXPRESSION} are allowed: two conditions may share the work",
            condition.name
        );
        notes.push(Note::error(condition.name.place, message));
    }
}

fn schema(model: &Model, notes: &mut Vec<Note>) {
    if !["1.1", "1.2"].contains(&model.schema.text.as_str()) {
        let message = format!("expected the schema's version 1.1 or 1.2, found `{}`", model.schema);
        notes.push(Note::error(model.schema.place, message));
    }
}

/// Names of one kind in one place: reserved, too long, or there before.
fn names<'m>(all: impl Iterator<Item = &'m Name>, what: &str, longest: usize, notes: &mut Vec<Note>) {
    let mut seen = std::collections::HashSet::new();
    for name in all {
        let reserved = matches!(what, "type" | "relation") && matches!(name.text.as_str(), "self" | "this");
        if reserved {
            notes.push(Note::error(name.place, format!("a {what} cannot be called `{name}`: the word is reserved")));
        } else if name.text.chars().count() > longest {
            let length = name.text.chars().count();
            let message = format!("the {what}'s name has {length} characters, {longest} are allowed");
            notes.push(Note::error(name.place, message));
        } else if !names::is_accepted(&name.text, longest) {
            let message = format!("expected a {what}'s name without blanks, `:`, `#` and `@`, found {:?}", name.text);
            notes.push(Note::error(name.place, message));
        }
        if !seen.insert(&name.text) {
            notes.push(Note::error(name.place, format!("the {what} `{name}` is defined twice")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Model;
    use super::MOST_OPERANDS;
    use std::time::Instant;

    /// A model in which one relation has so many operands; `operand` writes each, by its number.
    fn text(operands: usize, operator: &str, operand: &dyn Fn(usize) -> String) -> String {
        let all: Vec<String> = (0..operands).map(operand).collect();
        let plain: String = (0..100).map(|number| format!("    define r{number}: [user]\n")).collect();
        let head = "model\n  schema 1.1\ntype user\ntype a\n  relations\n    define p: [a]\n";
        format!("{head}{plain}    define all: {}\n", all.join(&format!(" {operator} ")))
    }

    /// The processor's time of this thread in nanoseconds, so far: a machine with other work does not add to it. Where
    /// the system does not know it, the time since `start`.
    fn processor_time(start: Instant) -> u128 {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        let told = told.split(' ').next().and_then(|nanoseconds| nanoseconds.parse().ok());
        told.unwrap_or_else(|| start.elapsed().as_nanos())
    }

    /// How long a text takes to read, in nanoseconds: the average of so many times that the system's clock, which counts
    /// in steps of up to 10 ms, tells it.
    fn time(text: &str) -> u128 {
        const LONG_ENOUGH: u128 = 100_000_000;
        let start = Instant::now();
        let before = processor_time(start);
        let mut times = 0;
        loop {
            drop(Model::from_dsl("model.fga", text));
            times += 1;
            let taken = processor_time(start).saturating_sub(before);
            if taken >= LONG_ENOUGH {
                return taken / times;
            }
        }
    }

    #[test]
    fn ten_times_the_operands_do_not_take_a_hundred_times_as_long() {
        type Operand = &'static dyn Fn(usize) -> String;
        let kinds: [(&str, &str, Operand); 7] = [
            ("the same one", "or", &|_| "r1".to_owned()),
            ("all `and`", "and", &|_| "r1".to_owned()),
            ("different ones", "or", &|number| format!("r{}", number % 100)),
            ("through another object", "or", &|number| format!("r{} from p", number % 100)),
            ("unknown ones", "or", &|number| format!("x{number}")),
            ("in parentheses", "or", &|number| format!("(r{} and r1)", number % 100)),
            ("operators that do not mix", "or", &|number| {
                if number % 2 == 0 { "r1 and r2".into() } else { "r3".into() }
            }),
        ];
        for (what, operator, operand) in kinds {
            let [few, many] = [300, 3_000].map(|count| time(&text(count, operator, operand)));
            // Linear is 10, quadratic 100.
            assert!(many < few * 40, "{what}: {few} ns, and {many} ns for ten times as many");
        }
    }

    #[test]
    fn more_operands_than_any_server_takes_are_refused() {
        let read = |count: usize| Model::from_dsl("model.fga", &text(count, "or", &|_| "r1".to_owned()));
        let findings = read(MOST_OPERANDS + 1).expect_err("it is too large");
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].message.contains("more than 100000 operands"), "{}", findings[0].message);
    }
}
