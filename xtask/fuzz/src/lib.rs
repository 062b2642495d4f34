//! The readers under test, compiled from the program's own files: a library beside the program would be compiled twice
//! in every build of it. What talks to a server or a person is not among them.

#[path = "../../src/error.rs"]
pub mod error;

#[path = "../../src/words/mod.rs"]
pub mod words;

#[path = "../../src/platform/mod.rs"]
pub mod platform;

#[path = "../../src/process"]
pub mod process {
    pub mod signals;
}

#[path = "../../src/postgres"]
pub mod postgres {
    pub mod count;
    pub mod dump;
    pub mod encoding;
    pub mod properties;
    pub mod quote;
    pub mod text;
}

#[path = "../../src/backup"]
pub mod backup {
    pub mod manifest;
    pub mod pieces;
    pub mod sealed;
}

#[path = "../../src/migration"]
pub mod migration {
    pub mod block;
    pub mod block_texts;
    pub mod checks;
    pub mod checksum;
    pub mod copy_rows;
    pub mod flaw;
    pub mod lasting;
    pub mod reader;
    pub mod made;
    pub mod quoting;
    pub mod server_writes;
    pub mod shared_objects;
    pub mod statement;
    pub mod transaction;
}

#[path = "../../src/sql/mod.rs"]
pub mod sql;

#[path = "../../src/settings"]
pub mod settings {
    pub mod env_file;
}

#[path = "../../src/openfga"]
pub mod openfga {
    pub mod model;
    pub mod store_file;
    pub mod tuples;
}

/// The second opinion on what a dump may hold, which the unit tests share.
#[path = "../../src/postgres/dump/tests/oracle/mod.rs"]
pub mod oracle;
