//! The two passwords that the command makes: they stand in `.env`, as the stack's own do.

use crate::error::Fault;
use crate::platform::random;
use crate::settings::Settings;
use crate::words::hex;
use anyhow::Result;

/// The setting of the exporter's password for PostgreSQL.
pub const EXPORTER: &str = "POSTGRES_EXPORTER_PASSWORD";
/// The setting of Grafana's administrator's password.
pub const GRAFANA: &str = "GRAFANA_ADMIN_PASSWORD";

/// Both, set or just made.
pub struct Passwords {
    pub exporter: String,
    pub grafana: String,
    /// Those that were made now, by their settings: they are to be written.
    pub(super) made: Vec<(&'static str, String)>,
}

impl Passwords {
    /// The passwords of the settings; new ones for those that are not set.
    ///
    /// # Errors
    /// Exit 2: one holds a letter that PostgreSQL's login would change. Else: the system gives no random numbers.
    pub fn of(settings: &Settings) -> Result<Self> {
        let mut made = Vec::new();
        let mut password = |name: &'static str| -> Result<String> {
            let Some(set) = settings.get(name) else {
                let password = hex(&random::<24>()?);
                made.push((name, password.clone()));
                return Ok(password);
            };
            if set.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Ok(set.to_owned());
            }
            let fault = Fault::usage(format!("{name} holds a blank or a character beyond ASCII"));
            Err(fault.hint(format!("set another one, or remove {name} from .env: a new one is made")).into())
        };
        let (exporter, grafana) = (password(EXPORTER)?, password(GRAFANA)?);
        Ok(Self { exporter, grafana, made })
    }

    /// Whether the password of this setting was made now.
    pub fn is_new(&self, name: &'static str) -> bool {
        self.made.iter().any(|(made, _)| *made == name)
    }

    /// The settings to be written, with their values.
    pub fn to_write(&self) -> Vec<(&'static str, &str)> {
        self.made.iter().map(|(name, password)| (*name, password.as_str())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_made_once_and_odd_ones_refused() {
        let mut settings = Settings::default();
        let made = Passwords::of(&settings).unwrap();
        let to_write = [(EXPORTER, made.exporter.as_str()), (GRAFANA, made.grafana.as_str())];
        assert_eq!(made.to_write(), to_write);
        assert!(made.exporter.len() == 48 && made.exporter != made.grafana);
        settings.set_flag(EXPORTER, "a'b\\c");
        let kept = Passwords::of(&settings).unwrap();
        assert_eq!((kept.exporter.as_str(), kept.to_write()), ("a'b\\c", vec![(GRAFANA, kept.grafana.as_str())]));
        for odd in ["p q", "pä", "p\nq"] {
            settings.set_flag(EXPORTER, odd);
            let error = Passwords::of(&settings).err().unwrap();
            assert_eq!(crate::error::exit_code(&error), 2);
            assert!(!format!("{error:#}").contains(odd));
        }
    }
}
