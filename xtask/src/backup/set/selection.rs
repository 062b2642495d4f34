//! Which databases of a server a backup of all of them takes.

use super::{NotTaken, NotTakenBecause};
use crate::postgres::databases::{self, Listed};
use crate::postgres::server::Server;
use crate::postgres::text::Text;
use anyhow::Result;
use std::collections::HashMap;

/// The databases of a server, taken apart.
#[derive(Debug, Default)]
pub struct Selection {
    /// In the order of their names.
    pub taken: Vec<Listed>,
    /// Left out by what they are, or by a setting.
    pub left_out: Vec<NotTaken>,
}

/// Every database but templates, this program's own ones (each with what it is for), and those of these names.
///
/// # Errors
/// The server does not answer.
pub fn select(server: &Server<'_>, own: &HashMap<String, String>, excluded: &[String]) -> Result<Selection> {
    Ok(divide(databases::list(server)?, own, excluded))
}

fn divide(all: Vec<Listed>, own: &HashMap<String, String>, excluded: &[String]) -> Selection {
    let mut selection = Selection::default();
    for database in all {
        let own = own.get(database.name.as_str());
        let why = if database.is_template {
            Some((NotTakenBecause::Template, "a template"))
        } else if let Some(what) = own {
            Some((NotTakenBecause::Own, what.as_str()))
        } else if !database.is_valid {
            Some((NotTakenBecause::Invalid, "a DROP DATABASE was cut short: it can only be dropped"))
        } else if excluded.iter().any(|name| database.name == **name) {
            Some((NotTakenBecause::Excluded, "XTASK_BACKUP_EXCLUDE names it"))
        } else {
            None
        };
        match why {
            Some((because, reason)) => {
                let reason = Text::reason(reason);
                selection.left_out.push(NotTaken { database: database.name, because, reason });
            }
            None => selection.taken.push(database),
        }
    }
    selection
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::text::ObjectName;

    #[test]
    fn templates_our_own_and_excluded_ones_are_left_out_and_named() {
        let listed = |name: &str, is_template, is_valid| Listed {
            oid: 1,
            name: ObjectName::try_from(name).unwrap(),
            is_template,
            is_valid,
        };
        let all = vec![
            listed("App", false, true),
            listed("app", false, true),
            listed("app_before_20251021_143022", false, true),
            listed("gone", false, false),
            listed("scratch", false, true),
            listed("template1", true, true),
        ];
        let own = [("app_before_20251021_143022".to_owned(), "the previous database of app".to_owned())].into();
        let Selection { taken, left_out } = divide(all, &own, &["scratch".to_owned(), "nosuch".to_owned()]);
        assert_eq!(taken.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["App", "app"]);
        let why: Vec<_> = left_out.iter().map(|one| (one.database.as_str(), one.because)).collect();
        assert_eq!(
            why,
            [
                ("app_before_20251021_143022", NotTakenBecause::Own),
                ("gone", NotTakenBecause::Invalid),
                ("scratch", NotTakenBecause::Excluded),
                ("template1", NotTakenBecause::Template),
            ]
        );
    }
}
