//! The hints of the target `compose`: commands to type and places to look.

use super::{Compose, engine};
use crate::target::backend::Hints;
use crate::words::shell_word;

impl Hints for Compose {
    fn password_hint(&self) -> String {
        let setting = self.setting_hint("password", "POSTGRES_PASSWORD");
        format!("{setting}\nor give the server the new one: cargo xtask db-shell, then \\password")
    }

    fn setting_hint(&self, what: &str, setting: &str) -> String {
        let source = self.found().login.source_of(setting);
        if self.settings.flag(setting).is_some() {
            return format!("the {what} comes from {source}");
        }
        format!("the {what} comes from {source}; the volume keeps the {what} that it was made with")
    }

    fn restart_hint(&self) -> String {
        format!("docker compose restart {}", self.service())
    }

    fn takes_alter_system(&self) -> bool {
        true
    }

    fn log_hint(&self) -> String {
        format!("see the server's log: docker compose logs --tail 20 {}", self.service())
    }

    fn service_log_hint(&self, service: &str) -> String {
        format!("see its log: docker compose logs --tail 20 {}", shell_word(service))
    }

    fn start_over_hint(&self) -> Option<String> {
        if engine::cause().is_some() {
            return None;
        }
        let volume = self.data_volume().map(|volume| shell_word(&volume));
        let volume = volume.unwrap_or_else(|| "VOLUME (see docker volume ls)".to_owned());
        Some(format!("docker compose down\ndocker volume rm {volume}\ncargo xtask up\ncargo xtask db-restore"))
    }
}
