//! What a file is that no load takes as it is, and the command that makes a plain dump of it.

/// A file that may be healthy and is no plain dump of one database, or a dump that a person changed by one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    AfterEnd(u64),
    Age,
    BeginsOtherwise,
    Binary,
    Bzip2,
    ByteOrderMark,
    CarriageReturns,
    Cluster,
    CustomFormat,
    DescribesDatabase,
    DirectoryFormat,
    GitLfs,
    Gpg,
    Gzip,
    IfNotExists,
    Json,
    Lz4,
    Lzma,
    MySql,
    Openssl,
    Programs,
    RestoreList,
    RowsAlone,
    SevenZip,
    SqliteDatabase,
    SqliteDump,
    Tar,
    TarFormat,
    TextBefore,
    Utf16,
    Utf16Be,
    Utf16Le,
    Utf32,
    WebConsole,
    WebPage,
    WithCreate,
    WithOids,
    WithoutRestrict,
    WithoutUnrestrict,
    Xml,
    Xz,
    Zip,
    Zstd,
}

/// All that `--create` adds: what stands before each `\connect`, the comment and grants of the database, and the keys of each
/// session. Rows that look alike stay: each part is found by the comment above it.
const WITHOUT_DATABASE: &str = "leave out what is about the database: \
    sed -E -e '1,/^-- Name: /{/^DROP DATABASE /d;}' \
    -e '/^-- Name: .*; Type: DATABASE( PROPERTIES)?; /,/^\\\\connect /d' -e '/^\\\\(un)?restrict /d' \
    -e '/^-- Name: DATABASE .*; Type: /,/^-- [NP]/{/ ON DATABASE /d;}' FILE > x.sql\n\
    or dump again without --create";
const DUMP: &str = "dump the database with pg_dump: pg_dump -f x.sql DATABASE";
const TO_SQL: &str = "convert it to SQL: pg_restore -f x.sql FILE";

impl Kind {
    /// Whether nothing says that the file was changed: it is of another kind.
    pub fn is_other(self) -> bool {
        !matches!(self, Self::AfterEnd(_) | Self::WithoutRestrict | Self::WithoutUnrestrict)
    }

    /// What it is, where its first bytes say so.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Age => "encrypted by age",
            Self::Binary => "binary data",
            Self::Bzip2 => "bzip2",
            Self::ByteOrderMark => "text that begins with a byte order mark, which pg_dump never writes",
            Self::CarriageReturns => "a dump whose line ends are CR LF (changed by a terminal or an editor)",
            Self::Cluster => "the dump of a whole cluster (pg_dumpall)",
            Self::CustomFormat => "pg_dump's custom format",
            Self::DirectoryFormat => "pg_dump's directory format",
            Self::GitLfs => "a pointer of Git LFS, without the file itself",
            Self::Gpg => "encrypted by gpg",
            Self::Gzip => "gzip",
            Self::Json => "JSON, such as what a service says of an error",
            Self::Lz4 => "lz4",
            Self::Lzma => "lzma",
            Self::MySql => "a dump of MySQL or MariaDB, which no PostgreSQL reads",
            Self::Openssl => "encrypted by openssl",
            Self::Programs => "what a program said beside its dump (2>&1, or a terminal's)",
            Self::RestoreList => "the list that pg_restore --list makes",
            Self::RowsAlone => "rows alone, as DBeaver, DataGrip or supabase db dump --data-only write them",
            Self::SevenZip => "a 7-Zip archive",
            Self::SqliteDatabase => "a database of SQLite, which no PostgreSQL reads",
            Self::SqliteDump => "a dump of SQLite, which no PostgreSQL reads",
            Self::Tar => "a tar archive",
            Self::TarFormat => "pg_dump's tar format",
            Self::TextBefore => "a dump with other text before it",
            Self::Utf16 => "UTF-16 text (written by PowerShell's > ?), which psql cannot read",
            Self::Utf16Be | Self::Utf16Le => "UTF-16 text, which psql cannot read",
            Self::Utf32 => "UTF-32 text, which psql cannot read",
            Self::WebConsole => "the export of a web console, which is not proof of anything",
            Self::WebPage => "a web page",
            Self::Xml => "XML, such as what a storage service says of an error",
            Self::Xz => "xz",
            Self::Zip => "a zip archive",
            Self::Zstd => "zstd",
            // Their statements and lines say what they are.
            Self::AfterEnd(_)
            | Self::BeginsOtherwise
            | Self::DescribesDatabase
            | Self::IfNotExists
            | Self::WithCreate
            | Self::WithOids
            | Self::WithoutRestrict
            | Self::WithoutUnrestrict => "text that does not begin as pg_dump writes it",
        }
    }

    /// What to type, with this word of a command line for the file.
    pub fn way(self, file: &str) -> String {
        if let Self::AfterEnd(lines) = self {
            return format!("leave it out: head -n {lines} {file} > x.sql");
        }
        self.command().replace("FILE", file)
    }

    /// `FILE` stands for the file.
    fn command(self) -> &'static str {
        match self {
            Self::Age => "decrypt it: age -d -o x.sql FILE",
            Self::Bzip2 => "unpack it: bunzip2 -c FILE > x.sql",
            Self::ByteOrderMark => "leave that out: tail -c +4 FILE > x.sql",
            Self::CarriageReturns => "leave those out: tr -d '\\r' < FILE > x.sql",
            Self::Cluster => {
                "dump the one database with pg_dump: pg_dump -f x.sql DATABASE\n\
                 or, where its server is gone, load all of it into an empty server, then dump there: \
                 cargo xtask db-shell -- -d postgres -f FILE"
            }
            Self::CustomFormat | Self::DirectoryFormat | Self::TarFormat => TO_SQL,
            Self::DescribesDatabase => {
                "leave that out: sed -E '/^-- Name: .*; Type: (COMMENT|SECURITY LABEL); /,/^-- [NP]/{/ ON DATABASE /d;}' FILE > x.sql\n\
                 or dump again with pg_dump 11 or newer"
            }
            Self::GitLfs => "get it: git lfs pull",
            Self::Gpg => "decrypt it: gpg -o x.sql -d FILE",
            Self::Gzip => "unpack it: gunzip -c < FILE > x.sql",
            Self::IfNotExists => "dump with pg_dump itself: pg_dump -d DATABASE_URL -f x.sql",
            Self::Lz4 => "unpack it: lz4 -dc FILE > x.sql",
            Self::Lzma => "unpack it: unlzma -c < FILE > x.sql",
            Self::Openssl => "decrypt it: openssl enc -d … -in FILE -out x.sql",
            Self::Programs => "dump again, without what the programs say: pg_dump -f x.sql DATABASE",
            Self::RestoreList => "make SQL of the archive that it lists: pg_restore -f x.sql ARCHIVE",
            Self::SevenZip => "unpack it: 7z x -so FILE > x.sql",
            Self::Tar => "unpack it: tar xf FILE",
            Self::TextBefore => {
                "leave that out: { echo --; sed -n '/^-- PostgreSQL database dump$/,$p' FILE; } > x.sql"
            }
            Self::Utf16 => "convert it: iconv -f UTF-16 -t UTF-8 FILE > x.sql",
            Self::Utf16Be => "convert it: iconv -f UTF-16BE -t UTF-8 FILE > x.sql",
            Self::Utf16Le => "convert it: iconv -f UTF-16LE -t UTF-8 FILE > x.sql",
            Self::Utf32 => "convert it: iconv -f UTF-32 -t UTF-8 FILE > x.sql",
            Self::WithCreate => WITHOUT_DATABASE,
            Self::WithOids => "in the database that was dumped: ALTER TABLE … SET WITHOUT OIDS; then dump again",
            Self::WithoutRestrict => "take \\unrestrict out as well: sed '/^\\\\unrestrict/d' FILE > x.sql",
            Self::WithoutUnrestrict => "take \\restrict out as well: sed '/^\\\\restrict/d' FILE > x.sql",
            Self::Xz => "unpack it: unxz -c < FILE > x.sql",
            Self::Zip => "unpack it: unzip -p FILE > x.sql",
            Self::Zstd => "unpack it: unzstd -c FILE > x.sql",
            Self::AfterEnd(_)
            | Self::BeginsOtherwise
            | Self::Binary
            | Self::Json
            | Self::MySql
            | Self::RowsAlone
            | Self::SqliteDatabase
            | Self::SqliteDump
            | Self::WebConsole
            | Self::WebPage
            | Self::Xml => DUMP,
        }
    }
}
