//! psql replaces `:NAME` by the value of its variable of that name, also in a file that it loads.

use crate::harness::Test;
use crate::harness::forge::{Forged, dump};
use crate::shared_objects::{nothing_is_left, server};

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] psql_puts_no_words_of_its_own_into_a_file,
    ]
}

/// psql's variables hold names of databases and roles, which others may have chosen: `:DBNAME` would be a statement of theirs.
fn psql_puts_no_words_of_its_own_into_a_file() {
    let local = server();
    let honest = "CREATE TABLE public.u (\n    \"USER\" integer,\n    arr integer[]\n);\n\
        CREATE VIEW public.v AS\n SELECT arr[1:\"USER\"] AS arr\n   FROM public.u;\n";
    for jobs in ["1", "2"] {
        let file = Forged::of(dump(honest)).write(&local.sandbox, "honest.sql");
        local
            .xtask(["db-verify", "--restore", "--jobs", jobs])
            .args([&file])
            .run()
            .ok()
            .stdout_has("restored and compared");
        for name in ["DBNAME", "USER", "HOST", "PORT", "ENCODING", "VERSION", "SERVER_VERSION_NUM"] {
            let view = format!("CREATE VIEW public.v AS\n SELECT 1 :{name};\n");
            let file = Forged::of(dump(&view)).write(&local.sandbox, "hostile.sql");
            let run = local.xtask(["db-verify", "--restore", "--jobs", jobs]).args([&file]).run();
            run.code(1).prints_nothing().stderr_has("syntax error at or near \":\"");
        }
    }
    nothing_is_left(&local);
}
