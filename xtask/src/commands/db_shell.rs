//! `db-shell`: psql on the target's database, for people and for scripts.

use crate::context::Context;
use crate::error::{self, Cause, Exit, Fault};
use crate::postgres::server::Server;
use crate::process::Program;
use crate::target::StdioMode;
use crate::terminal;
use anyhow::{Context as _, Result};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Open psql on the database, or run SQL in scripts: db-shell -- -c 'SELECT 1'
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Arguments for psql, after `--`; -f FILE is read here, wherever the server is
    #[arg(last = true, value_name = "PSQL_ARGS")]
    psql: Vec<String>,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    let psql = PsqlArgs::parse(&args.psql)?;
    let target = context.target()?;
    let terminal = &context.terminal;
    if let Some(elsewhere) = target.access().programs_elsewhere() {
        psql.check_writes_nothing(elsewhere.place())?;
    }
    let person = terminal.stdin_is_terminal() && terminal.stdout_is_terminal() && !psql.script;
    let file = psql.file.as_deref().filter(|path| *path != Path::new("-"));
    let file = file.map(|path| open(&context.typed(path))).transpose()?;
    let server = Server::under_name(&target, "xtask-shell");
    let program = if person {
        with_startup_file(&server, &psql, context)?.args(psql.words)
    } else {
        let program = program(&server, &psql, StdioMode::Piped)?;
        program.args(["--no-psqlrc", "--set=ON_ERROR_STOP=1"]).args(psql.words)
    };
    Err(program.exec(file))
}

/// psql. The first contact on `url` asks for the server's version: where the target's own database is missing, in the one
/// that `-d` names.
fn program(server: &Server<'_>, psql: &PsqlArgs, talk: StdioMode) -> Result<Program> {
    match (server.program("psql", talk), &psql.database) {
        (Err(error), Some(name)) if error::cause(&error) == Some(Cause::DatabaseMissing) => {
            server.in_database(name).program("psql", talk)
        }
        (program, _) => program,
    }
}

/// psql's options that take a value in the next word (psql's manual page, "Options").
const WITH_VALUE: &[u8] = b"cdfFhLopPRTUv";

/// The long options that take a value in the next word, unless it stands behind a `=`.
const LONG_WITH_VALUE: &[&str] = &[
    "--command",
    "--dbname",
    "--field-separator",
    "--host",
    "--log-file",
    "--output",
    "--port",
    "--pset",
    "--record-separator",
    "--set",
    "--table-attr",
    "--username",
    "--variable",
];

/// psql's arguments, as far as we must understand them.
#[derive(Debug, Default, PartialEq, Eq)]
struct PsqlArgs {
    words: Vec<String>,
    /// The `-f FILE` taken out of the words: the file is on this host, psql may be in a container.
    file: Option<PathBuf>,
    /// Commands or a file are given: psql reads nothing from the terminal.
    script: bool,
    /// The database that the last `-d` names, by its name alone or in a connection string.
    database: Option<String>,
    /// An option by which psql would write a file where it runs.
    writes: Option<&'static str>,
    /// The last word is an option whose value is not there.
    lacks_value: bool,
}

impl PsqlArgs {
    fn parse(given: &[String]) -> Result<Self, Fault> {
        let mut parsed = Self::default();
        let mut files = Vec::new();
        let mut words = given.iter();
        while let Some(word) = words.next() {
            parsed.take(word, &mut words, &mut files);
            if parsed.lacks_value {
                let fault = Fault::usage(format!("psql's option {word} has no value"));
                return Err(fault.hint("write it behind the option: cargo xtask db-shell -- -c 'SELECT 1'"));
            }
        }
        if files.len() > 1 {
            let fault = Fault::usage("db-shell takes one -f FILE");
            return Err(fault.hint("join them: cat a.sql b.sql | cargo xtask db-shell"));
        }
        if let Some(file) = files.pop() {
            // "-f -" keeps the file's place among -c options, and psql's messages keep their line numbers.
            parsed.words.extend(["-f".to_owned(), "-".to_owned()]);
            parsed.file = Some(file.into());
            parsed.script = true;
        }
        Ok(parsed)
    }

    /// One word, with the next one where that is its value.
    fn take<'a>(&mut self, word: &String, words: &mut impl Iterator<Item = &'a String>, files: &mut Vec<String>) {
        let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        let letters = word.as_bytes();
        let is_short = word.starts_with('-') && !word.starts_with("--");
        let valued = (1..letters.len()).find(|&at| is_short && WITH_VALUE.contains(&letters[at]));
        match (name, valued) {
            ("--file", _) => files.extend(value.map(str::to_owned).or_else(|| self.value(words))),
            (_, Some(at)) if letters[at] == b'f' => {
                if at > 1 {
                    self.words.push(word[..at].to_owned());
                }
                let value = &word[at + 1..];
                files.extend(if value.is_empty() { self.value(words) } else { Some(value.to_owned()) });
            }
            (_, Some(at)) => {
                self.script |= letters[at] == b'c';
                self.notice_writing(word.get(at..=at).unwrap_or_default());
                self.words.push(word.clone());
                let value = if at + 1 == letters.len() { self.value(words) } else { None };
                if letters[at] == b'd' {
                    self.notice_database(value.as_deref().or_else(|| word.get(at + 1..)));
                }
                self.words.extend(value);
            }
            _ => {
                self.script |= ["--command", "--list", "--version", "-V", "-l"].contains(&name);
                self.notice_writing(name);
                self.words.push(word.clone());
                let next = if value.is_none() && LONG_WITH_VALUE.contains(&name) { self.value(words) } else { None };
                if name == "--dbname" {
                    self.notice_database(next.as_deref().or(value));
                }
                self.words.extend(next);
            }
        }
    }

    /// The next word, as the value of an option.
    fn value<'a>(&mut self, words: &mut impl Iterator<Item = &'a String>) -> Option<String> {
        let value = words.next().cloned();
        self.lacks_value = value.is_none();
        value
    }

    /// A connection string may leave the database out, and a name may be empty: then it is the target's. So it is where
    /// the string writes the name in quotes.
    fn notice_database(&mut self, value: Option<&str>) {
        let value = value.unwrap_or_default();
        let name = match value.contains(['=', ':']) {
            true => value.split(' ').find_map(|pair| pair.strip_prefix("dbname=")),
            false => Some(value),
        };
        self.database = name.filter(|name| !name.is_empty() && !name.contains(['\'', '\\'])).map(str::to_owned);
    }

    fn notice_writing(&mut self, option: &str) {
        // psql takes any beginning of a long option that is one option's alone.
        match option {
            "o" => self.writes = Some("-o"),
            "L" => self.writes = Some("-L"),
            _ if option.len() > 2 && "--output".starts_with(option) => self.writes = Some("--output"),
            _ if option.len() > 3 && "--log-file".starts_with(option) => self.writes = Some("--log-file"),
            _ => {}
        }
    }

    /// Refuses options that would write a file inside `place`, where the user does not see it.
    fn check_writes_nothing(&self, place: &str) -> Result<(), Fault> {
        let Some(option) = self.writes else { return Ok(()) };
        Err(Fault::usage(format!("{option} would write its file inside {place}"))
            .hint("write it here: cargo xtask db-shell -- -c 'SELECT 1' > FILE"))
    }
}

fn open(path: &Path) -> Result<File> {
    let cannot = || Fault::failed(format!("{} cannot be read", path.display()));
    let file = File::open(path).with_context(cannot)?;
    // A folder opens, too; psql would find it empty and be content.
    if file.metadata().with_context(cannot)?.is_dir() {
        return Err(anyhow::Error::msg("it is a folder").context(cannot()));
    }
    Ok(file)
}

/// psql for a person. Their .psqlrc lies on this host, so it is copied beside a psql in a container, which removes the
/// copy as the first thing that it reads there.
fn with_startup_file(server: &Server<'_>, psql: &PsqlArgs, context: &Context) -> Result<Program> {
    let settings = &context.settings;
    let own = || settings.get("HOME").map(|home| Path::new(home).join(".psqlrc"));
    let file = settings.get("PSQLRC").map(PathBuf::from).or_else(own).filter(|path| path.is_file());
    let is_read = !psql.words.iter().any(|word| word == "-X" || word == "--no-psqlrc");
    let (Some(elsewhere), Some(file), true) = (server.target().access().programs_elsewhere(), file, is_read) else {
        return program(server, psql, StdioMode::Terminal);
    };
    let own = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    match elsewhere.private_file(&|path| [format!("\\! rm -f {path}\n").as_bytes(), &own].concat()) {
        Ok(copy) => server.with_environment(&[("PSQLRC", &copy)]).program("psql", StdioMode::Terminal),
        // Such as an image without mktemp.
        Err(error) if error::exit(&error) == Exit::Failed => {
            let (file, place) = (file.display(), elsewhere.place());
            let fault =
                Fault::failed(terminal::clean_line(&format!("{file} is not read: {error:#}; psql runs in {place}")));
            context.terminal.warn_of(&fault.hint("to go on without it: cargo xtask db-shell -- -X"));
            server.program("psql", StdioMode::Terminal)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> PsqlArgs {
        PsqlArgs::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_file_is_found_in_every_way_that_psql_allows() {
        for words in [&["-f", "x.sql"][..], &["-fx.sql"], &["--file=x.sql"], &["--file", "x.sql"]] {
            let expected = PsqlArgs {
                words: vec!["-f".into(), "-".into()],
                file: Some("x.sql".into()),
                script: true,
                ..PsqlArgs::default()
            };
            assert_eq!(parsed(words), expected, "{words:?}");
        }
        assert_eq!(parsed(&["-qAtf", "x.sql"]).words, ["-qAt", "-f", "-"]);
        assert_eq!(parsed(&["-c", "-f"]).file, None);
        assert_eq!(parsed(&["-vf=1", "-c", "x"]).file, None);
        assert!(PsqlArgs::parse(&["-fa".to_owned(), "-fb".to_owned()]).is_err());
    }

    #[test]
    fn options_that_write_a_file_are_seen_in_every_spelling() {
        for words in
            [&["-o", "x"][..], &["-Ato", "x"], &["-ox"], &["--output=x"], &["--out", "x"], &["-Lx"], &["--log", "x"]]
        {
            assert!(parsed(words).check_writes_nothing("x").is_err(), "{words:?}");
        }
        for words in [&["-c", "-o"][..], &["-v", "o=1"], &["--set", "-o"], &["-l"], &["--list"], &["-P", "pager=off"]] {
            assert!(parsed(words).check_writes_nothing("x").is_ok(), "{words:?}");
        }
    }

    #[test]
    fn the_database_of_the_last_option_is_known_by_its_name() {
        for words in [
            &["-d", "x"][..],
            &["-Atdx"],
            &["--dbname", "x"],
            &["--dbname=x"],
            &["-dy", "-d", "dbname=x options=-ca=b"],
        ] {
            assert_eq!(parsed(words).database.as_deref(), Some("x"), "{words:?}");
        }
        for words in [
            &["-c", "-d"][..],
            &["-l"],
            &["-d", ""],
            &["-d", "options=-ca=b"],
            &["-dx", "-d", "options=-ca=b"],
            &["-d", "dbname= options=-ca=b"],
            &["-d", "options=-capplication_name=dbname=x"],
            &["-d", "dbname='x y'"],
            &["-d", "postgresql://h/x"],
            &["-v", "d=1"],
        ] {
            assert_eq!(parsed(words).database, None, "{words:?}");
        }
    }

    #[test]
    fn an_option_without_its_value_is_refused() {
        for words in [&["-c"][..], &["-Atc"], &["-f"], &["--file"], &["-At", "--command"]] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let fault = PsqlArgs::parse(&words).unwrap_err();
            assert_eq!(
                (fault.exit.code(), fault.to_string()),
                (2, format!("psql's option {} has no value", words.last().unwrap()))
            );
        }
        assert_eq!(parsed(&["-c", ""]).words, ["-c", ""]);
    }

    #[test]
    fn options_for_a_person_do_not_make_a_script() {
        assert!(!parsed(&["-dfoo", "-x", "--echo-all"]).script);
        assert!(parsed(&["-Atc", "SELECT 1"]).script && parsed(&["-l"]).script);
    }
}
