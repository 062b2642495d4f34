//! The screen of `db-stats`, as lines.

use self::width::fitted;
use crate::postgres::openfga_tables::Known;
use crate::postgres::quote::identifier;
use crate::stats::{Stats, Store, Table};
use crate::target::Target;
use crate::terminal::{self, Column, Terminal, clean_line, count, size};
use chrono::{DateTime, Local};

mod activity;
mod openfga;
mod statements;
mod width;

/// Older transaction ids than this part of 2^31 are a danger: the server stops taking writes.
const OLD_IDS: u64 = 1_500_000_000;

/// HEAP is the size of the table alone, SIZE that of all that belongs to it.
const TABLES: [Column; 9] = [
    Column::key("TABLE"),
    Column::number("ROWS"),
    Column::number("DEAD"),
    Column::number("SIZE"),
    Column::number("HEAP"),
    Column::number("INDEXES"),
    Column::number("TOAST"),
    Column::number("VACUUM"),
    Column::number("ANALYZE"),
];
const STORES: [Column; 5] = [
    Column::key("STORE"),
    Column::text("ID"),
    Column::number("MODELS"),
    Column::number("TUPLES"),
    Column::text("CHANGED"),
];

/// What is shown of one look.
pub(super) struct Screen<'a> {
    pub(super) stats: &'a Stats,
    /// The look before: figures that changed since are followed by the difference.
    pub(super) before: Option<&'a Stats>,
    pub(super) target: &'a Target,
    /// How many rows of each list.
    pub(super) top: usize,
}

impl Screen<'_> {
    /// The screen, no line wider than the terminal but for what cannot be broken.
    pub(super) fn lines(&self, terminal: &Terminal) -> Vec<String> {
        let mut lines = Vec::new();
        let mut say = |text: String| lines.extend(fitted(&text, terminal));
        self.summary().into_iter().for_each(&mut say);
        activity::warnings(&self.stats.activity, terminal).into_iter().for_each(&mut say);
        lines.push(String::new());
        lines.extend(self.tables(terminal));
        lines.extend(self.stores(terminal));
        lines.extend(openfga::lines(&self.stats.openfga, self.top, terminal));
        lines.extend(statements::lines(self.stats, self.target, self.top, terminal));
        lines.extend(self.hidden(terminal).iter().flat_map(|text| fitted(text, terminal)));
        lines
    }

    fn summary(&self) -> Vec<String> {
        let (database, counters) = (&self.stats.database, &self.stats.counters);
        let server = format!("PostgreSQL {}, {}", database.server_version, self.target.place());
        let recovery = if database.is_in_recovery { ", in recovery" } else { "" };
        let mut lines = vec![format!(
            "Database:     {}, {}{} ({server}{recovery})",
            clean_line(&database.name),
            size(database.size_bytes),
            delta(database.size_bytes, self.before.map(|before| before.database.size_bytes), size),
        )];
        let hits = counters.hit_ratio().map_or_else(
            || "no block was read yet".to_owned(),
            |ratio| format!("{:.1} % of the blocks that were read were in memory", ratio * 100.0),
        );
        lines.push(format!("Cache:        {hits}"));
        lines.push(format!("Transactions: {}", self.rates()));
        lines.push(format!(
            "Counted:      {}{}, {}{} in temporary files, {}",
            terminal::counted(counters.deadlocks, "deadlock", "deadlocks"),
            delta(counters.deadlocks, self.before.map(|before| before.counters.deadlocks), count),
            size(counters.temporary_bytes),
            delta(counters.temporary_bytes, self.before.map(|before| before.counters.temporary_bytes), size),
            counters
                .counted_since
                .as_deref()
                .map_or_else(|| "never reset".to_owned(), |time| format!("since {}", local(time))),
        ));
        let ids = database.transaction_ids;
        let caution = if ids.server_age_transactions >= OLD_IDS { "; near 2,147,483,647 the server stops" } else { "" };
        lines.push(format!(
            "Oldest id:    {} transactions old, {} on the server (vacuumed at {}{caution})",
            count(ids.age_transactions),
            count(ids.server_age_transactions),
            count(ids.freeze_max_age_transactions),
        ));
        lines.extend(self.connections());
        lines
    }

    fn rates(&self) -> String {
        self.stats.rates.map_or_else(
            || "the counters were reset meanwhile: no rates".to_owned(),
            |rates| {
                format!(
                    "{:.1} per second, {:.1} rolled back (for {:.1} s)",
                    rates.transactions_per_second, rates.rollbacks_per_second, rates.interval_seconds
                )
            },
        )
    }

    fn connections(&self) -> [String; 2] {
        let connections = &self.stats.database.connections;
        let listed = |numbers: Vec<(&String, &u64)>| {
            let mut numbers = numbers;
            numbers.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
            let rest: u64 = numbers.iter().skip(self.top).map(|(_, number)| **number).sum();
            let name = |name: &str| if name.is_empty() { "unnamed".to_owned() } else { clean_line(name) };
            let shown =
                numbers.iter().take(self.top).map(|(text, number)| format!("{} {}", name(text), count(**number)));
            let rest = (rest > 0).then(|| format!("others {}", count(rest)));
            shown.chain(rest).collect::<Vec<_>>().join(", ")
        };
        let states = listed(connections.by_state.iter().collect());
        let states = if states.is_empty() { String::new() } else { format!(": {states}") };
        let programs = listed(connections.by_program.iter().collect());
        [
            format!(
                "Connections:  {} of {} used ({} reserved){states}",
                count(connections.used),
                count(connections.maximum),
                count(connections.reserved)
            ),
            format!("By program:   {}", if programs.is_empty() { "none" } else { &programs }),
        ]
    }

    fn tables(&self, terminal: &Terminal) -> Vec<String> {
        let tables = &self.stats.tables;
        if tables.shown.is_empty() {
            return vec!["No tables".to_owned()];
        }
        let rows: Vec<Vec<String>> = tables.shown.iter().map(|table| row(table, self.table_before(table))).collect();
        let mut lines = vec![terminal.laid_out(&TABLES, &rows)];
        let more = tables.total.saturating_sub(tables.shown.len() as u64);
        lines.extend(
            (more > 0).then(|| format!("… and {} (--top N)", terminal::counted(more, "more table", "more tables"))),
        );
        lines
    }

    fn table_before(&self, table: &Table) -> Option<&Table> {
        let mut before = self.before?.tables.shown.iter();
        before.find(|before| before.schema == table.schema && before.name == table.name)
    }

    fn store_before(&self, store: &Store) -> Option<&Store> {
        let Known::Is(before) = &self.before?.stores else { return None };
        before.iter().find(|before| before.id == store.id)
    }

    fn stores(&self, terminal: &Terminal) -> Vec<String> {
        let stores = match &self.stats.stores {
            Known::Absent => return Vec::new(),
            Known::Unread(why) => {
                return vec![String::new(), format!("OpenFGA's stores are not read: {}", clean_line(why))];
            }
            Known::Is(stores) => stores,
        };
        if stores.is_empty() {
            return vec![String::new(), "No OpenFGA store".to_owned()];
        }
        let rows: Vec<Vec<String>> =
            stores.iter().take(self.top).map(|store| store_row(store, self.store_before(store))).collect();
        let table = terminal.laid_out(&STORES, &rows);
        let more = stores.len().saturating_sub(self.top);
        let more = (more > 0)
            .then(|| format!("… and {} (--top N)", terminal::counted(more as u64, "more store", "more stores")));
        [String::new(), table].into_iter().chain(more).collect()
    }

    fn hidden(&self, terminal: &Terminal) -> Vec<String> {
        let hidden = self.stats.hidden();
        if hidden.is_empty() {
            return Vec::new();
        }
        let user = clean_line(self.target.user());
        vec![
            String::new(),
            terminal.warning_line(&format!("Hidden from {user}: {}", hidden.join(", "))),
            terminal.hint_line(&format!(
                "as a superuser: GRANT pg_monitor TO {}",
                identifier(self.target.user()).unwrap_or(user)
            )),
        ]
    }
}

/// How much more or less it is than before: ` (+12)`; empty where it is the same, or there is no before.
fn delta(now: u64, before: Option<u64>, shown: fn(u64) -> String) -> String {
    match before.map(|before| (now.checked_sub(before), before.saturating_sub(now))) {
        None | Some((Some(0), _)) => String::new(),
        Some((Some(more), _)) => format!(" (+{})", shown(more)),
        Some((None, less)) => format!(" (-{})", shown(less)),
    }
}

fn row(table: &Table, before: Option<&Table>) -> Vec<String> {
    let before = |of: fn(&Table) -> u64| before.map(of);
    let sized = |bytes: u64| format!("{}{}", if table.sizes_are_estimated { "≈" } else { "" }, size(bytes));
    vec![
        format!("{}.{}", table.schema, table.name),
        format!(
            "≈{}{}",
            count(table.estimated_rows),
            delta(table.estimated_rows, before(|table| table.estimated_rows), count)
        ),
        format!("{}{}", count(table.dead_rows), delta(table.dead_rows, before(|table| table.dead_rows), count)),
        format!("{}{}", sized(table.total_bytes), delta(table.total_bytes, before(|table| table.total_bytes), size)),
        sized(table.table_bytes),
        sized(table.index_bytes),
        sized(table.toast_bytes),
        ago(table.last_vacuum_at.as_deref()),
        ago(table.last_analyze_at.as_deref()),
    ]
}

fn store_row(store: &Store, before: Option<&Store>) -> Vec<String> {
    let unknown = || "-".to_owned();
    let about = if store.tuples_are_estimated { "≈" } else { "" };
    vec![
        store.name.clone(),
        store.id.clone(),
        store.models.map_or_else(unknown, count),
        store.tuples.map_or_else(unknown, |tuples| {
            let before = before.and_then(|before| before.tuples);
            format!("{about}{}{}", count(tuples), delta(tuples, before, count))
        }),
        store.last_change_at.as_deref().map_or_else(unknown, local),
    ]
}

/// How long ago that was: `3 h`; `-`: never.
fn ago(time: Option<&str>) -> String {
    let time = time.and_then(|time| DateTime::parse_from_rfc3339(time).ok());
    let seconds = time.map(|time| Local::now().fixed_offset().signed_duration_since(time).num_seconds().max(0));
    seconds.map_or_else(|| "-".to_owned(), terminal::span)
}

/// A time of the server's as a clock here shows it.
fn local(time: &str) -> String {
    let parsed = DateTime::parse_from_rfc3339(time);
    parsed.map_or_else(|_| clean_line(time), |time| time.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S").to_string())
}
