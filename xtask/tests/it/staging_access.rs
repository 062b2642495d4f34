//! Databases that are being filled are closed to all other roles: nobody arms a table there before its rows come, and
//! no other role reads rows whose grants are still to come.

use crate::harness::restore::paused;
use crate::harness::{Local, Test, UrlDatabase, Xtask};
use rustix::process::Signal;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] a_superusers_database_is_closed_to_its_later_owner_and_to_all_others,
        [Postgres] another_roles_database_is_closed_to_all_but_its_owner,
        [Postgres] a_restored_database_is_open_as_the_live_one_was,
        [Postgres] the_owner_of_the_live_database_keeps_its_rights,
    ]
}

fn as_superuser(database: &UrlDatabase, args: &[&str]) -> Xtask {
    let (password, port) = (database.server.password(), database.server.port());
    let url = format!("postgres://postgres:{password}@127.0.0.1:{port}/{}", database.name);
    database.xtask(args.iter().copied()).env("DATABASE_URL", url)
}

/// The databases that a run makes beside the live one, while it runs.
fn being_filled(database: &UrlDatabase) -> Vec<String> {
    let sql = "SELECT datname FROM pg_database WHERE datname ~ '^@name_(staging|verify)_' ORDER BY 1";
    database.admin(sql).lines().map(str::to_owned).collect()
}

/// Whether this role may log in to that database; its password is made known.
fn gets_in(server: &Local, role: &str, name: &str) -> bool {
    server.sql("postgres", &format!("ALTER ROLE \"{role}\" PASSWORD 'known'"));
    let address = format!("postgres://{}:known@127.0.0.1:{}/{name}", role.replace(' ', "%20"), server.port());
    server.client("postgres", &["psql", "-X", "-c", "SELECT 1", &address], b"").0.is_some()
}

/// Stops a run at a point of its work; which of the owner and a stranger get into the database that it fills.
fn at(database: &UrlDatabase, run: Xtask, point: &str) -> (bool, bool) {
    let stranger = format!("stranger of {}", database.name);
    database.server.sql("postgres", &format!("CREATE ROLE \"{stranger}\" LOGIN"));
    let earlier = being_filled(database);
    let running = paused(run, point);
    let mut filled = being_filled(database);
    filled.retain(|name| !earlier.contains(name));
    assert_eq!(filled.len(), 1, "{point}: {filled:?}");
    let found = (gets_in(database.server, &database.role, &filled[0]), gets_in(database.server, &stranger, &filled[0]));
    running.ended_by(Signal::KILL);
    database.reset_password();
    database.server.sql("postgres", &format!("DROP ROLE \"{stranger}\""));
    found
}

fn a_superusers_database_is_closed_to_its_later_owner_and_to_all_others() {
    let database = UrlDatabase::new();
    database.own("CREATE TABLE public.a AS SELECT 1 AS i");
    as_superuser(&database, &["db-backup"]).run().ok();
    for (args, point) in [
        (&["db-restore", "--yes"][..], "created"),
        (&["db-restore", "--yes"], "loaded"),
        (&["db-verify", "--restore"], "loaded"),
        (&["db-reset", "--yes"], "created"),
    ] {
        assert_eq!(at(&database, as_superuser(&database, args), point), (false, false), "{args:?} at {point}");
    }
    as_superuser(&database, &["db-restore", "--repair", "--yes"]).run();
}

fn another_roles_database_is_closed_to_all_but_its_owner() {
    let database = UrlDatabase::new();
    database.own("CREATE TABLE public.a AS SELECT 1 AS i");
    database.xtask(["db-backup"]).run().ok();
    for point in ["created", "loaded"] {
        assert_eq!(at(&database, database.xtask(["db-restore", "--yes"]), point), (true, false), "at {point}");
    }
    database.xtask(["db-restore", "--repair", "--yes"]).run();
}

/// What the server says of the database's owner, grants and limit.
fn doors(database: &UrlDatabase) -> String {
    database.admin(
        "SELECT pg_get_userbyid(datdba), datconnlimit, datallowconn, \
         (SELECT array_agg(a::text ORDER BY a::text) FROM aclexplode(COALESCE(datacl, acldefault('d', datdba))) AS a) \
         FROM pg_database WHERE datname = '@name'",
    )
}

fn a_restored_database_is_open_as_the_live_one_was() {
    for by_superuser in [true, false] {
        let database = UrlDatabase::new();
        let run = |args: &[&str]| {
            if by_superuser { as_superuser(&database, args) } else { database.xtask(args.iter().copied()) }.run()
        };
        database.own("CREATE TABLE public.a AS SELECT 1 AS i");
        run(&["db-backup"]).ok();
        let before = doors(&database);
        run(&["db-restore", "--yes"]).ok();
        assert_eq!(doors(&database), before, "after a restore, by a superuser: {by_superuser}");
        run(&["db-restore", "--undo", "--yes"]).ok();
        assert_eq!(doors(&database), before, "after its undo");
        // Where there is no live database, and for a dump that was made elsewhere, too.
        let dump = database.sandbox.path("elsewhere.sql");
        std::fs::write(&dump, database.dump()).unwrap();
        run(&["db-restore", "elsewhere.sql", "--yes"]).ok();
        assert_eq!(doors(&database), before, "after a dump without a manifest");
    }
}

fn the_owner_of_the_live_database_keeps_its_rights() {
    let database = UrlDatabase::new();
    let old = format!("old of {}", database.name);
    let name = &database.name;
    database.server.sql(
        "postgres",
        &format!(
            "CREATE ROLE \"{old}\"; ALTER DATABASE {name} OWNER TO \"{old}\"; \
        REVOKE CONNECT ON DATABASE {name} FROM PUBLIC"
        ),
    );
    database.sql("CREATE TABLE public.a AS SELECT 1 AS i");
    as_superuser(&database, &["db-backup"]).run().ok();
    database.admin("DROP DATABASE @name");
    database.admin("CREATE DATABASE @name OWNER @role");
    // It is not empty: its owner stays.
    database.own("CREATE TABLE public.b (i int)");
    let run = as_superuser(&database, &["db-restore", "--yes"]).run();
    run.ok().stderr_lacks("there is no such role");
    assert_eq!(
        database.admin(
            "SELECT has_database_privilege('@rolename', '@name', 'CONNECT')"
                .replace("@rolename", &database.role)
                .as_str()
        ),
        "t"
    );
    database.xtask(["db-shell", "--", "-c", "SELECT 1"]).run().ok();
}
