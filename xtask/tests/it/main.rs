//! The real binary against real servers. What this machine lacks is skipped and listed at the end with its
//! reason; `XTASK_TEST_REQUIRE=docker,compose,openfga,postgres,embedded,…` makes each lack a failure.

// The tests start programs and read the environment themselves, and a panic is how a test fails.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod harness;

mod adopt;
mod adopt_built;
mod adopt_cargo;
mod adopt_faults;
mod adopt_noticed;
mod adopt_updates;
mod architecture;
mod authorization;
mod backup_metrics;
mod circles;
mod completions;
mod compose_config;
mod compose_programs;
mod compose_resolved;
mod compose_shapes;
mod compose_stacks;
mod compose_up;
mod compressed;
mod compressed_hostile;
mod configured;
mod conventions;
mod damage;
mod db_backup;
mod db_backup_all;
mod db_backup_content;
mod db_backup_disk;
mod db_backup_faults;
mod db_backup_files;
mod db_backup_signals;
mod db_backup_stream;
mod db_list;
mod db_list_files;
mod db_list_server;
mod db_migrate;
mod db_migrate_drift;
mod db_migrate_faults;
mod db_migrate_files;
mod db_migrate_local;
mod db_migrate_locks;
mod db_migrate_messages;
mod db_migrate_old_psql;
mod db_migrate_owners;
mod db_migrate_repair;
mod db_migrate_size;
mod db_migrate_sqlx;
mod db_migrate_trust;
mod db_migrate_unfinished;
mod db_migrate_verify;
mod db_migrate_wild;
mod db_prune;
mod db_prune_stays;
mod db_reset;
mod db_reset_faults;
mod db_schedule;
mod db_schedule_disk;
mod db_schedule_ping_servers;
mod db_schedule_pings;
mod db_schedule_timers;
mod db_shell;
mod db_stats;
mod db_stats_hidden;
mod db_stats_watch;
mod db_verify;
mod db_verify_faults;
mod debug_auth;
mod debug_auth_chance;
mod debug_auth_links;
mod debug_auth_refused;
mod debug_auth_remedies;
mod debug_auth_undecided;
mod direct;
mod documents;
mod dsl;
mod env;
mod extensions;
mod faults;
mod foreign_servers;
mod forged_lines;
mod full_disk;
mod fuzz_modules;
mod globals;
mod health;
mod health_database;
mod health_openfga;
mod health_services;
mod hint_names;
mod hints;
mod hostile;
mod languages;
mod local;
mod local_backup;
mod local_faults;
mod local_private;
mod local_programs;
mod login_triggers;
mod lying_servers;
mod made_by_others;
mod made_elsewhere;
mod manifest;
mod manifest_settings;
mod monitoring;
mod monitoring_panels;
mod openfga_export;
mod openfga_exposed;
mod other_kinds;
mod other_roles;
mod plain_words;
mod proof;
mod psql_variables;
mod record;
mod record_forged;
mod record_names;
mod restore;
mod restore_beside;
mod restore_choice;
mod restore_clients;
mod restore_encodings;
mod restore_jobs;
mod restore_kills;
mod restore_load_settings;
mod restore_local;
mod restore_needs;
mod restore_previous;
mod restore_properties;
mod restore_property;
mod restore_services;
mod restore_set;
mod restore_set_refused;
mod restore_set_servers;
mod restore_undo;
mod root;
mod round_trip;
mod screen_lines;
mod screens;
mod search_path;
mod server_killed;
mod settings;
mod setup_env;
mod setup_env_doctor;
mod setup_env_questions;
mod setup_openfga;
mod setup_openfga_answers;
mod setup_openfga_conditions;
mod setup_openfga_env;
mod setup_openfga_faults;
mod setup_openfga_print;
mod setup_openfga_prune;
mod setup_openfga_server;
mod several_servers;
mod shared_objects;
mod shared_objects_late;
mod sql_reading;
mod staging_access;
mod statements;
mod subscriptions;
mod targets;
mod test_auth;
mod test_auth_questions;
mod test_auth_slow;
mod typed_hints;
mod up;
mod url;
mod url_faults;
mod url_rights;
mod which_database;

use std::process::ExitCode;

fn main() -> ExitCode {
    harness::main(modules())
}

/// Each module's tests.
fn modules() -> Vec<Vec<harness::Test>> {
    MODULES.iter().map(|tests| tests()).collect()
}

const MODULES: &[fn() -> Vec<harness::Test>] = &[
    up::tests,
    faults::tests,
    screen_lines::tests,
    screens::tests,
    setup_env::tests,
    setup_env_doctor::tests,
    setup_env_questions::tests,
    local::tests,
    local_faults::tests,
    local_private::tests,
    local_programs::tests,
    local_backup::tests,
    db_backup::tests,
    db_backup_all::tests,
    db_backup_content::tests,
    db_backup_disk::tests,
    db_backup_faults::tests,
    db_backup_files::tests,
    db_backup_signals::tests,
    db_backup_stream::tests,
    db_list::tests,
    db_list_files::tests,
    db_list_server::tests,
    db_migrate::tests,
    db_migrate_files::tests,
    db_migrate_faults::tests,
    db_migrate_locks::tests,
    db_migrate_local::tests,
    db_migrate_old_psql::tests,
    db_migrate_owners::tests,
    db_migrate_repair::tests,
    db_migrate_size::tests,
    db_migrate_sqlx::tests,
    configured::tests,
    record::tests,
    record_names::tests,
    record_forged::tests,
    db_migrate_trust::tests,
    db_migrate_unfinished::tests,
    db_migrate_verify::tests,
    db_migrate_drift::tests,
    db_migrate_wild::tests,
    db_migrate_messages::tests,
    restore_services::tests,
    restore_set::tests,
    restore_set_refused::tests,
    restore_set_servers::tests,
    restore_jobs::tests,
    restore_kills::tests,
    restore_clients::tests,
    restore::tests,
    restore_beside::tests,
    restore_choice::tests,
    restore_encodings::tests,
    search_path::tests,
    extensions::tests,
    restore_local::tests,
    restore_load_settings::tests,
    restore_needs::tests,
    restore_properties::tests,
    restore_property::tests,
    restore_undo::tests,
    restore_previous::tests,
    db_reset::tests,
    db_reset_faults::tests,
    url::tests,
    url_faults::tests,
    url_rights::tests,
    manifest::tests,
    manifest_settings::tests,
    monitoring::tests,
    monitoring_panels::tests,
    plain_words::tests,
    proof::tests,
    psql_variables::tests,
    root::tests,
    adopt::tests,
    adopt_built::tests,
    adopt_cargo::tests,
    adopt_faults::tests,
    adopt_updates::tests,
    adopt_noticed::tests,
    round_trip::tests,
    db_schedule::tests,
    db_schedule_ping_servers::tests,
    db_schedule_disk::tests,
    db_schedule_pings::tests,
    db_schedule_timers::tests,
    db_shell::tests,
    db_stats::tests,
    db_stats_hidden::tests,
    db_stats_watch::tests,
    authorization::tests,
    backup_metrics::tests,
    openfga_export::tests,
    openfga_exposed::tests,
    setup_openfga::tests,
    setup_openfga_conditions::tests,
    setup_openfga_env::tests,
    setup_openfga_faults::tests,
    setup_openfga_print::tests,
    setup_openfga_prune::tests,
    setup_openfga_server::tests,
    setup_openfga_answers::tests,
    shared_objects::tests,
    shared_objects_late::tests,
    sql_reading::tests,
    staging_access::tests,
    statements::tests,
    subscriptions::tests,
    test_auth::tests,
    test_auth_questions::tests,
    test_auth_slow::tests,
    db_prune::tests,
    db_prune_stays::tests,
    db_verify::tests,
    db_verify_faults::tests,
    damage::tests,
    debug_auth::tests,
    debug_auth_chance::tests,
    debug_auth_links::tests,
    debug_auth_refused::tests,
    debug_auth_remedies::tests,
    debug_auth_undecided::tests,
    direct::tests,
    documents::tests,
    dsl::tests,
    circles::tests,
    completions::tests,
    compose_config::tests,
    compose_programs::tests,
    compose_shapes::tests,
    compose_stacks::tests,
    compose_resolved::tests,
    which_database::tests,
    compose_up::tests,
    compressed::tests,
    compressed_hostile::tests,
    conventions::tests,
    server_killed::tests,
    settings::tests,
    several_servers::tests,
    hints::tests,
    hint_names::tests,
    forged_lines::tests,
    typed_hints::tests,
    hostile::tests,
    languages::tests,
    made_by_others::tests,
    made_elsewhere::tests,
    other_kinds::tests,
    other_roles::tests,
    foreign_servers::tests,
    login_triggers::tests,
    lying_servers::tests,
    full_disk::tests,
    fuzz_modules::tests,
    globals::tests,
    health::tests,
    health_database::tests,
    health_openfga::tests,
    health_services::tests,
    architecture::tests,
    targets::tests,
    env::tests,
];
