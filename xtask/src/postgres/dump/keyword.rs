//! The words of SQL that a dump's reader must know.

/// The words that decide something; every other one is `Other`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Keyword {
    #[default]
    Other,
    Alter,
    Authorization,
    Begin,
    Case,
    ClientEncoding,
    Copy,
    Create,
    Database,
    Default,
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
    Local,
    Mapping,
    Names,
    Not,
    Or,
    Owner,
    Policy,
    Privileges,
    Procedure,
    Replace,
    Revoke,
    Role,
    Session,
    Set,
    SetConfig,
    StandardStrings,
    Stdin,
    System,
    Tablespace,
    To,
    User,
    Using,
    With,
}

impl Keyword {
    pub(super) fn of(word: &[u8]) -> Self {
        const WORDS: &[(&str, Keyword)] = &[
            ("alter", Keyword::Alter),
            ("authorization", Keyword::Authorization),
            ("begin", Keyword::Begin),
            ("case", Keyword::Case),
            ("client_encoding", Keyword::ClientEncoding),
            ("copy", Keyword::Copy),
            ("create", Keyword::Create),
            ("database", Keyword::Database),
            ("default", Keyword::Default),
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
            ("local", Keyword::Local),
            ("mapping", Keyword::Mapping),
            ("names", Keyword::Names),
            ("not", Keyword::Not),
            ("or", Keyword::Or),
            ("owner", Keyword::Owner),
            ("policy", Keyword::Policy),
            ("privileges", Keyword::Privileges),
            ("procedure", Keyword::Procedure),
            ("replace", Keyword::Replace),
            ("revoke", Keyword::Revoke),
            ("role", Keyword::Role),
            ("session", Keyword::Session),
            ("set", Keyword::Set),
            ("set_config", Keyword::SetConfig),
            ("standard_conforming_strings", Keyword::StandardStrings),
            ("stdin", Keyword::Stdin),
            ("system", Keyword::System),
            ("tablespace", Keyword::Tablespace),
            ("to", Keyword::To),
            ("user", Keyword::User),
            ("using", Keyword::Using),
            ("with", Keyword::With),
        ];
        WORDS
            .iter()
            .find(|(name, _)| name.len() == word.len() && name.as_bytes().eq_ignore_ascii_case(word))
            .map_or(Self::Other, |(_, keyword)| *keyword)
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
