//! What `debug-auth` finds where a link is missing, where groups hold each other, and where a tupleset has tuples that lead
//! nowhere: the server allows what it names.

use crate::harness::store::{Shop, tuple};
use crate::harness::{Test, shared};
use serde_json::json;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Openfga] what_the_user_has_in_any_way_is_linked,
        [Stack, Openfga] what_the_user_does_not_have_is_linked_together_with_what_gives_it,
        [Stack, Openfga] what_gives_it_to_everybody_has_what_does_not_beside_it,
        [Stack, Openfga] a_link_is_found_where_the_server_gives_no_list,
        [Stack, Openfga] a_link_that_was_not_looked_for_is_said,
        [Stack, Openfga] groups_that_hold_each_other_hide_no_change,
        [Stack, Openfga] a_condition_of_a_tuple_that_leads_nowhere_is_decided_as_on_the_server,
        [Stack, Openfga] two_values_of_a_tuple_come_before_two_tuples,
        [Stack, Openfga] a_link_hides_no_values_that_a_person_may_choose,
        [Stack, Openfga] one_link_comes_before_two_changes,
        [Stack, Openfga] what_reaches_the_user_alone_comes_before_what_reaches_its_group,
        [Stack, Openfga] the_nearest_of_more_ways_than_are_shown_comes_first,
    ]
}

const MODEL: &str = "model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
    define p: [group, label]
    define b: [user] but not b from p
type folder
  relations
    define parent: [folder]
    define owner: [user]
    define viewer: [user, user:*, group#member] or owner or viewer from parent
type label
  relations
    define tagged: [user]
    define b: [user]
type doc
  relations
    define parent: [folder, label with late]
    define viewer: viewer from parent
    define shared: [group#member]
    define blocked: [group#member]
    define reader: [user] but not blocked
    define r2: [user] and viewer from parent
    define r3: [user] but not viewer from parent
    define seat: [folder]
    define either: [user with two] or (viewer from seat and guest)
    define guest: [user]
    define lent: [user with square, group#member]
condition late(hour: int, limit: int) {
  hour > limit
}
condition two(a: int, b: int) {
  a == 7 && b == 8
}
condition square(a: int) {
  a * a == 1369
}
";

fn set_up<'a>(tuples: &[String]) -> Shop<'a> {
    shared().shop_of(MODEL, &format!("tuples:\n{}", tuples.concat()))
}

fn what_the_user_has_in_any_way_is_linked() {
    let shop = set_up(&[
        tuple("user:bob", "member", "group:red", ""),
        tuple("group:red#member", "member", "group:all", ""),
        tuple("group:all#member", "viewer", "folder:f", ""),
        tuple("user:ann", "owner", "folder:g", ""),
        tuple("folder:g", "parent", "folder:h", ""),
        tuple("user:*", "viewer", "folder:pub", ""),
    ]);
    for (user, relation, link) in [
        ("user:bob", "viewer", "write folder:f parent doc:1"),
        ("user:ann", "viewer", "write folder:h parent doc:1"),
        ("user:zed", "viewer", "write folder:pub parent doc:1"),
        ("user:bob", "shared", "write group:all#member shared doc:1"),
    ] {
        let run = shop.debug_auth([user, relation, "doc:1"]).run();
        run.code(1).stdout_has("It would be allowed by").stdout_has(&format!("  {link}\n"));
        let json = shop.debug_auth([user, relation, "doc:1", "--json"]).run().code(1).json();
        assert_eq!(json["remedies_are_cut"], false, "{json:#}");
        for set in json["remedies"].as_array().unwrap() {
            shop.carry_out(set);
            shop.debug_auth([user, relation, "doc:1"]).run().ok();
            shop.write(&json!({ "deletes": { "tuple_keys": [&set[0]["tuple"]] } }));
        }
    }
}

/// A group that the user is not in, a folder that it does not see: the second tuple is named, too.
fn what_the_user_does_not_have_is_linked_together_with_what_gives_it() {
    let shop = set_up(&[
        tuple("user:cy", "member", "group:gone", ""),
        tuple("user:bob", "member", "group:red", ""),
        tuple("user:ann", "owner", "folder:f", ""),
    ]);
    // The first page of a type's changes has a hundred; what comes later is gone, too.
    let later = |n: usize| json!({ "user": format!("user:u{n}"), "relation": "member", "object": "group:red" });
    for first in [0, 50] {
        let tuples: Vec<_> = (first..first + 50).map(later).collect();
        shop.write(&json!({ "writes": { "tuple_keys": tuples } }));
    }
    let gone = json!({ "user": "user:cy", "relation": "member", "object": "group:gone" });
    shop.write(&json!({ "deletes": { "tuple_keys": [gone] } }));
    for (relation, both) in [
        ("shared", ["group:red#member shared doc:1", "user:zed member group:red"]),
        // Of the ways there the one of the relation itself.
        ("viewer", ["folder:f parent doc:1", "user:zed viewer folder:f"]),
    ] {
        let question = ["user:zed", relation, "doc:1"];
        let [link, there] = both;
        let text = format!("It would be allowed by these together\n  write {link}\n  write {there}\n");
        shop.debug_auth(question).run().code(1).stdout_has(&text).stdout_lacks("Not every change");
        let json = shop.debug_auth(question).args(["--json"]).run().code(1).json();
        assert_eq!(
            (json["remedies"].as_array().unwrap().len(), &json["remedies_are_cut"]),
            (1, &json!(false)),
            "{json:#}"
        );
        shop.carry_out(&json["remedies"][0]);
        shop.debug_auth(question).run().ok();
    }
}

/// Where one tuple would do, and give it to everybody, two that do not are named beside it.
fn what_gives_it_to_everybody_has_what_does_not_beside_it() {
    const MODEL: &str = "model\n  schema 1.1\ntype user\ntype folder\n  relations\n    define viewer: [user, user:*]\ntype doc\n  \
                         relations\n    define parent: [folder]\n    define viewer: [user:*] or viewer from parent\n";
    let beside = "\n\nIt would be allowed without a tuple for everybody by these together\n  write folder:f parent doc:1\n  \
                  write user:bob viewer folder:f\n";
    let (own, all) = (tuple("user:ann", "viewer", "folder:f", ""), tuple("user:*", "viewer", "folder:all", ""));
    for (tuples, first) in [
        (own.clone(), "It would be allowed by\n  write user:* viewer doc:1"),
        // A link to what everybody sees gives it to everybody, too.
        (
            own + &all,
            "It would be allowed by any one of these\n  write folder:all parent doc:1\n  write user:* viewer doc:1",
        ),
    ] {
        let shop = shared().shop_of(MODEL, &format!("tuples:\n{tuples}"));
        let ask = |user: &'static str, more: &[&'static str]| {
            shop.debug_auth([user, "viewer", "doc:1"]).args(more.iter().copied()).run()
        };
        ask("user:bob", &[]).code(1).stdout_has(&format!("{first}{beside}"));
        let json = ask("user:bob", &["--json"]).code(1).json();
        shop.carry_out(json["remedies"].as_array().unwrap().last().unwrap());
        ask("user:bob", &[]).ok();
        ask("user:zed", &[]).code(1);
    }
}

/// One tuple elsewhere has the server refuse its list; what it answers of each object counts.
fn a_link_is_found_where_the_server_gives_no_list() {
    let shop = shared().shop_of(
        "model\n  schema 1.1\ntype user\ntype org\n  relations\n    define owner: [user, user with late]\n    \
         define member: owner\ntype doc\n  relations\n    define org: [org]\n    define look: member from org\n\
         condition late(hour: int, limit: int) {\n  hour < limit\n}\n",
        &format!(
            "tuples:\n{}{}",
            tuple("user:al", "owner", "org:1", ""),
            tuple("user:al", "owner", "org:2", "{name: late, context: {limit: 3}}")
        ),
    );
    let run = shop.debug_auth(["user:al", "look", "doc:1"]).run();
    run.code(1).stdout_has("It would be allowed by\n  write org:1 org doc:1\n");
}

fn a_link_that_was_not_looked_for_is_said() {
    // No group is known that could be linked.
    let shop = set_up(&[tuple("user:ann", "owner", "folder:g", "")]);
    let run = shop.debug_auth(["user:zed", "shared", "doc:1"]).run();
    run.code(1).stdout_has("No change of up to three tuples was found").stdout_has("Not every change was looked for");
    let json = shop.debug_auth(["user:zed", "shared", "doc:1", "--json"]).run().code(1).json();
    assert_eq!((&json["remedies"], &json["remedies_are_cut"]), (&json!([]), &json!(true)), "{json:#}");
}

fn groups_that_hold_each_other_hide_no_change() {
    let shop = set_up(&[
        tuple("group:a#member", "blocked", "doc:1", ""),
        tuple("group:a#member", "member", "group:b", ""),
        tuple("group:b#member", "member", "group:a", ""),
        tuple("group:1", "p", "group:1", ""),
        tuple("user:bob", "b", "group:1", ""),
    ]);
    for question in [["user:bob", "reader", "doc:1"], ["user:bob", "b", "group:1"]] {
        let json = shop.debug_auth(question).args(["--json"]).run().json();
        assert_eq!(json["tree_agrees"], true, "{json:#}");
        // What a server makes of a cycle behind `but not` depends on its version.
        if json["verdict"] == "no" {
            shop.carry_out(&json["remedies"][0]);
            shop.debug_auth(question).run().ok();
        }
    }
}

fn a_condition_of_a_tuple_that_leads_nowhere_is_decided_as_on_the_server() {
    let shop = set_up(&[
        tuple("user:al", "r2", "doc:1", ""),
        tuple("user:al", "r3", "doc:1", ""),
        tuple("label:2", "parent", "doc:1", "{name: late, context: {limit: 3}}"),
    ]);
    for relation in ["r2", "r3"] {
        let run = shop.debug_auth(["user:al", relation, "doc:1"]).run();
        run.code(1).stdout_has("cannot be decided: hour is missing (condition late)\n");
        run.stdout_has("⚠ label:2 parent doc:1 with late\n").stdout_has("label:2 has no relation viewer");
        run.stderr_has("→ give the value: --context '{\"hour\": VALUE}'\n").stderr_lacks("by the tree");
        let json = shop.debug_auth(["user:al", relation, "doc:1", "--json"]).run().code(1).json();
        assert_eq!(json["tree_agrees"], true, "{json:#}");
    }
    for hour in ["{\"hour\": 1}", "{\"hour\": 4}"] {
        shop.debug_auth(["user:al", "r2", "doc:1", "--context", hour]).run().code(1).stdout_has(": denied\n");
        shop.debug_auth(["user:al", "r3", "doc:1", "--context", hour]).run().ok();
    }
}

fn two_values_of_a_tuple_come_before_two_tuples() {
    let shop = set_up(&[tuple("user:bob", "either", "doc:1", "{name: two, context: {a: 1, b: 2}}")]);
    let ask = |more: &[&'static str]| shop.debug_auth(["user:bob", "either", "doc:1"]).args(more.iter().copied()).run();
    let run = ask(&[]);
    run.code(1).stdout_has("it would hold with a = 7 and b = 8 together\n").stdout_has(
        "It would be allowed by\n  change the values of user:bob either doc:1: delete it, write it with two {\"a\":7,\"b\":8}, \
         for example\n",
    );
    let json = ask(&["--json"]).code(1).json();
    shop.carry_out(&json["remedies"][0]);
    ask(&[]).ok();
}

fn a_link_hides_no_values_that_a_person_may_choose() {
    let shop = set_up(&[
        tuple("user:bob", "member", "group:red", ""),
        tuple("user:bob", "lent", "doc:1", "{name: square, context: {a: 2}}"),
    ]);
    let run = shop.debug_auth(["user:bob", "lent", "doc:1"]).run();
    run.code(1).stdout_has("write group:red#member lent doc:1\n");
    run.stdout_has("(not verified)").stdout_has("change the values of the condition of user:bob lent doc:1\n");
}

/// Two ways on which one tuple does.
const LINKED: &str = "model
  schema 1.1
type user
type org
  relations
    define reader: [user]
    define member: [user]
type folder
  relations
    define viewer: [user]
type doc
  relations
    define org: [org]
    define view: reader from org and member from org
    define parent: [folder, folder with late]
    define viewer: viewer from parent
condition late(hour: int, limit: int) {
  hour > limit
}
";

fn one_link_comes_before_two_changes() {
    // The org that does for both parts is none of the first of either.
    let many = |n: usize| {
        let (reads, belongs) = (format!("org:r{n}"), format!("org:m{n}"));
        tuple("user:al", "reader", &reads, "") + &tuple("user:al", "member", &belongs, "")
    };
    let shop = shared().shop_of(
        LINKED,
        &format!(
            "tuples:\n{}",
            [
                tuple("org:1", "org", "doc:1", ""),
                tuple("user:al", "reader", "org:z", ""),
                tuple("user:al", "member", "org:z", ""),
                (0..5).map(many).collect(),
                tuple("folder:1", "parent", "doc:1", "{name: late, context: {limit: 9}}"),
                tuple("user:al", "viewer", "folder:2", ""),
            ]
            .concat()
        ),
    );
    for (relation, link) in [("view", ["org:z", "org", "doc:1"]), ("viewer", ["folder:2", "parent", "doc:1"])] {
        let question = ["user:al", relation, "doc:1", "--context", "{\"hour\": 3}"];
        let run = shop.debug_auth(question).run();
        run.code(1).stdout_has(&format!("It would be allowed by\n  write {}\n", link.join(" ")));
        let json = shop.debug_auth(question).args(["--json"]).run().code(1).json();
        shop.carry_out(&json["remedies"][0]);
        shop.debug_auth(question).run().ok();
    }
}

fn the_nearest_of_more_ways_than_are_shown_comes_first() {
    let chain = (1..20).map(|n| tuple(&format!("group:g{n:02}#member"), "member", &format!("group:g{:02}", n - 1), ""));
    let shop = shared().shop_of(
        "model\n  schema 1.1\ntype user\ntype group\n  relations\n    define member: [user, group#member]\ntype doc\n  \
         relations\n    define viewer: [user, group#member]\n",
        &format!("tuples:\n{}{}", tuple("group:g00#member", "viewer", "doc:1", ""), chain.collect::<String>()),
    );
    let run = shop.debug_auth(["user:bob", "viewer", "doc:1"]).run();
    run.code(1).stdout_has(
        "It would be allowed by any one of these\n  write user:bob viewer doc:1\n  write user:bob member group:g00\n  \
         write user:bob member group:g01\n",
    );
    run.stdout_has("Not every change was looked for");
}

fn what_reaches_the_user_alone_comes_before_what_reaches_its_group() {
    let shop = shared().shop_of(
        "model\n  schema 1.1\ntype user\ntype team\n  relations\n    define member: [user]\ntype doc\n  relations\n    \
         define banned: [team#member]\n    define viewer: [user] but not banned\n",
        &format!(
            "tuples:\n{}{}",
            tuple("user:al", "member", "team:t", ""),
            tuple("team:t#member", "banned", "doc:1", "")
        ),
    );
    let run = shop.debug_auth(["user:al", "viewer", "doc:1"]).run();
    run.code(1).stdout_has(
        "It would be allowed by these together\n  write user:al viewer doc:1\n  delete user:al member team:t\n",
    );
}
