//! The other repository, as git and its files tell it. Its author is not trusted: nothing of it
//! is run, and no link is followed.

use super::collision::Collision;
use crate::error::{self, Exit, Fault};
use crate::platform;
use crate::process::{Captured, Ending, Program};
use crate::words::shell_word;
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// No text that is read here is longer, in bytes.
const LONGEST: u64 = 1 << 18;
const DEADLINE: Duration = Duration::from_secs(60);
/// With these git works on another repository.
const OTHER_REPOSITORY: [&str; 4] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"];

/// A folder of a git repository.
#[derive(Debug, Clone)]
pub struct Repository {
    /// The folder, without links in its path.
    pub folder: PathBuf,
    /// The top folder of its repository.
    pub top: PathBuf,
    /// The folder as seen from the top: empty, or `a/b/`.
    prefix: String,
    /// The settings by which git would start programs for files: `filter.lfs.clean`.
    filters: Vec<String>,
}

impl Repository {
    /// # Errors
    /// Exit 2: it is no folder, or no folder of a git repository.
    pub fn open(typed: &Path) -> Result<Self> {
        let shown = typed.display();
        let unusable = |why: &str| Fault::usage(format!("{shown} is not {why}"));
        let folder = typed
            .canonicalize()
            .with_context(|| unusable("a folder that can be read").hint("name the top folder of a git repository"))?;
        if !folder.is_dir() {
            return Err(unusable("a folder").hint("name the top folder of a git repository").into());
        }
        let told = git(&folder, &[], &["rev-parse", "--is-inside-work-tree", "--show-toplevel", "--show-prefix"])?;
        let text = checked_text(&told)?;
        let mut lines = text.lines();
        if !told.ending.success() || lines.next() != Some("true") {
            // Git says why it does not take a repository that is there, such as one of another user.
            let is_there = folder.ancestors().any(|above| above.join(".git").symlink_metadata().is_ok());
            let hint = if is_there {
                "do what git says there, then run it again"
            } else {
                "adopt changes files, and git shows what: cd DIR && git init && git add . && git commit -m 'Before xtask'"
            };
            let cause = anyhow::Error::msg(told.stderr.trim().to_owned());
            return Err(cause.context(unusable("a folder of a git repository").hint(hint)));
        }
        let top = PathBuf::from(lines.next().unwrap_or_default()).canonicalize()?;
        let prefix = lines.next().unwrap_or_default().to_owned();
        let filters = git(&folder, &[], &["config", "-z", "--name-only", "--get-regexp", "^filter\\."])?;
        if !matches!(filters.ending, Ending::Code(0 | 1)) {
            return Err(Fault::failed("git cannot read its configuration").hint("see: git config --list").into());
        }
        // Git starts the filter of the name as it is: another name would switch off another filter.
        Ok(Self { folder, top, prefix, filters: zero_terminated(&filters)? })
    }

    fn ask(&self, words: &[&str]) -> Result<Captured> {
        git(&self.folder, &self.filters, words)
    }

    /// A git command in the folder, which must work.
    pub fn git(&self, words: &[&str]) -> Result<Captured> {
        self.git_or(words, 0)
    }

    /// A git command in the folder, which must end with 0 or this exit code.
    pub fn git_or(&self, words: &[&str], code: i32) -> Result<Captured> {
        let captured = self.ask(words)?;
        if captured.ending.success() || captured.ending == Ending::Code(code) {
            return Ok(captured);
        }
        let command = words.first().copied().unwrap_or_default();
        Err(anyhow::Error::msg(captured.stderr.trim().to_owned())
            .context(Fault::failed(format!("git {command} failed")).hint("fix what git says, then run it again")))
    }

    /// The files of the folder that git knows, or would add; paths from the folder.
    pub fn files(&self, patterns: &[&str]) -> Result<Vec<String>> {
        let words = [&["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"], patterns].concat();
        let mut files = zero_terminated(&self.git(&words)?)?;
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// The folders that hold another repository, as git has them; paths from the folder. They are not looked into.
    pub fn submodules(&self) -> Result<Vec<String>> {
        let entries = zero_terminated(&self.git(&["ls-files", "-z", "--stage"])?)?;
        let of_link = entries.iter().filter_map(|entry| entry.strip_prefix("160000 ")?.split_once('\t'));
        Ok(of_link.map(|(_, path)| path.to_owned()).collect())
    }

    /// What differs from the last commit, untracked files too; paths from the folder.
    pub fn dirty(&self) -> Result<Vec<String>> {
        let options = ["--porcelain", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=all"];
        let words = [&["status"], &options[..], &["--", "."]].concat();
        let lines = zero_terminated(&self.git(&words)?)?;
        let paths = lines.iter().filter_map(|line| line.get(3..));
        Ok(paths.map(|path| path.strip_prefix(&self.prefix).unwrap_or(path).to_owned()).collect())
    }

    /// Whether git knows the file at this path.
    pub fn is_tracked(&self, path: &str) -> bool {
        let told = self.ask(&["ls-files", "--error-unmatch", "--", path]);
        told.is_ok_and(|told| told.ending.success())
    }

    /// Whether git ignores this path.
    pub fn ignores(&self, path: &str) -> Result<bool> {
        Ok(self.ask(&["check-ignore", "--quiet", "--no-index", "--", path])?.ending.success())
    }

    /// The branch and what is not committed, for people.
    pub fn state(&self) -> Result<String> {
        let branch = self.ask(&["symbolic-ref", "--short", "HEAD"])?.text();
        let branch = if branch.trim().is_empty() { "no branch" } else { branch.trim() }.to_owned();
        Ok(match self.dirty()?.len() {
            0 => format!("{branch}, clean"),
            1 => format!("{branch}, 1 file is not committed"),
            files => format!("{branch}, {files} files are not committed"),
        })
    }

    /// Where git keeps a file of ours.
    pub fn git_path(&self, name: &str) -> Result<PathBuf> {
        Ok(self.folder.join(checked_text(&self.git(&["rev-parse", "--git-path", name])?)?.trim_end_matches('\n')))
    }

    /// The folder as a word of a command line.
    pub fn as_word(&self) -> String {
        shell_word(&self.folder.display().to_string())
    }

    pub fn has(&self, path: &str) -> bool {
        self.folder.join(path).symlink_metadata().is_ok()
    }

    /// The text of a file; `None` where there is none.
    ///
    /// # Errors
    /// It is a link, or behind one, is no regular file, or no text: it cannot be changed safely.
    pub fn text(&self, path: &str) -> Result<Option<String>, Fault> {
        let refused = |why: &str| {
            Fault::from(Collision::new(format!("{path} {why}"), "replace it by a plain text file, or move it away"))
        };
        let mut part = self.folder.clone();
        for name in path.split('/') {
            part.push(name);
            match part.symlink_metadata() {
                Ok(found) if found.is_symlink() => return Err(refused("is a symbolic link, or lies behind one")),
                Ok(_) => {}
                Err(_) => return Ok(None),
            }
        }
        let bytes =
            platform::read_regular(&part, LONGEST).map_err(|error| refused(&format!("cannot be read: {error}")))?;
        String::from_utf8(bytes).map(Some).map_err(|_| refused("is no UTF-8 text"))
    }
}

/// Git in a folder, without what its configuration would start: these settings, too, have no value.
fn git(folder: &Path, filters: &[String], words: &[&str]) -> Result<Captured> {
    let program =
        Program::new("git").args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]).args(words);
    let program = OTHER_REPOSITORY.iter().fold(program, |program, name| program.unset(name));
    // Not by `-c`: a name may hold an equals sign.
    let mut program = program.env("GIT_CONFIG_COUNT", filters.len().to_string());
    for (at, filter) in filters.iter().enumerate() {
        let value = if filter.ends_with(".required") { "false" } else { "" };
        program = program.env(&format!("GIT_CONFIG_KEY_{at}"), filter).env(&format!("GIT_CONFIG_VALUE_{at}"), value);
    }
    // An object that is not there is not fetched: what fetches it would be a program of the configuration.
    let program = program.env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "none");
    let program = program.env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C").folder(folder);
    program.capture(DEADLINE).map_err(|error| match error::exit(&error) {
        Exit::Signal(_) => error,
        _ => error.context(Fault::failed("git cannot be run").hint("install git")),
    })
}

/// What git says, as it says it.
///
/// # Errors
/// A name in it is not UTF-8: written in another way it would be another name.
fn checked_text(captured: &Captured) -> Result<&str, Fault> {
    std::str::from_utf8(&captured.stdout).map_err(|_| {
        let shown: String =
            captured.text().split(['\0', '\n']).filter(|name| name.contains('\u{fffd}')).take(1).collect();
        let what = format!("git knows a name that is not UTF-8: {shown}");
        Collision::new(what, "rename that file, folder or filter of the git configuration").into()
    })
}

fn zero_terminated(captured: &Captured) -> Result<Vec<String>, Fault> {
    let names = checked_text(captured)?.split('\0').filter(|path| !path.is_empty());
    Ok(names.map(str::to_owned).collect())
}
