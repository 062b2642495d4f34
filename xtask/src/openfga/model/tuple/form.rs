//! The form of a tuple's texts, whatever the model: characters, lengths, colons.

use super::super::names::OF_TUPLE_CONDITION;
use super::parts::TupleParts;

/// In bytes.
const LONGEST_USER: usize = 512;
/// In characters; so is the longest relation.
const LONGEST_OBJECT: usize = 256;
const LONGEST_RELATION: usize = 50;

/// Why no server takes a tuple whose texts have this form.
pub fn why_not(tuple: &TupleParts<'_>) -> Option<String> {
    why_no_question(tuple.user, tuple.relation, tuple.object)
        .or_else(|| tuple.condition.and_then(|(name, _)| why_no_condition(name)))
        .or_else(|| why_implicit(tuple))
}

/// Why no server takes a question whose texts have this form.
pub fn why_no_question(user: &str, relation: &str, object: &str) -> Option<String> {
    let texts = [("user", user), ("relation", relation), ("object", object)];
    let text = texts.iter().find_map(|(what, text)| why_no_text(what, text));
    text.or_else(|| why_no_user(user)).or_else(|| why_no_object(object)).or_else(|| why_no_relation(relation))
}

/// Why no server takes a user of this form.
pub fn form_of_user(user: &str) -> Option<String> {
    why_no_text("user", user).or_else(|| why_no_user(user))
}

/// Why no server takes an object of this form.
pub fn form_of_object(object: &str) -> Option<String> {
    why_no_text("object", object).or_else(|| why_no_object(object))
}

/// What stands before the first colon; nothing where there is none.
pub fn type_of(object: &str) -> &str {
    object.split_once(':').map_or("", |(object_type, _)| object_type)
}

/// The object and the relation of `team:x#member`; the relation is empty where there is none.
pub fn split_userset(user: &str) -> (&str, &str) {
    user.rsplit_once('#').unwrap_or((user, ""))
}

/// Whether the user is `user:*`.
pub fn is_wildcard(user: &str) -> bool {
    user.split_once(':').is_some_and(|(user_type, id)| !user_type.is_empty() && id == "*")
}

fn why_no_text(what: &str, text: &str) -> Option<String> {
    if text.is_empty() {
        return Some(format!("the {what} is empty"));
    }
    let found = text.chars().find(|letter| letter.is_control() || *letter == ' ')?;
    Some(match found {
        ' ' => format!("the {what} {text:?} has a blank in it"),
        _ => format!("the {what} {text:?} has a control character in it"),
    })
}

fn why_no_user(user: &str) -> Option<String> {
    let bytes = user.len();
    if bytes > LONGEST_USER {
        return Some(format!("the user has {bytes} bytes, {LONGEST_USER} are allowed"));
    }
    let (object, relation) = split_userset(user);
    if object.contains('#') {
        return Some(format!("{user:?} has more than one `#`"));
    }
    if object.bytes().filter(|byte| *byte == b':').count() > 1 || relation.contains(':') {
        return Some(format!("{user:?} has more than one colon: an id cannot hold one"));
    }
    if !is_object(object) || (user.contains('#') && relation.is_empty()) {
        return Some(format!("{user:?} is not a user; type:id, type:* or type:id#relation was expected"));
    }
    let id = object.split_once(':').map_or("", |(_, id)| id);
    if user.contains('#') && (id.contains('*') || relation.contains('*')) {
        return Some(format!("{user:?} is not a user: `*` and `#relation` exclude each other"));
    }
    None
}

fn why_no_object(object: &str) -> Option<String> {
    let length = object.chars().count();
    if length > LONGEST_OBJECT {
        return Some(format!("the object has {length} characters, {LONGEST_OBJECT} are allowed"));
    }
    if object.contains('#') {
        return Some(format!("{object:?} is not a single object"));
    }
    if object.bytes().filter(|byte| *byte == b':').count() > 1 {
        return Some(format!("{object:?} has more than one colon: an id cannot hold one"));
    }
    if !is_object(object) {
        return Some(format!("{object:?} is not an object; type:id was expected"));
    }
    is_wildcard(object).then(|| format!("{object:?} is not a single object"))
}

/// `type:id`, neither of them empty; blanks and control characters were looked for before.
fn is_object(text: &str) -> bool {
    text.split_once(':').is_some_and(|(object_type, id)| !object_type.is_empty() && !id.is_empty())
}

fn why_no_relation(relation: &str) -> Option<String> {
    let length = relation.chars().count();
    if length > LONGEST_RELATION {
        return Some(format!("the relation has {length} characters, {LONGEST_RELATION} are allowed"));
    }
    relation
        .contains([':', '#', '@'])
        .then(|| format!("{relation:?} is not a relation: it cannot contain `:`, `#` and `@`"))
}

fn why_no_condition(name: &str) -> Option<String> {
    let length = name.chars().count();
    if !OF_TUPLE_CONDITION.contains(&length) {
        let (least, most) = (OF_TUPLE_CONDITION.start(), OF_TUPLE_CONDITION.end());
        let noun = if length == 1 { "character" } else { "characters" };
        return Some(format!(
            "the condition's name has {length} {noun}; in a tuple it needs {least} to {most}: rename the condition in the model"
        ));
    }
    let wrong = name.chars().any(|letter| letter.is_control() || letter == ' ');
    wrong.then(|| format!("the condition's name {name:?} has a blank or control character in it"))
}

fn why_implicit(tuple: &TupleParts<'_>) -> Option<String> {
    let (object, relation) = split_userset(tuple.user);
    let implicit = object == tuple.object && relation == tuple.relation;
    implicit.then(|| {
        "its user and its object are the same relation of the same object, which holds without a tuple".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(user: &str) -> Option<String> {
        why_not(&TupleParts { user, relation: "r", object: "o:1", condition: None })
    }

    fn object(object: &str) -> Option<String> {
        why_not(&TupleParts { user: "u:1", relation: "r", object, condition: None })
    }

    #[test]
    fn colons_hashes_stars_and_blanks_stand_where_a_server_lets_them() {
        for taken in ["u:a", "u:*", "u:a*b", "t:x#m", "u:a\u{a0}b", "u:a@b", "u:\u{2028}", "u:a/b|c", "t:x#m@n", "u:1"]
        {
            assert_eq!(user(taken), None, "{taken:?}");
        }
        for refused in [
            "", "a", "*", "u:", ":a", "u:a:b", "t:x#m:n", "t:x#", "t:#m", "t:*#m", "t:x#*", "t:x#m#n", "u:a b",
            "u:a\tb", "u:\u{85}",
        ] {
            assert!(user(refused).is_some(), "{refused:?}");
        }
        for taken in ["o:1", "o:a*b", "o:**", "o:a@b", "o:\u{a0}"] {
            assert_eq!(object(taken), None, "{taken:?}");
        }
        for refused in ["", "o", "o:", ":1", "o:*", "o:1:2", "o:1#r", "o:1 2"] {
            assert!(object(refused).is_some(), "{refused:?}");
        }
    }

    #[test]
    fn lengths_are_counted_as_a_server_counts_them() {
        assert_eq!(user(&format!("u:{}", "x".repeat(510))), None);
        assert!(user(&format!("u:{}", "é".repeat(256))).is_some());
        assert_eq!(object(&format!("o:{}", "é".repeat(254))), None);
        assert!(object(&format!("o:{}", "x".repeat(255))).is_some());
    }

    #[test]
    fn a_tuple_that_holds_anyway_is_refused() {
        let tuple = TupleParts { user: "o:1#r", relation: "r", object: "o:1", condition: None };
        assert!(why_not(&tuple).is_some());
        assert!(why_not(&TupleParts { object: "o:2", ..tuple }).is_none());
    }
}
