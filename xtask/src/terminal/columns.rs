//! Tables whose columns say by themselves how they are laid out. One that is too wide is shown in parts, one below the
//! other, each with the columns that name a row.

use super::text::{table, width};

/// A table in more parts than these is shown as paragraphs.
const MOST_PARTS: usize = 3;

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    head: &'static str,
    /// It stands on the right.
    is_number: bool,
    /// It names the row, and begins each part of a table that is shown in parts.
    is_key: bool,
}

impl Column {
    /// A column of text.
    pub const fn text(head: &'static str) -> Self {
        Self { head, is_number: false, is_key: false }
    }

    /// A column of numbers.
    pub const fn number(head: &'static str) -> Self {
        Self { is_number: true, ..Self::text(head) }
    }

    /// A column of text that names the row.
    pub const fn key(head: &'static str) -> Self {
        Self { is_key: true, ..Self::text(head) }
    }
}

/// The heads, and the places of the columns of numbers.
pub(super) fn heads(columns: &[Column]) -> (Vec<&'static str>, Vec<usize>) {
    let right = columns.iter().enumerate().filter(|(_, column)| column.is_number).map(|(place, _)| place);
    (columns.iter().map(|column| column.head).collect(), right.collect())
}

/// The table in parts that fit, an empty line between them; `None` where it fits as it is, has no column that names its
/// rows, or would fall into too many parts.
pub(super) fn parted(columns: &[Column], rows: &[Vec<String>], most: usize) -> Option<String> {
    let of = |places: &[usize]| {
        let kept: Vec<Column> = places.iter().map(|place| columns[*place]).collect();
        let row = |row: &Vec<String>| places.iter().map(|place| row.get(*place).cloned().unwrap_or_default()).collect();
        let (head, right) = heads(&kept);
        table(&head, &rows.iter().map(row).collect::<Vec<_>>(), &right)
    };
    let (keys, others): (Vec<usize>, Vec<usize>) = (0..columns.len()).partition(|place| columns[*place].is_key);
    if keys.is_empty() || width(&of(&(0..columns.len()).collect::<Vec<_>>())) <= most {
        return None;
    }
    let mut parts: Vec<Vec<usize>> = vec![keys.clone()];
    for place in others {
        let last = parts.last_mut()?;
        last.push(place);
        if width(&of(last)) > most {
            last.pop();
            parts.push(keys.iter().copied().chain([place]).collect());
        }
    }
    let parts: Vec<String> = parts.iter().map(|places| of(places)).collect();
    let fits = parts.len() <= MOST_PARTS && parts.iter().all(|part| width(part) <= most);
    fits.then(|| parts.join("\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_too_wide_is_shown_in_parts_before_it_falls_apart() {
        let rows = [["public.a", "12", "345", "6 h"].map(str::to_owned).to_vec()];
        let columns = [Column::key("TABLE"), Column::number("ROWS"), Column::number("DEAD"), Column::number("VACUUM")];
        let within = |most| parted(&columns, &rows, most);
        assert_eq!(within(28), None, "it fits");
        assert_eq!(
            within(27).unwrap(),
            "TABLE     ROWS  DEAD\npublic.a    12   345\n\nTABLE     VACUUM\npublic.a     6 h"
        );
        assert_eq!(within(19).unwrap().matches("public.a").count(), 3, "all columns are there");
        assert_eq!(within(13), None, "not even so");
        assert_eq!(parted(&columns[1..], &rows, 4), None, "nothing names the rows");
    }
}
