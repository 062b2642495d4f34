//! The encodings that a server can have (manual, table "PostgreSQL Character Sets"), as PostgreSQL writes their names.

use super::text::{Checked, Rule};

const SERVER_ENCODINGS: [&str; 35] = [
    "EUC_CN",
    "EUC_JIS_2004",
    "EUC_JP",
    "EUC_KR",
    "EUC_TW",
    "ISO_8859_5",
    "ISO_8859_6",
    "ISO_8859_7",
    "ISO_8859_8",
    "KOI8R",
    "KOI8U",
    "LATIN1",
    "LATIN10",
    "LATIN2",
    "LATIN3",
    "LATIN4",
    "LATIN5",
    "LATIN6",
    "LATIN7",
    "LATIN8",
    "LATIN9",
    "MULE_INTERNAL",
    "SQL_ASCII",
    "UTF8",
    "WIN1250",
    "WIN1251",
    "WIN1252",
    "WIN1253",
    "WIN1254",
    "WIN1255",
    "WIN1256",
    "WIN1257",
    "WIN1258",
    "WIN866",
    "WIN874",
];

/// Whether a server can have this encoding. In those that only clients have, a byte that looks like a quote or a
/// backslash may be half a letter.
pub fn is_server_encoding(name: &str) -> bool {
    SERVER_ENCODINGS.contains(&name)
}

/// The rule of [`Encoding`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EncodingRule;

/// An encoding that a server can have.
pub type Encoding = Checked<EncodingRule>;

impl Rule for EncodingRule {
    const KIND: &'static str = "server encoding";
    const LONGEST: usize = 16;

    fn allows(letter: char) -> bool {
        letter.is_ascii_alphanumeric() || letter == '_'
    }

    fn fits(text: &str) -> bool {
        is_server_encoding(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_servers_own_encodings_are_known() {
        assert!(SERVER_ENCODINGS.iter().all(|name| Encoding::try_from(*name).is_ok()));
        for name in ["", "utf8", "UTF-8", "SJIS", "BIG5", "GB18030", "JOHAB", "LATIN+1", "LATIN01", "UTF8\0", "UTF8 "] {
            assert!(Encoding::try_from(name).is_err(), "{name:?}");
        }
    }
}
