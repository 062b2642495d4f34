//! The notation of the allow-list, and what it compiles to.
//!
//! A form is written as the manual writes a synopsis, its parts apart by blanks:
//!
//! | part | stands for |
//! |---|---|
//! | `WORD`, `word` | that word, without quotes, in any case |
//! | `'text'` | a string of just that text |
//! | `{ … \| … }` | one of these |
//! | `[ … \| … ]`, `[ … \| … ]*` | one of these or nothing; as many of these as come |
//! | `( .. )` | parentheses and whatever is in them |
//! | `...` | anything |
//! | `@name` | `schema.name`, never of a system schema; `@target`: the same, kept for `Relations` |
//! | `@any` | a name of any schema, or of none |
//! | `@routine` | as `@name`, of a routine, kept for `Routines` |
//! | `@id` | one identifier; `@schema`: never a system schema's; `@'name'`: just that one |
//! | `@option` | one identifier but `template` |
//! | `@language` | one identifier, never of a language that every server has; `@language_extension`: noted as an extension, too |
//! | `@role`, `@owner`, `@session`, `@extension`, `@tablespace` | one identifier (`@session`: or a string), which is noted in `Contents` |
//! | `@string`, `@number`, `@word`, `@op` | a string, a number, an unquoted word, an operator |
//! | `@encoding` | a string that names an encoding which servers have |
//! | another character | that symbol; `"["`, `"]"`, `"*"` are the brackets and the star themselves |

use crate::postgres::dump::names;
use crate::postgres::encoding;
use crate::sql::Token;

/// One test of one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Word(&'static str),
    Symbol(u8),
    Text(&'static str),
    Any,
    /// A parenthesis that opens a group, what is in one, and the parenthesis that closes it.
    Opening,
    Inside,
    Closing,
    Identifier,
    Schema,
    TargetSchema,
    TargetName,
    RoutineSchema,
    RoutineName,
    Named(&'static str),
    Language,
    LanguageExtension,
    Option,
    Role,
    /// A role that will own something.
    Owner,
    /// A role, which may stand in a string.
    Session,
    Extension,
    Tablespace,
    String,
    Number,
    AnyWord,
    Operator,
    Encoding,
}

/// What a step of a form does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step<M> {
    Take(Item),
    /// Both ways are open.
    Fork(usize, usize),
    Go(usize),
    /// The statement may end here, and means this.
    Done(M),
}

/// How deep in parentheses a token stands: before it, and after it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Depth {
    pub(super) before: u32,
    pub(super) after: u32,
}

impl Item {
    pub(super) fn fits(self, token: Token<'_>, depth: Depth) -> bool {
        match (self, token) {
            (Self::Any, _) => true,
            (Self::Opening, Token::Symbol(b'(')) => depth.before == 0,
            (Self::Inside, _) => depth.before > 0 && depth.after > 0,
            (Self::Closing, Token::Symbol(b')')) => depth.before == 1,
            (Self::Word(expected), Token::Word(word)) => word.eq_ignore_ascii_case(expected.as_bytes()),
            (Self::Symbol(expected), Token::Symbol(symbol)) => symbol == expected,
            (Self::Text(expected), Token::Text(text)) => text == expected.as_bytes(),
            (Self::Schema | Self::TargetSchema | Self::RoutineSchema, token) => names::is_user_schema(token),
            (Self::Language | Self::LanguageExtension, token) => names::is_own_language(token),
            (Self::Option, token) => {
                names::is_identifier(token) && names::identifier(token).is_none_or(|name| name != "template")
            }
            (Self::Named(expected), token) => names::identifier(token).is_some_and(|name| name == expected),
            (
                Self::Identifier
                | Self::TargetName
                | Self::RoutineName
                | Self::Role
                | Self::Owner
                | Self::Extension
                | Self::Tablespace,
                token,
            ) => names::is_identifier(token),
            (Self::String | Self::Session, Token::Text(_)) => true,
            (Self::Session, token) => names::is_identifier(token),
            (Self::Number, Token::Word(word)) => word.iter().all(u8::is_ascii_digit),
            (Self::AnyWord, Token::Word(word)) => word.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_'),
            (Self::Operator, Token::Symbol(symbol)) => b"+-*/<>=~!@#%^&|`?".contains(&symbol),
            (Self::Encoding, Token::Text(name)) => std::str::from_utf8(name).is_ok_and(encoding::is_server_encoding),
            _ => false,
        }
    }
}

/// What is left of a form.
type Parts = std::str::SplitWhitespace<'static>;

/// Appends the steps of one form; `None`: it is not written in this notation.
pub(super) fn compile<M>(form: &'static str, meaning: M, steps: &mut Vec<Step<M>>) -> Option<()> {
    let mut parts = form.split_whitespace();
    let end = sequence(&mut parts, steps)?;
    steps.push(Step::Done(meaning));
    end.is_none().then_some(())
}

/// The steps of a sequence, up to the part that ends it, which is returned.
fn sequence<M>(parts: &mut Parts, steps: &mut Vec<Step<M>>) -> Option<Option<&'static str>> {
    while let Some(part) = parts.next() {
        match part {
            "]" | "]*" | "|" | "}" => return Some(Some(part)),
            "[" => optional(parts, steps)?,
            "{" if alternatives(parts, steps)? == "}" => {}
            "{" => return None,
            part => single(part, steps)?,
        }
    }
    Some(None)
}

fn optional<M>(parts: &mut Parts, steps: &mut Vec<Step<M>>) -> Option<()> {
    let fork = steps.len();
    steps.push(Step::Go(fork));
    match alternatives(parts, steps)? {
        "]" => {}
        "]*" => steps.push(Step::Go(fork)),
        _ => return None,
    }
    let after = steps.len();
    *steps.get_mut(fork)? = Step::Fork(fork.checked_add(1)?, after);
    Some(())
}

/// Sequences with `|` between them; gives the part that ends them.
fn alternatives<M>(parts: &mut Parts, steps: &mut Vec<Step<M>>) -> Option<&'static str> {
    let mut ends = Vec::new();
    let closed = loop {
        let fork = steps.len();
        steps.push(Step::Go(fork.checked_add(1)?));
        let end = sequence(parts, steps)??;
        ends.push(steps.len());
        steps.push(Step::Go(fork));
        if end != "|" {
            break end;
        }
        *steps.get_mut(fork)? = Step::Fork(fork.checked_add(1)?, steps.len());
    };
    let after = steps.len();
    for end in ends {
        *steps.get_mut(end)? = Step::Go(after);
    }
    Some(closed)
}

/// A part that stands for itself.
fn single<M>(part: &'static str, steps: &mut Vec<Step<M>>) -> Option<()> {
    use Item::{Identifier, RoutineName, RoutineSchema, Schema, TargetName, TargetSchema};
    let dot = Item::Symbol(b'.');
    let items: &[Item] = match part {
        "..." => return repeated(Item::Any, steps),
        ".." => return repeated(Item::Inside, steps),
        "@name" => &[Schema, dot, Identifier],
        "@target" => &[TargetSchema, dot, TargetName],
        "@routine" => &[RoutineSchema, dot, RoutineName],
        "@option" => &[Item::Option],
        "@language" => &[Item::Language],
        "@language_extension" => &[Item::LanguageExtension],
        "@any" => {
            let fork = steps.len();
            steps.extend([Step::Fork(fork.checked_add(1)?, fork.checked_add(3)?), Step::Take(Identifier)]);
            &[dot, Identifier]
        }
        "@id" => &[Identifier],
        "@schema" => &[Schema],
        "@role" => &[Item::Role],
        "@owner" => &[Item::Owner],
        "@session" => &[Item::Session],
        "@extension" => &[Item::Extension],
        "@tablespace" => &[Item::Tablespace],
        "@string" => &[Item::String],
        "@number" => &[Item::Number],
        "@word" => &[Item::AnyWord],
        "@op" => &[Item::Operator],
        "@encoding" => &[Item::Encoding],
        "(" => &[Item::Opening],
        ")" => &[Item::Closing],
        "." | "," | "=" | ":" | "-" => &[Item::Symbol(*part.as_bytes().first()?)],
        _ => {
            steps.push(Step::Take(spelled(part)?));
            return Some(());
        }
    };
    steps.extend(items.iter().map(|item| Step::Take(*item)));
    Some(())
}

/// A part that is spelled out.
fn spelled(part: &'static str) -> Option<Item> {
    if let [b'"', symbol, b'"'] = part.as_bytes() {
        return Some(Item::Symbol(*symbol));
    }
    let quoted = |start: &str| part.strip_prefix(start).and_then(|rest| rest.strip_suffix('\''));
    let is_word = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let text = quoted("'").map(Item::Text);
    text.or_else(|| quoted("@'").map(Item::Named)).or_else(|| is_word.then_some(Item::Word(part)))
}

/// The item as often as it comes.
fn repeated<M>(item: Item, steps: &mut Vec<Step<M>>) -> Option<()> {
    let fork = steps.len();
    let next = fork.checked_add(1)?;
    steps.extend([Step::Fork(next, fork.checked_add(3)?), Step::Take(item), Step::Go(fork)]);
    Some(())
}
