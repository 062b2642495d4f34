//! Whether it is a question that can be asked; where it is not, the one that was probably meant.

use crate::error::Fault;
use crate::openfga::model::{Model, form_of_object, form_of_user, nearest, type_of, why_no_question};
use crate::openfga::tuples::Key;
use crate::terminal::{clean_line, shell_word};

/// At most this many names are shown for one that is unknown.
const MOST_NAMES: usize = 20;

/// That it is a question, whatever the model. `options` were typed behind it; `known` gives the model, for the names in what
/// is advised.
pub fn check_form(question: Key<'_>, options: &str, known: impl FnOnce() -> Option<Model>) -> Result<(), Fault> {
    let Some(why) = why_no_question(question.0, question.1, question.2) else { return Ok(()) };
    let is_one = |(user, relation, object): Key<'_>| why_no_question(user, relation, object).is_none();
    // Whether user and object are swapped the model knows.
    let mut near = String::new();
    let is_in_another_place = question.1.contains(':');
    let hint = match reordered(question, &is_one).filter(|_| is_in_another_place) {
        Some(meant) => format!("did you mean: {}", typed(meant, options)),
        None => {
            let names = Names::of(known().as_ref(), question);
            let mut types: Vec<(&str, String)> =
                [question.0, question.2].into_iter().filter_map(|word| names.near(word)).collect();
            types.dedup();
            near = asked_about(&types);
            completed_hint(question, options, &names, &types)
        }
    };
    Err(Fault::usage(clean_line(&format!("This is no question: {why}{near}"))).hint(hint))
}

/// Whether a type is meant by a word that is near to it.
fn asked_about(types: &[(&str, String)]) -> String {
    types.iter().map(|(word, name)| format!(" (or is the type {name} meant by {word:?}?)")).collect()
}

/// The question with what is missing; and for each word that is near to a type, with that type in its place.
fn completed_hint(question: Key<'_>, options: &str, names: &Names, types: &[(&str, String)]) -> String {
    let command = |words: Key<'_>| {
        let (user, relation, object) = completed(words, names);
        typed((&user, &relation, &object), options)
    };
    let mut lines = vec![format!("write it so: {}", command(question))];
    for (word, name) in types {
        let of = |own| if own == *word { name.as_str() } else { own };
        let meant = command((of(question.0), question.1, of(question.2)));
        lines.push(format!("or, with the type {}: {meant}", shell_word(name)));
    }
    lines.join("\n")
}

/// That the model knows what is asked for; `named` says which model that is.
pub fn check_known(question: Key<'_>, options: &str, model: &Model, named: &str) -> Result<(), Fault> {
    let (user, relation, object) = question;
    let Some((why, names)) = model.why_no_question(user, relation, object) else { return Ok(()) };
    let shown = names.iter().take(MOST_NAMES).map(|name| shell_word(name)).collect::<Vec<_>>().join(", ");
    let more = if names.len() > MOST_NAMES { ", …" } else { "" };
    let fits = |(user, relation, object): Key<'_>| model.why_no_question(user, relation, object).is_none();
    let hint = match reordered(question, &fits) {
        Some(meant) => format!("did you mean: {}", typed(meant, options)),
        None if names.is_empty() => "it has none".to_owned(),
        None => format!("there are: {shown}{more}"),
    };
    let message = format!("The question does not fit the {named}: {why}");
    Err(Fault::usage(clean_line(&message)).hint(clean_line(&hint)))
}

/// The words in another order in which they fit: user and object swapped, or the relation in another place.
fn reordered<'q>((user, relation, object): Key<'q>, fits: &dyn Fn(Key<'_>) -> bool) -> Option<Key<'q>> {
    let orders = [
        (object, relation, user),
        (user, object, relation),
        (relation, user, object),
        (object, user, relation),
        (relation, object, user),
    ];
    orders.into_iter().find(|order| fits(*order))
}

/// What stands for a word that is missing: names of the model, or else those of the manual.
struct Names {
    types: Vec<String>,
    user: String,
    object: String,
    relation: String,
}

impl Names {
    fn of(model: Option<&Model>, (_, relation, object): Key<'_>) -> Self {
        let types: Vec<&str> = model.into_iter().flat_map(Model::types).collect();
        let relations = |name: &str| model.into_iter().flat_map(|model| model.relations(name)).collect::<Vec<_>>();
        let with = |fits: &dyn Fn(&[&str]) -> bool| types.iter().copied().find(|name| fits(&relations(name)));
        let (named, is_user) = (type_of(object), |name: &&str| *name == "user");
        let of_object = types.iter().copied().find(|name| *name == named);
        let of_object =
            of_object.or_else(|| with(&|all| all.contains(&relation))).or_else(|| with(&|all| !all.is_empty()));
        let of_user = types.iter().copied().find(is_user).or_else(|| with(&|all: &[&str]| all.is_empty()));
        let object = of_object.unwrap_or("document").to_owned();
        Self {
            relation: relations(&object).first().copied().unwrap_or("viewer").to_owned(),
            user: of_user.or(types.first().copied()).unwrap_or("user").to_owned(),
            types: types.into_iter().map(str::to_owned).collect(),
            object,
        }
    }

    /// A word that stands alone, and the type whose name is near to it.
    fn near<'w>(&self, word: &'w str) -> Option<(&'w str, String)> {
        let is_alone = !word.is_empty() && !word.contains(':') && !self.has(word);
        let name = if is_alone { nearest(word, self.types.iter().map(String::as_str)) } else { None };
        name.map(|name| (word, name.to_string()))
    }

    fn has(&self, name: &str) -> bool {
        self.types.iter().any(|known| known == name)
    }
}

/// The words as far as they are of the right form, completed or replaced where they are not.
fn completed((user, relation, object): Key<'_>, names: &Names) -> (String, String, String) {
    let is_plain = |text: &str| {
        !text.is_empty()
            && text.len() <= 50
            && text.chars().all(|letter| letter.is_alphanumeric() || "-_.".contains(letter))
    };
    let part = |text: &str, is_right: bool, default: (&str, &str)| match text {
        right if is_right => right.to_owned(),
        // A type alone.
        name if names.has(name) => format!("{name}:{}", default.1),
        id if is_plain(id) => format!("{}:{id}", default.0),
        other if is_plain(type_of(other)) => format!("{}:{}", type_of(other), default.1),
        _ => format!("{}:{}", default.0, default.1),
    };
    let is_relation = why_no_question("user:alice", relation, "document:plan").is_none();
    (
        part(user, form_of_user(user).is_none(), (&names.user, "alice")),
        if is_relation { relation } else { &names.relation }.to_owned(),
        part(object, form_of_object(object).is_none(), (&names.object, "plan")),
    )
}

/// The command of a question, with the options that were typed.
fn typed((user, relation, object): Key<'_>, options: &str) -> String {
    let words = [user, relation, object].map(shell_word);
    format!("cargo xtask debug-auth {}{options}", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_kept_as_far_as_it_fits() {
        let hint = |question| check_form(question, "", || None).unwrap_err().hint_text().unwrap().to_owned();
        for (question, meant) in [
            (("anne", "viewer", "doc:plan"), "write it so: cargo xtask debug-auth user:anne viewer doc:plan"),
            (("user:anne", "viewer", "plan"), "write it so: cargo xtask debug-auth user:anne viewer document:plan"),
            (("user:an ne", "a#b", "doc:"), "write it so: cargo xtask debug-auth user:alice viewer doc:plan"),
            (("user:anne", "doc:plan", "viewer"), "did you mean: cargo xtask debug-auth user:anne viewer doc:plan"),
            (("viewer", "user:*", "doc:plan"), "did you mean: cargo xtask debug-auth 'user:*' viewer doc:plan"),
            (("viewer", "user:anne", "doc:plan"), "did you mean: cargo xtask debug-auth user:anne viewer doc:plan"),
            (("doc:plan", "viewer", "user:*"), "write it so: cargo xtask debug-auth doc:plan viewer user:plan"),
        ] {
            assert_eq!(hint(question), meant);
        }
        let model = serde_json::json!({ "schema_version": "1.1", "type_definitions": [
            { "type": "user" }, { "type": "team", "relations": { "member": { "this": {} } } },
            { "type": "doc", "relations": { "viewer": { "this": {} } } },
        ] });
        for (question, meant) in [
            (("user:bob", "viewer", "doc"), "user:bob viewer doc:plan"),
            (("bob", "viewer", "plan"), "user:bob viewer doc:plan"),
            (("bob", "reads", "plan"), "user:bob reads team:plan"),
            (("bob", "a#b", "plan"), "user:bob member team:plan"),
        ] {
            let known = || Some(Model::from_value(&model).unwrap());
            let fault = check_form(question, " --store=s", known).unwrap_err();
            assert_eq!(fault.hint_text(), Some(&*format!("write it so: cargo xtask debug-auth {meant} --store=s")));
        }
        // A name near to a type may be one, or an id.
        let known = || Some(Model::from_value(&model).unwrap());
        let fault = check_form(("usr", "viewer", "dok"), "", known).unwrap_err();
        let command = "cargo xtask debug-auth";
        assert_eq!(
            fault.hint_text(),
            Some(&*format!(
                "write it so: {command} user:usr viewer doc:dok\nor, with the type user: {command} user:alice viewer doc:dok\n\
                 or, with the type doc: {command} user:usr viewer doc:plan"
            ))
        );
    }
}
