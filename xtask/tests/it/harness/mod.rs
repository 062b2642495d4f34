//! How a test is declared, skipped, run and cleaned up after.

pub mod backup;
pub mod dice;
pub mod fakes;
pub mod forge;
pub mod health;
pub mod local;
pub mod migrations;
pub mod needs;
pub mod openfga;
pub mod outcome;
pub mod patience;
pub mod quick;
pub mod quiet;
pub mod removal;
pub mod restore;
pub mod run;
pub mod running;
pub mod sandbox;
pub mod screen;
pub mod session;
pub mod stack;
pub mod store;
pub mod url;
pub mod watch;

pub use fakes::Fakes;
pub use health::Health;
pub use local::{Local, shared_local};
pub use needs::Need;
pub use restore::shared_for_restores;
pub use run::{Outcome, Xtask};
pub use sandbox::Sandbox;
pub use session::Session;
pub use stack::{Stack, shared};
pub use url::UrlDatabase;
pub use watch::Watch;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// One test: a name, what it cannot do without, and a function that panics when it fails.
#[derive(Debug)]
pub struct Test {
    pub name: String,
    pub needs: &'static [Need],
    pub body: fn(),
}

/// `tests![[Need::Stack] its_name, [] another_one]` → `Vec<Test>`, each named `module::its_name`.
macro_rules! tests {
    ($([$($need:ident),*] $name:ident),* $(,)?) => {
        vec![$($crate::harness::Test {
            name: format!("{}::{}", module_path!().trim_start_matches("it::"), stringify!($name)),
            needs: &[$($crate::harness::Need::$need),*],
            body: $name,
        }),*]
    };
}

static SIGNALLED: AtomicBool = AtomicBool::new(false);

type Skipped = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

/// How long each test ran, for `XTASK_TEST_SLOWEST=N`.
static TIMES: Mutex<Vec<(Duration, String)>> = Mutex::new(Vec::new());

thread_local! {
    static IN_TEST: Cell<bool> = const { Cell::new(false) };
    static WHERE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs every module's tests; cleans up whatever they did.
pub fn main(modules: Vec<Vec<Test>>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Half of a test is waiting for a server or a deadline: two of them for each core keep the cores busy.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    arguments.test_threads.get_or_insert(2 * cores);
    let mut tests: Vec<Test> = modules.into_iter().flatten().collect();
    if arguments.filter.as_deref() == Some(quick::FILTER) {
        arguments.filter = None;
        tests.retain(|test| quick::has(&test.name));
    }
    // Those with a stack of their own take longest, so they go first; the shared stack starts meanwhile.
    tests.sort_by_key(|test| !test.needs.contains(&Need::OwnStack));
    keep_the_place_of_a_panic();
    end_cleanly_on_signals();
    let skipped = Skipped::default();
    let mut needs_stack = false;
    let trials: Vec<Trial> = tests
        .into_iter()
        .map(|test| {
            let needs = test.needs;
            let trial = trial(test, Arc::clone(&skipped));
            needs_stack |= needs.contains(&Need::Stack) && !arguments.is_filtered_out(&trial);
            trial
        })
        .collect();
    if !arguments.list {
        sandbox::remove_leftovers();
        if needs_stack {
            start_the_shared_stack();
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    while SIGNALLED.load(Ordering::Relaxed) {
        // The tests failed because their containers went; the signal decides how this ends.
        std::thread::park();
    }
    clean_up();
    list_the_skipped(&skipped);
    list_the_slowest();
    conclusion.exit_code()
}

/// Beside the first tests.
fn start_the_shared_stack() {
    std::thread::spawn(|| {
        IN_TEST.set(true);
        if needs::lack(&[Need::Stack]).is_none() {
            let _ = panic::catch_unwind(shared);
        }
    });
}

fn list_the_skipped(skipped: &Skipped) {
    for (lack, names) in &*skipped.lock().unwrap() {
        let tests = if names.len() == 1 { "test" } else { "tests" };
        eprintln!("skipped: {} {tests} — {lack}", names.len());
    }
}

fn list_the_slowest() {
    let count = std::env::var("XTASK_TEST_SLOWEST").ok().and_then(|count| count.parse().ok()).unwrap_or(0);
    let mut times = TIMES.lock().unwrap();
    times.sort_by(|a, b| b.cmp(a));
    for (time, name) in times.iter().take(count) {
        eprintln!("{:7.1} s  {name}", time.as_secs_f64());
    }
}

fn trial(test: Test, skipped: Skipped) -> Trial {
    let name = test.name.clone();
    Trial::ignorable_test(test.name, move || {
        if let Some((need, lack)) = needs::lack(test.needs) {
            if needs::required(need) {
                return Err(Failed::from(format!("required, but missing: {lack}")));
            }
            skipped.lock().unwrap().entry(lack.clone()).or_default().push(name);
            return Ok(Completion::ignored_with(lack));
        }
        IN_TEST.set(true);
        let start = Instant::now();
        let ended = panic::catch_unwind(AssertUnwindSafe(test.body));
        TIMES.lock().unwrap().push((start.elapsed(), name));
        IN_TEST.set(false);
        ended.map(|()| Completion::Completed).map_err(|_| Failed::from(WHERE.take()))
    })
}

fn keep_the_place_of_a_panic() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !IN_TEST.get() {
            return usual(info);
        }
        let payload = info.payload();
        let message = payload.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("panicked");
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        WHERE.set(format!("{message}\n  at {place}"));
    }));
}

/// Ctrl-C and its like leave no container behind.
fn end_cleanly_on_signals() {
    let signal = Arc::new(AtomicUsize::new(0));
    for number in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        let value = usize::try_from(number).unwrap();
        signal_hook::flag::register_usize(number, Arc::clone(&signal), value).unwrap();
    }
    std::thread::spawn(move || {
        let number = loop {
            match signal.load(Ordering::Relaxed) {
                0 => std::thread::sleep(Duration::from_millis(100)),
                number => break number,
            }
        };
        SIGNALLED.store(true, Ordering::Relaxed);
        eprintln!("\nended by signal {number}; removing servers and containers");
        clean_up();
        std::process::exit(128 + i32::try_from(number).unwrap());
    });
}

fn clean_up() {
    if std::env::var_os("XTASK_TEST_KEEP").is_some() {
        eprintln!("kept: {} and its containers", sandbox::base().display());
        return;
    }
    local::end_ours();
    removal::remove_ours();
    let _ = std::fs::remove_dir_all(sandbox::base());
}

/// Asks again every few milliseconds until it is so; fails the test after two minutes.
#[track_caller]
pub fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !so() {
        assert!(Instant::now() < end, "waited two minutes in vain until {what}");
        std::thread::sleep(Duration::from_millis(15));
    }
}
