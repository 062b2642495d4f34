//! The real binary against real servers. What this machine lacks is skipped and listed at the end with its
//! reason; `XTASK_TEST_REQUIRE=docker,compose,openfga,postgres,embedded,…` makes each lack a failure.

// The tests start programs and read the environment themselves, and a panic is how a test fails.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// Helpers for tests of commands that come later.
#![allow(dead_code)]

#[macro_use]
mod harness;

mod conventions;
mod damage;
mod db_backup;
mod db_prune;
mod db_prune_stays;
mod db_shell;
mod db_verify;
mod db_verify_faults;
mod env;
mod faults;
mod hostile;
mod house;
mod up;

use std::process::ExitCode;

fn main() -> ExitCode {
    harness::main(vec![
        up::tests(),
        faults::tests(),
        db_shell::tests(),
        db_backup::tests(),
        db_prune::tests(),
        db_prune_stays::tests(),
        db_verify::tests(),
        db_verify_faults::tests(),
        damage::tests(),
        conventions::tests(),
        hostile::tests(),
        house::tests(),
        env::tests(),
    ])
}
