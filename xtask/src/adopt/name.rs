//! The name that the package, its folder and the alias of cargo get.

use std::fmt;
use std::str::FromStr;

/// Commands of cargo's own, before which no alias comes.
const COMMANDS_OF_CARGO: [&str; 34] = [
    "add",
    "bench",
    "build",
    "check",
    "clean",
    "clippy",
    "config",
    "doc",
    "fetch",
    "fix",
    "fmt",
    "generate-lockfile",
    "help",
    "init",
    "install",
    "locate-project",
    "login",
    "logout",
    "metadata",
    "miri",
    "new",
    "owner",
    "package",
    "pkgid",
    "publish",
    "remove",
    "report",
    "run",
    "rustc",
    "rustdoc",
    "search",
    "test",
    "tree",
    "update",
];
/// Folders that repositories have for other things.
const OTHER_FOLDERS: [&str; 5] = ["backups", "migrations", "openfga", "src", "target"];
const LONGEST: usize = 40;

/// A name that cargo takes for a package and for an alias, and every system for a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageName(String);

impl PackageName {
    /// The name, as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for PackageName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let is_letter = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"-_".contains(&letter);
        if !name.starts_with(|first: char| first.is_ascii_lowercase())
            || !name.bytes().all(is_letter)
            || name.len() > LONGEST
        {
            return Err(format!(
                "a name has up to {LONGEST} lower-case letters, digits, - and _, and begins with a letter"
            ));
        }
        if COMMANDS_OF_CARGO.contains(&name) || OTHER_FOLDERS.contains(&name) {
            return Err(format!("{name} is a command of cargo, or the folder of something else"));
        }
        Ok(Self(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_of_package_alias_and_folder() {
        for good in ["xtask", "db-tool", "x2_y"] {
            assert!(PackageName::from_str(good).is_ok(), "{good}");
        }
        for bad in ["", "run", "backups", "../x", "-f", "A", "a b", "a/b", "ä", "2x", &"a".repeat(41)] {
            assert!(PackageName::from_str(bad).is_err(), "{bad}");
        }
    }
}
