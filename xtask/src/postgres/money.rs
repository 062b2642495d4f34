//! Values of type `money`: pg_dump writes them by the `lc_monetary` of its session, in which they must be read again.

use super::text::Line;
use serde::Deserialize;

/// What a session says of itself.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    /// The `lc_monetary` of this session; `None` where the database has no such values.
    pub(super) lc_monetary: Option<Line>,
}

/// Gives an [`Answer`]. A column of a table, a view or a composite type has such values, an attribute of an index on one,
/// a domain, a range; and a constant in a check, a default or a view (those of the system, below 16384, have none). 790 and 791
/// are the types `money` and `money[]`.
pub(super) const QUERY: &str = "
SELECT pg_catalog.json_build_object('lc_monetary', CASE WHEN
  EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE atttypid IN (790, 791) AND NOT attisdropped)
  OR EXISTS (SELECT FROM pg_catalog.pg_type WHERE typbasetype IN (790, 791))
  OR EXISTS (SELECT FROM pg_catalog.pg_range WHERE rngsubtype = 790)
  OR EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE oid >= 16384 AND conbin::pg_catalog.text ~ ':consttype 79[01] ')
  OR EXISTS (SELECT FROM pg_catalog.pg_attrdef WHERE oid >= 16384 AND adbin::pg_catalog.text ~ ':consttype 79[01] ')
  OR EXISTS (SELECT FROM pg_catalog.pg_rewrite WHERE oid >= 16384 AND ev_action::pg_catalog.text ~ ':consttype 79[01] ')
THEN pg_catalog.current_setting('lc_monetary') END);";
