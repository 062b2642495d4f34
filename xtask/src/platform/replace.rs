//! A file that is replaced in one step.

use super::files::{create_private, is_still_at, sync_folder};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

/// Replaces a file in one step by a private one: readers see the old text or the new one, and the new one is on disk
/// when this returns. `prepare` gives the fresh file another mode or owner before it gets its name. It gets the open
/// file: another user who may write in the folder can put a link at its name. A link at `path` is replaced itself.
pub fn replace_file(path: &Path, bytes: &[u8], prepare: &dyn Fn(&File) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    // With a dot in front: who collects files by their ending must not see it.
    let fresh = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let _ = std::fs::remove_file(&fresh);
    let written = create_private(&fresh).and_then(|mut file| {
        file.write_all(bytes)?;
        prepare(&file)?;
        file.sync_all()?;
        if !is_still_at(&file, &fresh)? {
            return Err(io::Error::other(format!("another program replaced {}", fresh.display())));
        }
        std::fs::rename(&fresh, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        sync_folder(folder.unwrap_or(Path::new(".")))
    });
    written.inspect_err(|_| drop(std::fs::remove_file(&fresh)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::{create_folder, mode, set_mode_of};

    #[test]
    fn a_file_is_replaced_whole_or_stays_as_it_was() {
        let folder = std::env::temp_dir().join(format!("xtask-replace-{}", std::process::id()));
        create_folder(&folder).unwrap();
        let path = folder.join("a.prom");
        replace_file(&path, b"one", &|_| Ok(())).unwrap();
        assert!(mode(&path).unwrap().is_none_or(|mode| mode & 0o777 == 0o600));
        // What a killed run of the same number left is no obstacle.
        std::fs::write(folder.join(format!(".a.prom.{}", std::process::id())), "half").unwrap();
        replace_file(&path, b"two", &|fresh| set_mode_of(fresh, 0o644)).unwrap();
        assert!(mode(&path).unwrap().is_none_or(|mode| mode & 0o777 == 0o644));
        let refused = replace_file(&path, b"three", &|_| Err(io::Error::other("no owner"))).unwrap_err();
        assert_eq!(refused.to_string(), "no owner");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
        assert!(replace_file(Path::new("/"), b"", &|_| Ok(())).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_takes_a_fresh_files_name_opens_nothing_to_others() {
        use crate::platform::set_mode;

        let folder = std::env::temp_dir().join(format!("xtask-swapped-{}", std::process::id()));
        create_folder(&folder).unwrap();
        let (path, secret) = (folder.join("a.prom"), folder.join("secret"));
        drop(create_private(&secret).unwrap());
        let fresh = folder.join(format!(".a.prom.{}", std::process::id()));
        let swap = |file: &File| {
            std::fs::remove_file(&fresh)?;
            std::os::unix::fs::symlink(&secret, &fresh)?;
            set_mode_of(file, 0o644)
        };
        let refused = replace_file(&path, b"one", &swap).unwrap_err();
        assert!(refused.to_string().contains("another program replaced"), "{refused}");
        assert_eq!(mode(&secret).unwrap(), Some(0o600));
        assert!(path.symlink_metadata().is_err(), "the link got no name");
        std::os::unix::fs::symlink(&secret, &path).unwrap();
        set_mode(&path, 0o644).unwrap_err();
        assert_eq!(mode(&secret).unwrap(), Some(0o600));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
