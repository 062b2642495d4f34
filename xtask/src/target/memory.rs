//! How much memory a server may use, as Linux says it.

/// The limits of this program's control group (version 2, then 1), and the host's memory.
pub(super) const FILES: [&str; 3] =
    ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/proc/meminfo"];

/// Bytes: the smallest that these files name, their texts one after the other. `None` where they name none.
pub(super) fn smallest(texts: &str) -> Option<u64> {
    texts.lines().filter_map(of_line).min()
}

/// A limit is a line of its own; without one the line is `max`, or a number beyond every host's memory.
fn of_line(line: &str) -> Option<u64> {
    match line.strip_prefix("MemTotal:") {
        Some(total) => total.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024),
        None => line.trim().parse().ok(),
    }
}

/// That of this host.
pub(super) fn of_this_host() -> Option<u64> {
    let texts = FILES.iter().filter_map(|file| std::fs::read_to_string(file).ok());
    smallest(&texts.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_limit_counts_and_nonsense_is_none() {
        let meminfo = "MemTotal:       16384000 kB\nMemFree:         1234 kB\nHugePages_Total:       0\n";
        assert_eq!(smallest(meminfo), Some(16_384_000 * 1024));
        assert_eq!(smallest(&format!("max\n{meminfo}")), Some(16_384_000 * 1024));
        assert_eq!(smallest(&format!("536870912\n{meminfo}")), Some(536_870_912));
        assert_eq!(smallest(&format!("9223372036854771712\n{meminfo}")), Some(16_384_000 * 1024));
        for nonsense in ["", "max\n", "MemTotal: 99999999999999999999 kB\n", "MemTotal: 18446744073709551615 kB", "-1"]
        {
            assert_eq!(smallest(nonsense), None, "{nonsense:?}");
        }
    }
}
