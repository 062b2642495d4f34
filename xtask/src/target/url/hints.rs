//! The hints of the target `url`: commands to type and places to look.

use super::Url;
use crate::target::backend::Hints;
use crate::target::database_name;

impl Hints for Url {
    fn password_hint(&self) -> String {
        "the password is in DATABASE_URL (@ / : % in it percent-encoded), else in ~/.pgpass".to_owned()
    }

    fn setting_hint(&self, what: &str, setting: &str) -> String {
        let option = if setting == database_name::SETTING { "in --database, else " } else { "" };
        format!("the {what} is named {option}in DATABASE_URL")
    }

    fn restart_hint(&self) -> String {
        "as its host does it; a managed server: in its console".to_owned()
    }

    /// It may be a managed one.
    fn takes_alter_system(&self) -> bool {
        false
    }

    fn log_hint(&self) -> String {
        "see what the server's log says, then try again".to_owned()
    }

    fn service_log_hint(&self, _: &str) -> String {
        "see what the server's own log says".to_owned()
    }

    /// The server's data is its host's.
    fn start_over_hint(&self) -> Option<String> {
        None
    }
}
