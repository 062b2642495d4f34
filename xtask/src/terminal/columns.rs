//! Tables whose columns say by themselves how they are laid out, and which of them a narrow terminal does without.

use super::text::{table, width};

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    head: &'static str,
    /// It stands on the right.
    is_number: bool,
    /// Its place among those that a narrow terminal does without, the first ones first; `None`: it stays.
    spare: Option<u8>,
}

impl Column {
    /// A column of text.
    pub const fn text(head: &'static str) -> Self {
        Self { head, is_number: false, spare: None }
    }

    /// A column of numbers.
    pub const fn number(head: &'static str) -> Self {
        Self { is_number: true, ..Self::text(head) }
    }

    /// The column as one that a narrow terminal does without; those with smaller numbers are left out first.
    pub const fn spare(self, order: u8) -> Self {
        Self { spare: Some(order), ..self }
    }
}

/// The heads, and the places of the columns of numbers.
pub(super) fn heads(columns: &[Column]) -> (Vec<&'static str>, Vec<usize>) {
    let right = columns.iter().enumerate().filter(|(_, column)| column.is_number).map(|(place, _)| place);
    (columns.iter().map(|column| column.head).collect(), right.collect())
}

/// The table without the first spare columns, so many that it fits, and a line that names them; `None` where nothing is
/// to be left out, or all of them are not enough.
pub(super) fn narrowed(columns: &[Column], rows: &[Vec<String>], most: usize) -> Option<String> {
    let mut spare: Vec<(u8, &str)> = columns.iter().filter_map(|column| Some((column.spare?, column.head))).collect();
    spare.sort_by_key(|(order, _)| *order);
    let without = |last: Option<u8>| {
        let stays = |column: &Column| column.spare.is_none_or(|order| last.is_none_or(|last| order > last));
        let kept: Vec<Column> = columns.iter().copied().filter(stays).collect();
        let row = |row: &Vec<String>| {
            let cells = row.iter().zip(columns).filter(|(_, column)| stays(column));
            cells.map(|(cell, _)| cell.clone()).collect()
        };
        let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
        let (head, right) = heads(&kept);
        table(&head, &rows, &right)
    };
    if width(&without(None)) <= most {
        return None;
    }
    let (last, narrow) =
        spare.iter().map(|(order, _)| (*order, without(Some(*order)))).find(|(_, text)| width(text) <= most)?;
    let names: Vec<&str> = spare.iter().filter(|(order, _)| *order <= last).map(|(_, head)| *head).collect();
    Some(format!("{narrow}\n(too narrow for {})", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_leaves_out_what_is_spare_before_it_falls_apart() {
        let rows = [["public.a", "12", "345", "6 h"].map(str::to_owned).to_vec()];
        let columns = [
            Column::text("TABLE"),
            Column::number("ROWS"),
            Column::number("DEAD").spare(2),
            Column::text("VACUUM").spare(1),
        ];
        let within = |most| narrowed(&columns, &rows, most);
        assert_eq!(within(28), None, "nothing is to be left out");
        assert_eq!(within(27).unwrap(), "TABLE     ROWS  DEAD\npublic.a    12   345\n(too narrow for VACUUM)");
        assert_eq!(within(19).unwrap(), "TABLE     ROWS\npublic.a    12\n(too narrow for VACUUM, DEAD)");
        assert_eq!(within(13), None, "not even so");
    }
}
