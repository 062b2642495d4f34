//! What changes when one model takes another's place, line by line.

use super::canonical::canonical;
use super::definition::Model;
use super::parts::{Condition, Origin, Relation, TypeDefinition};
use super::printer;

/// One line for each type, relation and condition that comes, goes or changes, in the order of their names.
pub fn difference(old: &Model, new: &Model) -> Vec<String> {
    let after = canonical(new);
    let mut before = canonical(old);
    if !has_origin(&after) {
        forget_origin(&mut before);
    }
    let mut lines = Vec::new();
    if before.schema != after.schema {
        lines.push(format!("~ schema {} (was {})", after.schema, before.schema));
    }
    for (was, is) in pairs(&before.types, &after.types, |definition| &definition.name.text) {
        type_lines(&mut lines, was, is, [old, new]);
    }
    for (was, is) in pairs(&before.conditions, &after.conditions, |condition| &condition.name.text) {
        condition_lines(&mut lines, was, is);
    }
    lines
}

fn has_origin(model: &Model) -> bool {
    let nothing = Origin::default();
    let of_type = |definition: &TypeDefinition| {
        definition.origin != nothing || definition.relations.iter().any(|relation| relation.origin != nothing)
    };
    model.types.iter().any(of_type) || model.conditions.iter().any(|condition| condition.origin != nothing)
}

fn forget_origin(model: &mut Model) {
    for definition in &mut model.types {
        definition.origin = Origin::default();
        definition.relations.iter_mut().for_each(|relation| relation.origin = Origin::default());
    }
    model.conditions.iter_mut().for_each(|condition| condition.origin = Origin::default());
}

/// The entries of two sorted lists, side by side where their names are the same.
fn pairs<'m, T>(old: &'m [T], new: &'m [T], name: fn(&T) -> &String) -> Vec<(Option<&'m T>, Option<&'m T>)> {
    let (mut pairs, mut old, mut new) = (Vec::new(), old.iter().peekable(), new.iter().peekable());
    loop {
        let (was, is) = match (old.peek(), new.peek()) {
            (None, None) => return pairs,
            (Some(was), Some(is)) => (name(was) <= name(is), name(is) <= name(was)),
            (was, is) => (was.is_some(), is.is_some()),
        };
        pairs.push((if was { old.next() } else { None }, if is { new.next() } else { None }));
    }
}

fn type_lines(lines: &mut Vec<String>, was: Option<&TypeDefinition>, is: Option<&TypeDefinition>, models: [&Model; 2]) {
    let Some(name) = is.or(was).map(|definition| definition.name.text.as_str()) else { return };
    match (was, is) {
        (None, _) => lines.push(format!("+ type {name}")),
        (_, None) => lines.push(format!("- type {name}")),
        (Some(was), Some(is)) if was.origin != is.origin => {
            lines.push(format!("~ type {name}: {} (was {})", origin(&is.origin), origin(&was.origin)));
        }
        _ => {}
    }
    let relations =
        |definition: Option<&'_ TypeDefinition>| definition.map(|it| it.relations.clone()).unwrap_or_default();
    let (before, after) = (relations(was), relations(is));
    for (was, is) in pairs(&before, &after, |relation| &relation.name.text) {
        // As its author wrote it, not sorted.
        let shown = |model: &Model, relation: &Relation| {
            let written = model.definition(name, &relation.name.text).unwrap_or(relation);
            printer::definition(written)
        };
        match (was, is) {
            (None, Some(is)) => lines.push(format!("+ {name}#{}: {}", is.name, shown(models[1], is))),
            (Some(was), None) => lines.push(format!("- {name}#{}: {}", was.name, shown(models[0], was))),
            (Some(was), Some(is)) if (&was.rewrite, &was.user_types) != (&is.rewrite, &is.user_types) => {
                let (is_shown, was_shown) = (shown(models[1], is), shown(models[0], was));
                lines.push(format!("~ {name}#{}: {is_shown} (was {was_shown})", is.name));
            }
            (Some(was), Some(is)) if was.origin != is.origin => {
                lines.push(format!("~ {name}#{}: {} (was {})", is.name, origin(&is.origin), origin(&was.origin)));
            }
            _ => {}
        }
    }
}

fn condition_lines(lines: &mut Vec<String>, was: Option<&Condition>, is: Option<&Condition>) {
    let shown = |condition: &Condition| {
        format!("condition {}({}) {{ {} }}", condition.name, printer::parameters(condition), condition.expression)
    };
    match (was, is) {
        (None, Some(is)) => lines.push(format!("+ {}", shown(is))),
        (Some(was), None) => lines.push(format!("- {}", shown(was))),
        (Some(was), Some(is)) if (&was.parameters, &was.expression) != (&is.parameters, &is.expression) => {
            lines.push(format!("~ {} (was {})", shown(is), shown(was)));
        }
        (Some(was), Some(is)) if was.origin != is.origin => {
            lines.push(format!("~ condition {}: {} (was {})", is.name, origin(&is.origin), origin(&was.origin)));
        }
        _ => {}
    }
}

fn origin(origin: &Origin) -> String {
    match (&origin.module, &origin.file) {
        (None, None) => "in no module".to_owned(),
        (module, file) => {
            let module = module.as_ref().map(|module| format!("module {module}"));
            let file = file.as_ref().map(|file| format!("file {file}"));
            module.into_iter().chain(file).collect::<Vec<_>>().join(", ")
        }
    }
}
