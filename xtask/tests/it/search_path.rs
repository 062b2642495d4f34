//! Objects that a load evaluates and whose functions need a `search_path`: a dump loads with an empty one.

use crate::harness::forge::{Forged, dump};
use crate::harness::{Test, shared_for_restores};
use serde_json::json;

pub fn tests() -> Vec<Test> {
    tests![
        [Compose] what_needs_a_search_path_is_said_by_the_backup_and_loads_with_one,
        [Compose] each_place_that_a_load_evaluates_is_reported_by_the_backup,
        [Compose] the_hint_names_the_schema_that_the_file_gives_and_what_to_change,
        [Compose] a_generated_column_that_reads_a_later_table_is_no_matter_of_a_path,
        [Compose] a_search_path_is_a_list_of_schemas,
        [Compose] an_extension_of_another_version_is_named_where_a_load_fails,
        [Compose] a_function_of_an_extension_keeps_no_search_path,
        [Compose] rows_that_a_function_places_are_counted,
    ]
}

/// Some functions find `unaccent` or a table by the path alone; others look similar, and need none.
const OBJECTS: &str = "
    CREATE EXTENSION unaccent;
    CREATE TABLE lookup AS SELECT 'a'::text AS a, 'b'::text AS b;
    CREATE FUNCTION f_bad(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT unaccent($1)$$;
    CREATE FUNCTION f_table(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
      $$BEGIN RETURN (SELECT b FROM lookup WHERE a = $1); END$$;
    CREATE FUNCTION f_qualified(text) RETURNS text LANGUAGE sql IMMUTABLE AS
      $$SELECT public.unaccent('public.unaccent', $1)$$;
    CREATE FUNCTION f_set(text) RETURNS text LANGUAGE sql IMMUTABLE SET search_path = public AS $$SELECT unaccent($1)$$;
    CREATE FUNCTION f_plain(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
      $$DECLARE lookup text; BEGIN lookup := lower(trim(both from $1)); RETURN coalesce(lookup, 'x'); END$$;
    CREATE TABLE t (a text, g text GENERATED ALWAYS AS (f_bad(a)) STORED, CONSTRAINT needs_lookup CHECK (f_table(a) <> 'x'),
      CONSTRAINT fine CHECK (f_plain(a) IS NOT NULL));
    INSERT INTO t VALUES ('a'), ('é');
    CREATE INDEX i_bad ON t (f_bad(a));
    CREATE INDEX i_qualified ON t (f_qualified(a));
    CREATE INDEX i_set ON t (f_set(a));
    CREATE INDEX i_plain ON t (f_plain(a));
    CREATE MATERIALIZED VIEW m AS SELECT f_bad(a) AS a FROM t;
    CREATE VIEW v AS SELECT f_bad(a) AS a FROM t;
    CREATE TABLE d (a text DEFAULT f_bad('x'));";

fn what_needs_a_search_path_is_said_by_the_backup_and_loads_with_one() {
    let database = shared_for_restores().database();
    database.sql("CREATE TABLE fine AS SELECT 1 AS a; CREATE INDEX plain ON fine (a)");
    database.xtask(["db-backup"]).run().ok().stderr_lacks("A restore may fail");
    database.sql(OBJECTS);
    let run = database.xtask(["db-backup"]).run();
    for object in [
        "index public.i_bad: it uses public.f_bad(text), which names unaccent without its schema (public)",
        "default value for column g of table public.t: it uses public.f_bad(text)",
        "constraint needs_lookup on table public.t: it uses public.f_table(text), which names lookup",
        "materialized view public.m: it uses public.f_bad(text)",
    ] {
        run.ok().stderr_has(&format!("A restore may fail at {object}"));
    }
    let told = run.stderr.matches("A restore may fail at ").count();
    run.holds(told == 4, "four objects are in danger, no other");
    run.stderr_has("ALTER FUNCTION public.f_bad(text) SET search_path = public");

    let file = database.sandbox.path(run.text().trim_end());
    let text = std::fs::read_to_string(&file).unwrap();
    // The first of the objects is the generated column.
    let line = text.lines().position(|line| line == "CREATE TABLE public.t (").unwrap() + 1;
    let state = database.dump();
    for args in [&["db-verify", "--restore"][..], &["db-restore", "--yes"]] {
        let run = database.xtask(args.iter().copied()).run();
        run.code(1).stderr_has("cannot be loaded").stderr_has(&format!("at line {line}: CREATE TABLE public.t …"));
        run.stderr_has(&format!("{} is unchanged", database.name)).stderr_has("--search-path public");
        run.stderr_has("does not exist").stderr_lacks("✓ Database restored").stderr_lacks("<stdin>");
        // What is there is counted without the function.
        run.stderr_lacks("The live database cannot be read");
        assert!(
            database.dump() == state && database.beside("staging").is_empty() && database.beside("verify").is_empty()
        );
    }
    // A setting is not the command line.
    database.xtask(["db-verify", "--restore"]).env("XTASK_SEARCH_PATH", "public").run().code(1);
    let run = database.xtask(["db-verify", "--restore", "--search-path", "elsewhere"]).run();
    run.code(1).stderr_has("with --search-path \"elsewhere\" it is not found either");
    let path = ["--search-path", "\"Nosuch\", public"];
    database.xtask(["db-verify", "--restore"]).args(path).run().ok().stdout_has("restored and compared");
    database.restore(path).run().ok().stderr_has("✓ Database restored");
    assert_eq!(database.dump(), state);
    assert_eq!(database.sql("SELECT string_agg(g, ' ' ORDER BY a), (SELECT count(*) FROM m) FROM t"), "a e|2");
}

/// A function that finds `helper` by the path alone.
const BUCKET: &str = "CREATE SCHEMA lib; SET search_path = lib;
    CREATE FUNCTION helper(t int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT t % 10';
    CREATE FUNCTION bucket(t int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN helper(t); END';";

/// What uses it in ways that the catalog of dependencies shows only in several steps; `defaults`, `sure` and the view of rows need nothing.
const PLACES: &str = "CREATE TABLE parted (id int) PARTITION BY RANGE (bucket(id));
    CREATE TABLE documents (id int);
    CREATE FUNCTION same(int, int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN helper($1) = helper($2); END';
    CREATE OPERATOR === (FUNCTION = same, LEFTARG = int, RIGHTARG = int);
    CREATE INDEX by_operator ON documents ((1)) WHERE id OPERATOR(lib.===) 3;
    CREATE FUNCTION parsed(t int) RETURNS int IMMUTABLE RETURN bucket(t);
    CREATE INDEX by_parsed ON documents (parsed(id));
    CREATE FUNCTION compared(int, int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
      'BEGIN RETURN btint4cmp(helper($1), helper($2)); END';
    CREATE OPERATOR CLASS of_bucket FOR TYPE int USING btree AS
      OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 compared(int, int);
    CREATE INDEX by_class ON documents (id of_bucket);
    CREATE TABLE apart (id int, EXCLUDE (bucket(id) WITH =));
    CREATE DOMAIN small AS int CHECK (bucket(VALUE) > 0);
    CREATE FUNCTION added(int, int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN helper($1) + $2; END';
    CREATE AGGREGATE total(int) (SFUNC = added, STYPE = int, INITCOND = '0');
    CREATE MATERIALIZED VIEW of_aggregate AS SELECT total(id) FROM documents;
    CREATE VIEW inner_view AS SELECT bucket(id) AS b FROM documents;
    CREATE VIEW outer_view AS SELECT b FROM inner_view;
    CREATE MATERIALIZED VIEW of_view AS SELECT b FROM outer_view;
    CREATE MATERIALIZED VIEW of_rows AS SELECT b FROM of_view;
    CREATE TABLE defaults (id int DEFAULT bucket(1)) PARTITION BY RANGE (id);
    CREATE FUNCTION sure(t int) RETURNS int LANGUAGE plpgsql IMMUTABLE SET search_path = lib AS 'BEGIN RETURN helper(t); END';
    CREATE INDEX by_sure ON documents (sure(id));
    CREATE TYPE kind AS ENUM ('a', 'b');
    CREATE FUNCTION known(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN t::kind; END';
    CREATE TABLE of_type (a text, g text GENERATED ALWAYS AS (known(a)) STORED);";

fn each_place_that_a_load_evaluates_is_reported_by_the_backup() {
    let database = shared_for_restores().database();
    database.sql(&format!("{BUCKET}{PLACES}"));
    let run = database.xtask(["db-backup"]).run();
    for (object, is_built) in [
        ("table lib.parted: it uses lib.bucket(integer), which names helper", false),
        ("index lib.by_operator: it uses lib.same(integer,integer)", true),
        ("index lib.by_parsed: it uses lib.bucket(integer)", true),
        ("index lib.by_class: it uses lib.compared(integer,integer)", true),
        ("index lib.apart_bucket_excl: it uses lib.bucket(integer)", true),
        ("constraint small_check: it uses lib.bucket(integer)", false),
        ("default value for column g of table lib.of_type: it uses lib.known(text), which names kind", false),
        ("materialized view lib.of_aggregate: it uses lib.added(integer,integer)", true),
        ("materialized view lib.of_view: it uses lib.bucket(integer)", true),
    ] {
        run.ok().stderr_has(&format!("A restore may fail at {object}"));
        let told = run.stderr.split("A restore may fail at ").find(|told| told.starts_with(object)).unwrap();
        assert_eq!(told.contains("--search-path lib (into PostgreSQL 16 and older)"), is_built, "{told}");
    }
    assert_eq!(run.stderr.matches("A restore may fail at ").count(), 9, "{}", run.stderr);
}

fn the_hint_names_the_schema_that_the_file_gives_and_what_to_change() {
    const VIEW: &str =
        "CREATE SCHEMA lib; CREATE TABLE lib.documents AS SELECT 'a b'::tsvector AS t; SET search_path = lib;
        CREATE MATERIALIZED VIEW words AS SELECT word FROM ts_stat('SELECT t FROM documents')";
    let rows = "CREATE TABLE parted (id int) PARTITION BY RANGE (bucket(id)); CREATE TABLE parted_1 PARTITION OF parted \
        FOR VALUES FROM (0) TO (9); INSERT INTO parted VALUES (3)";
    let inlined = "CREATE TABLE \"It\" (id int); CREATE FUNCTION many(int) RETURNS bigint LANGUAGE sql IMMUTABLE AS \
        'SELECT count(*) FROM \"It\"'; CREATE TABLE t AS SELECT 1 AS a; CREATE INDEX i ON t (many(a))";
    for (objects, at, name, cure) in [
        (VIEW.to_owned(), "REFRESH MATERIALIZED VIEW lib.words", "documents", "the materialized view: lib.documents"),
        (
            format!("{BUCKET}{rows}"),
            "COPY lib.parted_1",
            "helper",
            "ALTER FUNCTION lib.bucket(integer) SET search_path = lib",
        ),
        (format!("{BUCKET}{inlined}"), "CREATE INDEX i", "It", "ALTER FUNCTION lib.many SET search_path = lib"),
    ] {
        let database = shared_for_restores().database();
        database.sql(&objects);
        let file = database.xtask(["db-backup"]).run();
        let file = file.ok().text().trim_end().to_owned();
        let run = database.xtask(["db-restore", &file, "--yes"]).run();
        run.code(1)
            .stderr_has(at)
            .stderr_has(&format!("{name}, which the file creates in schema lib, and a dump loads"));
        run.stderr_has("--search-path lib\n").stderr_has(cure).stderr_lacks("public");
        let run = database.xtask(["db-restore", &file, "--yes", "--search-path", "public"]).run();
        run.code(1).stderr_has(&format!("it is not found either: {name}, which the file creates in schema lib"));
        run.stderr_has("name lib, too: --search-path '\"public\", lib'\n");
        database.xtask(["db-restore", &file, "--yes", "--search-path", "lib"]).run().ok();
    }
}

/// A function of SQL is expanded where the table is created, one of PL/pgSQL runs where its rows come.
fn a_generated_column_that_reads_a_later_table_is_no_matter_of_a_path() {
    let database = shared_for_restores().database();
    let of = |function: &str| {
        database.sql(&format!(
            "DROP TABLE IF EXISTS g, low; DROP FUNCTION IF EXISTS f(int);
             CREATE TABLE low AS SELECT 1 AS id, 10 AS v; {function};
             CREATE TABLE g (a int, b int GENERATED ALWAYS AS (f(a)) STORED); INSERT INTO g VALUES (1)"
        ));
        let run = database.xtask(["db-backup"]).run();
        run.ok().stderr_has(
            "A restore may fail at default value for column b of table public.g: it uses public.f(integer)",
        );
        run.stderr_has("fix it for good: fill that column with a trigger. A generated column must read no table");
        run.stderr_has("fill the column's table before public.low, and no search_path helps")
            .stderr_lacks("--search-path");
        run.stderr_lacks("ALTER FUNCTION");
    };
    of("CREATE FUNCTION f(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT v FROM low WHERE id = i'");
    for path in [&[][..], &["--search-path", "public"]] {
        let run = database.restore(path.iter().copied()).run();
        run.code(1).stderr_has("CREATE TABLE public.g …").stderr_has("relation \"low\" does not exist");
        let (_, hint) = run.stderr.split_once("\n→ ").unwrap();
        run.holds(
            hint.contains("the file has not created low at that line, which a generated column"),
            "what it reads",
        );
        run.holds(hint.contains("fill that column with a trigger"), "the way");
        run.holds(!hint.contains("--search-path") && !hint.contains("ALTER FUNCTION"), "no path");
    }
    // It would load with a path, and the column would be empty.
    of(
        "CREATE FUNCTION f(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN (SELECT v FROM low WHERE id = i); END'",
    );
    let run = database.restore([]).run();
    run.code(1).stderr_has("COPY public.g …").stderr_has("try again with --search-path public");
    run.stderr_has("if that function fills a generated column, do neither: rows of low may be loaded later");
}

fn a_search_path_is_a_list_of_schemas() {
    let database = shared_for_restores().database();
    for path in ["", "a b", "a;b", "'a'", "\"a", "pg_temp", "pg_catalog, public", "public --"] {
        for args in [&["db-verify", "--restore"][..], &["db-restore", "--yes"]] {
            let run = database.xtask(args.iter().copied()).args(["--search-path", path]).run();
            run.code(2).prints_nothing();
        }
    }
    database.xtask(["db-verify", "--search-path", "public"]).run().code(2);
    database.restore(["--undo", "--search-path", "public"]).run().code(2);
}

fn an_extension_of_another_version_is_named_where_a_load_fails() {
    let database = shared_for_restores().database();
    let versions = json!({ "unaccent": "0.9" });
    let file = |name: &str, body: &str| {
        let body = format!("CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;\n{body}");
        let forged = Forged::of(dump(body)).with("database", database.name.as_str());
        let forged = forged.with("extensions", json!(["unaccent"])).with("extension_versions", versions.clone());
        forged.write(&database.sandbox, name)
    };
    let differs = "extension unaccent is 0.9 in the backup, ";
    let broken = file("broken.sql", "CREATE VIEW public.v AS\n SELECT public.gone('x'::text) AS a;\n");
    let run = database.restore([broken.to_str().unwrap()]).run();
    run.code(1).stderr_has(differs).stderr_has("CREATE VIEW public.v …").stderr_has("public.gone");
    let fine = file("fine.sql", "CREATE TABLE public.t (a integer);\n");
    database.restore([fine.to_str().unwrap(), "--dry-run"]).run().ok().stderr_has(differs);
    database.restore([fine.to_str().unwrap()]).run().ok();
}

/// What `ALTER FUNCTION` gives to a member of an extension is in no dump: a load recreates the extension.
fn a_function_of_an_extension_keeps_no_search_path() {
    let database = shared_for_restores().database();
    database.sql(
        "CREATE EXTENSION cube; CREATE EXTENSION earthdistance; CREATE TABLE loc AS SELECT 1.5::float8 AS lat, 2.5::float8 AS lng;
        CREATE INDEX loc_e ON loc USING gist (ll_to_earth(lat, lng))",
    );
    let member = "public.ll_to_earth(double precision,double precision)";
    let wrapper = "CREATE FUNCTION public.own_ll_to_earth(double precision, double precision) RETURNS public.earth LANGUAGE sql \
        IMMUTABLE AS 'SELECT public.ll_to_earth($1, $2)' SET search_path = public;";
    let backup = || {
        let run = database.xtask(["db-backup"]).run();
        run.ok().stderr_has(&format!("A restore may fail at index public.loc_e: it uses {member}"));
        run.stderr_has("load it with: --search-path public");
        run.stderr_has("ALTER FUNCTION does not last: a restore recreates the functions of extension earthdistance");
        run.stderr_has(wrapper).stderr_lacks("for good: ALTER FUNCTION").text().trim_end().to_owned()
    };
    let file = backup();
    let run = database.restore([file.as_str()]).run();
    run.code(1).stderr_has("belongs to an extension, which a load recreates, so that ALTER FUNCTION does not last");
    run.stderr_has("try again with --search-path public").stderr_lacks("for good: ALTER FUNCTION");
    database.restore([file.as_str(), "--search-path", "public"]).run().ok();
    // A path that it was given silences nothing.
    database.sql(&format!("ALTER FUNCTION {member} SET search_path = public"));
    let run = database.xtask(["db-backup"]).run();
    // After a GRANT or a new owner it is the same, and the script may have given the path.
    run.ok().stderr_has(&format!(
        "A restore may fail at index public.loc_e if {member} has its search_path from an ALTER FUNCTION"
    ));
    run.stderr_has("check whether it loads: cargo xtask db-verify --restore; where it does,").stderr_has(wrapper);
    let file = run.text().trim_end().to_owned();
    database.restore([file.as_str()]).run().code(1);
    // As it says.
    database.sql(&format!(
        "{wrapper} DROP INDEX loc_e; CREATE INDEX loc_e ON loc USING gist (public.own_ll_to_earth(lat, lng))"
    ));
    let run = database.xtask(["db-backup"]).run();
    let file = run.ok().stderr_lacks("A restore may fail").text().trim_end().to_owned();
    database.restore([file.as_str()]).run().ok();
    assert_eq!(
        database.sql("SELECT count(*) FROM loc WHERE own_ll_to_earth(lat, lng) = own_ll_to_earth(1.5, 2.5)"),
        "1"
    );
}

/// To plan a query of a partition the server expands a function of SQL that places its rows, on our own path.
fn rows_that_a_function_places_are_counted() {
    let database = shared_for_restores().database();
    database.sql(
        "CREATE FUNCTION lim() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 10';
        CREATE FUNCTION place(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 % lim()';
        CREATE TABLE parted (i int) PARTITION BY RANGE (place(i));
        CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (10); INSERT INTO parted VALUES (3), (14)",
    );
    let file = database.xtask(["db-backup"]).run().ok().text().trim_end().to_owned();
    database.sql("INSERT INTO parted VALUES (5)");
    let preview = database.xtask(["db-restore", &file, "--dry-run", "--search-path", "public", "--json"]).run();
    let tables = preview.ok().stderr_lacks("cannot be read").json()["plan"]["tables"].clone();
    let rows = |key: &str| tables.as_array().and_then(|tables| tables[0][key].as_u64());
    assert_eq!((rows("now"), rows("backup")), (Some(3), Some(2)), "{tables}");
}
