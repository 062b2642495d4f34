//! Free space on the server's disk, where that can be known.

use super::{Place, Talk, Target};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(10);

impl Target {
    /// Bytes that the server may still write into these folders of its host: the smallest of their disks. `None`: not
    /// known.
    pub fn free_space(&self, folders: &[String]) -> Option<u64> {
        match &self.place {
            Place::Compose(_) => {
                // POSIX's form, in kibibytes: one line for each folder, the fourth column is what is available.
                let asked = self.program("df", "xtask-df", Talk::Piped).ok()?.args(["-P", "-k"]).args(folders);
                let said = asked.capture(DEADLINE).ok()?;
                let available = |line: &str| line.split_whitespace().nth(3)?.parse::<u64>().ok();
                let smallest = said.text().lines().skip(1).filter_map(available).min()?;
                said.ending.success().then(|| smallest.saturating_mul(1024))
            }
            Place::Local(_) => folders.iter().map(|folder| fs4::available_space(folder).ok()).min()?,
            // The server of a URL is on another host, or may be.
            Place::Url(_) => None,
        }
    }
}
