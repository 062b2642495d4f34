//! Compose's profiles.

use crate::settings::Settings;

/// Whether Compose starts a service of these profiles without being asked for it by name.
pub fn are_active(profiles: &[String], settings: &Settings) -> bool {
    let active = settings.active_profiles();
    let is_active = |profile: &String| active.split(',').any(|active| active.trim() == profile || active.trim() == "*");
    profiles.is_empty() || profiles.iter().any(is_active)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_active_profile_is_enough() {
        let (none, tools) = (Vec::new(), vec!["debug".to_owned(), "tools".to_owned()]);
        let mut settings = Settings::default();
        assert!(are_active(&none, &settings) && !are_active(&tools, &settings));
        for (profiles, expected) in [("other", false), ("other, tools", true), ("tool", false), ("*", true)] {
            settings.set_flag("COMPOSE_PROFILES", profiles);
            assert_eq!(are_active(&tools, &settings), expected, "{profiles}");
        }
    }
}
