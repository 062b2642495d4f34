use super::*;

fn sets(body: &str) -> Vec<(String, Option<String>)> {
    let found: Vec<Vec<Lasting>> = [1, 3, body.len().max(1)]
        .map(|size| {
            let mut block = Block::default();
            body.as_bytes().chunks(size).for_each(|piece| block.feed(piece));
            block.finish();
            block.lasting
        })
        .into();
    assert!(found.iter().all(|each| *each == found[0]), "pieces of every size: {body}");
    found[0].iter().map(|lasting| (lasting.setting.clone(), lasting.value.clone())).collect()
}

#[test]
fn what_a_block_sets_is_found() {
    let some = |setting: &str, value: Option<&str>| vec![(setting.to_owned(), value.map(str::to_owned))];
    for (body, expected) in [
        ("BEGIN PERFORM set_config('search_path', 'app', false); END", some("search_path", Some("app"))),
        ("begin if true then perform pg_catalog.set_config('role','x',false); end if; end", some("role", Some("x"))),
        ("BEGIN x := set_config('search_path', y, false); END", some("search_path", None)),
        ("DECLARE a int; BEGIN SET search_path TO app, public; END", some("search_path", Some("app"))),
        ("BEGIN EXECUTE 'SET search_path TO app'; END", some("search_path", Some("app"))),
        ("BEGIN EXECUTE format('SET search_path TO %I', s); END", some("search_path", None)),
        ("BEGIN EXECUTE 'SET search_path = ' || s; END", some("search_path", None)),
    ] {
        assert_eq!(sets(body), expected, "{body}");
    }
    for body in [
        "",
        "BEGIN PERFORM set_config('search_path', 'app', true); END",
        "BEGIN -- PERFORM set_config('search_path', 'app', false)\nNULL; END",
        "BEGIN UPDATE t SET search_path = 'x'; SET LOCAL search_path TO app; END",
        "BEGIN RAISE NOTICE 'SET search_path TO app'; EXECUTE f(x); END",
        "import \\os; 'unclosed",
    ] {
        assert_eq!(sets(body), [], "{body}");
    }
}

fn touched(body: &str) -> Vec<Touched> {
    let mut block = Block::default();
    block.feed(body.as_bytes());
    block.finish();
    block.shared.into_iter().map(|(_, (_, touched))| touched).collect()
}

#[test]
fn each_statement_of_a_text_counts_and_a_long_one_is_not_known() {
    let names = |name: &str| vec![name.to_owned()];
    let member = Touched::Memberships { groups: names("g"), members: names("new") };
    let role = Touched::Roles(names("app"));
    assert_eq!(touched("BEGIN EXECUTE 'GRANT g TO new; ALTER ROLE app NOLOGIN'; END"), [member, role]);
    let long = format!("BEGIN EXECUTE $q${}$q$; END", " ".repeat(LONGEST_TEXT + 1));
    assert_eq!(touched(&long), [Touched::Server]);
    let role = [Touched::Roles(names("app"))];
    let wide = format!("EXECUTE 'CREATE TABLE t ({} a int); ALTER ROLE app NOLOGIN'", " ".repeat(600));
    for text in [
        wide.as_str(),
        "EXECUTE E'ALTER ROLE app\\nSET x.y = \\'1\\''",
        "EXECUTE CASE WHEN 'a' = 'a' THEN 'ALTER ROLE app NOLOGIN' END",
        "EXECUTE (ARRAY['x', 'ALTER ROLE app NOLOGIN'])[2]",
        "EXECUTE concat('ALTER ROLE ', 'app NOLOGIN')",
        "EXECUTE 'DO $q$BEGIN ALTER ROLE app NOLOGIN; END$q$'",
        "DO 'BEGIN ALTER ROLE app NOLOGIN; END'",
    ] {
        assert_eq!(touched(&format!("BEGIN {text}; END")), role, "{text}");
    }
    for text in [
        "EXECUTE E'ALT\\x45R ROLE app NOLOGIN'",
        "PERFORM pg_terminate_backend(1)",
        "IF dblink_exec('a', 'b') THEN NULL; END IF",
    ] {
        assert_eq!(touched(&format!("BEGIN {text}; END")), [Touched::Server], "{text}");
    }
    assert_eq!(
        touched("BEGIN RAISE NOTICE 'pg_terminate_backend(1)'; EXECUTE 'ALTER DATABASE ' || x || ' SET a = 1'; END"),
        []
    );
}

/// What ends a loop could be what is left out of it.
#[test]
fn within_a_loop_that_its_statements_end_the_whole_block_is_left_out() {
    let bytes = |body: &str| -> Vec<Range<u64>> {
        let mut block = Block::default();
        block.begin_at(Place { offset: 5, line: 1 });
        block.feed(body.as_bytes());
        block.finish();
        block.reaches_beyond(1, &(0..1_000)).into_iter().map(|found| found.bytes).collect()
    };
    let whole = vec![0..1_000_u64; 1];
    for body in
        ["BEGIN WHILE a LOOP DROP ROLE b; END LOOP; END", "BEGIN LOOP\nIF a THEN DROP ROLE b; END IF; END LOOP; END"]
    {
        assert_eq!(bytes(body), whole, "{body}");
    }
    for body in
        ["BEGIN WHILE a LOOP NULL; END LOOP; DROP ROLE b; END", "BEGIN FOR i IN 1..2 LOOP DROP ROLE b; END LOOP; END"]
    {
        let place = body.find("DROP").unwrap() as u64 + 5;
        assert_eq!(bytes(body), vec![place..place + 12; 1], "{body}");
    }
}

/// What a block changes of the whole server: line, words, and the text at its place.
fn found(body: &str) -> Vec<(u64, String, String)> {
    let mut block = Block::default();
    block.begin_at(Place { offset: 5, line: 3 });
    // The reader hands on the closing quote, too.
    format!("{body}$$").as_bytes().chunks(3).for_each(|piece| block.feed(piece));
    block.finish();
    let text = format!("DO $${body}$$;");
    let of = |found: SharedStatement| {
        let bytes = usize::try_from(found.bytes.start).unwrap()..usize::try_from(found.bytes.end).unwrap();
        (found.line, found.within.told(&[&found.what]), text[bytes].to_owned())
    };
    block.reaches_beyond(3, &(0..text.len() as u64)).into_iter().map(of).collect()
}

fn one(line: u64, what: &str, text: &str) -> Vec<(u64, String, String)> {
    vec![(line, format!("{what} in a DO block"), text.to_owned())]
}

#[test]
fn what_a_block_changes_of_the_whole_server_has_its_place() {
    for (body, expected) in [
        (
            "BEGIN\nIF true THEN /* x */ GRANT CONNECT ON DATABASE app TO x; END IF; END",
            one(4, "GRANT … ON DATABASE", "GRANT CONNECT ON DATABASE app TO x;"),
        ),
        ("\n\nBEGIN NULL;\nALTER SYSTEM RESET a; END", one(6, "ALTER SYSTEM", "ALTER SYSTEM RESET a;")),
        (
            "BEGIN EXECUTE 'ALTER DATABASE app SET a = 1'; END",
            one(3, "ALTER DATABASE", "EXECUTE 'ALTER DATABASE app SET a = 1';"),
        ),
        ("BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO x', current_database()); END", Vec::new()),
        ("BEGIN EXECUTE 'GRANT CONNECT ON DATABASE ' || current_database() || ' TO x'; END", Vec::new()),
        ("BEGIN RAISE NOTICE 'ALTER SYSTEM'; CREATE ROLE x; END", Vec::new()),
    ] {
        assert_eq!(found(body), expected, "{body}");
    }
}

#[test]
fn the_texts_of_execute_are_read_and_a_statement_ends_at_its_semicolon() {
    for (body, expected) in [
        (
            "BEGIN EXECUTE 'ALTER DATABASE app SET a = ' || CASE WHEN x THEN 'b' ELSE 'c' END; END",
            one(3, "ALTER DATABASE", "EXECUTE 'ALTER DATABASE app SET a = ' || CASE WHEN x THEN 'b' ELSE 'c' END;"),
        ),
        (
            "BEGIN EXECUTE $q$CREATE TABLE t (a int); DROP ROLE x$q$; END",
            one(3, "DROP ROLE", "EXECUTE $q$CREATE TABLE t (a int); DROP ROLE x$q$;"),
        ),
        (
            "BEGIN EXECUTE format($q$ALTER ROLE app RENAME TO %I$q$, x); END",
            one(3, "ALTER ROLE", "EXECUTE format($q$ALTER ROLE app RENAME TO %I$q$, x);"),
        ),
        ("BEGIN EXECUTE $q$CREATE TABLE t (a int)$q$; END", Vec::new()),
        // What the server refuses is sent as it is.
        ("BEGIN ALTER DATABASE app SET a = 1 END", Vec::new()),
        ("ALTER DATABASE app SET a = b", Vec::new()),
    ] {
        assert_eq!(found(body), expected, "{body}");
    }
}

/// Templates of `format`, strings that are values, tables of names like functions, and other languages.
#[test]
fn honest_texts_of_a_block_change_nothing_outside() {
    for text in [
        "EXECUTE format('CREATE TABLE %1$I (a int); CREATE INDEX %1$s_a ON %1$I (a)', 'p')",
        "EXECUTE 'INSERT INTO t VALUES ($1)' USING '$2a$10$x', '{\"a\":{\"b\":1}}'::jsonb",
        "INSERT INTO dblink_servers (id) VALUES (1); INSERT INTO app.dblink_servers (id) VALUES (1)",
        "my $rv = spi_exec_query(\"SELECT 1\"); return {a:{b:1}}",
    ] {
        assert_eq!(touched(&format!("BEGIN {text}; END")), [], "{text}");
    }
    assert_eq!(touched("BEGIN EXECUTE format('ALTER ROLE app RENAME TO %1$I', x); END").len(), 1);
    for query in [
        "EXECUTE 'SELECT pg_catalog.pg_terminate_backend(1)'",
        "EXECUTE 'DELETE FROM pg_catalog.pg_auth_members RETURNING *'",
        "UPDATE pg_database SET datallowconn = false RETURNING 1",
    ] {
        let body = format!("BEGIN FOR r IN {query} LOOP NULL; END LOOP; END");
        assert_eq!(touched(&body), [Touched::Server], "{body}");
    }
    assert_eq!(touched("BEGIN FOR r IN EXECUTE 'SELECT 1' LOOP NULL; END LOOP; END"), []);
    assert_eq!(touched("BEGIN PERFORM pg_stat_statements_reset(); END"), [Touched::Server]);
}
