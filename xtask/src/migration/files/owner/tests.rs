use super::*;

#[test]
fn flyways_names_are_known() {
    for name in ["V1__init.sql", "V2.1__more.sql", "V2_1__more.sql", "U1__init.sql", "R__views.sql"] {
        assert!(is_flyways(name), "{name}");
    }
    for name in ["1_a__b.up.sql", "View__x.sql", "V__x.sql", "Vx1__a.sql", "V1_a.sql"] {
        assert!(!is_flyways(name), "{name}");
    }
}

#[test]
fn files_that_hold_both_ways_are_known() {
    for (text, expected) in [
        ("create table t ();\n\n---- create above / drop below ----\n\ndrop table t;", Some("tern")),
        ("-- Up Migration\nselect 1;\n  ---  DOWN  migration\nselect 2;", Some("node-pg-migrate")),
        ("-- // first\nselect 1;\n-- //@UNDO\nselect 2;", Some("MyBatis Migrations")),
        ("-- rambler up\nselect 1;", Some("rambler")),
        ("-- ==== UP ====\nselect 1;\n-- ==== DOWN ====\nselect 2;", Some("shmig")),
        ("--+goose Up", Some("goose")),
        ("-- migrate:up transaction:false", Some("dbmate")),
        ("-- Add up migration script here\nselect 1;\n-- Down migration: see the other file", None),
        ("-- Up migration\nselect '-- down migration';", None),
        ("--liquibase formatted sql\n--changeset a:1\nselect 1;", Some("Liquibase")),
        ("# --- First\n\n# --- !Ups\nselect 1;\n\n# --- !Downs\nselect 2;", Some("Play")),
        ("-- !Ups\nselect 1;\n-- !Downs\n\nselect 2;", Some("Play")),
        ("-- @up\nselect 1;\n-- @down\nselect 2;", Some("marv")),
        ("# Tom's first\n# !Ups\nselect 1;\n# !Downs\nselect 2;", Some("Play")),
        ("-- !Ups\nselect a\n-- !Downs\n#> '{b}' from t;", Some("Play")),
        ("-- !Ups\nselect 1;\n-- !Downs\n/* select 2; */", None),
        ("-- Up migration\nselect '\n-- down migration\n';", None),
    ] {
        assert_eq!(tool_in("1_a.sql", text), expected, "{text}");
    }
}

fn tool_in(name: &str, text: &str) -> Option<&'static str> {
    let mut marks = Marks::of_file(name);
    text.split_inclusive('\n').find_map(|line| marks.read(line.as_bytes())).or_else(|| marks.finish())
}

#[test]
fn ordinary_headings_are_known_by_what_stands_under_them() {
    for text in [
        "-- UP\ncreate table b (i int);\n-- DOWN:\ndrop table b;\n",
        "---- up ----\ncreate table b (i int);\n\n---- down ----\n-- all of it\ndrop table b",
        "-- Up script\r\nalter table b add c int;\r\n-- Down script\r\nalter table b drop column c;\r\n",
        "-- up\nbegin;\ninsert into b values (1);\ncommit;\n-- down\nbegin;\ndelete from b;\ncommit;",
        "-- up\ngrant select on b to c;\n-- down\nrevoke select on b from c;",
        "-- up\ncreate function f() returns int language sql\nbegin atomic\nselect case when true then 1 end;\nend;\n\
         -- down\ndrop function f();",
        "-- upgrade --\ncreate table b (i int);\n-- downgrade --\ndrop table b;",
        "--- migration:up\ncreate table b (i int);\n--- migration:down\ndrop table b;\n--- migration:end\n",
        "-- [up]\ncreate table b (i int);\n-- [down]\ndrop table b;",
        "-- !UP\ncreate table b (i int);\n-- !DOWN\ndrop table b;",
        "/* UP */\ncreate table b (i int);\n/* DOWN */\ndrop table b;",
        "-- apply\ncreate table b (i int);\n-- revert\ndrop table b;",
        "-- Migration up\ncreate table b (i int);\n-- Migration down\ndrop table b;",
        "-- up\ncopy b from stdin;\nTom's\n\\.\n-- down\ntruncate b;",
    ] {
        assert!(way_back_in("1_a.sql", text).is_some(), "{text}");
        // No reason to refuse a folder.
        assert_eq!(tool_in("1_a.sql", text), None, "{text}");
        assert_eq!(way_back_in("1_a.up.sql", text), None, "{text}");
        assert_eq!(way_back_in("1_A.DOWN.SQL", text), None, "{text}");
    }
    assert_eq!(way_back_in("1_a.sql", "-- up\ncreate table b (\ni int);\n\n-- down\ndrop table b;\n"), Some(5));
}

fn way_back_in(name: &str, text: &str) -> Option<u64> {
    let mut marks = Marks::of_file(name);
    for line in text.split_inclusive('\n') {
        marks.read(line.as_bytes());
    }
    marks.finish();
    marks.way_back
}

#[test]
fn comments_that_only_look_like_headings_are_no_other_tools() {
    for text in [
        "-- UP\ncreate table b (i int);\n-- DOWN\n-- drop table b;\n\n",
        "-- down\ncreate table b (i int);\n-- up\ndrop table b;",
        "-- update\ncreate table b (i int);\n-- downtown\ndrop table b;",
        "-- up\ncreate table b (i int);\n-- down script\ndrop table b;",
        // Two of a kind.
        "-- Up:\ninsert into ways values ('up');\n-- Down:\ninsert into ways values ('down');",
        "-- up\nupdate votes set n = 1 where up;\n-- down\nupdate votes set n = -1 where not up;",
        "-- up\nalter type way add value 'up';\n-- down\nalter type way add value 'down';",
        "-- up\ndrop table votes_up;\n-- down\ndrop table votes_down;",
        "-- up\ncreate table ups (i int);\n-- down\ncreate table downs (i int);\ndrop table votes;",
        "/* up */ create table b (i int);\n/* down */ drop table b;",
        "-- up and about\ncreate table b (i int);\n-- down the road\ndrop table b;",
        // Not at the beginning of a line.
        "create table a (i int); -- up\ncreate table b (i int);\n -- down\ndrop table c;",
        "  -- up\ncreate table b (i int);\n  -- down\ndrop table c;",
        // Within a statement.
        "create table b (\n-- up\ni int,\n-- down\nj int\n);\ndrop table c;",
        // In a body, a comment, a string, and rows.
        "create function f() returns void language plpgsql as $$\nbegin\nif up then\n-- up\nupdate b set i = 1;\nelse\n\
         -- down\ndelete from b;\nend if;\nend $$;",
        "do $a$\nbegin\n-- up\ninsert into b values (1);\n-- down\ndelete from b;\nend $a$;",
        "create procedure p() language sql\nbegin atomic\n-- up\ninsert into b values (1);\n-- down\ndelete from b;\nend;",
        "/*\n-- up\ncreate table b (i int);\n-- down\ndrop table b;\n*/\nselect 1;",
        "insert into notes values ('\n-- up\ncreate table b (i int);\n-- down\ndrop table b;\n');",
        "copy notes from stdin;\n-- up\ncreate table b (i int);\n-- down\ndrop table b;\n\\.\nselect 1;",
        "insert into notes values ('\n-- +goose Up\n-- migrate:up\n-- !Ups\n-- !Downs\n');",
    ] {
        assert_eq!((tool_in("1_a.sql", text), way_back_in("1_a.sql", text)), (None, None), "{text}");
    }
}

#[test]
fn a_way_back_beside_its_way_there_is_known_by_its_name() {
    let tool = |names: &[&str]| {
        let all = names.iter().map(|name| (*name).to_owned()).collect();
        names.iter().find_map(|name| way_back(name, &all))
    };
    for (names, expected) in [
        (&["0001_a.sql", "0001_a.rollback.sql"][..], Some("yoyo-migrations")),
        (&["1_a.sql", "1_a.undo.sql"], Some("another tool")),
        (&["1_a.sql", "1_a_rollback.sql"], Some("another tool")),
        (&["1_a_up.sql", "1_a_down.sql"], Some("another tool")),
        (&["1.do.sql", "1.undo.sql"], Some("another tool")),
        (&["1_a.forward.sql", "1_a.backward.sql"], Some("another tool")),
        (&["1_a.apply.sql", "1_a.unapply.sql"], Some("another tool")),
        (&["1_a.sql", "1_a.reverse.sql"], Some("another tool")),
        (&["1_a.sql", "2_a.backward.sql", "3_reverse.sql"], None),
        (&["1_a.up.sql", "1_a.down.sql"], None),
        (&["1_a.sql", "2_a_rollback.sql", "3_undo.sql"], None),
        (&["schema.sql", "schema_undo.sql"], None),
    ] {
        assert_eq!(tool(names), expected, "{names:?}");
    }
}
