//! The files that Docker Compose reads for a folder: those of `COMPOSE_FILE`, else the one with a name that it knows.

use super::Settings;
use crate::error::Fault;
use crate::platform;
use crate::words::shell_word;
use std::path::{Path, PathBuf};

/// The names of Compose's main file, in its own order.
const NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// The names of the file that Compose lays over the main one by itself, in its own order.
const OVERRIDES: [&str; 4] =
    ["compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"];
const FILE: &str = "COMPOSE_FILE";
/// At most this many entries of a folder are looked at for one that has a Compose file.
const MANY: usize = 1_000;

/// The main file that Compose finds in a folder by itself.
pub fn main_file(folder: &Path) -> Option<&'static str> {
    NAMES.into_iter().find(|name| folder.join(name).is_file())
}

/// Whether this is a name of Compose's main file.
pub fn is_main_name(name: &str) -> bool {
    NAMES.contains(&name)
}

/// The files that `COMPOSE_FILE` lists, from the folder; `None` where it is not set.
fn listed(settings: &Settings, folder: &Path) -> Option<Vec<PathBuf>> {
    Some(settings.compose_files()?.map(|path| folder.join(path)).collect())
}

/// The folder that Compose takes for the project's: it names the project, and paths in the files begin there. That of
/// the first file of `COMPOSE_FILE`, else the folder itself.
pub fn project_folder(settings: &Settings, folder: &Path) -> PathBuf {
    let first = listed(settings, folder).and_then(|files| files.into_iter().next());
    first.as_deref().and_then(Path::parent).unwrap_or(folder).to_owned()
}

/// Whether `COMPOSE_FILE` names the files.
pub fn are_listed(settings: &Settings) -> bool {
    settings.get(FILE).is_some()
}

/// Every file that a version of Compose may take for this folder without further settings.
pub fn all(settings: &Settings, folder: &Path) -> Vec<PathBuf> {
    let usual = || NAMES.iter().chain(&OVERRIDES).map(|name| folder.join(name)).filter(|path| path.is_file()).collect();
    listed(settings, folder).unwrap_or_else(usual)
}

/// Whether Compose finds its files for this folder: in it, or where `COMPOSE_FILE` says.
pub fn are_there(settings: &Settings, folder: &Path) -> bool {
    listed(settings, folder).map_or_else(|| main_file(folder).is_some(), |files| !files.is_empty())
}

/// The files for people, as a person would type them in the folder: `compose.yaml`.
pub fn shown(settings: &Settings, folder: &Path) -> String {
    match settings.get(FILE) {
        Some(_) => {
            let files = listed(settings, folder).unwrap_or_default();
            let name = |file: &PathBuf| shell_word(&file.strip_prefix(folder).unwrap_or(file).to_string_lossy());
            files.iter().map(name).collect::<Vec<_>>().join(", ")
        }
        None => main_file(folder).unwrap_or("docker-compose.yml").to_owned(),
    }
}

/// The first folder directly below that has a Compose file, and what `COMPOSE_FILE` has to say here to mean it.
pub fn below(folder: &Path) -> Option<(PathBuf, String)> {
    let entries = std::fs::read_dir(folder).ok()?.flatten().take(MANY);
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| main_file(path).is_some()).collect();
    folders.sort();
    folders.into_iter().find_map(|below| {
        let listed = listed_above(&Settings::load(&below), &below, below.file_name()?.to_str()?)?;
        Some((below, listed))
    })
}

/// What `COMPOSE_FILE` has to say in a folder above so that Compose reads what it reads in this one: the files that its
/// own `.env` lists, else its main file with the one that is laid over it. `way` leads from there to the folder.
pub fn listed_above(settings: &Settings, folder: &Path, way: &str) -> Option<String> {
    let separator = if platform::WINDOWS { ";" } else { ":" };
    let of_env = settings.in_file(FILE).filter(|list| !list.is_empty());
    let names: Vec<&str> = match of_env {
        Some(list) => {
            let theirs = settings.in_file("COMPOSE_PATH_SEPARATOR").filter(|separator| !separator.is_empty());
            list.split(theirs.unwrap_or(separator)).filter(|name| !name.is_empty()).collect()
        }
        None => {
            let over = OVERRIDES.into_iter().find(|name| folder.join(name).is_file());
            [main_file(folder)?].into_iter().chain(over).collect()
        }
    };
    let paths = names.iter().map(|name| match Path::new(name).is_absolute() {
        true => (*name).to_owned(),
        false => format!("{way}/{}", name.trim_start_matches("./")),
    });
    Some(paths.collect::<Vec<_>>().join(separator))
}

/// The file of a folder above, which Compose takes where the folder has none.
pub fn above(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().skip(1).find_map(|above| Some(above.join(main_file(above)?)))
}

/// Refuses a folder for which Compose would take the file of a folder above it, or none: that is another project.
///
/// # Errors
/// Exit 2, naming that file, or the one of `COMPOSE_FILE` that is not there.
pub fn check(settings: &Settings, folder: &Path) -> Result<(), Fault> {
    let root = folder.display();
    if let Some(files) = listed(settings, folder) {
        let Some(missing) = files.iter().find(|file| !file.is_file()) else { return Ok(()) };
        let fault = Fault::usage(format!("{FILE} names {}, which is not a file", missing.display()));
        return Err(
            fault.hint(format!("its paths begin at {}; correct it, or unset it", shell_word(&root.to_string())))
        );
    }
    if main_file(folder).is_some() {
        return Ok(());
    }
    Err(match above(folder) {
        Some(file) => {
            let message = format!("{root} has no Compose file; Docker Compose would take {}", file.display());
            let theirs = shell_word(&file.parent().unwrap_or(folder).to_string_lossy());
            Fault::usage(message).hint(format!("to work on that project: --root {theirs}, or {FILE} in .env"))
        }
        None => {
            let hint =
                format!("make one (compose.yaml), name it by {FILE} in .env, or name another target: --target local");
            Fault::usage(format!("{root} has no Compose file")).hint(hint)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_begins_at_the_folder_and_has_its_own_separator() {
        let mut settings = Settings::default();
        assert_eq!(listed(&settings, Path::new("/r")), None);
        settings.set_flag(FILE, "a.yml,/b/c.yml,");
        settings.set_flag("COMPOSE_PATH_SEPARATOR", ",");
        let files = [PathBuf::from("/r/a.yml"), PathBuf::from("/b/c.yml")];
        assert_eq!(listed(&settings, Path::new("/r")).unwrap(), files);
        assert_eq!(shown(&settings, Path::new("/r")), "a.yml, /b/c.yml");
        assert_eq!(project_folder(&settings, Path::new("/r")), Path::new("/r"));
        let fault = check(&settings, Path::new("/r")).unwrap_err();
        assert!(fault.to_string().contains("/r/a.yml"), "{fault}");
    }

    #[test]
    fn the_projects_folder_is_that_of_the_first_file() {
        let mut settings = Settings::default();
        assert_eq!(project_folder(&settings, Path::new("/r")), Path::new("/r"));
        for (list, expected) in [("deploy/a.yml:b.yml", "/r/deploy"), ("/b/c.yml:a.yml", "/b"), ("a.yml", "/r")] {
            settings.set_flag(FILE, list);
            settings.set_flag("COMPOSE_PATH_SEPARATOR", ":");
            assert_eq!(project_folder(&settings, Path::new("/r")), Path::new(expected), "{list}");
        }
    }
}
