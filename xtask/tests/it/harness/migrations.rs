//! What tests ask of migrations: files in a checkout, and what the ledger says of them.

use super::restore::paused;
use super::run::Running;
use super::stack::Database;
use super::{Outcome, Sandbox, UrlDatabase, Xtask};
use std::path::PathBuf;

/// A statement that takes long enough to be met in its middle.
pub const SLOW: &str = "SELECT pg_sleep(60);";

/// The number of the advisory lock that sqlx takes on a database of this name.
pub fn sqlx_lock(database: &str) -> i64 {
    // CRC-32/ISO-HDLC, the slow way.
    let bit = |crc: u32| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
    let crc = !database.bytes().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| bit(crc)));
    0x3d32_ad9e_i64 * i64::from(crc)
}

/// How `db-migrate` with these words ended in a database of the target `url`.
pub fn migrate(database: &UrlDatabase, args: &[&str]) -> Outcome {
    database.xtask(["db-migrate"]).args(args.iter().copied()).run()
}

impl Sandbox {
    /// Writes a version's files, `<version>_<words>.up.sql` and, if there is a way back, `.down.sql`; gives the first.
    pub fn migration(&self, version: i64, words: &str, up: &str, down: Option<&str>) -> PathBuf {
        if let Some(down) = down {
            self.write(format!("migrations/{version}_{words}.down.sql"), down);
        }
        self.write(format!("migrations/{version}_{words}.up.sql"), up)
    }

    /// Versions 1 to `count`, each a table `t1`, `t2`, … with a way back.
    pub fn tables(&self, count: i64) {
        for version in 1..=count {
            let up = format!("CREATE TABLE t{version} (a int);\n");
            self.migration(version, "make a table", &up, Some(&format!("DROP TABLE t{version};\n")));
        }
    }
}

impl Database<'_> {
    /// `db-migrate` with these words.
    pub fn migrate<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Xtask {
        self.xtask(["db-migrate"]).args(args)
    }

    /// The same through the url target.
    pub fn migrate_by_url<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Xtask {
        let url = format!("postgres://postgres:postgres@127.0.0.1:{}/{}", self.stack.postgres_port, self.name);
        self.xtask(["--target", "url", "db-migrate"]).args(args).env("DATABASE_URL", url)
    }

    /// The versions of the ledger, a dirty one with a `!`.
    #[track_caller]
    pub fn ledger(&self) -> String {
        self.sql("SELECT string_agg(version || CASE WHEN success THEN '' ELSE '!' END, ' ' ORDER BY version) FROM _sqlx_migrations")
    }

    /// The tables of `public` but the ledger.
    #[track_caller]
    pub fn tables(&self) -> String {
        self.sql(
            "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class \
             WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> '_sqlx_migrations'",
        )
    }

    /// The states that `status` gives, one a version.
    #[track_caller]
    pub fn states(&self) -> Vec<String> {
        let run = self.migrate(["status", "--json"]).run();
        run.ok();
        let migrations = run.json()["migrations"].as_array().unwrap().clone();
        migrations.iter().map(|entry| entry["state"].as_str().unwrap().to_owned()).collect()
    }

    /// An `up` without backup that stands still at this point.
    #[track_caller]
    pub fn migration_paused_at(&self, point: &str) -> Running {
        paused(self.migrate(["--no-backup"]), point)
    }
}

/// The versions that a report in JSON names.
#[track_caller]
pub fn versions(run: &Outcome) -> Vec<i64> {
    run.ok();
    run.json()["migrations"].as_array().unwrap().iter().map(|entry| entry["version"].as_i64().unwrap()).collect()
}
