//! What git and Docker must not see: builds, local settings, state, and backups in an image.

use super::cargo_manifest::Kind;
use super::change::Change;
use super::repository::Repository;
use super::toml_text::appended;
use anyhow::Result;

const GIT: &str = ".gitignore";
const DOCKER: &str = ".dockerignore";

/// Lines for `.gitignore` that git does not know yet. `backups/` brings its own.
pub fn for_git(repository: &Repository) -> Result<Option<Change>> {
    let mut lines = Vec::new();
    for (path, line) in [("target/file", "/target/"), (".env", "/.env"), (".xtask/file", "/.xtask/")] {
        if !repository.ignores(path)? {
            lines.push(line);
        }
    }
    let text = repository.text(GIT)?.unwrap_or_default();
    Ok(change(GIT, &text, &lines))
}

/// Lines for `.dockerignore`, where images are built from this folder. A build that copies `target/` goes on to do so.
pub fn for_docker(repository: &Repository, kind: Kind) -> Result<Option<Change>> {
    let text = repository.text(DOCKER)?;
    if text.is_none() && repository.files(&["Dockerfile*", "Containerfile*"])?.iter().all(|path| path.contains('/')) {
        return Ok(None);
    }
    let text = text.unwrap_or_default();
    let wanted: &[&str] = if kind == Kind::None { &["backups", ".xtask", "target"] } else { &["backups", ".xtask"] };
    let is_there =
        |wanted: &str| text.lines().any(|line| line.trim().trim_start_matches("**/").trim_matches('/') == wanted);
    let lines: Vec<&str> = wanted.iter().copied().filter(|line| !is_there(line)).collect();
    Ok(change(DOCKER, &text, &lines))
}

fn change(path: &str, text: &str, lines: &[&str]) -> Option<Change> {
    let what = format!("ignores {}", lines.join(", "));
    let added: String = lines.iter().map(|line| format!("{line}\n")).collect();
    (!lines.is_empty()).then(|| Change::new(path, appended(text, &added), what))
}
