//! One file per command: its `Args` and its `run`, which says what is done and leaves the how to the rooms below.

pub mod adopt;
pub mod completions;
pub mod db_backup;
pub mod db_list;
pub mod db_migrate;
pub mod db_prune;
pub mod db_reset;
pub mod db_restore;
pub mod db_shell;
pub mod db_stats;
pub mod db_verify;
pub mod debug_auth;
pub mod down;
mod full_backup;
pub mod health_check;
mod leftovers;
pub mod monitoring_dashboard;
pub mod openfga_export;
mod second_openfga;
pub mod setup_env;
pub mod setup_openfga;
mod starting;
mod store_file;
mod swap;
pub mod test_auth;
pub mod up;
mod which_store;
