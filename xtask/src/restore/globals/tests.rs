use super::offer::Offer;
use super::*;
use crate::postgres::globals::{Globals, read};

const OFF: &str = "NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS";

fn globals(statements: &str) -> Globals {
    let text = format!(
        "--\n-- PostgreSQL database cluster dump\n--\n\n{statements}--\n-- PostgreSQL database cluster dump complete\n--\n\n"
    );
    read(text.as_bytes()).unwrap()
}

fn role(name: &str, attributes: &str) -> String {
    format!("CREATE ROLE {name};\nALTER ROLE {name} WITH {attributes};\n")
}

fn plain(name: &str) -> String {
    role(name, &format!("NOSUPERUSER INHERIT NOCREATEROLE {OFF}"))
}

fn offer(version_num: u32, roles: &[(&str, bool)]) -> Offer {
    let roles = roles.iter().map(|(name, powerful)| ((*name).to_owned(), *powerful)).collect();
    Offer { version_num, roles, ..Offer::default() }
}

fn plan<'g>(globals: &'g Globals, offer: &Offer, named: &[&str]) -> Plan<'g> {
    let named: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
    Plan::compare(globals, offer, &named, &|setting| (setting == "role").then(|| "why".to_owned())).unwrap()
}

fn memberships(plan: &Plan<'_>) -> Vec<String> {
    plan.memberships.iter().map(|made| format!("{} in {}", made.member, made.role)).collect()
}

/// Every way by which a file could make a new role as mighty as one that exists.
#[test]
fn nobody_becomes_mighty_without_being_named() {
    let statements = [
        role("sup", &format!("SUPERUSER NOINHERIT NOCREATEROLE {OFF}")),
        ["a", "b", "c", "postgres"].map(plain).concat(),
        "GRANT postgres TO a;\nGRANT a TO b;\nGRANT sup TO c;\nGRANT pg_monitor TO c;\nGRANT c TO postgres;\n"
            .to_owned(),
    ]
    .concat();
    let globals = globals(&statements);
    let offer = offer(170_000, &[("postgres", true), ("pg_monitor", true)]);
    let unnamed = plan(&globals, &offer, &[]);
    assert_eq!(memberships(&unnamed), ["b in a", "c in sup", "postgres in c"]);
    assert!(!unnamed.script("xtask-1").unwrap().contains("SUPERUSER"));
    let held_back: Vec<&str> = unnamed.held_back.iter().map(|held_back| held_back.what.as_str()).collect();
    assert_eq!(held_back, ["SUPERUSER of role sup", "membership of a in postgres", "membership of c in pg_monitor"]);
    let by_hand: Vec<String> = unnamed.held_back.iter().filter_map(HeldBack::members_line).collect();
    let by_hand_lines = [
        "SUPERUSER of role sup: by hand, members of sup get it, too: c, postgres",
        "membership of a in postgres: by hand, members of a get it, too: b",
        "membership of c in pg_monitor: by hand, members of c get it, too: postgres",
    ];
    assert_eq!(by_hand, by_hand_lines);
    // Once one is mighty its members would be, too.
    assert_eq!(memberships(&plan(&globals, &offer, &["a"])), ["a in postgres", "c in sup", "postgres in c"]);
    assert_eq!(memberships(&plan(&globals, &offer, &["sup"])), ["b in a", "postgres in c"]);
    let all = plan(&globals, &offer, &["a", "b", "c", "sup"]);
    assert_eq!(memberships(&all), ["a in postgres", "b in a", "c in sup", "c in pg_monitor"]);
    assert_eq!(all.held_back.last().unwrap().line(), "membership of postgres in c: a role that exists is not changed");
    assert!(all.script("xtask-1").unwrap().contains("CREATE ROLE \"sup\" WITH SUPERUSER LOGIN NOINHERIT;"));
}

#[test]
fn what_exists_is_never_changed() {
    let globals = globals(&format!(
        "{}{}{}COMMENT ON ROLE a IS 'x';\nALTER ROLE a SET work_mem TO '1';\nGRANT a TO b;\nGRANT b TO a;\nGRANT pg_monitor TO a;\n",
        role("a", &format!("SUPERUSER INHERIT CREATEROLE {OFF}")),
        plain("b"),
        plain("\"it's \"\"new\"\"\"")
    ));
    let offer = Offer {
        memberships: [("a".to_owned(), "b".to_owned())].into(),
        ..offer(150_000, &[("a", false), ("b", false), ("pg_monitor", true)])
    };
    let plan = plan(&globals, &offer, &["a"]);
    assert_eq!(plan.existing, ["a", "b"]);
    assert_eq!(
        plan.script("xtask-0a").unwrap(),
        "DO $xtask0a$ BEGIN\n  CREATE ROLE \"it's \"\"new\"\"\" WITH INHERIT LOGIN;\nEND $xtask0a$"
    );
    let held_back: Vec<String> = plan.held_back.iter().map(HeldBack::line).collect();
    assert_eq!(
        held_back,
        [
            "membership of a in b: a role that exists is not changed",
            "membership of a in pg_monitor: a role that exists is not changed"
        ]
    );
}

/// A new role in between gives one that exists no more than a direct membership would.
#[test]
fn a_new_role_does_not_lead_from_one_that_exists_to_another() {
    let globals = globals(&format!(
        "{}GRANT app TO first WITH ADMIN OPTION;\nGRANT first TO second;\nGRANT second TO low;\nGRANT alone TO low;\n",
        ["app", "low", "first", "second", "alone"].map(plain).concat()
    ));
    let plan = plan(&globals, &offer(150_000, &[("app", false), ("low", false)]), &[]);
    assert_eq!(memberships(&plan), ["first in app", "second in first", "low in alone"]);
    assert_eq!(
        plan.held_back.iter().map(HeldBack::line).collect::<Vec<_>>(),
        ["membership of low in second: by that role it would get the rights of a role that exists"]
    );
}

/// Each membership of the file leads one step further from its end.
#[test]
fn a_long_chain_of_memberships_takes_no_square_of_its_length() {
    let chain = (1..20_000).map(|at| format!("GRANT r{} TO r{at};\n", at + 1)).collect::<String>();
    let roles = (1..=20_000).map(|at| plain(&format!("r{at}"))).collect::<String>();
    let globals =
        globals(&format!("{}{roles}{}{chain}GRANT app TO r20000;\nGRANT r1 TO low;\n", plain("app"), plain("low")));
    let begun = std::time::Instant::now();
    let plan = plan(&globals, &offer(150_000, &[("app", false), ("low", false)]), &[]);
    assert_eq!(plan.held_back.len(), 1);
    // A square of them takes minutes.
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
}

/// Each of 20,000 roles that are held back reaches all that come after it.
#[test]
fn of_many_members_a_few_are_named() {
    let chain = (1..20_000).map(|at| format!("GRANT r{at} TO r{};\n", at + 1)).collect::<String>();
    let mighty = format!("SUPERUSER INHERIT NOCREATEROLE {OFF}");
    let roles = (1..=20_000).map(|at| role(&format!("r{at}"), &mighty)).collect::<String>();
    let globals = globals(&format!("{roles}{chain}"));
    let plan = plan(&globals, &offer(150_000, &[]), &[]);
    assert_eq!(plan.held_back.len(), 20_000);
    let line = plan.held_back[0].members_line().unwrap();
    assert!(
        line.starts_with("SUPERUSER of role r1: by hand, members of r1 get it, too: r10, r11, r12, r2, r3"),
        "{line}"
    );
    assert!(line.ends_with(" and others") && line.len() < 150, "{line}");
}

#[test]
fn an_older_server_gives_no_more_than_the_file_says() {
    let globals = globals(&format!(
        "{}{}{}GRANT a TO b WITH INHERIT FALSE;\nGRANT a TO c WITH ADMIN OPTION, INHERIT FALSE GRANTED BY a;\nGRANT b TO c WITH SET FALSE;\nGRANT pg_new TO b;\n",
        plain("a"),
        plain("b"),
        role("c", &format!("NOSUPERUSER NOINHERIT NOCREATEROLE {OFF} CONNECTION LIMIT 3 VALID UNTIL 'infinity'")),
    ));
    let older = plan(&globals, &offer(150_000, &[]), &["b"]);
    assert_eq!(memberships(&older), ["c in a"]);
    assert!(older.script("x").unwrap().ends_with(
        "  CREATE ROLE \"c\" WITH LOGIN NOINHERIT CONNECTION LIMIT 3 VALID UNTIL 'infinity';\n  BEGIN GRANT \"a\" TO \"c\" \
         WITH ADMIN OPTION GRANTED BY \"a\"; EXCEPTION WHEN OTHERS THEN GRANT \"a\" TO \"c\" WITH ADMIN OPTION; END;\nEND $x$"
    ));
    let newer = plan(&globals, &offer(160_000, &[]), &[]);
    assert_eq!(memberships(&newer), ["b in a", "c in a", "c in b"]);
    assert_eq!(newer.held_back[0].line(), "membership of b in pg_new: this server has no such role");
    assert!(newer.script("x").unwrap().contains("GRANT \"b\" TO \"c\" WITH SET FALSE;"));
}

#[test]
fn settings_that_need_consent_are_reported_with_the_statement() {
    let globals = globals(&format!(
        "{}ALTER ROLE a SET search_path TO 'x', 'y z';\nALTER ROLE a SET role TO 'postgres';\nALTER ROLE a SET \"app.password\" TO 'p''w';\n",
        plain("a")
    ));
    let plan = plan(&globals, &offer(150_000, &[]), &[]);
    let script = plan.script("x").unwrap();
    assert!(script.contains("  ALTER ROLE \"a\" SET \"search_path\" TO 'x', 'y z';\n"), "{script}");
    assert!(script.contains("SET \"app\".\"password\" TO 'p''w';") && !script.contains("postgres"), "{script}");
    let [held_back] = &plan.held_back[..] else { panic!("{:?}", plan.held_back) };
    assert_eq!(held_back.line(), "setting role of role a: why; with --allow-setting role it is done");
    assert_eq!(held_back.by_hand, "ALTER ROLE \"a\" SET \"role\" TO 'postgres';");
}
