//! `COPY schema.table (columns) FROM stdin`, token by token.

use super::keyword::Keyword;
use super::names::identifier;
use super::statement::Token;

#[derive(Debug, Clone, Default)]
pub(super) struct CopyHeader {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    part: CopyPart,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum CopyPart {
    #[default]
    Table,
    Columns,
    From,
    Stdin,
    Ready,
    /// `COPY … TO`, from a file, with options: no rows follow that we could read.
    Other,
}

impl CopyHeader {
    /// Whether rows follow that we can read.
    pub(super) fn is_complete(&self) -> bool {
        self.part == CopyPart::Ready
    }

    pub(super) fn take(&mut self, token: Token<'_>, keyword: Keyword) {
        self.part = match (self.part, token) {
            (CopyPart::Table, Token::Symbol(b'.')) => {
                self.schema = std::mem::take(&mut self.name);
                CopyPart::Table
            }
            (CopyPart::Table, Token::Symbol(b'(')) => CopyPart::Columns,
            (CopyPart::Table | CopyPart::From, Token::Word(_)) if keyword == Keyword::From => CopyPart::Stdin,
            (CopyPart::Table, _) if self.name.is_empty() => {
                self.name = identifier(token).unwrap_or_default();
                CopyPart::Table
            }
            (CopyPart::Columns, Token::Symbol(b')')) => CopyPart::From,
            (CopyPart::Columns, token) => {
                self.columns.extend(identifier(token));
                CopyPart::Columns
            }
            (CopyPart::Stdin, Token::Word(_)) if keyword == Keyword::Stdin => CopyPart::Ready,
            _ => CopyPart::Other,
        };
    }
}
