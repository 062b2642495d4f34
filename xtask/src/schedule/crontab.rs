//! A crontab as text: our block between two marker lines, every other byte as its owner wrote it.

use super::kept_environment;
use super::plan::Plan;
use crate::error::Fault;
use crate::words::exact_shell_word;
use std::ops::Range;

/// cron takes no longer command (Debian's `MAX_COMMAND`), in bytes.
const LONGEST: usize = 990;

/// Our lines in a crontab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Nothing,
    /// Both markers, and what is between them.
    Block(Range<usize>),
    /// One marker is missing, or stands twice: what is wrong.
    Broken(&'static str),
}

fn begin(name: &str) -> String {
    format!("# BEGIN xtask db-schedule {name}")
}

fn end(name: &str) -> String {
    format!("# END xtask db-schedule {name}")
}

/// The block of this plan, both markers included, each line ended.
///
/// # Errors
/// Exit 2: a crontab cannot hold a path with such letters, or one so long.
pub fn block(plan: &Plan, name: &str) -> Result<String, Fault> {
    let line = line(plan)?;
    Ok(format!("{}\n{line}\n{}\n", begin(name), end(name)))
}

/// The line that starts a run.
///
/// # Errors
/// The errors of [`block`].
pub fn line(plan: &Plan) -> Result<String, Fault> {
    let open = kept_environment::open(&plan.environment);
    // The plan has the whole PATH; where it does not fit, cron's own finds `env`, and the rest is read from the plan.
    let commands = [open.len(), open.len().saturating_sub(1)].map(|count| command(plan, &open[..count]));
    let fitting =
        commands.into_iter().find(|command| command.as_ref().map_or(true, |command| command.len() <= LONGEST));
    let command =
        fitting.unwrap_or_else(|| Err(Fault::usage("The paths of checkout and program are too long for cron")))?;
    Ok(format!("{} {command}", plan.rhythm.cron()))
}

fn command(plan: &Plan, open: &[(&str, &str)]) -> Result<String, Fault> {
    let mut words = vec!["env".to_owned(), "-i".to_owned()];
    for (name, value) in open {
        words.push(format!("{name}={}", word(value)?));
    }
    for text in plan.command() {
        words.push(word(&text)?);
    }
    Ok(format!("{} >/dev/null", words.join(" ")))
}

/// A text as one word of cron's command, which goes through cron's own reading (`%`), then through a shell's.
fn word(text: &str) -> Result<String, Fault> {
    if text.contains(['\n', '\r', '\0', '\\']) {
        let what = format!("a crontab cannot hold {text:?}: it has a line break or a backslash");
        return Err(Fault::usage(what).hint("move the checkout to a folder with another name"));
    }
    let is_option = text.strip_prefix("--").is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_lowercase()));
    Ok(if is_option { text.to_owned() } else { exact_shell_word(text).replace('%', "\\%") })
}

/// Our lines in this crontab.
pub fn find(crontab: &str, name: &str) -> Found {
    let (begin, end) = (begin(name), end(name));
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    let mut at = 0;
    for line in crontab.split_inclusive('\n') {
        let is = |marker: &str| {
            line.trim_end().strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        if is(&begin) {
            starts.push(at);
        }
        at += line.len();
        if is(&end) {
            ends.push(at);
        }
    }
    match (starts.as_slice(), ends.as_slice()) {
        ([], []) => Found::Nothing,
        ([start], [end]) if start < end => Found::Block(*start..*end),
        ([_], []) => Found::Broken("the END line is missing"),
        ([], [_]) => Found::Broken("the BEGIN line is missing"),
        _ => Found::Broken("its BEGIN and END lines do not make one pair"),
    }
}

/// The crontab with this block in place of ours, or at its end.
///
/// # Errors
/// Exit 1: our markers do not make one pair.
pub fn with(crontab: &str, name: &str, block: &str) -> Result<String, Fault> {
    let (before, after) = around(crontab, name)?;
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    Ok(format!("{before}{gap}{block}{after}"))
}

/// The crontab without our block.
///
/// # Errors
/// Exit 1: our markers do not make one pair.
pub fn without(crontab: &str, name: &str) -> Result<String, Fault> {
    let (before, after) = around(crontab, name)?;
    Ok(format!("{before}{after}"))
}

fn around<'a>(crontab: &'a str, name: &str) -> Result<(&'a str, &'a str), Fault> {
    match find(crontab, name) {
        Found::Nothing => Ok((crontab, "")),
        Found::Block(place) => Ok((&crontab[..place.start], &crontab[place.end..])),
        Found::Broken(why) => Err(Fault::failed(format!(
            "The block {name} of the crontab cannot be distinguished from other lines: {why}"
        ))
        .hint("remove what is left of it: crontab -e")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::plan::tests::plan;

    const OTHERS: &str = "MAILTO=me\n0 1 * * * echo 50\\%\n# BEGIN xtask db-schedule xtask-app-22222222\n1 1 * * * x\n# END xtask db-schedule xtask-app-22222222\n";

    #[test]
    fn a_block_comes_and_goes_and_every_other_byte_stays() {
        let block = block(&plan("/srv/app"), "xtask-app-1").unwrap();
        for before in ["", OTHERS, "no line end"] {
            let there = with(before, "xtask-app-1", &block).unwrap();
            assert!(matches!(find(&there, "xtask-app-1"), Found::Block(_)), "{there}");
            assert_eq!(with(&there, "xtask-app-1", &block).unwrap(), there);
            assert_eq!(without(&there, "xtask-app-1").unwrap().trim_end(), before.trim_end());
        }
        assert_eq!(find(OTHERS, "xtask-app-2"), Found::Nothing);
        assert_eq!(find(OTHERS, "xtask-app"), Found::Nothing);
    }

    #[test]
    fn markers_that_were_edited_are_no_reason_to_guess() {
        let block = block(&plan("/srv/app"), "x").unwrap();
        let lines: Vec<&str> = block.lines().collect();
        for broken in [
            lines[..2].join("\n"),
            lines[1..].join("\n"),
            format!("{block}{block}"),
            lines.iter().rev().copied().collect::<Vec<_>>().join("\n"),
        ] {
            assert!(matches!(find(&broken, "x"), Found::Broken(_)), "{broken}");
            assert!(with(&broken, "x", &block).is_err() && without(&broken, "x").is_err());
        }
    }

    #[test]
    fn cron_and_the_shell_read_back_the_same_words() {
        let line = line(&plan("/srv/50% of 'them'")).unwrap();
        assert_eq!(
            line,
            "0 3 * * * env -i HOME=/home/me PATH=/usr/bin:/bin '/srv/50\\% of '\\''them'\\''/target/debug/xtask' --root \
             '/srv/50\\% of '\\''them'\\''' --quiet db-schedule run >/dev/null"
        );
        assert!(super::line(&plan("/srv/a\nb")).is_err() && super::line(&plan("/srv/a\\b")).is_err());
        assert!(super::line(&plan(&format!("/srv/{}", "a".repeat(1000)))).is_err());
    }

    #[test]
    fn a_long_path_stays_in_the_plan_alone() {
        let mut plan = plan("/srv/app");
        plan.environment.insert("PATH".to_owned(), "/a".repeat(600));
        let line = line(&plan).unwrap();
        assert!(!line.contains("PATH=") && line.contains("HOME=/home/me"), "{line}");
    }
}
