//! What a trial found out about one version, and what to do about it.

use crate::context::Context;
use crate::migration::catalog::Catalog;
use crate::migration::checks::Direction;
use crate::migration::files::Migration;
use crate::migration::left_out::LeftOutStatement;
use crate::migration::scratch::{Ran, Scratch, makes_role};
use crate::terminal;
use anyhow::Result;
use serde::Serialize;

/// Statements that differ are shown up to so many.
const SHOWN: usize = 5;

/// What was found out about one version.
#[derive(Debug, Serialize)]
pub struct Verdict {
    pub version: i64,
    pub description: String,
    /// null: it cannot be reverted, or its up file failed.
    pub reversible: Option<bool>,
    /// What differs, in words.
    pub differences: Vec<String>,
    /// Tables whose columns have another order afterwards: no statement can change that, and little depends on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub column_order: Vec<String>,
    /// Statements that were left out, because they reach beyond the scratch database.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOutStatement>,
    /// Why a file failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The .up.sql failed the second time, on what the .down.sql had left.
    #[serde(skip)]
    pub left_behind: bool,
    /// The target's own database has it.
    #[serde(skip)]
    pub was_applied: bool,
    /// What the failed file makes is there already.
    #[serde(skip)]
    pub exists: bool,
}

impl Verdict {
    pub fn of(migration: &Migration, was_applied: bool) -> Self {
        let (version, description) = (migration.version, migration.description.clone());
        Self {
            version,
            description,
            reversible: None,
            differences: Vec::new(),
            column_order: Vec::new(),
            left_out: Vec::new(),
            error: None,
            left_behind: false,
            was_applied,
            exists: false,
        }
    }

    /// Tries its files; whether the database is known afterwards: `before` is its schema then.
    pub fn find(&mut self, scratch: &mut Scratch<'_, '_>, migration: &Migration, before: &mut Catalog) -> Result<bool> {
        let was_applied = self.was_applied;
        let up = |scratch: &mut Scratch<'_, '_>| {
            if was_applied { scratch.rerun(migration) } else { scratch.run(migration, Direction::Up) }
        };
        if let Some(known) = self.failed(up(scratch)?) {
            return Ok(known);
        }
        let after = scratch.catalog()?;
        if migration.down.is_none() {
            *before = after;
            return Ok(true);
        }
        self.reversible = Some(false);
        if let Some(known) = self.failed(scratch.run(migration, Direction::Down)?) {
            *before = after;
            return Ok(known);
        }
        self.compare(before, &scratch.catalog()?, "after down");
        if self.failed(up(scratch)?).is_some() {
            self.left_behind = !self.differences.is_empty();
            return Ok(false);
        }
        let again = scratch.catalog()?;
        self.compare(&after, &again, "after the second up");
        self.reversible = Some(self.differences.is_empty());
        *before = again;
        Ok(true)
    }

    /// Keeps why a file failed; whether the database is as before it then.
    fn failed(&mut self, ran: Ran) -> Option<bool> {
        let (known, why) = match ran {
            Ran::Well => return None,
            Ran::RolledBack(why) => (true, why),
            Ran::HalfWay(why) => (false, why),
        };
        self.exists = why.exists;
        self.error = Some(why.messages);
        Some(known)
    }

    fn compare(&mut self, expected: &Catalog, found: &Catalog, when: &str) {
        let found = expected.differences(found);
        let mut say = |entries: Vec<String>, what: &str| {
            let more = entries.len().saturating_sub(SHOWN);
            self.differences.extend(entries.into_iter().take(SHOWN).map(|entry| format!("{when} {what}: {entry}")));
            if more > 0 {
                self.differences.push(format!("{when} {what}: {more} more"));
            }
        };
        say(found.missing, "missing");
        say(found.extra, "left over");
        self.column_order.extend(found.reordered.into_iter().map(|table| format!("{when}: {table}")));
    }

    pub fn show(&self, context: &Context) -> Result<()> {
        let name = terminal::clean_line(&format!("{} {}", self.version, self.description));
        if let Some(error) = &self.error {
            let told: Vec<&str> = self.differences.iter().map(String::as_str).chain([error.as_str()]).collect();
            context.terminal.error(&anyhow::Error::msg(told.join("\n")).context(name));
            return Ok(());
        }
        if self.reversible == Some(false) {
            context.terminal.error(&anyhow::Error::msg(self.differences.join("\n")).context(name));
            return Ok(());
        }
        for table in &self.column_order {
            context
                .terminal
                .warn(&terminal::clean_line(&format!("{name}: the columns have a different order {table}")));
        }
        let ways = if self.reversible.is_some() { "up, down, up" } else { "up; it cannot be reverted" };
        let without = without(self.left_out.len());
        context.terminal.result_report(&context.terminal.done_line(&format!("{name}: {ways}{without}")))
    }
}

/// How many statements were left out, behind what was verified.
pub fn without(left_out: usize) -> String {
    match left_out as u64 {
        0 => String::new(),
        count => format!(", without {}", terminal::counted(count, "statement", "statements")),
    }
}

/// What to do about each kind of failure, in lines.
pub fn hint_of_failures(verdicts: &[Verdict]) -> String {
    let failed = || verdicts.iter().filter(|verdict| verdict.error.is_some());
    let mut lines = Vec::new();
    if failed().any(|verdict| !verdict.left_behind) {
        lines.push("fix the file; the later files were tried without it".to_owned());
    }
    if failed().any(|verdict| !verdict.left_out.is_empty()) {
        lines.push("or the file needs what the trial leaves out: see the warnings above".to_owned());
    }
    let in_the_way = failed().find(|verdict| !verdict.left_behind && verdict.exists && verdict.was_applied);
    lines.extend(in_the_way.map(|verdict| makes_role(verdict.version)));
    for verdict in failed().filter(|verdict| verdict.left_behind).take(SHOWN) {
        let version = verdict.version;
        lines.push(format!(
            "fix the .down.sql of {version}: something that it leaves behind makes the .up.sql fail the second time"
        ));
    }
    if failed().any(|verdict| verdict.left_behind && verdict.exists) {
        lines.push(
            "no statement removes a value of an enum: add it with IF NOT EXISTS, or in a plain .sql file without a .down.sql"
                .to_owned(),
        );
    }
    lines.join("\n")
}
