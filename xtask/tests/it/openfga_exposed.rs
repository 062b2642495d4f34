//! OpenFGA's own program runs with this program's login: what a role reaches through another one, leaves behind in another
//! schema, or hangs on the database itself.

use crate::harness::url::clients_of;
use crate::harness::{Fakes, Local, Outcome, Stack, Test, needs};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] a_role_that_shares_a_group_with_the_login_is_found,
        [OwnStack, Postgres17, Postgres] a_member_of_a_member_of_the_login_loses_what_carries_its_rights,
        [Postgres] code_at_an_event_of_the_database_counts,
        [Postgres] code_behind_a_rule_counts,
        [Postgres] a_schema_that_hides_another_ones_tables_is_taken_over_in_no_case,
        [Postgres] a_name_that_openfga_never_calls_counts_for_another_version_alone,
        [OpenfgaBin, Postgres] what_a_role_left_in_an_earlier_schema_is_not_reached,
        [OpenfgaBin, Postgres] openfgas_tables_are_made_and_found_in_the_first_schema_of_the_path,
        [OpenfgaBin, Postgres] openfga_calls_no_other_function_by_name,
    ]
}

/// What `web` gets by a change, what the run says of it, and what it says to type.
const BY_GROUP: &[(&str, &str, &str)] = &[
    (
        "GRANT CREATE ON SCHEMA public TO apps",
        "role web, a member of apps, may create objects in schema public; ",
        "REVOKE CREATE ON SCHEMA public FROM \"apps\"",
    ),
    (
        "REVOKE CREATE ON SCHEMA public FROM apps; ALTER TABLE store OWNER TO apps",
        "role web, a member of apps, owns public.store; ",
        "ALTER TABLE public.store OWNER TO \"fga\"",
    ),
    (
        "ALTER TABLE store OWNER TO fga; GRANT TRIGGER ON tuple TO apps",
        "role web, a member of apps, may create triggers or foreign keys on public.tuple; ",
        "REVOKE TRIGGER, REFERENCES ON TABLE public.tuple FROM \"apps\"",
    ),
    (
        "REVOKE TRIGGER ON tuple FROM apps; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         ALTER FUNCTION f() OWNER TO apps; CREATE TRIGGER t BEFORE INSERT ON store FOR EACH ROW EXECUTE FUNCTION f()",
        "role web, a member of apps, owns code that trigger t on table public.store uses; ",
        "give it to user fga, or remove it: 'trigger t on table public.store'",
    ),
    // It is no group: the login became a member of it, and it is no member of the login.
    (
        "DROP TRIGGER t ON store; ALTER DATABASE fga OWNER TO appowner",
        "the database belongs to role appowner; ",
        "--datastore-username appowner",
    ),
];

fn a_role_that_shares_a_group_with_the_login_is_found() {
    let local = Local::new();
    local.up();
    local.sql(
        "postgres",
        "CREATE ROLE apps; CREATE ROLE appowner LOGIN; CREATE ROLE fga LOGIN CREATEDB PASSWORD 'x'; CREATE ROLE web LOGIN;
         GRANT apps TO fga, web; GRANT appowner TO fga",
    );
    local.sql("postgres", "CREATE DATABASE fga OWNER apps");
    let noted = local.sandbox.beside("address");
    let fakes = Fakes::new(&local.sandbox)
        .program("openfga", &format!("printf '%s' \"$OPENFGA_DATASTORE_URI\" >'{}'", noted.display()));
    let address = format!("postgres://fga:x@127.0.0.1:{}/fga", local.port());
    let xtask = |args: &[&'static str]| {
        let run = local.xtask(args.iter().copied()).env("XTASK_TARGET", "url").env("DATABASE_URL", &address);
        fakes.over(run).run()
    };
    // OpenFGA's tables are missing then, and the migration stays to be done.
    local.sql(
        "fga",
        "SET ROLE fga; CREATE TABLE store (id text); CREATE TABLE authorization_model (id text); CREATE TABLE tuple (id text)",
    );
    let reset = xtask(&["db-reset", "--yes"]);
    let refused = "OpenFGA's tables in fga were not migrated: ";
    reset.code(6).stderr_has(&format!("{refused}role web, a member of apps, owns the database; "));
    reset.stderr_has("make fga the owner: ").stderr_has("ALTER DATABASE \"fga\" OWNER TO \"fga\"");
    reset.stderr_lacks("--datastore-username");
    local.sql("fga", &format!("SET ROLE fga;\n{}", include_str!("harness/openfga.sql")));
    local.sql("fga", "DELETE FROM goose_db_version WHERE version_id = 6; ALTER DATABASE fga OWNER TO fga");
    for (change, why, way) in BY_GROUP {
        local.sql("fga", change);
        let run = xtask(&["db-restore", "--repair"]);
        run.stderr_has(&format!("{refused}{why}")).stderr_has(way).stderr_lacks("✓ Repaired: OpenFGA");
    }
    assert_eq!(fakes.calls(), Vec::<Vec<String>>::new());
    // The group is harmless where no member is weaker: `web` is now a member of the login, too.
    local.sql("fga", "ALTER DATABASE fga OWNER TO apps; GRANT CREATE ON SCHEMA public TO apps; GRANT fga TO web");
    xtask(&["db-restore", "--repair"]).ok().stderr_has("✓ Repaired: OpenFGA's tables were not migrated after a swap");
    // The path is the one schema, although no role may make another.
    assert_eq!(fs::read_to_string(noted).unwrap(), "postgres:///fga?search_path=%22public%22");
}

/// From PostgreSQL 16 on a member may have the rights of a role that it may not become.
fn a_member_of_a_member_of_the_login_loses_what_carries_its_rights() {
    let stack = Stack::postgres_only();
    stack.sandbox.set("POSTGRES_IMAGE", &needs::postgres_17_image().unwrap());
    stack.up();
    stack.psql(
        "postgres",
        "CREATE ROLE fga LOGIN CREATEDB PASSWORD 'x'; CREATE ROLE web LOGIN; CREATE ROLE apps; CREATE ROLE boss;
         GRANT fga TO boss WITH ADMIN OPTION; GRANT apps TO web",
    );
    stack.psql("postgres", "CREATE DATABASE fga OWNER fga");
    let fakes = Fakes::new(&stack.sandbox).program("openfga", "exit 0");
    let clients = clients_of(&stack.sandbox, 17);
    let address = format!("postgres://fga:x@127.0.0.1:{}/fga", stack.postgres_port);
    let xtask = |args: &[&'static str]| {
        let run = stack.xtask(args.iter().copied()).env("XTASK_TARGET", "url").env("DATABASE_URL", &address);
        fakes.over(run.env("XTASK_PG_BIN", &clients)).run()
    };
    for (grant, by) in [("", ""), ("SET ROLE boss; ", " GRANTED BY \"boss\"")] {
        stack.psql("fga", &format!("SET ROLE fga;\n{}", include_str!("harness/openfga.sql")));
        stack.psql("postgres", &format!("{grant}GRANT fga TO apps WITH INHERIT TRUE, SET FALSE"));
        let run = xtask(&["db-reset", "--yes", "--no-safety-backup"]);
        let revoke = format!("REVOKE \"fga\" FROM \"apps\"{by}");
        run.code(6).stderr_has("role web, a member of fga, owns the database; ").stderr_has(&format!("'{revoke}'"));
        stack.psql("postgres", &revoke);
        xtask(&["db-restore", "--repair"])
            .ok()
            .stderr_has("✓ Repaired: OpenFGA's tables were not migrated after a swap");
    }
}

/// A server that runs, with a role `low`; an OpenFGA program that fails.
fn with_low() -> (Local, Fakes) {
    let local = Local::new();
    local.up();
    local.sql("postgres", "CREATE ROLE low LOGIN");
    let fakes = Fakes::new(&local.sandbox).program("openfga", "exit 1");
    (local, fakes)
}

/// A database of the server with OpenFGA's tables, where this was done; the run of `up` with programs that stand in.
fn up_with(local: &Local, fakes: &Fakes, database: &str, done: &str) -> Outcome {
    local.sql("postgres", &format!("CREATE DATABASE {database} TEMPLATE openfga"));
    local.sql(database, done);
    fakes.over(local.on(database, ["up"])).run()
}

fn code_at_an_event_of_the_database_counts() {
    let (local, fakes) = with_low();
    let trigger = "CREATE SCHEMA theirs AUTHORIZATION low;
        CREATE FUNCTION theirs.f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; ALTER FUNCTION theirs.f() OWNER TO low;
        CREATE EVENT TRIGGER at_ddl ON ddl_command_end EXECUTE FUNCTION theirs.f()";
    let run = up_with(&local, &fakes, "event", trigger);
    run.code(1).stderr_has("OpenFGA was not started in database event: event trigger at_ddl uses code of role low; ");
    run.stderr_has("or remove it: 'event trigger at_ddl'").stderr_lacks("openfga migrate failed");
    for (name, harmless) in
        [("disabled", "ALTER EVENT TRIGGER at_ddl DISABLE"), ("own", "ALTER FUNCTION theirs.f() OWNER TO postgres")]
    {
        let run = up_with(&local, &fakes, name, &format!("{trigger}; {harmless}"));
        run.code(1).stderr_has("openfga migrate failed");
    }
}

fn code_behind_a_rule_counts() {
    let (local, fakes) = with_low();
    let rule = "CREATE TABLE public.store (id text); CREATE TABLE public.audit (id text);
        CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; ALTER FUNCTION public.f() OWNER TO low;
        CREATE TRIGGER tt BEFORE INSERT ON public.audit FOR EACH ROW EXECUTE FUNCTION public.f();
        CREATE RULE rr AS ON INSERT TO public.store DO ALSO INSERT INTO public.audit VALUES (NEW.id)";
    let run = up_with(&local, &fakes, "ruled", rule);
    run.code(1).stderr_has("trigger tt on table public.audit uses code of role low; ");
    run.stderr_lacks("openfga migrate failed");
    let run = up_with(&local, &fakes, "own", &format!("{rule}; ALTER FUNCTION public.f() OWNER TO postgres"));
    run.code(1).stderr_has("openfga migrate failed");
}

fn a_schema_that_hides_another_ones_tables_is_taken_over_in_no_case() {
    let (local, fakes) = with_low();
    let planted = "CREATE TABLE public.goose_db_version (id int); CREATE SCHEMA postgres AUTHORIZATION low;
        CREATE TABLE postgres.goose_db_version (id int); ALTER TABLE postgres.goose_db_version OWNER TO low";
    let run = up_with(&local, &fakes, "planted", planted);
    let why = "schema postgres belongs to role low, and another schema of the path has OpenFGA's tables, too";
    run.code(1).stderr_has(why).stderr_lacks("OWNER TO").stderr_lacks("openfga migrate failed");
    run.stderr_has("remove it if the tables of the other schema are yours: 'schema postgres'\n");
}

fn a_name_that_openfga_never_calls_counts_for_another_version_alone() {
    let (local, _) = with_low();
    let of_version = |version: &str| {
        let says = format!(
            "if [ \"$1\" = version ]; then echo 'OpenFGA version `{version}` build from `a` on `b`' >&2; exit; fi; exit 1"
        );
        Fakes::new(&local.sandbox).program("openfga", &says)
    };
    let round = "CREATE FUNCTION public.round(double precision, integer) RETURNS numeric LANGUAGE sql AS 'SELECT 1.0';
        ALTER FUNCTION public.round(double precision, integer) OWNER TO low";
    up_with(&local, &of_version("v1.18.1"), "known", round).code(1).stderr_has("openfga migrate failed");
    let why = "function public.round(double precision,integer) of role low has a name of PostgreSQL's own; ";
    let other = up_with(&local, &of_version("v1.18.10"), "other", round);
    other.code(1).stderr_has(why).stderr_lacks("openfga migrate failed");
    // What it calls counts at each version; so does every operator.
    let now = "CREATE FUNCTION public.now() RETURNS integer LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION public.now() OWNER TO low";
    let called = up_with(&local, &of_version("v1.18.1"), "called", &format!("{round}; {now}"));
    called.code(1).stderr_has("function public.now() of role low has a name of PostgreSQL's own; ");
    called.stderr_lacks("round").stderr_lacks("openfga migrate failed");
    let equals = "CREATE FUNCTION public.same(oid, integer) RETURNS boolean LANGUAGE sql AS 'SELECT true';
        CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = integer, FUNCTION = public.same);
        ALTER OPERATOR public.= (oid, integer) OWNER TO low";
    let operator = up_with(&local, &of_version("v1.18.1"), "operator", equals);
    operator.code(1).stderr_has("operator public.=(oid,integer) of role low has a name of PostgreSQL's own; ");
}

/// The right is gone, and the view is still there, in the schema that comes first.
fn what_a_role_left_in_an_earlier_schema_is_not_reached() {
    let local = Local::new();
    local.sandbox.set_openfga_program();
    local.up().stderr_has("✓ OpenFGA answers");
    local.sql(
        "openfga",
        "CREATE ROLE low LOGIN; CREATE SCHEMA app; GRANT CREATE, USAGE ON SCHEMA app TO low;
         ALTER DATABASE openfga SET search_path = app, public; SET ROLE low;
         CREATE FUNCTION app.f() RETURNS boolean LANGUAGE plpgsql AS
           'BEGIN EXECUTE ''ALTER ROLE low SUPERUSER''; RETURN true; EXCEPTION WHEN OTHERS THEN RETURN true; END';
         CREATE VIEW app.store AS SELECT * FROM (VALUES ('x'::text, 'a'::text, now(), now(), NULL::timestamptz))
           AS v(id, name, created_at, updated_at, deleted_at) WHERE app.f();
         RESET ROLE; REVOKE CREATE ON SCHEMA app FROM low",
    );
    let is_superuser = || local.sql("postgres", "SELECT rolsuper FROM pg_roles WHERE rolname = 'low'");
    // Read on the usual path, the view runs the role's code.
    local.sql("openfga", "SELECT id FROM store");
    assert_eq!(is_superuser(), "t");
    local.sql("postgres", "ALTER ROLE low NOSUPERUSER");
    local.xtask(["down"]).run().ok();
    local.up().stderr_has("✓ OpenFGA answers").stderr_lacks("could use them");
    local.sandbox.store_of_users();
    local.xtask(["setup-openfga", "--yes"]).run().ok();
    assert_eq!(is_superuser(), "f");
    assert_eq!(local.sql("openfga", "SELECT name FROM public.store"), "acme");
}

fn openfgas_tables_are_made_and_found_in_the_first_schema_of_the_path() {
    let local = Local::new();
    local.up();
    local.sandbox.set_openfga_program();
    // No schema has the tables yet: they are made where PostgreSQL makes what has no schema.
    local.sql(
        "openfga",
        "CREATE SCHEMA \"My app\"; ALTER DATABASE openfga SET search_path = nowhere, \"My app\", public",
    );
    local.up().stderr_has("✓ OpenFGA answers");
    let homes = || {
        local.sql(
            "openfga",
            "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename IN ('tuple', 'goose_db_version')",
        )
    };
    assert_eq!(homes(), "My app");
    local.sandbox.store_of_users();
    local.xtask(["setup-openfga", "--yes"]).run().ok();
    // They are found there, wherever it stands on the path.
    local.sql("openfga", "ALTER DATABASE openfga SET search_path = public, \"My app\"");
    local.xtask(["down"]).run().ok();
    local.up().stderr_has("✓ OpenFGA answers");
    local.xtask(["setup-openfga"]).run().ok().stdout_has("no changes");
    assert_eq!(homes(), "My app");
    // On a path where nothing is, nothing can be made.
    local.sql("postgres", "CREATE DATABASE bare");
    local.sql("postgres", "ALTER DATABASE bare SET search_path = nowhere");
    local.on("bare", ["up"]).run().code(1).stderr_has("no schema has been selected to create in");
}

/// Each name before a bracket in what the program sends, as far as PostgreSQL has a function of that name.
fn openfga_calls_no_other_function_by_name() {
    let local = Local::new();
    local.up();
    local.sql("postgres", "ALTER SYSTEM SET log_statement TO 'all'");
    local.sql("postgres", "ALTER SYSTEM SET log_line_prefix TO '<%a>'");
    local.sql("postgres", "SELECT pg_reload_conf()");
    local.sandbox.set_openfga_program();
    local.up().stderr_has("✓ OpenFGA answers");
    local.sandbox.copy_folder("openfga");
    local.xtask(["setup-openfga", "--yes"]).run().ok().stdout_has("is set up");
    local.xtask(["test-auth"]).run().ok();
    local.xtask(["openfga-export"]).run().ok();
    let log = fs::read_to_string(local.folder().join("postgres.log")).unwrap();
    let is_own = |entry: &&str| {
        entry.starts_with("[unknown]>") && (entry.contains("LOG:  statement: ") || entry.contains("LOG:  execute "))
    };
    let sent: Vec<&str> = log.split("\n<").filter(is_own).collect();
    let all = sent.join("\n").to_ascii_lowercase();
    for statement in
        ["create table tuple", "insert into changelog", "from tuple", "from store", "from authorization_model"]
    {
        assert!(all.contains(statement), "{statement}\n{all}");
    }
    let mut called: Vec<&str> = all.match_indices('(').map(|(end, _)| last_word(&all[..end])).collect();
    called.sort_unstable();
    called.dedup();
    let names = called.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    let known = local.sql("openfga", &format!("SELECT DISTINCT proname FROM pg_proc WHERE proname IN ({names})"));
    assert_eq!(known, "now", "{called:?}");
}

/// The name that a text ends with, before blanks.
fn last_word(text: &str) -> &str {
    let text = text.trim_end();
    let start = text.rfind(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').map_or(0, |end| end + 1);
    &text[start..]
}
