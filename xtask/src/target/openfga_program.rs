//! OpenFGA's program on this host: where it is, how it is installed, and how its processes are known.

use crate::error::Fault;
use crate::platform;
use crate::process::{self, Program};
use crate::settings::Settings;
use anyhow::Result;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What docker-compose.yml and the tests use as well.
const VERSION: &str = "v1.18.1";
/// Its dependencies are downloaded, and all of it is compiled.
const INSTALL_DEADLINE: Duration = Duration::from_secs(1_800);
const VERSION_DEADLINE: Duration = Duration::from_secs(10);
const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// OpenFGA's program on this host, as the settings name it.
#[derive(Debug)]
pub struct OpenfgaProgram {
    program: Option<PathBuf>,
    go_folders: Vec<PathBuf>,
    /// `OPENFGA_AUTHN_METHOD` of a server that this program starts.
    pub method: String,
    /// `OPENFGA_AUTHN_PRESHARED_KEYS` of it.
    pub keys: Option<String>,
}

impl OpenfgaProgram {
    pub fn of(settings: &Settings, root: &Path) -> Self {
        let go_paths = settings.get("GOPATH").map(|paths| std::env::split_paths(paths).collect::<Vec<_>>());
        let home =
            ["HOME", "USERPROFILE"].iter().find_map(|name| settings.get(name)).map(|home| Path::new(home).join("go"));
        let go_paths = go_paths.unwrap_or_default().into_iter().chain(home).map(|path| path.join("bin"));
        Self {
            program: settings.get("XTASK_OPENFGA_BIN").map(|path| root.join(path)),
            go_folders: settings.get("GOBIN").map(PathBuf::from).into_iter().chain(go_paths).collect(),
            method: settings.or_default("OPENFGA_AUTHN_METHOD").to_owned(),
            keys: settings.get("OPENFGA_AUTHN_PRESHARED_KEYS").map(str::to_owned),
        }
    }

    /// The program: the one named, else PATH's, else Go's. `None` where there is none.
    ///
    /// # Errors
    /// The one named is not there.
    pub fn program(&self) -> Result<Option<PathBuf>, Fault> {
        if let Some(named) = &self.program {
            if named.is_file() {
                return Ok(Some(named.clone()));
            }
            let fault = Fault::usage(format!("XTASK_OPENFGA_BIN={} is not a program", named.display()));
            return Err(fault.hint("name the openfga program, or unset it"));
        }
        let name = format!("openfga{}", std::env::consts::EXE_SUFFIX);
        let in_go = || self.go_folders.iter().map(|folder| folder.join(&name)).find(|path| path.is_file());
        Ok(process::find("openfga").or_else(in_go))
    }

    /// What is asked before OpenFGA's program is installed; `None` where there is no Go to build it with.
    pub fn install_question(&self) -> Option<String> {
        process::find("go")?;
        let folder = self.go_folders.first()?.display();
        Some(format!("There is no openfga program here. Build OpenFGA {VERSION} with Go into {folder} (some minutes)?"))
    }

    /// What a person does on a host without the program, so that `up` starts OpenFGA.
    pub fn how_to_install(&self) -> String {
        let build = if process::find("go").is_some() { "build it" } else { "install Go (https://go.dev/dl), build it" };
        let releases = "https://github.com/openfga/openfga/releases";
        format!(
            "{build}: cargo xtask setup-env --yes\n\
             or unpack OpenFGA {VERSION} of {releases}, name its program in .env (XTASK_OPENFGA_BIN=PATH), and: \
             cargo xtask up --target local"
        )
    }

    /// Why it does not run: there is no program, or it was not started.
    ///
    /// # Errors
    /// The program that is named is not there (2).
    pub fn not_running(&self) -> Result<Fault, Fault> {
        if self.program()?.is_none() {
            let fault = Fault::unreachable("OpenFGA does not run: there is no openfga program on this host");
            return Ok(fault.hint(self.how_to_install()));
        }
        Ok(Fault::unreachable("The local OpenFGA is not running").hint("start it with: cargo xtask up --target local"))
    }

    /// Builds and installs the pinned version with Go; where it is then.
    pub fn install(&self) -> Result<PathBuf> {
        let module = format!("github.com/openfga/openfga/cmd/openfga@{VERSION}");
        let captured =
            Program::new("go").args(["install", &module]).env("CGO_ENABLED", "0").capture(INSTALL_DEADLINE)?;
        let failed = |why: String| {
            let hint = format!("see why: CGO_ENABLED=0 go install {module}");
            anyhow::Error::msg(why).context(Fault::failed("OpenFGA could not be built").hint(hint))
        };
        if !captured.ending.success() {
            let lines: Vec<&str> = captured.stderr.trim().lines().rev().take(3).collect();
            return Err(failed(lines.into_iter().rev().collect::<Vec<_>>().join("\n")));
        }
        self.program()?
            .ok_or_else(|| failed("go install ended well, but there is no openfga in Go's folders".to_owned()))
    }
}

/// Whether it is the version that this program knows.
pub fn is_pinned(program: &Path) -> bool {
    let captured = Program::new(program).arg("version").capture(VERSION_DEADLINE);
    captured
        .is_ok_and(|said| said.ending.success() && said.stderr.contains(&format!("OpenFGA version `{VERSION}` build")))
}

/// Asks a process of it to end.
pub fn end(pid: u32) -> Result<()> {
    if platform::WINDOWS {
        Program::new("taskkill").args(["/F", "/T", "/PID", &pid.to_string()]).capture(STOP_DEADLINE)?;
        return Ok(());
    }
    Ok(platform::end_process(pid)?)
}

/// The argument that tells our process from every other: its own port.
pub fn http_word(port: u16) -> OsString {
    format!("--http-addr=127.0.0.1:{port}").into()
}
