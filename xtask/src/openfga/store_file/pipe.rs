//! A store file that may be a pipe, such as a shell's `<(…)`.

use crate::platform;
use crate::process::signals;
use anyhow::Result;
use std::fs::File;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// How often signals are looked for while no data comes from the pipe.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The bytes of a file, or all that comes through a pipe; `longest` at most.
///
/// # Errors
/// It cannot be read, or is longer; or a signal, such as Ctrl-C.
pub(super) fn read(path: &Path, longest: u64) -> Result<Vec<u8>> {
    if std::fs::metadata(path)?.is_file() {
        return Ok(platform::read_regular(path, longest)?);
    }
    let (send, bytes) = channel();
    let path = path.to_owned();
    // Read beside us, because a read goes on after a signal was noted.
    std::thread::spawn(move || send.send(File::open(path).and_then(|file| platform::read_bounded(file, longest))));
    loop {
        match bytes.recv_timeout(POLL_INTERVAL) {
            Ok(read) => return Ok(read?),
            Err(RecvTimeoutError::Timeout) => signals::check()?,
            Err(RecvTimeoutError::Disconnected) => anyhow::bail!("it cannot be read"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_or_a_pipe_without_end_is_refused() {
        let path = std::env::temp_dir().join(format!("xtask-long-store-{}", std::process::id()));
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        for endless in [path.as_path(), Path::new("/dev/zero")] {
            if endless.exists() {
                let refused = read(endless, 1 << 20).unwrap_err().to_string();
                assert_eq!(refused, "it is longer than 1048576 bytes", "{}", endless.display());
            }
        }
        std::fs::write(&path, "model: x").unwrap();
        assert_eq!(read(&path, 8).unwrap(), b"model: x");
        read(&path, 7).unwrap_err();
        std::fs::remove_file(&path).unwrap();
    }
}
