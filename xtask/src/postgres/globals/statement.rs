//! The statements that pg_dumpall writes about what belongs to a whole server. There is no other that is read.

use super::cursor::{Cursor, Unread};
use super::lexer::Placed;
use super::{Attribute, Attributes, LeftOutKind, Membership, RoleName, RoleSetting, ValidUntil};
use crate::postgres::properties::{ConnectionLimit, SettingName};
use crate::postgres::text::{Name, Text};

/// One statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Statement {
    /// It sets what holds for the text alone.
    Frame,
    Create(RoleName),
    With(RoleName, Options),
    Set(RoleName, RoleSetting),
    Comment(RoleName, Text),
    Grant(Membership),
    LeftOut(LeftOutKind),
    /// More about something that is left out.
    OfLeftOut,
}

/// What `ALTER ROLE … WITH` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) attributes: Attributes,
    pub(super) connection_limit: ConnectionLimit,
    pub(super) valid_until: Option<ValidUntil>,
}

/// Reads one, without its semicolon.
pub(super) fn read(words: &[Placed]) -> Result<Statement, Unread> {
    let mut words = Cursor::of(words);
    let statement = match words.keyword()? {
        "SET" => set(&mut words),
        "RESET" => words.expect(&["SESSION", "AUTHORIZATION"]).map(|()| Statement::Frame),
        "CREATE" => create(&mut words),
        "ALTER" => alter(&mut words),
        "COMMENT" => comment(&mut words),
        "GRANT" => grant(&mut words),
        "REVOKE" => privileges(&mut words),
        "SECURITY" => label(&mut words),
        _ => Err(None),
    }?;
    words.end()?;
    Ok(statement)
}

fn set(words: &mut Cursor<'_>) -> Result<Statement, Unread> {
    if words.takes("SESSION") {
        words.expect(&["AUTHORIZATION"])?;
        words.name::<super::RoleNameRule>()?;
        return Ok(Statement::Frame);
    }
    let name: Name = words.name()?;
    if !words.takes_symbol('=') {
        return Err(None);
    }
    match name.as_str() {
        "default_transaction_read_only" => words.expect(&["off"])?,
        "standard_conforming_strings" => words.expect(&["on"])?,
        "client_encoding" => {
            let encoding: Name = words.text()?;
            if !["UTF8", "SQL_ASCII"].contains(&encoding.as_str()) {
                return Err(Some(format!("the encoding {encoding:?}, which this program does not read roles in")));
            }
        }
        _ => return Err(None),
    }
    Ok(Statement::Frame)
}

fn create(words: &mut Cursor<'_>) -> Result<Statement, Unread> {
    if words.takes("ROLE") {
        return words.name().map(Statement::Create);
    }
    words.expect(&["TABLESPACE"])?;
    let name = words.name()?;
    words.expect(&["OWNER"])?;
    words.name::<super::RoleNameRule>()?;
    words.expect(&["LOCATION"])?;
    Ok(Statement::LeftOut(LeftOutKind::Tablespace(name, words.text()?)))
}

fn alter(words: &mut Cursor<'_>) -> Result<Statement, Unread> {
    if words.takes("TABLESPACE") {
        words.name::<crate::postgres::text::NameRule>()?;
        words.expect(&["SET"])?;
        while !words.is_at_end() {
            words.any()?;
        }
        return Ok(Statement::OfLeftOut);
    }
    words.expect(&["ROLE"])?;
    let role = words.name()?;
    if words.takes("WITH") {
        return Ok(Statement::With(role, options(words)?));
    }
    if words.takes("IN") {
        words.expect(&["DATABASE"])?;
        let database = words.name()?;
        setting(words)?;
        return Ok(Statement::LeftOut(LeftOutKind::InDatabase(role, database)));
    }
    Ok(Statement::Set(role, setting(words)?))
}

fn options(words: &mut Cursor<'_>) -> Result<Options, Unread> {
    let mut options =
        Options { attributes: Attributes::new(), connection_limit: ConnectionLimit::NONE, valid_until: None };
    let mut said = Attributes::new();
    while !words.is_at_end() {
        match words.keyword()? {
            "CONNECTION" => {
                words.expect(&["LIMIT"])?;
                options.connection_limit = ConnectionLimit::try_from(words.number()?).map_err(Some)?;
            }
            "VALID" => {
                words.expect(&["UNTIL"])?;
                options.valid_until = Some(words.text()?);
            }
            "PASSWORD" => return Err(Some("a password: it is not read from a file".to_owned())),
            word => {
                let (attribute, is_on) = Attribute::of(word).ok_or(None)?;
                if !said.insert(attribute) {
                    return Err(None);
                }
                if is_on {
                    options.attributes.insert(attribute);
                }
            }
        }
    }
    // What is not said would be the server's default.
    if said.len() == Attribute::ALL.len() { Ok(options) } else { Err(None) }
}

/// `SET name TO 'value', 'value'`.
fn setting(words: &mut Cursor<'_>) -> Result<RoleSetting, Unread> {
    words.expect(&["SET"])?;
    let name: SettingName = words.name()?;
    words.expect(&["TO"])?;
    let mut values: Vec<Text> = vec![words.text()?];
    while words.takes_symbol(',') {
        values.push(words.text()?);
    }
    Ok(RoleSetting { name, values })
}

fn comment(words: &mut Cursor<'_>) -> Result<Statement, Unread> {
    words.expect(&["ON"])?;
    if words.takes("TABLESPACE") {
        words.name::<crate::postgres::text::NameRule>()?;
        words.expect(&["IS"])?;
        words.text::<crate::postgres::text::TextRule>()?;
        return Ok(Statement::OfLeftOut);
    }
    words.expect(&["ROLE"])?;
    let role = words.name()?;
    words.expect(&["IS"])?;
    Ok(Statement::Comment(role, words.text()?))
}

fn label(words: &mut Cursor<'_>) -> Result<Statement, Unread> {
    words.expect(&["LABEL", "FOR"])?;
    words.name::<crate::postgres::text::NameRule>()?;
    words.expect(&["ON"])?;
    if !words.takes("ROLE") {
        words.expect(&["TABLESPACE"])?;
    }
    let name = words.name()?;
    words.expect(&["IS"])?;
    words.text::<crate::postgres::text::TextRule>()?;
    Ok(Statement::LeftOut(LeftOutKind::Label(name)))
}

/// A membership, or privileges on a tablespace or a setting: those name what they are given on in capitals.
fn grant(words: &mut Cursor<'_>) -> Result<Statement, Unread> {
    let Ok(role) = words.name() else { return privileges(words) };
    words.expect(&["TO"])?;
    let member = words.name()?;
    let mut membership = Membership { role, member, admin: false, inherit: None, set: None, grantor: None };
    if words.takes("WITH") {
        loop {
            option(words, &mut membership)?;
            if !words.takes_symbol(',') {
                break;
            }
        }
    }
    if words.takes("GRANTED") {
        words.expect(&["BY"])?;
        membership.grantor = Some(words.name()?);
    }
    Ok(Statement::Grant(membership))
}

fn option(words: &mut Cursor<'_>, membership: &mut Membership) -> Result<(), Unread> {
    let option = words.keyword()?;
    let value = match words.keyword()? {
        "OPTION" if option == "ADMIN" => true,
        "TRUE" => true,
        "FALSE" => false,
        _ => return Err(None),
    };
    match option {
        "ADMIN" => membership.admin = value,
        "INHERIT" => membership.inherit = Some(value),
        "SET" => membership.set = Some(value),
        _ => return Err(None),
    }
    Ok(())
}

/// `GRANT ALL ON TABLESPACE a TO b`, `REVOKE SET ON PARAMETER a FROM PUBLIC`: what comes before `ON` does not matter.
fn privileges(words: &mut Cursor<'_>) -> Result<Statement, Unread> {
    while !words.takes("ON") {
        if !words.takes_symbol(',') {
            words.keyword()?;
        }
    }
    let left_out = if words.takes("PARAMETER") {
        Some(words.name::<crate::postgres::properties::SettingNameRule>()?)
    } else {
        words.expect(&["TABLESPACE"])?;
        words.name::<crate::postgres::text::NameRule>()?;
        None
    };
    let is_grant = words.takes("TO");
    if !is_grant {
        words.expect(&["FROM"])?;
    }
    let role = if words.takes("PUBLIC") { "PUBLIC".to_owned() } else { words.name::<super::RoleNameRule>()?.into() };
    if words.takes("WITH") {
        words.expect(&["GRANT", "OPTION"])?;
    }
    Ok(match left_out.filter(|_| is_grant) {
        Some(parameter) => Statement::LeftOut(LeftOutKind::Parameter(parameter, role)),
        None => Statement::OfLeftOut,
    })
}
