//! The files that a store file names: found beside it, read, kept inside its folder.

use crate::platform;
use std::path::{Component, Path, PathBuf};

/// No model and no list of tuples is longer, in bytes.
const LONGEST: u64 = 1 << 30;

/// Where named files are looked for, and which may be read.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    /// The folder as the user would type it.
    shown: PathBuf,
    /// The real folder that files must lie in; `None` where any may be read.
    fence: Option<PathBuf>,
}

/// A file that was read.
#[derive(Debug)]
pub struct Text {
    /// Its name as the user would type it.
    pub shown: String,
    pub text: String,
    /// Where it lies, to find the files that it names in turn.
    pub folder: Folder,
}

impl Folder {
    /// The folder of the store file. `shown` is how the user would type it.
    pub fn new(path: &Path, shown: &Path, allow_external_files: bool) -> Self {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        Self { path: path.to_owned(), shown: shown.to_owned(), fence: (!allow_external_files).then_some(real) }
    }

    /// Reads a file by the name that another one gives it.
    ///
    /// # Errors
    /// Why not, as one line.
    pub fn read(&self, name: &str) -> Result<Text, String> {
        let named = Path::new(name);
        let path = self.path.join(named);
        let real = path.canonicalize().map_err(|error| cannot_be_read(name, &error))?;
        if self.fence.as_ref().is_some_and(|fence| !real.starts_with(fence)) {
            return Err(format!("{name} is outside the store file's folder; to allow it: --allow-external-files"));
        }
        let bytes = platform::read_regular(&real, LONGEST).map_err(|error| cannot_be_read(name, &error))?;
        let text = String::from_utf8(bytes).map_err(|_| format!("{name} is not UTF-8"))?;
        let shown = self.shown.join(named).components().filter(|part| *part != Component::CurDir).collect::<PathBuf>();
        let parent = |path: &Path| path.parent().map(Path::to_owned).unwrap_or_default();
        let folder = Self { path: parent(&path), shown: parent(&shown), fence: self.fence.clone() };
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        Ok(Text { shown: shown.display().to_string(), text, folder })
    }
}

fn cannot_be_read(name: &str, error: &std::io::Error) -> String {
    format!("{name} cannot be read: {error}")
}
