//! A disk, as a program beside it sees it.

use std::io;
use std::path::Path;

/// What others write between two looks at one disk, in bytes.
const MEANWHILE: u64 = 64 << 20;

/// How large a disk is, and how much room it has, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    pub size: u64,
    pub free: u64,
}

impl Disk {
    /// That of a folder of this host.
    ///
    /// # Errors
    /// There is no such folder.
    pub fn of(folder: &Path) -> io::Result<Self> {
        Ok(Self { size: fs4::total_space(folder)?, free: fs4::available_space(folder)? })
    }

    /// Those of what `df -P -k` says; `None` where a line of it is not understood.
    pub(super) fn all(said: &str) -> Option<Vec<Self>> {
        // POSIX's form, in kibibytes: one line for each folder; the second column is the size, the fourth what is available.
        let disk = |line: &str| {
            let mut numbers = line.split_whitespace().skip(1).map(|word| word.parse::<u64>().ok()?.checked_mul(1024));
            Some(Self { size: numbers.next()??, free: numbers.nth(1)?? })
        };
        let disks: Option<Vec<Self>> = said.lines().skip(1).map(disk).collect();
        disks.filter(|disks| !disks.is_empty())
    }

    /// Whether both are one, seen from two places: two of one size that have the same room are taken for it.
    pub fn may_be(&self, other: &Self) -> bool {
        self.size / 1024 == other.size / 1024 && self.free.abs_diff(other.free) <= MEANWHILE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_are_read_and_told_apart() {
        let said = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
                    overlay 1000000 400000 600000 40% /\n/dev/sdb1 2000000 1 1999999 1% /var/lib/postgresql/data\n";
        let disks = Disk::all(said).unwrap();
        assert_eq!(
            disks,
            [(1_000_000, 600_000), (2_000_000, 1_999_999)]
                .map(|(size, free)| Disk { size: size << 10, free: free << 10 })
        );
        assert_eq!((Disk::all(""), Disk::all("Filesystem\nx y z a b\n")), (None, None));
        assert_eq!(Disk::all("Filesystem\nx 99999999999999999999 1 1 1\n"), None);
        let seen = Disk { size: disks[0].size + 5, free: disks[0].free - (1 << 20) };
        assert!(disks[0].may_be(&seen) && !disks[1].may_be(&seen));
        assert!(!disks[0].may_be(&Disk { free: disks[0].free - (65 << 20), ..seen }));
    }
}
