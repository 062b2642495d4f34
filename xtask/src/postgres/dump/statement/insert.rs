//! `INSERT INTO schema.table [(columns)] VALUES (…), …` with constants only, as pg_dump writes rows with `--inserts`,
//! `--column-inserts`, `--rows-per-insert` and `--on-conflict-do-nothing` (dumpTableData_insert).

use super::relations::Name;
use crate::postgres::dump::names;
use crate::sql::Token;

/// How far the statement has come.
#[derive(Debug, Default)]
pub(super) struct Insert {
    part: Part,
    rows: u64,
}

/// What must come next.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Part {
    #[default]
    Into,
    Schema,
    Dot,
    Table,
    /// After the table: columns or what follows them.
    Columns,
    Column,
    AfterColumn,
    /// `OVERRIDING SYSTEM VALUE`, `VALUES` or `DEFAULT VALUES`.
    Source,
    System,
    Value,
    Values,
    /// `DEFAULT` came.
    DefaultValues,
    Row,
    Constant,
    /// A sign came.
    Digits,
    /// A number, which may go on: `1`, `.5`, `e`, `-7`.
    Number {
        exponent: bool,
    },
    AfterConstant,
    AfterRow,
    /// `DEFAULT VALUES` came.
    AfterDefault,
    Conflict,
    Do,
    Nothing,
    Done,
    Wrong,
}

impl Insert {
    /// How many rows the statement has, where it may end here.
    pub(super) fn rows(&self) -> Option<u64> {
        matches!(self.part, Part::AfterRow | Part::AfterDefault | Part::Done).then_some(self.rows)
    }

    pub(super) fn take(&mut self, token: Token<'_>, target: &mut Name) {
        self.part = match (self.part, token) {
            (Part::Into, token) if is_word(token, "into") => Part::Schema,
            (Part::Schema, token) if names::is_user_schema(token) => {
                target.set_schema(token);
                Part::Dot
            }
            (Part::Dot, Token::Symbol(b'.')) => Part::Table,
            (Part::Table, token) if names::is_identifier(token) => {
                target.set_name(token);
                Part::Columns
            }
            (Part::Columns, Token::Symbol(b'(')) | (Part::AfterColumn, Token::Symbol(b',')) => Part::Column,
            (Part::Column, token) if names::is_identifier(token) => Part::AfterColumn,
            (Part::AfterColumn, Token::Symbol(b')')) => Part::Source,
            (Part::Columns | Part::Source, token) if is_word(token, "overriding") => Part::System,
            (Part::System, token) if is_word(token, "system") => Part::Value,
            (Part::Value, token) if is_word(token, "value") => Part::Values,
            (Part::Columns | Part::Source | Part::Values, token) if is_word(token, "values") => Part::Row,
            (Part::Columns, token) if is_word(token, "default") => Part::DefaultValues,
            (Part::DefaultValues, token) if is_word(token, "values") => {
                self.rows = 1;
                Part::AfterDefault
            }
            (Part::AfterRow | Part::AfterDefault, token) if is_word(token, "on") => Part::Conflict,
            (Part::Conflict, token) if is_word(token, "conflict") => Part::Do,
            (Part::Do, token) if is_word(token, "do") => Part::Nothing,
            (Part::Nothing, token) if is_word(token, "nothing") => Part::Done,
            (part, token) => self.row(part, token),
        };
    }

    /// The rows themselves.
    fn row(&mut self, part: Part, token: Token<'_>) -> Part {
        match (part, token) {
            (Part::Row, Token::Symbol(b'('))
            | (Part::AfterConstant | Part::Number { exponent: false }, Token::Symbol(b',')) => Part::Constant,
            (Part::AfterRow, Token::Symbol(b',')) => Part::Row,
            (Part::AfterConstant | Part::Number { exponent: false }, Token::Symbol(b')')) => {
                self.rows = self.rows.saturating_add(1);
                Part::AfterRow
            }
            (Part::Constant, Token::Text(_)) => Part::AfterConstant,
            (Part::Constant, Token::Symbol(b'-' | b'+')) => Part::Digits,
            (Part::Constant | Part::Digits | Part::Number { exponent: false }, Token::Symbol(b'.')) => Part::Digits,
            (Part::Constant, token) if ["null", "true", "false", "default"].iter().any(|word| is_word(token, word)) => {
                Part::AfterConstant
            }
            (Part::Constant | Part::Digits | Part::Number { exponent: true }, Token::Word(word)) => number(word),
            (Part::Number { exponent: true }, Token::Symbol(b'-' | b'+')) => Part::Digits,
            _ => Part::Wrong,
        }
    }
}

/// A word of a number: digits, perhaps with the `e` of an exponent.
fn number(word: &[u8]) -> Part {
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match word.get(digits..) {
        _ if digits == 0 => Part::Wrong,
        Some([]) => Part::Number { exponent: false },
        Some([b'e' | b'E']) => Part::Number { exponent: true },
        Some([b'e' | b'E', exponent @ ..]) if exponent.iter().all(u8::is_ascii_digit) => Part::AfterConstant,
        _ => Part::Wrong,
    }
}

fn is_word(token: Token<'_>, expected: &str) -> bool {
    matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(expected.as_bytes()))
}
