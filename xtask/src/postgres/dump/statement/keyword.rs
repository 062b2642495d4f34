//! The words of SQL that a dump's reader must know.

use crate::sql::BodyWord;

/// The words that decide something; every other one is `Other`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Keyword {
    #[default]
    Other,
    Abort,
    Alter,
    Atomic,
    Authorization,
    Begin,
    Case,
    ClientEncoding,
    Comment,
    Commit,
    Copy,
    Create,
    Database,
    Default,
    Delete,
    Discard,
    Do,
    Drop,
    End,
    Exists,
    Extension,
    For,
    From,
    Function,
    Grant,
    Group,
    If,
    Insert,
    Local,
    Mapping,
    Merge,
    Names,
    Not,
    Notify,
    On,
    Or,
    Owner,
    Policy,
    Privileges,
    Procedure,
    Replace,
    Reset,
    Return,
    Revoke,
    Role,
    Rollback,
    Select,
    Session,
    Set,
    SetConfig,
    StandardStrings,
    Stdin,
    System,
    Table,
    Tablespace,
    To,
    Update,
    User,
    Using,
    Values,
    With,
}

const WORDS: &[(&str, Keyword)] = &[
    ("abort", Keyword::Abort),
    ("alter", Keyword::Alter),
    ("atomic", Keyword::Atomic),
    ("authorization", Keyword::Authorization),
    ("begin", Keyword::Begin),
    ("case", Keyword::Case),
    ("client_encoding", Keyword::ClientEncoding),
    ("comment", Keyword::Comment),
    ("commit", Keyword::Commit),
    ("copy", Keyword::Copy),
    ("create", Keyword::Create),
    ("database", Keyword::Database),
    ("default", Keyword::Default),
    ("delete", Keyword::Delete),
    ("discard", Keyword::Discard),
    ("do", Keyword::Do),
    ("drop", Keyword::Drop),
    ("end", Keyword::End),
    ("exists", Keyword::Exists),
    ("extension", Keyword::Extension),
    ("for", Keyword::For),
    ("from", Keyword::From),
    ("function", Keyword::Function),
    ("grant", Keyword::Grant),
    ("group", Keyword::Group),
    ("if", Keyword::If),
    ("insert", Keyword::Insert),
    ("local", Keyword::Local),
    ("mapping", Keyword::Mapping),
    ("merge", Keyword::Merge),
    ("names", Keyword::Names),
    ("not", Keyword::Not),
    ("notify", Keyword::Notify),
    ("on", Keyword::On),
    ("or", Keyword::Or),
    ("owner", Keyword::Owner),
    ("policy", Keyword::Policy),
    ("privileges", Keyword::Privileges),
    ("procedure", Keyword::Procedure),
    ("replace", Keyword::Replace),
    ("reset", Keyword::Reset),
    ("return", Keyword::Return),
    ("revoke", Keyword::Revoke),
    ("role", Keyword::Role),
    ("rollback", Keyword::Rollback),
    ("select", Keyword::Select),
    ("session", Keyword::Session),
    ("set", Keyword::Set),
    ("set_config", Keyword::SetConfig),
    ("standard_conforming_strings", Keyword::StandardStrings),
    ("stdin", Keyword::Stdin),
    ("system", Keyword::System),
    ("table", Keyword::Table),
    ("tablespace", Keyword::Tablespace),
    ("to", Keyword::To),
    ("update", Keyword::Update),
    ("user", Keyword::User),
    ("using", Keyword::Using),
    ("values", Keyword::Values),
    ("with", Keyword::With),
];

impl Keyword {
    pub(super) fn of(word: &[u8]) -> Self {
        WORDS
            .iter()
            .find(|(name, _)| name.len() == word.len() && name.as_bytes().eq_ignore_ascii_case(word))
            .map_or(Self::Other, |(_, keyword)| *keyword)
    }

    /// What it means in a routine's body.
    pub(super) fn in_body(self) -> BodyWord {
        match self {
            Self::Begin => BodyWord::Begin,
            Self::Atomic => BodyWord::Atomic,
            Self::Case => BodyWord::Case,
            Self::End => BodyWord::End,
            Self::Delete
            | Self::Insert
            | Self::Merge
            | Self::Notify
            | Self::Return
            | Self::Select
            | Self::Table
            | Self::Update
            | Self::Values
            | Self::With => BodyWord::Statement,
            _ => BodyWord::Other,
        }
    }
}

/// Whether an SQL command begins with this word (manual, "SQL Commands").
pub(super) fn begins_a_statement(word: &[u8]) -> bool {
    const FIRST_WORDS: &str = "abort alter analyze begin call checkpoint close cluster comment commit copy create \
        deallocate declare delete discard do drop end execute explain fetch grant import insert listen load lock merge \
        move notify prepare reassign refresh reindex release reset revoke rollback savepoint security select \
        set show start table truncate unlisten update vacuum values with";
    FIRST_WORDS.split(' ').any(|first| first.as_bytes().eq_ignore_ascii_case(word))
}
