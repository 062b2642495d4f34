//! Keys and indexes of the live database that a file leaves out: `pg_dump --section=pre-data --section=data` writes none.

use super::live;
use crate::backup::proof::Proven;
use crate::postgres::server::Server;
use std::time::Duration;

/// A warning waits no longer than that for the server.
const DEADLINE: Duration = Duration::from_secs(5);

/// Keys, unique and exclusion constraints are indexes, too. Those of extensions are left out.
const QUERY: &str = "
WITH own AS (
  SELECT c.oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
      AND d.objid = c.oid AND d.deptype = 'e'))
SELECT (SELECT pg_catalog.count(*) FROM pg_catalog.pg_index AS i JOIN own AS o ON o.oid = i.indrelid)
  + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_constraint AS k JOIN own AS o ON o.oid = k.conrelid
     WHERE k.contype = 'f')";

/// How many indexes and foreign keys the live database has, where a file that was made elsewhere creates tables without
/// any; `None` where nothing is lost, or the live database cannot be asked. A backup of ours holds all that its database
/// had.
pub fn of(server: &Server<'_>, backup: &Proven) -> Option<u64> {
    if backup.manifest.is_some() || !backup.contents.lacks_keys || !live::exists(server).ok()? {
        return None;
    }
    let live = server.in_database(server.target().database()).within(DEADLINE);
    live.ask(QUERY).ok()?.trim().parse().ok().filter(|count| *count > 0)
}
