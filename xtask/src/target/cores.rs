//! How many cores a server may use, as Linux says it.

/// The time that a control group may use of the processors (version 2, then 1), and the processors that a program may run on.
pub(super) const FILES: [&str; 4] = [
    "/sys/fs/cgroup/cpu.max",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us",
    "/proc/self/status",
];

/// The number that these files name, their texts one after the other. `None` where they name none.
pub(super) fn of(texts: &str) -> Option<usize> {
    let allowed = texts.lines().find_map(|line| counted(line.strip_prefix("Cpus_allowed_list:")?.trim()))?;
    Some(allowed.min(share(texts).unwrap_or(allowed)).max(1))
}

/// `0-3,7`
fn counted(list: &str) -> Option<usize> {
    list.split(',').try_fold(0_usize, |sum, range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
        sum.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })
}

/// Microseconds of processor time in a period of so many: as one line, or as two.
fn share(texts: &str) -> Option<usize> {
    let quota = texts.lines().take_while(|line| !line.contains(':')).flat_map(str::split_whitespace);
    let [quota, period] = quota.take(2).collect::<Vec<_>>()[..] else { return None };
    // Without a limit the first is `max`, or -1.
    let (quota, period) = (quota.parse::<usize>().ok()?, period.parse::<usize>().ok()?);
    quota.checked_div(period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewer_of_processors_and_their_share_count() {
        let status = |list: &str| format!("Name:\tcat\nCpus_allowed:\tff\nCpus_allowed_list:\t{list}\n");
        assert_eq!(of(&status("0-7")), Some(8));
        assert_eq!(of(&status("0-3,7")), Some(5));
        assert_eq!(of(&format!("max 100000\n{}", status("0-1"))), Some(2));
        assert_eq!(of(&format!("250000 100000\n{}", status("0-7"))), Some(2));
        assert_eq!(of(&format!("50000 100000\n{}", status("0-7"))), Some(1));
        assert_eq!(of(&format!("-1\n100000\n{}", status("0-7"))), Some(8));
        assert_eq!(of(&format!("300000\n100000\n{}", status("0-7"))), Some(3));
        for nonsense in
            ["", "max 100000\n", "1 0\n", "Cpus_allowed_list:\t3-1", "Cpus_allowed_list:\t0-18446744073709551615"]
        {
            assert_eq!(of(nonsense), None, "{nonsense:?}");
        }
        assert_eq!(of(&format!("1 0\n{}", status("0"))), Some(1));
    }
}
