//! What may be shown of another session's statement: its command and the object's name. What follows may hold a
//! password or another secret: `ALTER ROLE bob PASSWORD '…'`.

/// Statements begin so.
const COMMANDS: &str = "ABORT ALTER ANALYZE AUTOVACUUM BEGIN CALL CHECKPOINT CLOSE CLUSTER COMMENT COMMIT COPY CREATE \
    DEALLOCATE DECLARE DELETE DISCARD DO DROP END EXECUTE EXPLAIN FETCH GRANT IMPORT INSERT LISTEN LOAD LOCK MERGE MOVE \
    NOTIFY PREPARE REASSIGN REFRESH REINDEX RELEASE RESET REVOKE ROLLBACK SAVEPOINT SECURITY SELECT SET SHOW START TABLE \
    TRUNCATE UNLISTEN UPDATE VACUUM VALUES WITH";
/// Words that may follow; none of them is a name.
const FURTHER: &str = "ACCESS ALL CONCURRENTLY DATA DEFAULT EVENT EXISTS FOREIGN FULL IF INTO LARGE MAPPING MATERIALIZED \
    METHOD NOT OBJECT ON ONLY OR PRIVILEGES REPLACE SEARCH SYSTEM TEMP TEMPORARY TEXT TRANSACTION UNIQUE UNLOGGED VERBOSE \
    WRAPPER";
/// Behind one of these stands the object's name.
const NAMING: &str = "AGGREGATE CALL CLUSTER COLLATION CONCURRENTLY CONVERSION COPY DATABASE DOMAIN EXECUTE EXISTS EXTENSION \
    FOR FROM FUNCTION GROUP INDEX INTO LANGUAGE LOCK ONLY POLICY PROCEDURE PUBLICATION ROLE ROUTINE RULE SCHEMA SEQUENCE \
    SERVER STATISTICS SUBSCRIPTION TABLE TABLESPACE TRIGGER TRUNCATE TYPE UPDATE USER VACUUM VERBOSE VIEW";
/// Longer names are cut.
const LONGEST_NAME: usize = 130;

/// `ALTER TABLE public.t …`; empty where no statement is recognised.
pub fn first_words(statement: &str) -> String {
    let is = |list: &str, word: &str| list.split_ascii_whitespace().any(|known| known == word);
    let mut rest = after_blanks(statement);
    let mut shown: Vec<String> = Vec::new();
    loop {
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(rest.len());
        let word = rest[..end].to_ascii_uppercase();
        let known = if shown.is_empty() { is(COMMANDS, &word) } else { is(FURTHER, &word) || is(NAMING, &word) };
        if !known {
            break;
        }
        shown.push(word);
        rest = after_blanks(rest[end..].trim_start_matches(':'));
    }
    if shown.last().is_some_and(|word| is(NAMING, word)) {
        let end = name_end(rest);
        let name: String = rest[..end].chars().take(LONGEST_NAME).collect();
        shown.extend((!name.is_empty()).then_some(name));
        rest = after_blanks(&rest[end..]);
    }
    if !shown.is_empty() && !rest.is_empty() && rest != ";" {
        shown.push("…".to_owned());
    }
    shown.join(" ")
}

/// Without the blanks and comments that come first.
fn after_blanks(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        if text.starts_with("--") {
            text = text.find('\n').map_or("", |end| &text[end..]);
        } else if text.starts_with("/*") {
            text = after_comment(text);
        } else {
            return text;
        }
    }
}

fn after_comment(text: &str) -> &str {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(found) = text[at..].find(['/', '*']).map(|found| at + found) {
        at = found + 2;
        match text.get(found..at) {
            Some("/*") => depth += 1,
            Some("*/") if depth <= 1 => return &text[at..],
            Some("*/") => depth -= 1,
            _ => at = found + 1,
        }
    }
    ""
}

/// Where a name ends that may have several parts: `a."b c".d`.
fn name_end(text: &str) -> usize {
    let mut at = 0;
    loop {
        let part = &text[at..];
        let length = if let Some(quoted) = part.strip_prefix('"') {
            match quoted.find('"') {
                Some(end) => end + 2,
                None => return at,
            }
        } else {
            part.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(part.len())
        };
        at += length;
        // A quote within quotes stands twice.
        match text[at..].chars().next() {
            Some('.') if length > 0 => at += 1,
            Some('"') if length > 0 => {}
            _ => return at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_and_object_are_shown_and_nothing_else() {
        for (statement, expected) in [
            ("ALTER ROLE bob PASSWORD 'hunter2'", "ALTER ROLE bob …"),
            ("alter user \"b o\" with password 'hunter2'", "ALTER USER \"b o\" …"),
            ("create user mapping for bob server s options (password 'hunter2')", "CREATE USER MAPPING FOR bob …"),
            ("CREATE SUBSCRIPTION s CONNECTION 'password=hunter2'", "CREATE SUBSCRIPTION s …"),
            ("SELECT set_config('app.key', 'hunter2', false)", "SELECT …"),
            ("SET app.key TO hunter2", "SET …"),
            ("SET LOCAL hunter2", "SET …"),
            ("EXECUTE p('hunter2')", "EXECUTE p …"),
            ("COPY t FROM PROGRAM 'curl -u hunter2'", "COPY t …"),
            (
                "-- hunter2\n/* hunter2 /* x */ y */ LOCK TABLE public.\"T\"\"x\".c IN ACCESS EXCLUSIVE MODE",
                "LOCK TABLE public.\"T\"\"x\".c …",
            ),
            ("TRUNCATE t;", "TRUNCATE t"),
            ("BEGIN", "BEGIN"),
            ("autovacuum: VACUUM public.t", "AUTOVACUUM VACUUM public.t"),
            (
                "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)",
                "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i …",
            ),
            ("DELETE FROM ONLY tül WHERE key = 'hunter2'", "DELETE FROM ONLY tül …"),
            ("UPDATE 'hunter2'", "UPDATE …"),
            ("ALTER TABLE \"hunter2", "ALTER TABLE …"),
            ("PREPARE TRANSACTION 'hunter2'", "PREPARE TRANSACTION …"),
            ("DO $$ hunter2 $$", "DO …"),
            ("hunter2", ""),
            ("'hunter2'", ""),
            ("/* hunter2", ""),
            ("", ""),
        ] {
            assert_eq!(first_words(statement), expected, "{statement}");
        }
    }
}
