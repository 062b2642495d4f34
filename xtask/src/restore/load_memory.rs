//! Memory for the session that loads a backup: an index is built faster where its rows are sorted without files.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

/// All sessions of a load get this part of the server's memory: others want some, too.
const PART: u64 = 8;
/// More than this was not measured to be faster. In kibibytes.
const MOST: u64 = 512 << 10;
/// The rows of a smaller backup are sorted within the server's default, 64 MB.
const SMALLEST_BACKUP: u64 = 32 << 20;

/// Whether the memory of a load is of any consequence: else the server is not asked for its own.
pub(super) fn matters(backup: u64) -> bool {
    backup >= SMALLEST_BACKUP
}

/// A statement that gives one of so many sessions more memory for its indexes, where it has less; `memory`: the server's,
/// in bytes.
/// It counts for this session alone, and any role may say it. Where the server's memory is not known its shared buffers
/// count for a quarter of it, as they are set most often. How many workers build an index stays as the server has it.
pub(super) fn statement(memory: Option<u64>, sessions: usize) -> String {
    let sessions = (sessions as u64).max(1);
    let kibibytes = match memory {
        Some(bytes) => (bytes / PART / 1024).checked_div(sessions).unwrap_or_default().to_string(),
        // It is given in pages of 8 KiB: half of them is an eighth of the memory.
        None => {
            format!(
                "(SELECT 4 * b.setting::pg_catalog.int8 / {sessions} FROM pg_catalog.pg_settings AS b \
                 WHERE b.name = 'shared_buffers')"
            )
        }
    };
    format!(
        "SELECT pg_catalog.set_config('maintenance_work_mem', LEAST({MOST}, {kibibytes})::pg_catalog.text, false) \
         FROM pg_catalog.pg_settings AS s WHERE s.name = 'maintenance_work_mem' \
         AND s.setting::pg_catalog.int8 < LEAST({MOST}, {kibibytes});"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eighth_of_the_memory_counts_up_to_half_a_gigabyte() {
        assert!(statement(Some(1 << 30), 1).contains("LEAST(524288, 131072)"));
        assert!(statement(Some(1 << 30), 4).contains("LEAST(524288, 32768)"));
        assert!(statement(Some(u64::MAX), 1).contains("LEAST(524288, 2251799813685247)"));
        assert!(
            statement(None, 2).contains("int8 / 2 FROM pg_catalog.pg_settings AS b WHERE b.name = 'shared_buffers'")
        );
        assert!(!matters(1 << 20) && matters(70 << 20));
    }
}
