//! The hints that each target words for itself: commands to type and places to look.

/// Commands to type and places to look, as this target has them.
pub trait Hints {
    /// Where the password is that was refused.
    fn password_hint(&self) -> String;

    /// Where to set what the server does not know: `the user is POSTGRES_USER, …`.
    fn setting_hint(&self, what: &str, setting: &str) -> String;

    /// What starts the server again.
    fn restart_hint(&self) -> String;

    /// Whether a superuser may change the server's settings by `ALTER SYSTEM`: managed servers refuse it to every role.
    fn takes_alter_system(&self) -> bool;

    /// Where the server's log is.
    fn log_hint(&self) -> String;

    /// Where the log of this service is.
    fn service_log_hint(&self, service: &str) -> String;

    /// The steps by which a server that does not start any more is thrown away and made again, one a line; `None` where
    /// that is not this program's to advise, or would not help now.
    fn start_over_hint(&self) -> Option<String>;
}
