//! Who looks at the rows of a dump: OpenFGA's counting, and the ledger of migrations.

use super::openfga::Counting;
use super::rows::Rows;
use super::{Contents, Copied};
use std::collections::BTreeSet;

/// Memory stays bounded whatever a dump holds.
const MOST_VERSIONS: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct Watching {
    openfga: Counting,
    /// Versions of `_sqlx_migrations` that came to their end.
    versions: Option<BTreeSet<i64>>,
    ledger: Option<Rows>,
}

impl Watching {
    /// Whether the rows of this block must be looked at.
    pub(super) fn block_begins(&mut self, copied: &Copied, columns: &[String]) -> bool {
        self.ledger = None;
        let has = |wanted: &str| columns.iter().any(|column| column == wanted);
        if copied.name == "_sqlx_migrations" && has("version") && has("success") {
            self.versions.get_or_insert_default();
            self.ledger = Some(Rows::new(columns, ["version", "success", ""]));
            return true;
        }
        self.openfga.block_begins(copied, columns)
    }

    pub(super) fn rows(&mut self, piece: &[u8]) {
        let (Some(rows), Some(versions)) = (self.ledger.as_mut(), self.versions.as_mut()) else {
            return self.openfga.rows(piece);
        };
        rows.take(piece, &mut |[version, success, _]| {
            let version = std::str::from_utf8(version).ok().and_then(|version| version.parse::<i64>().ok());
            if success == b"t" && versions.len() < MOST_VERSIONS {
                versions.extend(version);
            }
        });
    }

    pub(super) fn block_ended(&mut self, copied: &Copied) {
        if self.ledger.take().is_none() {
            self.openfga.block_ended(copied);
        }
    }

    /// Hands over what was seen.
    pub(super) fn finish(&mut self, contents: &mut Contents) {
        contents.openfga = self.openfga.finish();
        contents.openfga_ids = std::mem::take(&mut self.openfga.ids);
        contents.migrations = self.versions.take();
    }
}
