//! Model to DSL, and what the DSL has no words for.

use super::definition::Model;
use super::expression;
use super::names;
use super::parts::{Condition, Name, Origin, Relation, Rewrite, TypeDefinition, UserForm};
use super::types;
use std::fmt::{self, Write as _};

/// Why the DSL has no words for a model that JSON can hold; one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotExpressible {
    pub reasons: Vec<String>,
}

impl fmt::Display for NotExpressible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the DSL cannot express this model:")?;
        self.reasons.iter().try_for_each(|reason| write!(f, "\n  {reason}"))
    }
}

impl std::error::Error for NotExpressible {}

/// The model as one DSL file. Modules, which only several files can express, become comments.
pub fn print(model: &Model) -> Result<String, NotExpressible> {
    let mut printer = Printer { out: format!("model\n  schema {}\n", model.schema), reasons: Vec::new() };
    model.types.iter().for_each(|definition| printer.type_definition(definition));
    model.conditions.iter().for_each(|condition| printer.condition(condition));
    if printer.reasons.is_empty() { Ok(printer.out) } else { Err(NotExpressible { reasons: printer.reasons }) }
}

/// A relation's rewrite as the DSL writes it; for people, so that nothing is too strange for it.
pub fn definition(relation: &Relation) -> String {
    let mut printer = Printer::default();
    printer.rewrite(relation, &relation.rewrite, Level::Whole { first: true });
    printer.out
}

/// A parameter list as the DSL writes it.
pub fn parameters(condition: &Condition) -> String {
    let shown: Vec<String> = condition.parameters.iter().map(|(name, kind)| format!("{name}: {kind}")).collect();
    shown.join(", ")
}

#[derive(Default)]
struct Printer {
    out: String,
    reasons: Vec<String>,
}

/// Where an operand stands: alone, or among others, where operators need parentheses.
#[derive(Clone, Copy)]
enum Level {
    Whole { first: bool },
    Operand { first: bool },
}

impl Printer {
    fn type_definition(&mut self, definition: &TypeDefinition) {
        self.name(&definition.name, "type", names::is_plain);
        self.line(format_args!("\ntype {}{}", definition.name, comment(&definition.origin)));
        if !definition.relations.is_empty() {
            self.line(format_args!("  relations"));
        }
        for relation in &definition.relations {
            self.relation(&definition.name, relation);
        }
    }

    fn relation(&mut self, type_name: &Name, relation: &Relation) {
        self.name(&relation.name, "relation", names::is_plain);
        let before = self.reasons.len();
        self.out.push_str(&format!("    define {}: ", relation.name));
        let directs = self.rewrite(relation, &relation.rewrite, Level::Whole { first: true });
        if directs > 1 {
            self.reasons.push("the directly assignable types are listed more than once".to_owned());
        }
        if directs == 0 && !relation.user_types.is_empty() {
            self.reasons.push("it has user types, but nothing in it is directly assignable".to_owned());
        }
        for reason in &mut self.reasons[before..] {
            *reason = format!("{type_name}#{}: {reason}", relation.name);
        }
        self.line(format_args!("{}", comment(&relation.origin)));
    }

    /// Writes a rewrite; how many `[…]` it holds.
    fn rewrite(&mut self, relation: &Relation, rewrite: &Rewrite, level: Level) -> usize {
        let (Level::Whole { first } | Level::Operand { first }) = level;
        let (operator, operands): (&str, Vec<&Rewrite>) = match rewrite {
            Rewrite::Direct => {
                self.direct(relation, first);
                return 1;
            }
            Rewrite::Computed(computed) => {
                self.name(computed, "relation", names::is_plain);
                self.out.push_str(&computed.text);
                return 0;
            }
            Rewrite::From { computed, tupleset } => {
                self.name(computed, "relation", names::is_plain);
                self.name(tupleset, "relation", names::is_plain);
                self.out.push_str(&format!("{computed} from {tupleset}"));
                return 0;
            }
            Rewrite::Union(operands) => (" or ", direct_first(operands)),
            Rewrite::Intersection(operands) => (" and ", direct_first(operands)),
            Rewrite::Difference(base, subtract) => (" but not ", vec![base, subtract]),
        };
        if operands.is_empty() {
            self.reasons.push("a union or intersection of nothing".to_owned());
        }
        let grouped = matches!(level, Level::Operand { .. });
        self.out.push_str(if grouped { "(" } else { "" });
        let mut directs = 0;
        for (index, operand) in operands.into_iter().enumerate() {
            self.out.push_str(if index > 0 { operator } else { "" });
            directs += self.rewrite(relation, operand, Level::Operand { first: first && index == 0 });
        }
        self.out.push_str(if grouped { ")" } else { "" });
        directs
    }

    fn direct(&mut self, relation: &Relation, first: bool) {
        if !first {
            self.reasons.push("the directly assignable types do not come first".to_owned());
        }
        if relation.user_types.is_empty() {
            self.reasons.push("it is directly assignable, but to no type".to_owned());
        }
        for user_type in &relation.user_types {
            self.name(&user_type.type_name, "type", names::is_plain);
            if let UserForm::Userset(userset) = &user_type.form {
                self.name(userset, "relation", names::is_plain);
            }
            if let Some(condition) = &user_type.condition {
                self.name(condition, "condition", names::is_plain_use);
            }
        }
        let shown: Vec<String> = relation.user_types.iter().map(ToString::to_string).collect();
        self.out.push_str(&format!("[{}]", shown.join(", ")));
    }

    fn condition(&mut self, condition: &Condition) {
        self.name(&condition.name, "condition", names::is_plain_condition);
        let before = self.reasons.len();
        for (name, kind) in &condition.parameters {
            self.name(name, "parameter", names::is_plain_parameter);
            if !types::is_readable(kind) {
                self.reasons.push(format!("parameter {name}: the type {kind}"));
            }
        }
        if condition.parameters.is_empty() {
            self.reasons.push("it has no parameter".to_owned());
        }
        if condition.expression.trim().is_empty() || !expression::fits_into_body(&condition.expression) {
            self.reasons.push("its expression cannot stand between braces".to_owned());
        }
        for reason in &mut self.reasons[before..] {
            *reason = format!("condition {}: {reason}", condition.name);
        }
        let (name, parameters) = (&condition.name, parameters(condition));
        self.line(format_args!("\ncondition {name}({parameters}) {{{}", comment(&condition.origin)));
        self.line(format_args!("  {}\n}}", condition.expression.trim()));
    }

    fn name(&mut self, name: &Name, what: &str, plain: fn(&str) -> bool) {
        if !plain(&name.text) {
            self.reasons.push(format!("the {what} name {:?}", name.text));
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing into a string cannot fail.
        let _ = writeln!(self.out, "{line}");
    }
}

/// `or` and `and` do not care for order, the DSL does: what is directly assignable goes first, else what begins with
/// it.
fn direct_first(operands: &[Rewrite]) -> Vec<&Rewrite> {
    let mut ordered: Vec<&Rewrite> = operands.iter().collect();
    ordered.sort_by_key(|operand| match operand {
        Rewrite::Direct => 0,
        operand if can_start_direct(operand) => 1,
        _ => 2,
    });
    ordered
}

/// Whether a rewrite can be written so that it begins with `[…]`.
fn can_start_direct(rewrite: &Rewrite) -> bool {
    match rewrite {
        Rewrite::Direct => true,
        Rewrite::Computed(_) | Rewrite::From { .. } => false,
        Rewrite::Union(operands) | Rewrite::Intersection(operands) => operands.iter().any(can_start_direct),
        Rewrite::Difference(base, _) => can_start_direct(base),
    }
}

fn comment(origin: &Origin) -> String {
    let plain = |text: &&String| names::is_accepted(text, names::LONGEST_TYPE);
    let module = origin.module.as_ref().filter(plain).map(|module| format!("module: {module}"));
    let file = origin.file.as_ref().filter(plain).map(|file| format!("file: {file}"));
    let known: Vec<String> = module.into_iter().chain(file).collect();
    if known.is_empty() { String::new() } else { format!(" # {}", known.join(", ")) }
}
