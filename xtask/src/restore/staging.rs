//! A database of our own beside the live one, into which a proven backup is loaded and checked.

use super::maintenance_database;
use crate::backup::proof::Proven;
use crate::error::{self, Exit, Fault};
use crate::postgres::open_session::OpenSession;
use crate::postgres::properties::Properties;
use crate::postgres::session;
use crate::process::signals;
use crate::target::{Talk, Target};
use anyhow::{Context as _, Result};
use chrono::{DateTime, Local};
use std::io::Write as _;
use std::time::Duration;

/// A name is cut silently by the server beyond so many bytes.
const LONGEST_NAME: usize = 63;
/// psql has said everything by then; what it still does is the server's own work.
const LAST_WORDS: Duration = Duration::from_secs(24 * 3600);

/// A database that is being filled. Dropped without `keep`, it is dropped on the server too.
#[derive(Debug)]
pub struct Staging<'a> {
    target: &'a Target,
    session: &'a str,
    name: String,
    /// By this session others can tell that we are alive.
    keeper: OpenSession<'a>,
}

/// What the comment on a throwaway database begins with; the run's session name follows.
const MARK: &str = "xtask: throwaway database of run ";

/// The name of a database of ours for this purpose: `openfga_verify_20251021_143022`, never longer than a name may be.
pub fn name_for(database: &str, purpose: &str, time: &DateTime<Local>) -> String {
    let ending = format!("_{purpose}_{}", time.format("%Y%m%d_%H%M%S"));
    let mut kept = database.len().min(LONGEST_NAME - ending.len());
    while !database.is_char_boundary(kept) {
        kept -= 1;
    }
    format!("{}{ending}", &database[..kept])
}

impl<'a> Staging<'a> {
    /// Makes an empty database like the one that the backup was taken from; from template0, because nothing
    /// that was put into template1 belongs into it.
    pub fn create(target: &'a Target, session: &'a str, name: String, like: Option<&Properties>) -> Result<Self> {
        let mut keeper = OpenSession::start(target, maintenance_database(target), session)?;
        let cannot = || Fault::failed(format!("The database {name} cannot be made"));
        let quoted = session::identifier(&name);
        let options = like.map(options).unwrap_or_default();
        let mark = session::literal(&format!("{MARK}{session}"));
        keeper.run(&format!("CREATE DATABASE {quoted} TEMPLATE template0{options}")).with_context(cannot)?;
        let mut staging = Self { target, session, name, keeper };
        // Known as ours before anything is in it.
        staging.keeper.run(&format!("COMMENT ON DATABASE {quoted} IS {mark}"))?;
        Ok(staging)
    }

    /// Feeds the backup to one psql, and compares what the server counted with what the backup holds.
    pub fn load(&self, backup: &Proven, progress: &dyn Fn(u64)) -> Result<()> {
        let cannot = || Fault::failed(format!("{} cannot be loaded", backup.path.display()));
        let nonce = session::fresh_name()?;
        let restricted = self.psql_knows_restrict()?;
        // Only the keeper bears the run's name: what is still being loaded after a kill is not alive.
        let loader = format!("{}-load", self.session);
        let mut psql = self
            .target
            .program_with("psql", &loader, Talk::Piped, &[("PGDATABASE", &self.name)])?
            .args(["--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "-f", "-"])
            // Of a line for every statement only those are kept that are looked at.
            .dialog(|line| line.starts_with(b"COPY ") || line.starts_with(b"xtask-"))?;
        let key = nonce.replace('-', "");
        let fed = (|| -> Result<()> {
            if restricted {
                writeln!(psql, "\\restrict {key}")?;
            }
            backup.feed(&mut psql, progress)?;
            if restricted {
                writeln!(psql, "\\unrestrict {key}")?;
            }
            writeln!(psql, "SELECT '{nonce}';").map_err(Into::into)
        })();
        let mut counted = Vec::new();
        let mut complete = false;
        if fed.is_ok() {
            while let Some(line) = psql.line(LAST_WORDS) {
                counted.extend(line.strip_prefix("COPY ").and_then(|rows| rows.parse::<u64>().ok()));
                complete = line == nonce;
                if complete {
                    break;
                }
            }
        }
        let said = psql.finish()?;
        signals::check()?;
        // A file that changed is refused, whatever psql said to it.
        if let Err(error) = &fed
            && error::fault(error).is_some_and(|fault| fault.exit == Exit::Refused)
        {
            return fed;
        }
        if !said.ending.success() {
            return Err(session::failure(self.target, "psql", &said.stderr, said.ending)).with_context(cannot);
        }
        fed.with_context(cannot)?;
        let expected: Vec<u64> = backup.contents.copied.iter().map(|copied| copied.rows).collect();
        if !complete || counted != expected {
            let (loaded, held) = (counted.iter().sum::<u64>(), expected.iter().sum::<u64>());
            let what = format!(
                "the server counted {loaded} rows in {} tables, the backup holds {held} in {}",
                counted.len(),
                expected.len()
            );
            return Err(anyhow::Error::msg(what)).with_context(cannot);
        }
        Ok(())
    }

    /// Whether this psql has `\restrict` (17.6, 16.10, 15.14, 14.19, 13.22 and every later major version).
    fn psql_knows_restrict(&self) -> Result<bool> {
        let asked = self.target.program("psql", self.session, Talk::Piped)?.arg("--version");
        let said = asked.capture(Duration::from_secs(20))?.text();
        Ok(knows_restrict(&said))
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", session::identifier(&self.name));
        // If that fails too, the mark on the database tells the next run what it is.
        let _ =
            signals::shielded(|| session::ask_in(self.target, maintenance_database(self.target), self.session, &sql));
    }
}

/// Drops the throwaway databases of runs that were killed; gives their names. A run is alive while its session is.
pub fn clear_leftovers(target: &Target, session: &str) -> Result<Vec<String>> {
    let mark = session::literal(&format!("{MARK}%"));
    let sql = format!(
        "SELECT COALESCE(pg_catalog.json_agg(d.datname), '[]') FROM pg_catalog.pg_database AS d \
         WHERE pg_catalog.shobj_description(d.oid, 'pg_database') LIKE {mark} \
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a WHERE a.application_name = \
         pg_catalog.substr(pg_catalog.shobj_description(d.oid, 'pg_database'), {}))",
        MARK.len() + 1
    );
    let maintenance = maintenance_database(target);
    let names: Vec<String> = serde_json::from_str(&session::ask_in(target, maintenance, session, &sql)?)?;
    for name in &names {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", session::identifier(name));
        session::ask_in(target, maintenance, session, &sql)?;
    }
    Ok(names)
}

/// What `CREATE DATABASE` needs to make such a database.
fn options(like: &Properties) -> String {
    let mut options = format!(" ENCODING {}", session::literal(&like.encoding));
    let mut add = |word: &str, value: &str| options.push_str(&format!(" {word} {}", session::literal(value)));
    add("LC_COLLATE", &like.collate);
    add("LC_CTYPE", &like.ctype);
    if like.locale_provider != "libc" {
        add("LOCALE_PROVIDER", &like.locale_provider);
        let word = if like.locale_provider == "icu" { "ICU_LOCALE" } else { "BUILTIN_LOCALE" };
        like.locale.iter().for_each(|locale| add(word, locale));
        like.icu_rules.iter().for_each(|rules| add("ICU_RULES", rules));
    }
    options
}

fn knows_restrict(version: &str) -> bool {
    let Some(number) = version.split_whitespace().find(|word| word.starts_with(|letter: char| letter.is_ascii_digit()))
    else {
        return false;
    };
    let mut parts = number.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match major {
        13 => minor >= 22,
        14 => minor >= 19,
        15 => minor >= 14,
        16 => minor >= 10,
        17 => minor >= 6,
        major => major >= 18,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    #[test]
    fn every_psql_is_told_by_its_version() {
        assert!(knows_restrict("psql (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"));
        assert!(!knows_restrict("psql (PostgreSQL) 16.8"));
        assert!(knows_restrict("psql (PostgreSQL) 18beta1") || knows_restrict("psql (PostgreSQL) 18.0"));
        assert!(!knows_restrict("psql (PostgreSQL) 12.22") && !knows_restrict(""));
    }

    #[test]
    fn a_name_never_grows_too_long() {
        let time = Local.with_ymd_and_hms(2025, 10, 21, 14, 30, 22).unwrap();
        assert_eq!(name_for("openfga", "verify", &time), "openfga_verify_20251021_143022");
        let long = name_for(&"ü".repeat(31), "verify", &time);
        assert!(long.len() <= LONGEST_NAME && long.ends_with("_verify_20251021_143022"), "{long}");
    }
}
