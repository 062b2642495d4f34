//! What belongs to the database itself comes back on a new volume; a live database's own properties stay.

use crate::harness::forge::Forged;
use crate::harness::{Local, Outcome, Test, Xtask, shared_local};
use serde_json::json;
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] a_new_volume_gets_the_databases_own_properties_back,
        [Postgres] what_the_live_database_has_of_its_own_stays_and_the_statements_for_the_others_are_reported,
        [Postgres] what_does_not_go_into_a_live_database_by_itself_is_left_out_and_told,
        [Postgres] the_owner_that_a_restore_creates_owns_the_database,
        [Postgres] a_role_that_a_setting_alone_names_is_made_by_the_statements,
    ]
}

/// A database of the shared server, and roles, that go with it.
struct Own {
    server: &'static Local,
    name: &'static str,
    roles: &'static [&'static str],
}

impl Own {
    fn new(name: &'static str, roles: &'static [&'static str]) -> Self {
        let server = shared_local();
        roles.iter().for_each(|role| drop(server.sql("postgres", &format!("CREATE ROLE {role}"))));
        let own = Self { server, name, roles };
        own.anew();
        own
    }

    /// A new database of the same name, as `up` and OpenFGA's migrations leave one on a new volume.
    fn anew(&self) {
        self.drop_databases();
        self.admin(&format!("CREATE DATABASE {} TEMPLATE template0", self.name));
        self.server.sql(self.name, "CREATE TABLE t AS SELECT 1 AS a");
    }

    /// Runs it in the maintenance database; `@` stands for the database's name.
    #[track_caller]
    fn admin(&self, sql: &str) -> String {
        self.server.sql("postgres", &sql.replace('@', self.name))
    }

    fn xtask<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Xtask {
        self.server.on(self.name, args)
    }

    /// All properties of its own.
    fn properties(&self) -> String {
        self.admin(
            "SELECT pg_get_userbyid(datdba), (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) AS a), \
             datconnlimit, datistemplate, shobj_description(d.oid, 'pg_database'), (SELECT json_agg(s ORDER BY s) FROM \
             (SELECT CASE setrole WHEN 0 THEN '' ELSE setrole::regrole || ' ' END || unnest(setconfig) AS s FROM pg_db_role_setting \
             WHERE setdatabase = d.oid) AS s) FROM pg_database AS d WHERE datname = '@'",
        )
    }

    fn drop_databases(&self) {
        let names = self.admin("SELECT datname FROM pg_database WHERE datname ~ '^@(_before_.*)?$'");
        for name in names.lines() {
            self.admin(&format!("ALTER DATABASE \"{name}\" IS_TEMPLATE false"));
            self.admin(&format!("DROP DATABASE \"{name}\" WITH (FORCE)"));
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.drop_databases();
            self.roles.iter().for_each(|role| drop(self.admin(&format!("DROP ROLE {role}"))));
        }
    }
}

/// The statements that a restore shows.
fn statements(run: &Outcome) -> String {
    let words = ["  ALTER ", "  CREATE ROLE ", "  GRANT ", "  REVOKE ", "  COMMENT ", "  SET ROLE "];
    let lines = run.stderr.lines().filter(|line| words.iter().any(|word| line.starts_with(word)));
    lines.map(|line| format!("{line}\n")).collect()
}

fn a_new_volume_gets_the_databases_own_properties_back() {
    let own = Own::new("new_volume", &["nv_giver", "nv_taker"]);
    let default = own.properties();
    for sql in [
        "ALTER DATABASE @ SET statement_timeout = '5min'",
        "ALTER DATABASE @ SET search_path = \"$user\", public",
        "ALTER DATABASE @ CONNECTION LIMIT 50",
        "REVOKE CONNECT ON DATABASE @ FROM PUBLIC",
        "GRANT CREATE, CONNECT ON DATABASE @ TO nv_giver WITH GRANT OPTION",
        "SET ROLE nv_giver; GRANT CREATE ON DATABASE @ TO nv_taker",
        "COMMENT ON DATABASE @ IS 'the team''s'",
        "ALTER DATABASE @ IS_TEMPLATE true",
    ] {
        own.admin(sql);
    }
    let properties = own.properties();
    assert!(properties.contains("nv_taker=C/nv_giver") && properties.contains("|50|t|the team's|"), "{properties}");
    own.xtask(["db-backup"]).run().ok();

    own.anew();
    assert_eq!(own.properties(), default);
    let preview = own.xtask(["db-restore", "--dry-run", "--json"]).run().ok().json();
    assert_eq!(preview["properties_not_applied"], json!([]));
    let run = own.xtask(["db-restore", "--yes"]).run();
    run.ok().stderr_has("✓ Database restored").stderr_has("has only defaults for these properties");
    for line in [
        "Grant:       TEMPORARY to PUBLIC, by postgres",
        "Grant:       CREATE with grant option, CONNECT with grant option to nv_giver, by postgres",
        "Grant:       CREATE to nv_taker, by nv_giver",
        "Setting:     statement_timeout = 5min",
        "Connections: at most 50",
        "Template:    roles that may create databases may copy it",
        "Comment:     the team's",
    ] {
        run.stderr_has(&format!("\n  {line}\n"));
        assert!(preview["properties_from_backup"].as_array().unwrap().contains(&json!(line)), "{preview}");
    }
    assert_eq!(own.properties(), properties);
    // What is as in the backup is nothing to tell; an old one goes, though it is a template.
    let again = own.xtask(["db-restore", "--yes"]).run();
    again.ok().stderr_lacks("only defaults").stderr_lacks("properties differ");
    own.xtask(["db-restore", "--yes"]).run().ok().stderr_lacks("could not be dropped");
    assert_eq!(own.properties(), properties);
}

fn what_the_live_database_has_of_its_own_stays_and_the_statements_for_the_others_are_reported() {
    let own = Own::new("own_stays", &["os_a_taker", "os_owner", "os_reader"]);
    for sql in [
        "ALTER DATABASE @ SET work_mem = '5MB'",
        "ALTER ROLE os_reader IN DATABASE @ SET work_mem = '6MB'",
        "ALTER DATABASE @ SET app.api_secret = 'hunter2'",
        "ALTER DATABASE @ CONNECTION LIMIT 9",
        "REVOKE ALL ON DATABASE @ FROM PUBLIC",
        "GRANT CONNECT ON DATABASE @ TO os_reader WITH GRANT OPTION",
        "SET ROLE os_reader; GRANT CONNECT ON DATABASE @ TO os_a_taker",
        "COMMENT ON DATABASE @ IS E'two\\nlines \\\\ ''o'''",
        "ALTER DATABASE @ OWNER TO os_owner",
    ] {
        own.admin(sql);
    }
    let then = own.properties();
    assert!(then.contains("os_a_taker=c/os_reader"), "{then}");
    own.xtask(["db-backup"]).run().ok();
    own.anew();
    for sql in [
        "ALTER DATABASE @ SET work_mem = '7MB'",
        "ALTER DATABASE @ SET app.api_secret = 'hunter2'",
        "ALTER DATABASE @ SET lock_timeout = '1s'",
        "ALTER DATABASE @ CONNECTION LIMIT 8",
        "GRANT CREATE ON DATABASE @ TO os_owner",
        "COMMENT ON DATABASE @ IS 'mine'",
    ] {
        own.admin(sql);
    }
    let mine = own.properties();
    let run = own.xtask(["db-restore", "--yes"]).run();
    run.ok().stderr_has("✓ Database restored").stderr_has("the restore keeps the live ones");
    run.stderr_lacks("only defaults");
    // OpenFGA beside the server keeps its data in another database: it is left alone.
    run.stderr_lacks("Services:");
    assert_eq!(own.properties(), mine);
    let statements = statements(&run);
    run.holds(!statements.contains("hunter2") && !statements.contains(" -- "), "all of them can be run as they are");
    // They give just what the backup has.
    own.admin(&statements);
    assert_eq!(own.properties(), then);
    own.xtask(["db-restore", "--dry-run"]).run().ok().stderr_lacks("differ from the backup");
}

fn what_does_not_go_into_a_live_database_by_itself_is_left_out_and_told() {
    let own = Own::new("left_out", &["lo_reader"]);
    let settings = json!([
        { "role": null, "values": ["work_mem=8MB", "log_statement=none", "session_preload_libraries=evil"] },
        { "role": "lo_reader", "values": ["work_mem=9MB"] },
        { "role": "lo_gone", "values": ["work_mem=10MB"] },
    ]);
    let grants = json!(["postgres=CTc/postgres", "lo_reader=c*/postgres", "lo_gone=c/lo_reader"]);
    let file = Forged::small().with("database", own.name).with_property("settings", settings);
    let file = file.with_property("grants", grants).with_property("owner", "lo_no_such_owner");
    let file = file.write(&own.server.sandbox, "left_out.sql");
    let path = file.to_str().unwrap();
    let run = own.xtask(["db-restore", "--yes", path]).run();
    run.ok().stderr_has("  Setting:     work_mem = 8MB\n").stderr_lacks("Roles created");
    for statement in [
        "CREATE ROLE \"lo_no_such_owner\" NOLOGIN;",
        "CREATE ROLE \"lo_gone\" NOLOGIN;",
        "ALTER DATABASE \"left_out\" OWNER TO \"lo_no_such_owner\";",
        "ALTER DATABASE \"left_out\" SET \"log_statement\" TO 'none'; -- a superuser alone may set it",
        "ALTER DATABASE \"left_out\" SET \"session_preload_libraries\" TO 'evil'; -- it decides what code runs or who acts",
        "ALTER ROLE \"lo_reader\" IN DATABASE \"left_out\" SET \"work_mem\" TO '9MB'; -- it is for a single role",
        "ALTER ROLE \"lo_gone\" IN DATABASE \"left_out\" SET \"work_mem\" TO '10MB'; -- there is no such role",
        "SET ROLE \"lo_reader\"; GRANT CONNECT ON DATABASE \"left_out\" TO \"lo_gone\"; RESET ROLE; -- there is no such role",
    ] {
        run.stderr_has(&format!("\n  {statement}\n"));
    }
    // PUBLIC has nothing, whichever role is not there.
    assert_eq!(own.properties(), "postgres|{lo_reader=c*/postgres,postgres=CTc/postgres}|-1|f||[\"work_mem=8MB\"]");

    what_is_allowed_by_name_goes_into_it(&own, path);
    fs::remove_file(file).unwrap();
}

fn what_is_allowed_by_name_goes_into_it(own: &Own, path: &str) {
    own.anew();
    let allowed = ["--allow-setting", "log_statement", "--allow-setting", "work_mem", "--create-roles"];
    let run = own.xtask([&["db-restore", "--yes", path], &allowed[..]].concat()).run();
    run.ok()
        .stderr_has("Roles created: lo_gone, lo_no_such_owner")
        .stderr_lacks("CREATE ROLE")
        .stderr_has("\"session_preload_libraries\" TO 'evil'; -- it decides");
    let properties = own.properties();
    assert!(properties.contains("lo_gone=c/lo_reader") && !properties.contains("evil"), "{properties}");
    for setting in
        ["\"work_mem=8MB\"", "\"log_statement=none\"", "\"lo_reader work_mem=9MB\"", "\"lo_gone work_mem=10MB\""]
    {
        assert!(properties.contains(setting), "{properties}");
    }
    own.admin("ALTER DATABASE \"left_out\" OWNER TO \"lo_no_such_owner\";");
    own.drop_databases();
    own.admin("DROP ROLE lo_gone, lo_no_such_owner");
}

fn the_owner_that_a_restore_creates_owns_the_database() {
    let own = Own::new("owner_made", &[]);
    let grants = json!(["om_owner=CTc/om_owner", "om_reader=c/om_owner"]);
    let file = Forged::small().with("database", own.name).with_property("owner", "om_owner");
    let file = file.with_property("grants", grants).write(&own.server.sandbox, "owner_made.sql");
    let path = file.to_str().unwrap();
    own.drop_databases();
    own.admin("CREATE DATABASE @ TEMPLATE template0");
    // Without consent it is as the live database says.
    let run = own.xtask(["db-restore", "--dry-run", path]).run();
    run.ok().stderr_has("  ALTER DATABASE \"owner_made\" OWNER TO \"om_owner\";\n").stderr_lacks("Owner: ");
    let preview = own.xtask(["db-restore", "--dry-run", "--json", "--create-roles", path]).run().ok().json();
    assert_eq!(preview["properties_not_applied"], json!([]));
    assert_eq!(preview["roles_to_make"], json!(["om_owner", "om_reader"]));
    let run = own.xtask(["db-restore", "--yes", "--create-roles", path]).run();
    run.ok().stderr_has("Roles created: om_owner, om_reader").stderr_lacks("ALTER DATABASE");
    assert!(
        own.properties().starts_with("om_owner|{om_owner=CTc/om_owner,om_reader=c/om_owner}|"),
        "{}",
        own.properties()
    );
    own.drop_databases();
    own.admin("DROP ROLE om_owner, om_reader");
    fs::remove_file(file).unwrap();
}

/// The setting does not go into the database by itself, so that its role is not made either.
fn a_role_that_a_setting_alone_names_is_made_by_the_statements() {
    let own = Own::new("set_for", &[]);
    let settings = json!([{ "role": "sf_set", "values": ["work_mem=9MB", "lock_timeout=9s"] }]);
    let file = Forged::small().with("database", own.name).with_property("settings", settings);
    let file = file.write(&own.server.sandbox, "set_for.sql");
    let path = file.to_str().unwrap();
    for options in [&[][..], &["--create-roles"]] {
        own.anew();
        let run = own.xtask([&["db-restore", "--yes", path], options].concat()).run();
        run.ok().stderr_lacks("Roles created").stderr_has("  CREATE ROLE \"sf_set\" NOLOGIN;\n");
        own.admin(&statements(&run));
        assert!(
            own.properties().contains("\"sf_set lock_timeout=9s\", \"sf_set work_mem=9MB\""),
            "{}",
            own.properties()
        );
        own.drop_databases();
        own.admin("DROP ROLE sf_set");
    }
    fs::remove_file(file).unwrap();
}
