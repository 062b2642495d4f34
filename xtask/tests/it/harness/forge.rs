//! Backup files made by hand, from the format in `docs/backups.md`: whole in every way, whatever their body holds.

use super::Sandbox;
use chrono::{DateTime, Local};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;

pub const HEAD: &str = "-- xtask backup, format 1: it is whole only if its last line is a manifest that fits\n";
const OPENING: &str = "--\n-- PostgreSQL database dump\n--\n\n\\restrict k3Y\n\n\
    -- Dumped from database version 15.18\n-- Dumped by pg_dump version 15.18\n\n\
    SET statement_timeout = 0;\nSET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\n\
    SELECT pg_catalog.set_config('search_path', '', false);\n\n";
const CLOSING: &str = "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict k3Y\n\n";

/// What pg_dump would have written around this.
pub fn dump(body: impl AsRef<[u8]>) -> Vec<u8> {
    [OPENING.as_bytes(), body.as_ref(), b"\n", CLOSING.as_bytes()].concat()
}

/// A manifest to be.
#[derive(Debug, Clone)]
pub struct Forged {
    dump: Vec<u8>,
    facts: Value,
}

impl Forged {
    /// A backup whose dump is this.
    pub fn of(dump: impl Into<Vec<u8>>) -> Self {
        let dump = dump.into();
        let facts = json!({
            "format": 1, "tool": "xtask 0.1.0", "database": "forged", "only_tables": null,
            "server_version": "15.18", "pg_dump_version": "15.18",
            "started_at": Local::now().to_rfc3339(), "seconds": 0.1, "bytes": 0, "sha256": "",
            "copied": copied(&dump), "openfga": null, "roles": [], "extensions": [],
            "properties": {
                "encoding": "UTF8", "locale_provider": "libc", "collate": "C", "ctype": "C", "locale": null,
                "icu_rules": null, "owner": "postgres", "grants": null, "settings": [], "connection_limit": -1,
                "comment": null, "size_bytes": 8_000_000
            }
        });
        Self { dump, facts }
    }

    /// The smallest one.
    pub fn small() -> Self {
        Self::of(dump("CREATE TABLE public.t (a integer);\nCOPY public.t (a) FROM stdin;\n1\n2\n\\.\n"))
    }

    /// Another value for this key of the manifest.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.facts[key] = value.into();
        self
    }

    /// Another value for this key of the database's properties.
    pub fn with_property(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.facts["properties"][key] = value.into();
        self
    }

    pub fn taken(self, database: &str, time: DateTime<Local>) -> Self {
        self.with("database", database).with("started_at", time.to_rfc3339())
    }

    /// The whole file; size and checksum as they are, where nothing else was said.
    pub fn bytes(&self) -> Vec<u8> {
        let mut file = [HEAD.as_bytes(), &self.dump].concat();
        let line = self.line(file.len() as u64, &hex(&file));
        file.extend_from_slice(line.as_bytes());
        file
    }

    /// The manifest's line of a file in which so many bytes of this SHA-256 precede it.
    pub fn line(&self, bytes: u64, sha256: &str) -> String {
        let mut facts = self.facts.clone();
        if facts["bytes"] == 0 {
            facts["bytes"] = bytes.into();
        }
        if facts["sha256"] == "" {
            facts["sha256"] = sha256.into();
        }
        let line = format!("-- xtask manifest: {facts}");
        let line = line.strip_suffix('}').unwrap();
        format!("{line},\"checksum\":\"{}\"}}\n", hex(line.as_bytes()))
    }

    /// Writes it into `backups/` under this name.
    pub fn write(&self, sandbox: &Sandbox, name: &str) -> PathBuf {
        sandbox.write(format!("backups/{name}"), self.bytes())
    }
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The `COPY` blocks as a plain reader of lines finds them.
fn copied(dump: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(dump);
    let mut lines = text.split('\n');
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        let header = line.strip_prefix("COPY ").and_then(|rest| rest.strip_suffix(" FROM stdin;"));
        let table = header.and_then(|rest| rest.split([' ', '(']).next());
        if let Some((schema, name)) = table.and_then(|table| table.split_once('.')) {
            let rows = lines.by_ref().take_while(|row| *row != "\\.").count();
            blocks.push(json!({ "schema": schema, "name": name, "rows": rows }));
        }
    }
    blocks
}
