//! `adopt`: this program copied into another repository, after a look at what is there.

use crate::adopt::{self, Change, LocalChanges, Options, PackageName, Plan, Repository, Source};
use crate::context::Context;
use crate::error::Fault;
use crate::settings::{self, compose_files};
use crate::terminal;
use anyhow::Result;
use clap::ValueHint;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long Docker and Compose may take to say what the stack is.
const IDENTIFIED: Duration = Duration::from_secs(20);

/// Copy this program into another repository: looks at it, shows what it would write, asks
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of the other repository, where its Compose file is
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    folder: PathBuf,
    /// Show what was found, what would be written and what stands in the way, and stop
    #[arg(long)]
    dry_run: bool,
    /// Write without asking
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,
    /// Bring a newer version into a repository that adopted an older one
    #[arg(long)]
    update: bool,
    /// Name of package, folder and alias [default: xtask]
    #[arg(long, value_name = "NAME")]
    name: Option<PackageName>,
    /// Go on although the repository has changes that are not committed
    #[arg(long)]
    force: bool,
}

/// `command_line` is the whole program's: its commands become names of the Makefile.
pub fn run(args: &Args, command_line: &clap::Command, context: &Context) -> Result<()> {
    let package = settings::package_folder().ok_or_else(|| {
        let folder = terminal::shell_word(&context.typed(&args.folder).display().to_string());
        Fault::usage("This program's checkout is not here, and adopt copies that checkout")
            .hint(format!("clone this project with git, and run there: cargo run -- adopt {folder}"))
    })?;
    let repository = Repository::open(&context.typed(&args.folder))?;
    let source = Source::open(&package)?;
    let stack = Stack::read(&repository, context);
    let goals: Vec<String> = goals(command_line);
    let options = Options {
        name: args.name.clone(),
        update: args.update,
        force: args.force,
        goals: &goals,
        settings: &stack.settings,
    };
    let plan = Plan::draw(&repository, &source, &options)?;
    let report = report(&plan, &stack, &repository.folder);
    // It quotes their recipes, and lines to paste into their files.
    let terminal = context.terminal.verbatim();
    if args.dry_run {
        terminal.result_report(&report)?;
    } else {
        terminal.note_report(&report);
    }
    finish(args, &repository, plan, context)
}

fn finish(args: &Args, repository: &Repository, mut plan: Plan, context: &Context) -> Result<()> {
    let folder = repository.folder.display();
    if !plan.collisions.is_empty() {
        let first = plan.collisions.swap_remove(0);
        if let Some(LocalChanges { diff, .. }) = first.downcast_ref() {
            context.terminal.verbatim().note_report(diff.trim_end());
        }
        return Err(first);
    }
    if plan.changes.is_empty() {
        context.terminal.done(&format!("Nothing to do: {} is adopted in {folder}", plan.name));
        return Ok(());
    }
    if args.dry_run {
        return Ok(());
    }
    context.terminal.confirm(&format!("Write this into {folder}?"), args.yes)?;
    adopt::apply(repository, &plan, &|change| context.terminal.note(&format!("  {}", change.path)))?;
    context.terminal.done(&format!("{} is adopted in {folder}", plan.name));
    say_what_is_next(&plan, repository, context);
    Ok(())
}

/// The commands that `make` is to know.
fn goals(command_line: &clap::Command) -> Vec<String> {
    let names = command_line.get_subcommands().map(|command| command.get_name().to_owned());
    ["help".to_owned()].into_iter().chain(names.filter(|name| name != "help")).collect()
}

fn report(plan: &Plan, stack: &Stack, folder: &Path) -> String {
    let rows = |rows: &mut dyn Iterator<Item = (String, String)>| {
        let rows: Vec<(String, String)> = rows.collect();
        let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let line = |(name, what): &(String, String)| format!("\n  {name:<width$}  {}", terminal::clean_line(what));
        rows.iter().map(line).collect::<String>()
    };
    let found = stack.found.iter().chain(&plan.found).map(|(name, what)| ((*name).to_owned(), what.clone()));
    let mut report = format!("Found in {}:{}", folder.display(), rows(&mut found.into_iter()));
    if !plan.changes.is_empty() {
        let shown = |change: &Change| (change.path.clone(), change.what.clone());
        report.push_str(&format!("\n\nTo be written:{}", rows(&mut plan.changes.iter().map(shown))));
    }
    if !plan.by_hand.is_empty() {
        report.push_str("\n\nStays as it is; to be changed by hand where you want it:");
        plan.by_hand.iter().for_each(|text| report.push_str(&format!("\n  {}", text.replace('\n', "\n  "))));
    }
    if !plan.collisions.is_empty() {
        report.push_str("\n\nIn the way:");
        plan.collisions.iter().for_each(|error| report.push_str(&format!("\n  {error:#}")));
    }
    report
}

fn say_what_is_next(plan: &Plan, repository: &Repository, context: &Context) {
    let folder = context.as_word(&repository.folder);
    // They are typed in that repository, whatever this program was called by.
    let terminal = context.terminal.verbatim();
    terminal.note("");
    terminal.note("Next:");
    for (command, what) in [
        (format!("cd {folder}"), ""),
        (format!("cargo {} health-check", plan.name), "the first run compiles for about 40 s"),
        (format!("cargo {} db-backup", plan.name), "then prove it: db-verify --restore"),
        ("git add --all && git diff --cached --stat".to_owned(), "what was written; commit it"),
    ] {
        terminal.note(format!("  {command:<42} {what}").trim_end());
    }
}

/// At most this many Compose files of subfolders are named.
const NAMED: usize = 3;

/// That the folder itself has no Compose file, with those of its subfolders, and how one is named.
fn no_file_here(repository: &Repository, context: &Context) -> String {
    let mut files = repository.files(&["*compose.yaml", "*compose.yml"]).unwrap_or_default();
    files.retain(|path| path.rsplit_once('/').is_some_and(|(_, name)| compose_files::is_main_name(name)));
    files.sort_by_key(|path| path.matches('/').count());
    let Some(first) = files.first() else { return "no Compose file".to_owned() };
    let shown = files.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if files.len() > NAMED { format!(" and {} more", files.len() - NAMED) } else { String::new() };
    let way = first.rsplit_once('/').map_or("", |(way, _)| way);
    let below = repository.folder.join(way);
    let listed = compose_files::listed_above(&context.at(&below).settings, &below, way);
    let listed = listed.as_deref().unwrap_or(first);
    format!("none in this folder; in subfolders: {shown}{more}; name one of them in .env: COMPOSE_FILE={listed}")
}

/// What the Compose files of the other repository say.
struct Stack {
    found: Vec<(&'static str, String)>,
    /// Settings that name what only images tell.
    settings: Vec<(String, String)>,
}

impl Stack {
    /// Looks at it. What is not known is no reason to stop: the commands say it again, with a hint.
    fn read(repository: &Repository, context: &Context) -> Self {
        let folder = &repository.folder;
        let mut stack = Self { found: Vec::new(), settings: Vec::new() };
        let theirs = context.at(folder);
        if !compose_files::are_there(&theirs.settings, folder) {
            stack.found.push(("Compose", no_file_here(repository, context)));
            return stack;
        }
        stack.found.push(("Compose", compose_files::shown(&theirs.settings, folder)));
        if let Err(error) = stack.ask(&theirs) {
            stack.found.push(("PostgreSQL", format!("not known yet: {error:#}")));
        }
        stack
    }

    fn ask(&mut self, theirs: &Context) -> Result<()> {
        theirs.settings.check_understood()?;
        let target = crate::target::Target::chosen(&theirs.settings, &theirs.root)?;
        let identified = target.access().identify(IDENTIFIED)?;
        if identified.origins.is_empty() {
            // No command of ours is named: in that folder it would run the programs that its `.env` names.
            let why = identified.unread.as_deref().and_then(|why| theirs.settings.without_values(why));
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            anyhow::bail!("Docker or Compose does not describe it{why}");
        }
        self.found.push(("PostgreSQL", target.shown()));
        self.found.push(("Login", identified.origins.join(", ")));
        let to_write = identified.setting_to_write.map(|(name, service)| (name.to_owned(), service));
        // What a person said here, a clone of the repository does not know.
        let said = |name: &str| Some((name.to_owned(), theirs.settings.get(name)?.to_owned()));
        self.settings.extend(said("COMPOSE_FILE"));
        self.settings.extend(to_write.or_else(|| said("XTASK_POSTGRES_SERVICE")));
        let openfga = target.own_openfga();
        if !openfga.has_openfga() {
            self.found.push(("OpenFGA", "no service".to_owned()));
            return Ok(());
        }
        let service = openfga.openfga_service();
        self.found.push(("OpenFGA", format!("service {service}")));
        if service != "openfga" {
            self.settings.push(("XTASK_OPENFGA_SERVICE".to_owned(), service.to_owned()));
        }
        Ok(())
    }
}
