//! Files checked before anything is sent: refused with file and line, or run with what a person should know.

use super::checks::{self, Direction, Findings, Flaw};
use super::checksum::Ignored;
use super::files::{Migration, heading_of_way_back, shown};
use super::lasting::{self, Lasting};
use super::plan::{Wanted, repairs};
use super::run::Step;
use crate::error::Fault;
use crate::words::{counted, first_names};
use anyhow::Result;
use std::path::Path;

/// How much a caution weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It matters on every database.
    Always,
    /// It is about the way back to rows: an empty database has none.
    WayBack,
    /// It is about rows that are lost. Each place counts.
    Loss,
}

/// What a person should know before files run.
#[derive(Debug)]
pub struct Caution {
    pub weight: Weight,
    file: String,
    line: Option<u64>,
    what: String,
}

/// In so many files the same words are one line.
const MANY: usize = 3;

impl Caution {
    fn new(weight: Weight, file: &Path, line: Option<u64>, what: String) -> Self {
        Self { weight, file: shown(file), line, what }
    }

    fn text(&self) -> String {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{}{line}: {}", self.file, self.what)
    }

    /// The files that have the same words, each once.
    fn files(&self, told: &[&Self]) -> Vec<String> {
        let mut files: Vec<String> = Vec::new();
        for caution in told.iter().filter(|caution| caution.what == self.what) {
            if !files.contains(&caution.file) {
                files.push(caution.file.clone());
            }
        }
        files
    }
}

/// One line for each caution; what holds for many files is one line with their number.
pub fn lines(told: &[&Caution]) -> Vec<String> {
    let mut merged: Vec<&str> = Vec::new();
    let mut lines = Vec::new();
    for caution in told {
        if merged.contains(&caution.what.as_str()) {
            continue;
        }
        let files = if caution.weight == Weight::Loss { Vec::new() } else { caution.files(told) };
        if files.len() < MANY {
            lines.push(caution.text());
            continue;
        }
        merged.push(&caution.what);
        let count = counted(files.len() as u64, "file", "files");
        lines.push(format!("{count}, each: {} ({})", caution.what, first_names(&files, MANY)));
    }
    lines
}

/// The same, each caution with its place.
pub fn every_line(told: &[&Caution]) -> Vec<String> {
    told.iter().map(|caution| caution.text()).collect()
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
            checked.cautions.extend(both_ways(file));
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
    let caution = |warning: &checks::Warning| {
        let weight = if warning.of_loss { Weight::Loss } else { Weight::Always };
        Caution::new(weight, file, Some(warning.line), warning.what.clone())
    };
    findings.warnings.iter().map(caution).collect()
}

/// A file that seems to hold its way back, too, as other tools divide it.
fn both_ways(file: &Path) -> Option<Caution> {
    let line = heading_of_way_back(file)?;
    let what = "what stands under this heading seems to revert what stands above it: the whole file runs. Keep the way back in a \
                .down.sql file";
    Some(Caution::new(Weight::Always, file, Some(line), what.to_owned()))
}

/// What is wrong with a migration's `.down.sql`. A plain `.sql` file declares that it has none.
fn way_back(migration: &Migration, ignored: &Ignored) -> Result<Option<Caution>> {
    let caution =
        |file: &Path, line: Option<u64>, what: &str| Some(Caution::new(Weight::WayBack, file, line, what.to_owned()));
    let up = &migration.up;
    let Some(down) = &migration.down else {
        let what = "it has no .down.sql file, so it cannot be reverted";
        return Ok(if shown(up).ends_with(".up.sql") { caution(up, None, what) } else { None });
    };
    Ok(match checks::check(down, Direction::Down, ignored) {
        Ok(found) if found.statements == 0 => caution(down, None, "it holds no statement"),
        Ok(_) => None,
        Err(error) => match error.downcast_ref::<Flaw>() {
            Some(flaw) => caution(down, Some(flaw.line), &format!("{}; it would be refused", flaw.what)),
            None => return Err(error),
        },
    })
}

/// What a file sets for its session, and what sqlx would make elsewhere by it: there all files of a run share one
/// session.
fn outlasting(found: &[(&Path, Findings)]) -> Vec<Caution> {
    let mut cautions = Vec::new();
    let mut add = |file: &Path, line: u64, what: String| {
        cautions.push(Caution::new(Weight::Always, file, Some(line), what));
    };
    // The schema that sqlx makes new objects in by now.
    let mut elsewhere: Option<String> = None;
    for (file, findings) in found {
        let is_path = |setting: &str| setting == "search_path" || setting == "all";
        let own = findings.lasting.iter().find(|(_, lasting)| is_path(&lasting.setting)).map(|(line, _)| *line);
        if let Some(schema) = &elsewhere {
            let made = findings.made.iter().filter(|made| made.schema.is_none() && made.kind != "index");
            let first = own.into_iter().chain(findings.local_path).min();
            for made in made.filter(|made| first.is_none_or(|line| made.line < line)) {
                let (kind, name) = (made.kind, &made.name);
                let what = format!(
                    "here {kind} {name} is created on the configured search_path; sqlx, in one run with the files before \
                     it, creates it in {schema}"
                );
                add(file, made.line, what);
            }
        }
        let last = lasting::at_the_end(&findings.lasting);
        for (line, lasting) in &last {
            add(file, *line, lasts(lasting));
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
fn lasts(lasting: &Lasting) -> String {
    let setting = &lasting.setting;
    if setting == "search_path" && lasting.value.as_deref() == Some("") {
        return "it empties search_path. Here that ends with the file. sqlx would not find its ledger then: name it with \
                its schema in sqlx.toml"
            .to_owned();
    }
    let to = lasting.value.as_ref().map(|value| format!(" to {value:?}")).unwrap_or_default();
    format!(
        "it sets {setting}{to} for its session: here the setting ends with the file, under sqlx the next files keep it"
    )
}
