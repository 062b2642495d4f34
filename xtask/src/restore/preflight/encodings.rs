//! Text that the server would not take, and text that it would take unchecked: that of a client whose encoding is SQL_ASCII.

use crate::backup::proof::Proven;
use crate::error::{Exit, Fault};
use crate::postgres::encoding::Encoding;
use crate::postgres::properties::Properties;
use crate::postgres::server::Server;
use crate::restore::locale_difference;
use crate::target::Target;
use anyhow::Result;

const UNCHECKED: &str = "SQL_ASCII";

/// Checks a backup's text against the encoding of the database that it is loaded into; gives what a person must know.
///
/// # Errors
/// Bytes that are no text in its encoding, or letters that the database's encoding lacks: in which line, and what to type.
pub fn check(backup: &Proven, encoding: &str, target: &Target) -> Result<Option<String>, Fault> {
    let contents = &backup.contents;
    let not_utf8 = contents.letters.not_utf8.map(|line| backup.line_of_dump(line));
    match (contents.client_encoding.as_ref().map(Encoding::as_str), not_utf8) {
        (Some("UTF8"), Some(line)) => Err(no_utf8(backup, line)),
        (Some(UNCHECKED), Some(line)) if encoding == "UTF8" => Err(not_of_database(backup, line, target)?),
        (Some(UNCHECKED), _) if ![UNCHECKED, "UTF8"].contains(&encoding) && contents.letters.beyond_ascii => {
            let (file, database) = (backup.path.display(), target.database());
            Ok(Some(format!(
                "{file} names no encoding (SQL_ASCII): the server does not check its letters beyond ASCII, and \
                 {database} would take them for {encoding}. If they are not: {}",
                way(backup, target)?
            )))
        }
        (Some("UTF8"), None) if encoding == "LATIN1" => match contents.letters.beyond_latin1 {
            Some(line) => Err(not_in_latin1(backup, backup.line_of_dump(line), target)?),
            None => Ok(None),
        },
        (Some(other), _) if contents.letters.beyond_ascii && may_lack(encoding, other) => {
            let (file, database) = (backup.path.display(), target.database());
            Ok(Some(format!(
                "{file} has letters beyond ASCII in {other}, and {database} is in {encoding}, which may lack some of them: \
                 then the load fails, and {database} stays as it is"
            )))
        }
        _ => Ok(None),
    }
}

/// Whether there may be letters in the other encoding that this one lacks.
fn may_lack(encoding: &str, other: &str) -> bool {
    encoding != other && ![encoding, other].contains(&UNCHECKED) && encoding != "UTF8"
}

/// The same against the live database's encoding, where the backup is of that database and has another one: what a
/// restore into it would meet, which a scratch database with the backup's encoding does not show. `None`: nothing.
pub fn beside_live(server: &Server<'_>, backup: &Proven) -> Result<Option<Result<String, Fault>>> {
    let target = server.target();
    let Some(manifest) = backup.manifest.as_ref().filter(|manifest| *manifest.database == *target.database()) else {
        return Ok(None);
    };
    let live = Properties::named(server, target.database())?;
    let other = live.map(|live| live.encoding).filter(|encoding| *encoding != manifest.properties.encoding);
    Ok(other.and_then(|encoding| check(backup, &encoding, target).transpose()))
}

fn no_utf8(backup: &Proven, line: u64) -> Fault {
    let file = backup.as_word();
    let message =
        format!("{} cannot be loaded: it says that it is UTF8, and line {line} is not", backup.path.display());
    Fault::new(Exit::Refused, message).hint(match backup.manifest {
        Some(_) => {
            "the database that was backed up holds text that is not UTF8: correct it there, then back it up again\n\
                    or restore another backup: cargo xtask db-list"
                .to_owned()
        }
        None => {
            format!("if all of it is LATIN1 (or WIN1252, or another encoding): iconv -f LATIN1 -t UTF-8 {file} > x.sql")
        }
    })
}

fn not_in_latin1(backup: &Proven, line: u64, target: &Target) -> Result<Fault, Fault> {
    let (file, database) = (backup.path.display(), target.database());
    let message = format!(
        "{file} cannot be loaded into {database}, which is in LATIN1: line {line} has a letter that LATIN1 lacks; \
         nothing was changed"
    );
    Ok(Fault::failed(message).hint(in_its_encoding(backup, target)?))
}

/// What to type where the text does not fit into the live database's encoding.
pub(in crate::restore) fn in_its_encoding(backup: &Proven, target: &Target) -> Result<String, Fault> {
    if backup.manifest.is_some() {
        return way(backup, target);
    }
    Ok(format!(
        "restore it under another name, in the server's usual encoding: cargo xtask db-restore {} --database NAME",
        backup.as_word()
    ))
}

/// The server does not check these bytes: queries would fail at them later.
fn not_of_database(backup: &Proven, line: u64, target: &Target) -> Result<Fault, Fault> {
    let message = format!(
        "{} names no encoding (SQL_ASCII), and line {line} is not UTF8: the server would not check it, and {} could not \
         read it; nothing was changed",
        backup.path.display(),
        target.database()
    );
    Ok(Fault::failed(message).hint(way(backup, target)?))
}

fn way(backup: &Proven, target: &Target) -> Result<String, Fault> {
    if backup.manifest.is_some() {
        let commands = locale_difference::commands(backup, target)?;
        return Ok(format!("recreate the database from this backup, in its own encoding:\n{commands}"));
    }
    Ok(format!(
        "name the encoding that the file is in, for example LATIN1:\n\
         sed \"s/^SET client_encoding = 'SQL_ASCII';/SET client_encoding = 'LATIN1';/\" {} > x.sql",
        backup.as_word()
    ))
}
