//! The hints of the target `local`: commands to type and places to look.

use super::Local;
use crate::target::backend::Hints;
use crate::target::database_name;
use crate::words::shell_word;

impl Hints for Local {
    fn password_hint(&self) -> String {
        format!("the password is in {}", shell_word(&self.folder.path().join("password").to_string_lossy()))
    }

    fn setting_hint(&self, what: &str, setting: &str) -> String {
        let option = if setting == database_name::SETTING { "--database, else " } else { "" };
        format!("the {what} is {option}{setting}, in the environment or in .env")
    }

    fn restart_hint(&self) -> String {
        "cargo xtask down --target local && cargo xtask up --target local".to_owned()
    }

    fn takes_alter_system(&self) -> bool {
        true
    }

    fn log_hint(&self) -> String {
        format!("see the server's log: {}", shell_word(&self.log().to_string_lossy()))
    }

    fn service_log_hint(&self, service: &str) -> String {
        format!("see its log: {}", shell_word(&self.folder.log(service).to_string_lossy()))
    }

    fn start_over_hint(&self) -> Option<String> {
        let data = self.folder.data();
        let (data, local) = (shell_word(&data.to_string_lossy()), "--target local");
        Some(format!(
            "cargo xtask down {local}\nmove away {data}\ncargo xtask up {local}\ncargo xtask db-restore {local}"
        ))
    }
}
