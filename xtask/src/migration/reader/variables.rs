//! psql's own variables, whose names it replaces by their values.

/// Variables that psql sets itself: it replaces `:NAME` by their values.
const VARIABLES: &str = " AUTOCOMMIT COMP_KEYWORD_CASE DBNAME ECHO ECHO_HIDDEN ENCODING ERROR FETCH_COUNT HIDE_TABLEAM \
    HIDE_TOAST_COMPRESSION HISTCONTROL HISTFILE HISTSIZE HOST IGNOREEOF LASTOID LAST_ERROR_MESSAGE LAST_ERROR_SQLSTATE \
    ON_ERROR_ROLLBACK ON_ERROR_STOP PIPELINE_COMMAND_COUNT PIPELINE_RESULT_COUNT PIPELINE_SYNC_COUNT PORT PROMPT1 \
    PROMPT2 PROMPT3 QUIET ROW_COUNT SERVER_VERSION_NAME SERVER_VERSION_NUM SERVICE SHELL_ERROR SHELL_EXIT_CODE \
    SHOW_ALL_RESULTS SHOW_CONTEXT SINGLELINE SINGLESTEP SQLSTATE USER VERBOSITY VERSION VERSION_NAME VERSION_NUM \
    WATCH_INTERVAL ";

/// The variable that psql would replace here: `token` begins with its name, and stands directly behind a colon.
pub fn named(token: &[u8]) -> Option<String> {
    let name = token.split(|byte| *byte == b'$').next().unwrap_or_default();
    let name = String::from_utf8_lossy(name).into_owned();
    (!name.is_empty() && VARIABLES.contains(&format!(" {name} "))).then_some(name)
}
