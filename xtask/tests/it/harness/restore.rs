//! What tests ask of restores: a stack that may be restored on, runs that stand still where a fault would strike.

use super::backup::dumped;
use super::run::Running;
use super::stack::{Database, HEALTHY_ONCE, Stack, identifier, unused};
use super::{Outcome, Xtask, wait_until};
use rustix::process::Signal;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

/// The stack that tests of restores share: PostgreSQL alone, so that no restore stops another one's services.
#[track_caller]
pub fn shared_for_restores() -> &'static Stack {
    static SHARED: OnceLock<Result<Stack, String>> = OnceLock::new();
    let stack = SHARED.get_or_init(|| {
        let stack = Stack::postgres_only().shared();
        let command = "    command: [postgres, -c, max_prepared_transactions=10, -c, wal_level=logical]";
        stack.postgres_only_with(&[command, HEALTHY_ONCE].concat());
        let run = stack.xtask(["up"]).run();
        if run.code != Some(0) {
            return Err(format!("xtask up: {:?}\n{}", run.code, run.stderr));
        }
        stack.without_autovacuum();
        Ok(stack)
    });
    stack.as_ref().unwrap_or_else(|error| panic!("{error}"))
}

impl Stack {
    /// A stack without OpenFGA whose service postgres has these lines too.
    pub fn postgres_only_with(&self, lines: &str) {
        self.override_with(&format!("services:\n{}  postgres:\n{lines}", unused()));
    }

    /// Adds a service that depends on PostgreSQL and does nothing.
    pub fn with_a_client(&self) {
        let client = "  client:\n    image: ${POSTGRES_IMAGE}\n    entrypoint: [sleep, infinity]\n    stop_signal: SIGKILL\n    \
                      depends_on:\n      postgres:\n        condition: service_healthy\n";
        let prepared = "  postgres:\n    command: [postgres, -c, max_prepared_transactions=10]\n";
        self.override_with(&format!("services:\n{}{prepared}{client}", unused()));
    }

    /// Whether a service's container runs.
    #[track_caller]
    pub fn runs(&self, service: &str) -> bool {
        self.docker(&["inspect", "--format", "{{.State.Running}}", &self.container_of(service)]) == "true"
    }

    /// A dump of any database, as `Database::dump` makes it.
    #[track_caller]
    pub fn dump_of(&self, database: &str) -> Vec<u8> {
        dumped(|words| self.client(&[words, &["-d", database]].concat(), ""))
    }
}

/// `--jobs`, as `XTASK_TEST_JOBS` says, for a restore with these words.
pub fn jobs(args: &[&str]) -> Option<String> {
    let is_load = !args.iter().any(|arg| ["--jobs", "--undo", "--repair", "--globals"].contains(arg));
    std::env::var("XTASK_TEST_JOBS").ok().filter(|_| is_load).map(|jobs| format!("--jobs={jobs}"))
}

/// Whether restores of small backups take their safety backup beside the load, as `XTASK_TEST_JOBS` says.
pub fn saves_beside() -> bool {
    jobs(&[]).is_some_and(|jobs| jobs != "--jobs=1")
}

impl Database<'_> {
    /// `db-restore --yes` with these words; a restore has as many sessions as `XTASK_TEST_JOBS` says.
    pub fn restore<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Xtask {
        let args: Vec<&str> = args.into_iter().collect();
        let jobs = jobs(&args);
        self.xtask(["db-restore", "--yes"]).args(args).args(jobs)
    }

    /// A restore that stands still at this point.
    #[track_caller]
    pub fn restore_paused_at(&self, point: &str) -> Running {
        paused(self.restore([]), point)
    }

    /// `db-restore --repair`, which must work; what it says of itself.
    #[track_caller]
    pub fn repair(&self) -> String {
        let run = self.xtask(["db-restore", "--repair"]).run();
        run.ok().prints_nothing();
        run.stderr
    }

    /// Runs SQL in the record of the databases that the superuser's runs made.
    #[track_caller]
    pub fn in_record(&self, sql: &str) -> String {
        self.stack.psql("xtask_record_postgres", sql)
    }

    /// The databases of this purpose that stand beside it: `before`, `staging`.
    pub fn beside(&self, purpose: &str) -> Vec<String> {
        let kept: String = self.name.chars().take(30).collect();
        let sql = "SELECT datname FROM pg_database WHERE datname ~ '_PURPOSE_[0-9]{8}_[0-9]{6}$' AND starts_with(datname, 'KEPT') \
                   AND (length('KEPT') = 30 OR length(datname) = length('KEPT_PURPOSE_20251021_143022')) ORDER BY datname";
        let sql = sql.replace("PURPOSE", purpose).replace("KEPT", &kept.replace('\'', "''"));
        self.stack.admin(&sql).lines().map(str::to_owned).collect()
    }

    /// The one database of this purpose beside it.
    #[track_caller]
    pub fn only_beside(&self, purpose: &str) -> String {
        let names = self.beside(purpose);
        assert_eq!(names.len(), 1, "one database of {purpose} was expected: {names:?}");
        names[0].clone()
    }

    /// The safety backups of its folder, oldest first.
    pub fn safety_backups(&self) -> Vec<PathBuf> {
        let names = self.sandbox.backups().into_iter().filter(|name| name.contains("_pre_restore_"));
        names.map(|name| self.sandbox.path("backups").join(name)).collect()
    }

    /// Whether a session may connect.
    pub fn is_open(&self) -> bool {
        let sql = format!("SELECT datallowconn FROM pg_database WHERE datname = '{}'", self.name.replace('\'', "''"));
        self.stack.admin(&sql) == "t"
    }

    /// Three rows, and a backup of them; then one row is gone and a table is new. Gives both states.
    #[track_caller]
    pub fn backed_up_and_changed(&self) -> States {
        self.sql("CREATE TABLE t AS SELECT i, 'it''s ' || i AS text FROM generate_series(1, 3) AS i");
        let backup = self.backup();
        let restored = self.dump();
        self.sql("DELETE FROM t WHERE i = 2; CREATE TABLE later AS SELECT 1 AS a");
        States { backup, restored, old: self.dump() }
    }

    /// An identifier of it, as SQL quotes it.
    pub fn quoted(&self) -> String {
        identifier(&self.name)
    }
}

impl Running {
    /// Sends the signal to a run that stands still, and lets it go on.
    pub fn ended_by(self, signal: Signal) -> Outcome {
        self.signal(signal);
        self.signal(Signal::CONT);
        self.wait()
    }
}

/// A backup, the state that it holds, and the state that a restore of it replaces.
#[derive(Debug)]
pub struct States {
    pub backup: PathBuf,
    pub restored: Vec<u8>,
    pub old: Vec<u8>,
}

/// Starts it and waits until it stands still at this fault point.
#[track_caller]
pub fn paused(xtask: Xtask, point: &str) -> Running {
    let mut running = xtask.env("XTASK_FAULT_POINT", point).spawn();
    wait_until(&format!("the run stands still at {point}"), || {
        assert!(running.is_running(), "it ended before {point}: {}", running.stderr());
        stands_still(running.id())
    });
    running
}

fn stands_still(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
}

/// One state is live and open; a repair repairs what is left, another has nothing to do. The first one's messages.
#[track_caller]
pub fn whole_and_repaired(database: &Database<'_>, states: &States, swapped: bool, point: &str) -> String {
    let live = if swapped { &states.restored } else { &states.old };
    assert!(database.is_open() && &database.dump() == live, "{point}: the live database is not whole");
    let said = database.repair();
    if !said.contains("✓ Nothing to repair") {
        assert!(said.contains("✓ Repaired: "), "{point}: {said}");
        let again = database.repair();
        assert!(again.contains("✓ Nothing to repair"), "{point}: {again}");
        assert!(database.is_open() && &database.dump() == live, "{point}: the repair changed the live database");
    }
    assert_eq!(database.beside("staging"), [""; 0], "{point}");
    assert_eq!(database.beside("before").len(), usize::from(swapped), "{point}");
    wait_until("no session of ours is left", || database.our_sessions() == 0);
    said
}

/// A dump whose load takes long enough to be met in its middle.
pub fn slow(database: &Database<'_>, seconds: u32) -> String {
    let dump = String::from_utf8(database.dump()).unwrap();
    let end = "--\n-- PostgreSQL database dump complete";
    let dump = dump.replacen(
        end,
        &format!("CREATE MATERIALIZED VIEW public.slow AS SELECT 1 AS a FROM pg_catalog.pg_sleep({seconds});\n\n{end}"),
        1,
    );
    database.sandbox.write("slow.sql", dump);
    "slow.sql".to_owned()
}

/// Waits until that dump is in its middle.
#[track_caller]
pub fn wait_for_the_sleep(database: &Database<'_>) {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND starts_with(datname, '{}_staging_')",
        database.name
    );
    wait_until("the dump is loaded to its end", || database.stack.admin(&sql) == "1");
}
