//! Who hears how a backup ended, from the settings and the plan of a schedule.

use crate::context::Context;
use crate::error;
use crate::platform;
use crate::schedule::hook::{self, Failure, Hook};
use crate::schedule::notifier::Notifier;
use crate::schedule::ping::Ping;
use crate::schedule::plan::{Notices, PING_URL, Plan};
use crate::schedule::run::prove;
use crate::target::endpoint::{CERTIFICATE_FILE, CERTIFICATE_FOLDER};
use crate::words::shell_word;
use anyhow::{Error, Result};
use std::path::{Path, PathBuf};

/// Makes backups by hand, and tells how that ended; `back_up` gives the files that it made.
///
/// # Errors
/// What `back_up` says, or a file that it made is not proven; a ping file that was typed and cannot be used.
pub fn around(
    ping_file: Option<&Path>,
    context: &Context,
    back_up: impl FnOnce() -> Result<Vec<PathBuf>>,
) -> Result<()> {
    let mut notifier = by_hand(ping_file, context)?;
    if !notifier.is_there() {
        return back_up().map(drop);
    }
    notifier.begin();
    let made = back_up().and_then(|files| {
        files.iter().try_for_each(|file| prove(file).map(drop))?;
        Ok(files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join("\n"))
    });
    let notified = match &made {
        Ok(report) => notifier.succeed(report, None),
        Err(error) => {
            let (exit, message) = (error::exit_code(error), format!("{error:#}"));
            notifier.fail(&Failure { command: "db-backup", exit, message: &message, root: &context.root })
        }
    };
    notified.warnings.iter().for_each(|warning| context.terminal.warn(warning));
    made.map(drop)
}

fn by_hand(ping_file: Option<&Path>, context: &Context) -> Result<Notifier> {
    let ping = match ping_file {
        Some(path) => Some(Ping::of_file(&context.typed(path), &context.settings)?),
        None => context.settings.get(PING_URL).and_then(|url| or_warn(Ping::new(url, &context.settings), context)),
    };
    let hook = context.settings.get(hook::SETTING);
    let hook = hook.and_then(|text| or_warn(Hook::parse(text).map_err(Into::into), context));
    Ok(Notifier { ping, hook })
}

/// Those of a scheduled run. What cannot be used is a warning: the backup goes on without it.
pub fn of_plan(plan: &Plan, context: &Context) -> Notifier {
    let mut settings = context.settings.clone();
    let of_requests = |name: &str| {
        name.to_ascii_uppercase().ends_with("_PROXY") || [CERTIFICATE_FILE, CERTIFICATE_FOLDER].contains(&name)
    };
    for (name, value) in plan.environment.iter().filter(|(name, _)| of_requests(name)) {
        settings.set_flag(name, value);
    }
    let notices = &plan.notices;
    let now = context.settings.in_environment(PING_URL);
    let url = now.or(notices.ping_url.as_deref()).or_else(|| settings.get(PING_URL));
    let ping = match &notices.ping_file {
        Some(path) => Some(Ping::of_file(Path::new(path), &settings)),
        None => url.map(|url| Ping::new(url, &settings)),
    };
    let environment = plan.environment.iter().filter(|(name, _)| !crate::settings::is_secret(name));
    let environment = environment.map(|(name, value)| (name.clone(), value.clone())).collect();
    let hook = notices.on_failure.clone().and_then(Hook::new).map(|hook| hook.alone(environment));
    Notifier { ping: ping.and_then(|ping| or_warn(ping, context)), hook }
}

/// What a schedule keeps of them: a file that was typed, else the address of the environment; the program of the
/// environment.
///
/// # Errors
/// Exit 2: one of them cannot be used.
pub fn to_keep(ping_file: Option<&Path>, context: &Context) -> Result<Notices> {
    let settings = &context.settings;
    let mut notices = Notices::default();
    if let Some(path) = ping_file {
        let path = direct(&std::path::absolute(context.typed(path))?);
        Ping::of_file(&path, settings)?;
        notices.ping_file = Some(path.to_string_lossy().into_owned());
    } else if let Some(url) = settings.get(PING_URL) {
        Ping::new(url, settings)?;
        // That of `.env` is read by each run.
        notices.ping_url = settings.in_environment(PING_URL).map(str::to_owned);
    }
    if let Some(text) = settings.get(hook::SETTING) {
        notices.on_failure = Some(Hook::parse(text)?.words().to_vec());
    }
    Ok(notices)
}

/// The path without `..`. The file itself may be a link, which is followed anew each time.
fn direct(path: &Path) -> PathBuf {
    let whole = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    // Few programs take Windows' own form of such a path.
    if platform::WINDOWS { path.to_owned() } else { whole().unwrap_or_else(|| path.to_owned()) }
}

/// Warns of what the schedule before had and this one lacks: runs would go on, and no one would hear of them.
pub fn warn_of_lost(before: &Notices, now: &Notices, context: &Context) {
    let terminal = &context.terminal;
    let pings_now = now.ping_file.is_some() || now.ping_url.is_some() || context.settings.get(PING_URL).is_some();
    let pinged = match (&before.ping_file, &before.ping_url) {
        (Some(file), _) => Some((format!("the address in {file}"), format!("--ping-file {}", shell_word(file)))),
        (None, Some(_)) => Some((
            format!("an address ({PING_URL}=***)"),
            format!("set {PING_URL} in the environment or in .env, or give --ping-file FILE"),
        )),
        (None, None) => None,
    };
    if let Some((address, way)) = pinged.filter(|_| !pings_now) {
        terminal.warn(&format!("The schedule before pinged {address}; this one pings none"));
        terminal.hint(&format!("to keep it, install again with it: {way}"));
    }
    let called = before.on_failure.as_ref().and_then(|words| words.first());
    if let Some(program) = called.filter(|_| now.on_failure.is_none()) {
        let setting = hook::SETTING;
        terminal.warn(&format!("The schedule before called {program} after a failure; this one calls no program"));
        terminal.hint(&format!("to keep it, set {setting} in the environment, and install again"));
    }
}

/// Where the address comes from, and which program is called, as a person reads it; neither the address nor arguments.
pub fn shown(notices: &Notices, context: &Context) -> (String, String) {
    let ping = match (&notices.ping_file, &notices.ping_url, context.settings.in_file(PING_URL)) {
        (Some(path), ..) => format!("the address in {path}"),
        (None, Some(_), _) => "the address of the day of installation".to_owned(),
        (None, None, Some(_)) => format!("{PING_URL} of .env"),
        (None, None, None) => format!("none; see --ping-file and {PING_URL}"),
    };
    let program = notices.on_failure.as_ref().and_then(|words| words.first().cloned());
    (ping, program.unwrap_or_else(|| format!("nothing is called; see {}", hook::SETTING)))
}

fn or_warn<T>(made: Result<T, Error>, context: &Context) -> Option<T> {
    made.map_err(|error| context.terminal.warn(&format!("{error:#}"))).ok()
}
