//! Routines whose end psql and the server could find at different places.

use super::tests::{checked, refused};

/// psql would send what follows up to a later END as one text, and the server would run its parts one by one.
#[test]
fn a_routine_whose_end_psql_finds_elsewhere_than_the_server_is_refused() {
    let body = "AS $$begin return 1; end$$";
    for head in ["SET search_path TO begin", "RETURNS int SET a TO x, BEGIN", "SET a TO 'x', begin"] {
        for kind in ["FUNCTION", "OR REPLACE PROCEDURE"] {
            let text = format!("CREATE {kind} f() LANGUAGE plpgsql {head} {body};\nCOMMIT; SELECT 1; END;");
            refused(text, 1, "the bare word BEGIN");
        }
    }
    let atomic = "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC";
    refused(format!("{atomic} SELECT 1 AS case; END; COMMIT; SELECT 1; END;"), 1, "CASE is used as a name");
    refused(format!("{atomic} SELECT 1; COMMIT; END;"), 1, "cannot be in a routine's body");
    refused(format!("{atomic} SELECT 1; END\nCOST 1;"), 2, "text after the END");
    for text in [
        format!("{atomic} TABLE t; SELECT 1; TABLE t; (SELECT 1); SELECT CASE WHEN true THEN 1 END; ; END;"),
        "CREATE FUNCTION f(\"begin\" int) RETURNS int LANGUAGE sql AS 'SELECT 1';".to_owned(),
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path TO \"begin\" AS 'SELECT 1'; SELECT 1;".to_owned(),
        "CREATE TABLE t (begin int); SELECT begin FROM t; SELECT 1 AS end;".to_owned(),
    ] {
        checked(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}
