use super::*;

fn lexemes(text: &str) -> Vec<Lexeme> {
    let lexeme = |word: &str| match word {
        word if word.starts_with('"') => Lexeme::Name(word.trim_matches('"').to_owned()),
        word if word.starts_with('\'') => Lexeme::Text(word.trim_matches('\'').to_owned()),
        "," | "(" | ")" | "." | "%" | "=" | "&" => Lexeme::Symbol(word.as_bytes()[0]),
        word => Lexeme::Word(word.to_owned()),
    };
    text.split(' ').map(lexeme).collect()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn statements_on_shared_objects_are_known_in_every_form() {
    let roles = |list: &[&str]| Touched::Roles(names(list));
    let member =
        |groups: &[&str], members: &[&str]| Touched::Memberships { groups: names(groups), members: names(members) };
    for (text, what, touched) in [
        ("grant connect , temporary on database app to x", "GRANT … ON DATABASE", Touched::Server),
        ("revoke all privileges on database \"App\" from public", "REVOKE … ON DATABASE", Touched::Server),
        ("revoke grant option for connect on database app from x", "REVOKE … ON DATABASE", Touched::Server),
        ("grant set on parameter work_mem to x", "GRANT … ON PARAMETER", Touched::Server),
        ("grant create on tablespace disk to x", "GRANT … ON TABLESPACE", Touched::Tablespaces(names(&["disk"]))),
        ("grant a , \"B\" to x , group y with admin option", "GRANT of a role", member(&["a", "B"], &["x", "y"])),
        ("revoke admin option for a from x cascade", "REVOKE of a role", member(&["a"], &["x"])),
        ("alter database app set work_mem = '1MB'", "ALTER DATABASE", Touched::Server),
        ("create database other", "CREATE DATABASE", Touched::Server),
        ("drop database if exists other", "DROP DATABASE", Touched::Server),
        ("alter system set work_mem = 1", "ALTER SYSTEM", Touched::Server),
        ("alter role all set work_mem = 1", "ALTER ROLE", Touched::Server),
        ("alter role app in database db set work_mem = 1", "ALTER ROLE", roles(&["app"])),
        ("alter user current_user password 'x'", "ALTER USER", roles(&["current_user"])),
        ("alter group g add user x", "ALTER GROUP", roles(&["g"])),
        ("drop role if exists a , b", "DROP ROLE", roles(&["a", "b"])),
        // A name that comes at run time says nothing of the others.
        ("drop role victim , % i", "DROP ROLE", roles(&["victim"])),
        ("drop role % i , victim", "DROP ROLE", roles(&["victim"])),
        ("grant app , % i to low", "GRANT of a role", member(&["app"], &["low"])),
        ("drop owned by a , % 1 $ i", "DROP OWNED", Touched::HeldBy(names(&["a"]))),
        ("drop user mapping", "DROP USER", roles(&["mapping"])),
        ("drop user if exists mapping , b", "DROP USER", roles(&["mapping", "b"])),
        ("alter user mapping nologin", "ALTER USER", roles(&["mapping"])),
        ("delete from pg_auth_members", "DELETE on pg_auth_members", Touched::Server),
        ("copy t to program 'x'", "COPY … TO PROGRAM", Touched::Server),
        ("drop tablespace if exists disk", "DROP TABLESPACE", Touched::Tablespaces(names(&["disk"]))),
        ("comment on database app is 'x'", "COMMENT ON DATABASE", Touched::Server),
        ("comment on role app is 'x'", "COMMENT ON ROLE", roles(&["app"])),
        ("security label for p on role app is 'x'", "SECURITY LABEL ON ROLE", roles(&["app"])),
        ("reassign owned by a , b to c", "REASSIGN OWNED", Touched::HeldBy(names(&["a", "b"]))),
        ("drop owned by a cascade", "DROP OWNED", Touched::HeldBy(names(&["a"]))),
        ("create subscription s connection 'x' publication p", "CREATE SUBSCRIPTION", Touched::Server),
    ] {
        assert_eq!(of(&lexemes(text), true), Some((what.to_owned(), touched)), "{text}");
    }
}

#[test]
fn names_that_are_not_understood_may_be_of_anything_that_is_there() {
    for text in [
        "drop role u & \"old\"",
        "drop owned by u & \"app\"",
        "alter role u & \"app\" nologin",
        "grant u & \"a\" to b",
        "comment on database u & \"app\" is 'x'",
        "alter database u & \"app\" set a = 1",
        "drop role a , u & \"old\"",
        "grant a to",
    ] {
        assert_eq!(of(&lexemes(text), true).map(|(_, touched)| touched), Some(Touched::Server), "{text}");
    }
    let long = "x".repeat(70);
    assert_eq!(
        of(&lexemes(&format!("drop role {long}")), true),
        Some(("DROP ROLE".to_owned(), Touched::Roles(names(&[&long[..63]]))))
    );
    assert!(of(&lexemes("grant a , b , c"), false).is_some_and(|(_, touched)| touched == Touched::Server));
    assert_eq!(of(&lexemes("drop role a , b"), false), Some(("DROP ROLE".to_owned(), Touched::Server)));
}

#[test]
fn what_stays_in_its_database_is_not_among_them() {
    for text in [
        "grant select on t to x",
        "grant select ( a , b ) on table t to x",
        "grant select on database to x",
        "grant select on database . t to x",
        "grant usage on foreign server s to x",
        "grant connect on database % i to x",
        "grant % i to x",
        "alter database % i set work_mem = 1",
        "alter table database rename to x",
        "alter default privileges grant select on tables to x",
        "create user mapping for x server s",
        "create user mapping if not exists for x server s",
        "drop user mapping if exists for x server s",
        "drop user mapping for x server s",
        "comment on subscription is 'x'",
        "alter user mapping for x server s",
        "create role app in role other",
        "create tablespace disk location 'x'",
        "comment on table role is 'x'",
        "comment on column database . a is 'x'",
        "drop table role",
        "select 1",
        "grant",
    ] {
        assert_eq!(of(&lexemes(text), true), None, "{text}");
    }
}
