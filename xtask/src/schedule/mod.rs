//! Backups on a schedule: when they are due, who starts them, one run, and the results of the last ones.
//!
//! The system's timer (cron, a systemd user timer) starts `db-schedule run`, and that starts `db-backup` as a program of
//! its own, so that a backup that is killed is noticed. What the runs need stands in the plan, a private file.

pub mod cron;
pub mod crontab;
mod daemon;
pub mod delivery;
pub mod failure_document;
pub mod flaw;
pub mod history;
pub mod hook;
pub mod judge;
pub mod kept_environment;
pub mod lines;
pub mod log;
pub mod name;
pub mod notifier;
mod outcome;
pub mod paste;
pub mod ping;
pub mod plan;
pub mod rhythm;
pub mod run;
pub mod start;
pub mod systemd;
pub mod timer;
mod turn;
pub mod unheard;
mod units;
