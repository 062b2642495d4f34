//! What a large dump goes through inside its container. `pg_dump` writes 4 KB at a time, and each piece wakes Docker's
//! programs, which copy it four times. In pieces of 64 KB the same dump costs them about half.

/// A script without any input of ours: program and arguments are its own arguments. It ends as the program does. Where
/// the container has no `dd`, it becomes the program.
const SCRIPT: &str = "command -v dd >/dev/null 2>&1 || exec \"$0\" \"$@\"; exec 4>&1; \
    ended=$({ { \"$0\" \"$@\" 3>&- 4>&-; echo $? >&3; } | dd ibs=65536 obs=65536 2>/dev/null >&4; } 3>&1) || exit 1; \
    exit \"$ended\"";

/// The words that precede a program whose stdout is large.
pub(super) const WHOLE: &[&str] = &["sh", "-c", SCRIPT];

/// Whether a container whose first program is this one has a shell.
pub(super) fn is_script(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    name.ends_with(".sh") || ["sh", "bash", "dash", "ash"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{Captured, Ending, Program};
    use std::time::Duration;

    /// The script on this host, with a program of its own.
    fn run(program: &str, words: &[&str]) -> Captured {
        let [shell, rest @ ..] = WHOLE else { unreachable!() };
        Program::new(shell).args(rest).arg(program).args(words).capture(Duration::from_secs(20)).unwrap()
    }

    #[test]
    fn every_byte_goes_through_and_the_programs_end_is_told() {
        if crate::platform::WINDOWS {
            return;
        }
        let said = run("seq", &["1", "100000"]);
        let expected: String = (1..=100_000).map(|number| format!("{number}\n")).collect();
        assert!(said.ending.success() && said.text() == expected);
        let said = run("sh", &["-c", "echo 'a  b'; echo why >&2; exit 7"]);
        assert_eq!((said.ending, said.text().as_str(), said.stderr.as_str()), (Ending::Code(7), "a  b\n", "why\n"));
        assert_eq!(run("printf", &["%s", "$(echo no) \"; x"]).text(), "$(echo no) \"; x");
        assert!(!run("no-such-program", &[]).ending.success());
    }

    #[test]
    fn a_shell_is_known_by_the_first_program() {
        assert!(
            ["docker-entrypoint.sh", "/usr/local/bin/docker-entrypoint.sh", "/bin/sh", "bash"].map(is_script)
                == [true; 4]
        );
        assert!(!["", "postgres", "/usr/bin/tini"].iter().any(|program| is_script(program)));
    }
}
