//! Files checked before anything is sent: refused with file and line, or run with what a person should know.

use super::checks::{self, Direction, Findings, Flaw};
use super::checksum::Ignored;
use super::files::{Migration, shown};
use super::lasting::{self, Lasting};
use super::plan::{Wanted, repairs};
use super::run::Step;
use crate::error::Fault;
use crate::words::counted;
use anyhow::Result;
use std::path::Path;

/// How much a caution weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It matters on every database.
    Always,
    /// It is about rows, or the way back to them: an empty database has none.
    WithData,
}

/// What a person should know before files run.
#[derive(Debug)]
pub struct Caution {
    pub weight: Weight,
    pub text: String,
}

/// Files that may be run.
#[derive(Debug, Default)]
pub struct Checked {
    pub steps: Vec<Step>,
    pub cautions: Vec<Caution>,
}

/// Checks the files.
///
/// # Errors
/// Every file that is refused, with its line.
pub fn check(wanted: &[Wanted<'_>], direction: Direction, ignored: &Ignored) -> Result<Checked> {
    let mut checked = Checked::default();
    let mut refused = Vec::new();
    let mut found = Vec::new();
    for wanted in wanted {
        let file = wanted.file;
        match checks::check(file, direction, ignored) {
            Ok(findings) => {
                checked.cautions.extend(of_file(file, &findings));
                checked.steps.push(Step::of(*wanted, direction, &findings));
                found.push((file, findings));
            }
            Err(error) => match error.downcast_ref::<Flaw>() {
                Some(flaw) => refused.push((wanted.version, format!("{}:{flaw}", shown(file)))),
                None => return Err(error),
            },
        }
        if let Some(migration) = wanted.up {
            checked.cautions.extend(way_back(migration, ignored)?);
        }
    }
    if !refused.is_empty() {
        let (versions, words): (Vec<i64>, Vec<String>) = refused.into_iter().unzip();
        let files = counted(words.len() as u64, "file is", "files are");
        let it = if words.len() == 1 { "it" } else { "them" };
        let fault = Fault::failed(format!("{files} refused; nothing was sent"))
            .hint(format!("fix {it}, then try again; on a database that has {it} already: {}", repairs(&versions)));
        return Err(anyhow::Error::msg(words.join("\n")).context(fault));
    }
    checked.cautions.extend(outlasting(&found));
    Ok(checked)
}

fn of_file(file: &Path, findings: &Findings) -> Vec<Caution> {
    let caution = |warning: &checks::Warning| Caution {
        weight: if warning.of_loss { Weight::WithData } else { Weight::Always },
        text: format!("{}:{}: {}", shown(file), warning.line, warning.what),
    };
    findings.warnings.iter().map(caution).collect()
}

/// What is wrong with a migration's `.down.sql`. A plain `.sql` file declares that it has none.
fn way_back(migration: &Migration, ignored: &Ignored) -> Result<Option<Caution>> {
    let caution = |text: String| Some(Caution { weight: Weight::WithData, text });
    let up = shown(&migration.up);
    let Some(down) = &migration.down else {
        let text = format!("{up}: it has no .down.sql file, so it cannot be reverted");
        return Ok(up.ends_with(".up.sql").then_some(text).and_then(caution));
    };
    Ok(match checks::check(down, Direction::Down, ignored) {
        Ok(found) if found.statements == 0 => caution(format!("{}: it holds no statement", shown(down))),
        Ok(_) => None,
        Err(error) => match error.downcast_ref::<Flaw>() {
            Some(flaw) => caution(format!("{}:{flaw}; it would be refused", shown(down))),
            None => return Err(error),
        },
    })
}

/// What a file sets for its session, and what sqlx would make elsewhere by it: there all files of a run share one
/// session.
fn outlasting(found: &[(&Path, Findings)]) -> Vec<Caution> {
    let mut cautions = Vec::new();
    let mut add = |text: String| cautions.push(Caution { weight: Weight::Always, text });
    // The schema that sqlx makes new objects in by now.
    let mut elsewhere: Option<String> = None;
    for (file, findings) in found {
        let is_path = |setting: &str| setting == "search_path" || setting == "all";
        let own = findings.lasting.iter().find(|(_, lasting)| is_path(&lasting.setting)).map(|(line, _)| *line);
        if let Some(schema) = &elsewhere {
            let made = findings.made.iter().filter(|made| made.schema.is_none() && made.kind != "index");
            let first = own.into_iter().chain(findings.local_path).min();
            for made in made.filter(|made| first.is_none_or(|line| made.line < line)) {
                let (at, kind, name) = (format!("{}:{}", shown(file), made.line), made.kind, &made.name);
                add(format!(
                    "{at}: here {kind} {name} is created on the configured search_path; sqlx, in one run with the \
                     files before it, creates it in {schema}"
                ));
            }
        }
        let last = lasting::at_the_end(&findings.lasting);
        for (line, lasting) in &last {
            add(lasts(file, *line, lasting));
        }
        if own.is_some() {
            let path = last.iter().find(|(_, lasting)| lasting.setting == "search_path");
            elsewhere = path
                .and_then(|(_, lasting)| lasting.value.clone())
                .filter(|schema| !schema.is_empty() && schema != "$user");
        }
    }
    cautions
}

/// What a setting that is left at a file's end does here and under sqlx.
fn lasts(file: &Path, line: u64, lasting: &Lasting) -> String {
    let (file, setting) = (shown(file), &lasting.setting);
    if setting == "search_path" && lasting.value.as_deref() == Some("") {
        return format!(
            "{file}:{line}: it empties search_path. Here that ends with the file. sqlx would not find its ledger then: \
             name it with its schema in sqlx.toml"
        );
    }
    let to = lasting.value.as_ref().map(|value| format!(" to {value:?}")).unwrap_or_default();
    format!(
        "{file}:{line}: it sets {setting}{to} for its session: here the setting ends with the file, under sqlx the next \
         files keep it"
    )
}
