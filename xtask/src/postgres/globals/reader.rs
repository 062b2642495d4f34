//! The whole text: its frame, and statements that agree with one another.

use super::lexer::{Placed, Token, tokens};
use super::statement::{self, Options, Statement};
use super::{Flaw, Globals, LONGEST, LeftOut, Role, is_predefined};
use crate::postgres::properties::ConnectionLimit;
use std::collections::{BTreeMap, BTreeSet};

const HEAD: &str = "--\n-- PostgreSQL database cluster dump\n--\n\n";
const TRAILER: &str = "--\n-- PostgreSQL database cluster dump complete\n--\n\n";

/// Reads what pg_dumpall wrote, from its first byte to its last.
///
/// # Errors
/// The first thing that is wrong: an end that is missing, a statement that pg_dumpall does not write, one about a role
/// that the text does not make.
pub fn read(text: &[u8]) -> Result<Globals, Flaw> {
    let flaw = |what: &str, cut: bool| Flaw { cut, ..Flaw::wrong(1, what) };
    if text.len() > LONGEST {
        return Err(flaw("longer than any list of roles that is read", false));
    }
    let text = std::str::from_utf8(text).map_err(|error| not_utf8(text, error.valid_up_to()))?;
    if !text.starts_with(HEAD) {
        return Err(flaw("it does not begin as pg_dumpall's text does", HEAD.starts_with(text)));
    }
    if !text.ends_with(TRAILER) {
        return Err(flaw("pg_dumpall's last lines are missing", true));
    }
    let mut reading = Reading::default();
    for statement in statements(&tokens(text)?)? {
        reading.take(&statement)?;
    }
    reading.finish()
}

fn not_utf8(text: &[u8], valid: usize) -> Flaw {
    let lines = text.get(..valid).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count();
    Flaw::wrong((lines as u64).saturating_add(1), "bytes that are not UTF-8")
}

/// The statements, each without its semicolon. The pair of meta-commands stands around all of them.
fn statements(mut tokens: &[Placed]) -> Result<Vec<Vec<Placed>>, Flaw> {
    if let Some(((Token::Restrict(key), line), rest)) = tokens.split_first() {
        match rest.split_last() {
            Some(((Token::Unrestrict(last), _), between)) if last == key => tokens = between,
            _ => return Err(Flaw::wrong(*line, "\\restrict without its \\unrestrict")),
        }
    }
    let mut statements: Vec<Vec<Placed>> = Vec::new();
    let mut current = Vec::new();
    for (token, line) in tokens {
        match token {
            Token::Symbol(';') => statements.push(std::mem::take(&mut current)),
            Token::Restrict(_) | Token::Unrestrict(_) => {
                return Err(Flaw::wrong(*line, "a psql meta-command"));
            }
            token => current.push((token.clone(), *line)),
        }
    }
    match current.first() {
        None => Ok(statements),
        Some((_, line)) => Err(Flaw::wrong(*line, "a statement without its end")),
    }
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    globals: Globals,
    /// Where each role is in the list.
    places: BTreeMap<String, usize>,
    /// Roles whose options were said.
    described: BTreeSet<String>,
}

impl Reading {
    fn take(&mut self, words: &[Placed]) -> Result<(), Flaw> {
        let line = words.first().map_or(1, |(_, line)| *line);
        let read = statement::read(words).map_err(|why| why.unwrap_or_else(|| refusal(words)));
        read.and_then(|statement| self.note(statement, line)).map_err(|what| Flaw::wrong(line, what))
    }

    fn note(&mut self, statement: Statement, line: u64) -> Result<(), String> {
        match statement {
            Statement::Frame | Statement::OfLeftOut => {}
            Statement::LeftOut(what) => self.globals.left_out.push(LeftOut { line, what }),
            Statement::Create(name) => {
                if is_predefined(&name) {
                    return Err(format!("it creates {name}: names with pg_ are the server's own"));
                }
                if self.places.insert(name.to_string(), self.globals.roles.len()).is_some() {
                    return Err(format!("it creates role {name} twice"));
                }
                self.globals.roles.push(Role {
                    name,
                    attributes: BTreeSet::new(),
                    connection_limit: ConnectionLimit::NONE,
                    valid_until: None,
                    settings: Vec::new(),
                    comment: None,
                });
            }
            Statement::With(name, options) => self.describe(&name, options)?,
            Statement::Set(name, setting) => self.role(&name)?.settings.push(setting),
            Statement::Comment(name, comment) => self.role(&name)?.comment = Some(comment),
            Statement::Grant(membership) => {
                self.role(&membership.member)?;
                if !is_predefined(&membership.role) {
                    self.role(&membership.role)?;
                }
                self.globals.memberships.push(membership);
            }
        }
        Ok(())
    }

    fn describe(&mut self, name: &str, options: Options) -> Result<(), String> {
        let role = self.role(name)?;
        role.attributes = options.attributes;
        role.connection_limit = options.connection_limit;
        role.valid_until = options.valid_until;
        if self.described.insert(name.to_owned()) { Ok(()) } else { Err(format!("it alters role {name} twice")) }
    }

    /// A role that the text made before.
    fn role(&mut self, name: &str) -> Result<&mut Role, String> {
        let place = self.places.get(name).copied();
        let role = place.and_then(|place| self.globals.roles.get_mut(place));
        role.ok_or_else(|| format!("it is about role {name}, which the file does not create"))
    }

    fn finish(self) -> Result<Globals, Flaw> {
        let missing = self.globals.roles.iter().find(|role| !self.described.contains(role.name.as_str()));
        match missing {
            None => Ok(self.globals),
            Some(role) => Err(Flaw::wrong(1, format!("what role {} may do is missing", role.name))),
        }
    }
}

/// Names a statement by its first words; nothing of it that may be a secret.
fn refusal(words: &[Placed]) -> String {
    const SHOWN: usize = 3;
    let keywords = words.iter().map_while(|(token, _)| match token {
        Token::Word(word) if word.bytes().all(|byte| byte.is_ascii_uppercase()) => Some(word.as_str()),
        _ => None,
    });
    let shown: Vec<&str> = keywords.take(SHOWN).collect();
    match shown.as_slice() {
        [] => "text that pg_dumpall does not write".to_owned(),
        shown => format!("{} …, which pg_dumpall does not write", shown.join(" ")),
    }
}
