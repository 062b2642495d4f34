//! What a file is that no load takes as it is, and the command that makes a plain dump of it.

/// A file that may be healthy and is no plain dump of one database, or a dump that a person changed by one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text behind the dump, which has so many lines.
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
    SessionReplicationRole,
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
/// session. The keys are found by their own line, each other part by the comment above it: a row that only looks like
/// such a statement stays. A comment of the database may have several lines.
const WITHOUT_DATABASE: &str = "leave out what is about the database: \
    sed -E -e '/^COPY .* FROM stdin;$/,/^\\\\\\.$/b' -e '1,/^-- Name: /{/^DROP DATABASE /d;}' \
    -e '/^-- Name: .*; Type: DATABASE( PROPERTIES)?; /,/^\\\\connect /d' -e '/^\\\\(un)?restrict /d' \
    -e '/^-- Name: DATABASE .*; Type: /,/^-- [NP]/{/^--/!d;}' FILE > x.sql\n\
    or dump again without --create";
/// Rows of a `COPY` stay as they are.
const WITHOUT_REPLICATION_ROLE: &str = "leave that out: \
    sed -E -e '/^COPY .* FROM stdin;$/,/^\\\\\\.$/b' -e '/^(SET|set) session_replication_role( |=)/d' FILE > x.sql";
const DUMP: &str = "dump the database with pg_dump: pg_dump -f x.sql DATABASE";
const TO_SQL: &str = "convert it to SQL: pg_restore -f x.sql FILE";

/// What each is, by its first bytes or words, and the command; `FILE` stands for the file. Statements and lines say themselves
/// what is wrong.
const KNOWN: &[(Kind, &str, &str)] = &[
    (Kind::Age, "encrypted by age", "decrypt it: age -d -o x.sql FILE"),
    (Kind::BeginsOtherwise, NO_DUMP, DUMP),
    (Kind::Binary, "binary data", DUMP),
    (Kind::Bzip2, "bzip2", "unpack it: bunzip2 -c FILE > x.sql"),
    (
        Kind::ByteOrderMark,
        "text that begins with a byte order mark, which pg_dump never writes",
        "leave that out: tail -c +4 FILE > x.sql",
    ),
    (
        Kind::CarriageReturns,
        "a dump whose line ends are CR LF (changed by a terminal or an editor)",
        "leave those out: tr -d '\\r' < FILE > x.sql",
    ),
    (
        Kind::Cluster,
        "the dump of a whole cluster (pg_dumpall)",
        "dump the one database with pg_dump: pg_dump -f x.sql DATABASE\n\
                 where it holds roles alone (--globals-only), type the CREATE ROLE statements that you want\n\
                 or, where its server is gone, load all of it into another, empty server in a container, with the psql in \
                 there, and dump there: its lines can drop databases, and run programs where psql runs",
    ),
    (Kind::CustomFormat, "pg_dump's custom format", TO_SQL),
    (
        Kind::DescribesDatabase,
        NO_DUMP,
        "leave that out: awk '/^COPY .* FROM stdin;$/{rows=1} \
                 !rows&&/^-- (Name: |PostgreSQL )/{out=0;first=/; Type: (COMMENT|SECURITY LABEL); /} \
                 first&&/^(COMMENT|SECURITY)/{out=/^(COMMENT|SECURITY LABEL( FOR [^ ]+)?) ON DATABASE /;first=0} \
                 !out||/^--/; /^\\\\[.]$/{rows=0}' FILE > x.sql\n\
                 or dump again with pg_dump 11 or newer",
    ),
    (Kind::DirectoryFormat, "pg_dump's directory format", TO_SQL),
    (Kind::GitLfs, "a pointer of Git LFS, without the file itself", "get it: git lfs pull"),
    (Kind::Gpg, "encrypted by gpg", "decrypt it: gpg -o x.sql -d FILE"),
    (Kind::Gzip, "gzip", "unpack it: gunzip -c < FILE > x.sql"),
    (Kind::IfNotExists, NO_DUMP, "dump with pg_dump itself: pg_dump -d DATABASE_URL -f x.sql"),
    (Kind::Json, "JSON, such as what a service says of an error", DUMP),
    (Kind::Lz4, "lz4", "unpack it: lz4 -dc FILE > x.sql"),
    (Kind::Lzma, "lzma", "unpack it: unlzma -c < FILE > x.sql"),
    (Kind::MySql, "a dump of MySQL or MariaDB, which no PostgreSQL reads", DUMP),
    (Kind::Openssl, "encrypted by openssl", "decrypt it: openssl enc -d … -in FILE -out x.sql"),
    (
        Kind::Programs,
        "what a program said beside its dump (2>&1, or a terminal's)",
        "dump again, without what the programs say: pg_dump -f x.sql DATABASE\n\
                 or leave out what stands before the dump; what stands within it is found then: \
                 { echo --; sed -n '/^-- PostgreSQL database dump$/,$p' FILE; } > x.sql",
    ),
    (
        Kind::RestoreList,
        "the list that pg_restore --list makes",
        "make SQL of the archive that it lists: pg_restore -f x.sql ARCHIVE",
    ),
    (Kind::RowsAlone, "rows alone, as DBeaver, DataGrip or supabase db dump --data-only write them", DUMP),
    (Kind::SessionReplicationRole, NO_DUMP, WITHOUT_REPLICATION_ROLE),
    (Kind::SevenZip, "a 7-Zip archive", "unpack it: 7z x -so FILE > x.sql"),
    (Kind::SqliteDatabase, "a database of SQLite, which no PostgreSQL reads", DUMP),
    (Kind::SqliteDump, "a dump of SQLite, which no PostgreSQL reads", DUMP),
    (Kind::Tar, "a tar archive", "unpack the dump in it: tar xOf FILE > x.sql"),
    (Kind::TarFormat, "pg_dump's tar format", TO_SQL),
    (
        Kind::TextBefore,
        "a dump with other text before it",
        "leave that out: { echo --; sed -n '/^-- PostgreSQL database dump$/,$p' FILE; } > x.sql",
    ),
    (
        Kind::Utf16,
        "UTF-16 text (written by PowerShell's > ?), which psql cannot read",
        "convert it: iconv -f UTF-16 -t UTF-8 FILE > x.sql",
    ),
    (Kind::Utf16Be, "UTF-16 text, which psql cannot read", "convert it: iconv -f UTF-16BE -t UTF-8 FILE > x.sql"),
    (Kind::Utf16Le, "UTF-16 text, which psql cannot read", "convert it: iconv -f UTF-16LE -t UTF-8 FILE > x.sql"),
    (Kind::Utf32, "UTF-32 text, which psql cannot read", "convert it: iconv -f UTF-32 -t UTF-8 FILE > x.sql"),
    (Kind::WebConsole, "the export of a web console, which is not proof of anything", DUMP),
    (Kind::WebPage, "a web page", DUMP),
    (Kind::WithCreate, NO_DUMP, WITHOUT_DATABASE),
    (Kind::WithOids, NO_DUMP, "in the database that was dumped: ALTER TABLE … SET WITHOUT OIDS; then dump again"),
    (Kind::WithoutRestrict, NO_DUMP, "take \\unrestrict out as well: sed '/^\\\\unrestrict/d' FILE > x.sql"),
    (Kind::WithoutUnrestrict, NO_DUMP, "take \\restrict out as well: sed '/^\\\\restrict/d' FILE > x.sql"),
    (Kind::Xml, "XML, such as what a storage service says of an error", DUMP),
    (Kind::Xz, "xz", "unpack it: unxz -c < FILE > x.sql"),
    (Kind::Zip, "a zip archive", "unpack it: unzip -p FILE > x.sql"),
    (Kind::Zstd, "zstd", "unpack it: unzstd -c FILE > x.sql"),
];
const NO_DUMP: &str = "text that does not begin as pg_dump writes it";

impl Kind {
    /// Whether the file is of another kind. The rest are dumps that a person changed.
    pub fn is_other(self) -> bool {
        !matches!(self, Self::AfterEnd(_) | Self::WithoutRestrict | Self::WithoutUnrestrict)
    }

    /// What it is, where its first bytes say so.
    pub(super) fn what(self) -> &'static str {
        self.known().0
    }

    /// What to type; `file` is the file as one word of a command line. What an earlier way made has that name already.
    pub fn way(self, file: &str) -> String {
        let way = match self {
            Self::AfterEnd(lines) => &format!("leave it out: head -n {lines} FILE > x.sql"),
            _ => self.known().1,
        };
        let name = file.trim_end_matches('\'');
        let is_taken = name.trim_start_matches('\'') == "x.sql" || name.ends_with("/x.sql");
        let way = if is_taken { &way.replace("x.sql", "y.sql") } else { way };
        way.replace("FILE", file)
    }

    fn known(self) -> (&'static str, &'static str) {
        let known = KNOWN.iter().find(|(kind, ..)| *kind == self);
        known.map_or((NO_DUMP, DUMP), |(_, what, command)| (what, command))
    }
}

#[cfg(test)]
mod tests {
    use super::{KNOWN, Kind};

    /// A shell empties the file that it writes before the program reads it.
    #[test]
    fn no_way_writes_the_file_that_it_reads() {
        assert_eq!(Kind::AfterEnd(3).way("x.sql"), "leave it out: head -n 3 x.sql > y.sql");
        assert_eq!(Kind::Gzip.way("dir/x.sql"), "unpack it: gunzip -c < dir/x.sql > y.sql");
        assert_eq!(Kind::Gzip.way("'my dir/x.sql'"), "unpack it: gunzip -c < 'my dir/x.sql' > y.sql");
        assert_eq!(Kind::Gzip.way("max.sql"), "unpack it: gunzip -c < max.sql > x.sql");
    }

    /// The scan has passed none of these files: psql takes lines of them for commands, and the server drops what they name.
    #[test]
    fn no_way_gives_the_file_to_psql_or_writes_more_than_one_file() {
        let ways = KNOWN.iter().map(|(kind, ..)| *kind).chain([Kind::AfterEnd(3)]).map(|kind| kind.way("'a b'"));
        for way in ways {
            let typed = way.lines().flat_map(|line| line.split([':', '|', ';', '{']));
            let programs: Vec<&str> = typed.filter_map(|part| part.split_whitespace().next()).collect();
            let is_run = |program: &&str| ["cargo", "psql", "sh", "bash", "docker"].contains(program);
            assert!(!programs.iter().any(is_run) && !way.contains("db-shell"), "{way}");
            let takes_file = way.lines().filter(|line| line.contains("'a b'"));
            for line in takes_file {
                assert!(line.contains("> x.sql") || line.contains("-f x.sql") || line.contains("-o"), "{line}");
            }
        }
    }
}
