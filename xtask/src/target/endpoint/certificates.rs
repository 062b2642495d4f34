//! Whose certificates are believed: those of the system, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name, where the
//! system's verifier reads these variables.

use crate::platform;
use crate::settings::Settings;
use std::path::{Path, PathBuf};
use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

/// The variables, which the system's verifier reads from the environment of this process by itself.
pub const FILE: &str = "SSL_CERT_FILE";
pub const FOLDER: &str = "SSL_CERT_DIR";
/// No file of certificates is longer, in bytes; no folder has more of them.
const LONGEST: u64 = 16 << 20;
const MOST_FILES: usize = 5_000;

/// Whose certificates are believed.
#[derive(Debug, Clone)]
pub(super) struct Trusted {
    pub(super) roots: RootCerts,
    /// What names certificates that cannot be read.
    pub(super) unread: Option<String>,
}

/// By the variables; those that a schedule keeps stand before those of this process.
pub(super) fn trusted(settings: &Settings) -> Trusted {
    if !platform::NAMED_CERTIFICATES {
        return Trusted { roots: RootCerts::PlatformVerifier, unread: None };
    }
    let kept = |name: &str| settings.flag(name);
    let now = |name: &str| settings.in_environment(name);
    let is_own = [FILE, FOLDER].iter().all(|name| kept(name).is_none_or(|kept| now(name) == Some(kept)));
    let named = |name: &str| kept(name).or_else(|| now(name));
    let file = named(FILE).map(Path::new);
    let folders = named(FOLDER).into_iter().flat_map(|list| std::env::split_paths(list));
    let folders: Vec<PathBuf> = folders.filter(|folder| !folder.as_os_str().is_empty()).collect();
    let roots = if is_own {
        RootCerts::PlatformVerifier
    } else {
        let files = folders.iter().flat_map(|folder| files_of(folder));
        RootCerts::from(file.map(Path::to_owned).into_iter().chain(files).flat_map(|file| certificates(&file)))
    };
    let absent_file = file.filter(|file| certificates(file).is_empty()).map(|file| (FILE, file));
    let absent_folder = folders.iter().find(|folder| !folder.is_dir()).map(|folder| (FOLDER, folder.as_path()));
    let unread = absent_file.or(absent_folder);
    let unread = unread.map(|(name, path)| format!("{name}={} has no certificate that can be read", path.display()));
    Trusted { roots, unread }
}

/// The certificates in a file.
fn certificates(file: &Path) -> Vec<Certificate<'static>> {
    let text = platform::read_regular(file, LONGEST).unwrap_or_default();
    let items = parse_pem(&text).filter_map(Result::ok);
    let certificates = items.filter_map(|item| match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    });
    certificates.collect()
}

/// The files of a folder, as the system's verifier takes them: whatever their names are.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_file()).take(MOST_FILES).collect()
}
