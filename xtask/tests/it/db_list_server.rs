//! `db-list` where a server answers: what it keeps of earlier restores, and what killed ones left there.

use crate::harness::local::is_alive;
use crate::harness::patience::is_within;
use crate::harness::{Fakes, Sandbox, Test, Xtask, shared_for_restores, wait_until};
use rustix::process::Signal;
use serde_json::json;
use std::fs;
use std::time::{Duration, Instant};

pub fn tests() -> Vec<Test> {
    tests![
        [Compose] previous_databases_are_listed_with_their_size,
        [Compose] leftovers_are_named_by_those_who_look,
        [] a_server_that_does_not_answer_holds_up_no_list,
        [] a_list_without_its_servers_part_because_of_a_signal_says_so,
    ]
}

fn previous_databases_are_listed_with_their_size() {
    let database = shared_for_restores().database();
    let of = |more: &[&'static str]| {
        let words = ["db-list", "--database", &database.name].map(str::to_owned);
        let run = database.xtask([]).args(words).args(more).run();
        run.ok();
        run
    };
    database.backed_up_and_changed();
    of(&[]).stdout_lacks("KEPT ON THE SERVER");
    assert_eq!(of(&["--json"]).json()["kept_on_server"], json!([]));
    database.restore([]).run().ok();
    let name = database.only_beside("before");
    let run = of(&[]);
    let line = run.text().lines().find(|line| line.starts_with(&name)).map(str::to_owned);
    let line = line.unwrap_or_else(|| run.fail("the previous database should be listed"));
    let words: Vec<&str> = line.split_whitespace().collect();
    assert!(words[1] == database.name && line.ends_with(" MB"), "{line}");
    // What a killed run left of a set of other databases may be named.
    run.stdout_has("\n\nKEPT ON THE SERVER ").stderr_lacks(&database.name);
    let narrow = ["sh", "-c", "stty columns 40; exec \"$@\"", "sh"];
    let narrow = database.xtask(["db-list"]).through(narrow).terminal().wait().text().replace("\r\n", "\n");
    assert!(narrow.contains(&format!("\n\n{name}\n  DATABASE  {}\n", database.name)), "{narrow}");
    let kept = &of(&["--json"]).json()["kept_on_server"][0];
    assert_eq!((&kept["name"], &kept["database"]), (&json!(name), &json!(database.name)));
    assert!(kept["bytes"].as_u64().unwrap() > 1_000_000 && kept["swapped_at"].is_string(), "{kept}");
    database.restore(["--keep-old", "2"]).run().ok();
    assert_eq!(of(&["--json"]).json()["kept_on_server"].as_array().unwrap().len(), 2);
    // A folder that was typed is not this checkout's server.
    let run = database.xtask(["db-list", "backups", "--json"]).run();
    assert_eq!(run.ok().json()["kept_on_server"], json!(null));
}

fn leftovers_are_named_by_those_who_look() {
    let database = shared_for_restores().database();
    database.backed_up_and_changed();
    let running = database.restore_paused_at("checked");
    let staging = database.only_beside("staging");
    // A run that lives leaves nothing behind.
    database.xtask(["db-list"]).run().ok().stderr_lacks(&staging);
    running.ended_by(Signal::KILL);
    wait_until("no session of the run is left", || database.our_sessions() == 0);
    let named = format!(
        "⚠ {staging} was left behind by a run that was killed; repair it with: cargo xtask db-restore --repair"
    );
    for words in [
        &["db-list"][..],
        &["db-list", "--json"],
        &["db-verify", "--restore"],
        &["db-backup"],
        &["db-backup", "--quiet", "--json"],
        &["db-restore", "--dry-run"],
        &["db-reset", "--dry-run", "--json"],
    ] {
        // A server on a busy machine may answer too late for once.
        wait_until("the leftover is named", || {
            let run = database.xtask(words.iter().copied()).run();
            run.ok().stderr.contains(&named)
        });
        assert_eq!(database.only_beside("staging"), staging, "it is only looked at");
    }
    database.stack.admin(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", database.name));
    database
        .xtask(["db-list"])
        .run()
        .ok()
        .stderr_has(&format!("{} accepts no connections since a restore was killed", database.name));
    database
        .xtask(["db-backup"])
        .run()
        .code(4)
        .stderr_has("→ if a restore was killed, repair it with: cargo xtask db-restore --repair");
    database.repair();
    database.xtask(["db-list"]).run().ok().stderr_lacks(&database.name);
}

/// The list of files waits for no server: not for one that is away, nor for one that is silent.
fn a_server_that_does_not_answer_holds_up_no_list() {
    let sandbox = Sandbox::new();
    // In the background what is asked has a program of its own.
    let pids = sandbox.beside("pids");
    let silent = format!("sleep 300 & echo $$ $! >>'{}'; wait", pids.display());
    for docker in ["exit 1", &silent] {
        let fakes = Fakes::new(&sandbox).program("docker", docker);
        let begun = Instant::now();
        let run = fakes.over(Xtask::new(&sandbox).args(["db-list", "--json"])).run();
        run.ok().says_nothing();
        assert_eq!(
            run.json(),
            json!({ "version": 1, "backups": [], "kept_on_server": null, "not_recorded": null, "sets": [] })
        );
        run.holds(is_within(begun.elapsed(), Duration::from_secs(20)), "it does not wait for the server");
    }
    let text = fs::read_to_string(&pids).unwrap();
    let pids: Vec<u32> = text.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.len() >= 2, "{text}");
    wait_until("nothing that was asked goes on", || !pids.iter().any(|pid| is_alive(*pid)));
}

fn a_list_without_its_servers_part_because_of_a_signal_says_so() {
    for more in [&[][..], &["--json"]] {
        let sandbox = Sandbox::new();
        let fakes = Fakes::new(&sandbox).program("docker", "exec sleep 30");
        let running = fakes.over(Xtask::new(&sandbox).args(["db-list"]).args(more)).spawn();
        wait_until("the server is asked", || !fakes.calls().is_empty());
        running.signal(Signal::INT);
        let run = running.wait();
        run.code(130).stderr_has("Ended by Ctrl-C (SIGINT); nothing was changed").stdout_lacks("version");
    }
}
