//! The quick tier: `cargo test quick` proves each command once on real servers.

/// A command, and a test that runs it: on a real server, or without one where the command needs none.
pub const TESTS: &[(&str, &str)] = &[
    ("adopt", "adopt_built::an_adopted_copy_is_built_there_and_does_the_work_by_cargo_and_make"),
    ("completions", "completions::bash_completes_after_cargo_xtask_and_leaves_cargo_its_own"),
    ("db-backup", "db_backup::a_person_reads_the_report"),
    ("db-list", "db_list::a_person_reads_the_table"),
    ("db-migrate", "db_migrate::up_and_down_change_tables_and_ledger_together"),
    ("db-prune", "db_prune::every_database_has_its_own_count"),
    ("db-reset", "db_reset::a_reset_database_is_empty_and_can_be_undone"),
    ("db-restore", "restore::what_was_lost_comes_back"),
    ("db-schedule", "db_schedule::what_cron_starts_makes_a_proven_backup_and_a_failing_night_is_seen"),
    ("db-shell", "db_shell::a_command_prints_its_rows"),
    ("db-stats", "db_stats::sizes_tables_and_stores_are_those_of_the_server"),
    ("db-verify", "db_verify::what_openfga_wrote_is_restored_and_the_live_database_is_untouched"),
    ("debug-auth", "debug_auth::a_denial_names_each_change_that_would_allow_it"),
    ("down", "local::it_goes_up_and_down_and_keeps_its_data"),
    ("health-check", "health::everything_is_asked_side_by_side"),
    ("help", "conventions::help_lists_every_command_on_stdout"),
    ("monitoring-dashboard", "monitoring::it_runs_beside_the_stack_and_shows_it"),
    ("openfga-export", "openfga_export::an_export_is_read_back_as_the_same_store"),
    ("setup-env", "setup_env::without_docker_one_run_sets_up_everything"),
    ("setup-openfga", "setup_openfga::a_second_run_on_a_store_changes_nothing"),
    ("test-auth", "test_auth::each_assertion_shows_expected_and_actual"),
    ("up", "up::a_second_run_changes_nothing"),
    ("url", "url::every_command_works_for_an_owner"),
];

/// The filter that means this tier.
pub const FILTER: &str = "quick";

/// Whether a test belongs to the tier.
pub fn has(test: &str) -> bool {
    TESTS.iter().any(|(_, name)| *name == test)
}
