//! `db-restore --globals`: creates the roles of a file that the server lacks.

use super::args::Args;
use crate::backup::globals::{self, ProvenGlobals};
use crate::context::Context;
use crate::error::{self, Fault};
use crate::postgres::change_lock::Lock;
use crate::postgres::server::Server;
use crate::restore::globals::{Consent, HeldBack, NewRole, Plan};
use crate::settings::fault_point;
use crate::terminal;
use anyhow::Result;
use serde::Serialize;
use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

pub(super) fn restore(file: &Path, args: &Args, server: &Server<'_>, context: &Context) -> Result<()> {
    let target = server.target();
    context.terminal.note(&format!("Creating missing roles on the server of {}", target.shown()));
    let path = context.typed(file);
    let proven = globals::prove(&path).map_err(|error| {
        let unusable = || Fault::failed(format!("The roles in {} cannot be restored", context.shown(&path)));
        error::explain(error, || unusable().hint("list the files: cargo xtask db-list"))
    })?;
    let consent = Consent { roles: &args.roles, settings: &args.allow_setting };
    let plan = Plan::draw(server, &proven.globals, consent)?;
    if args.dry_run && args.json {
        return context.terminal.json(&Document::of(&proven, &plan, false));
    }
    show(&plan, context);
    if args.dry_run {
        return Ok(());
    }
    if !plan.is_empty() {
        context.terminal.note(&format!("on the server of {}", target.shown()));
        context.terminal.confirm("Create these roles and memberships?", args.yes)?;
        let _lock = Lock::take(server, Duration::ZERO)?;
        fault_point("locked");
        plan.apply(server)?;
        fault_point("roles created");
    }
    if args.json {
        return context.terminal.json(&Document::of(&proven, &plan, true));
    }
    report(&plan, context)
}

/// What will be made, what stays, and what is not done.
fn show(plan: &Plan<'_>, context: &Context) {
    let note = |text: &str| context.terminal.note(&terminal::clean_line(text));
    if !plan.roles.is_empty() {
        note("Roles that will be created, without passwords:");
        for new in &plan.roles {
            note(&format!("  {}", described(new)));
            new.settings().iter().for_each(|setting| note(&format!("    {setting}")));
        }
    }
    if !plan.memberships.is_empty() {
        note("Memberships that will be created:");
        for new in &plan.memberships {
            let admin = if new.admin { ", which it may grant to others (ADMIN)" } else { "" };
            note(&format!("  {} in {}{admin}", new.member, new.role));
        }
    }
    if !plan.existing.is_empty() {
        note(&format!("Roles that exist and stay as they are: {}", plan.existing.join(", ")));
    }
    if !plan.held_back.is_empty() {
        note("Not done by this program:");
        for held_back in &plan.held_back {
            note(&format!("  {}", held_back.line()));
            held_back.members_line().iter().for_each(|line| note(&format!("    {line}")));
        }
    }
    if !plan.left_out.is_empty() {
        note("In the file and not restored:");
        plan.left_out.iter().for_each(|left_out| note(&format!("  {}", left_out.what)));
    }
}

/// `app (INHERIT, LOGIN; 2 settings)`.
fn described(new: &NewRole<'_>) -> String {
    let words: Vec<&str> = new.attributes.iter().map(|attribute| attribute.word()).collect();
    let words = if words.is_empty() { "no attributes".to_owned() } else { words.join(", ") };
    let settings = match new.settings().len() as u64 {
        0 => String::new(),
        count => format!("; {}", terminal::counted(count, "setting", "settings")),
    };
    format!("{} ({words}{settings})", new.role.name)
}

fn report(plan: &Plan<'_>, context: &Context) -> Result<()> {
    let mut lines = vec![if plan.is_empty() {
        context.terminal.done_line("Nothing to do: every role of the file exists")
    } else {
        let roles = terminal::counted(plan.roles.len() as u64, "role", "roles");
        let memberships = terminal::counted(plan.memberships.len() as u64, "membership", "memberships");
        context.terminal.done_line(&format!("Created {roles} and {memberships}"))
    }];
    let (logins, shell) = (plan.logins(), context.terminal.to_type("cargo xtask db-shell"));
    if !logins.is_empty() {
        lines.push(format!("Need a password ({shell}, then \\password NAME): {}", logins.join(", ")));
    }
    if !plan.is_empty() && !plan.held_back.is_empty() {
        lines.extend(plan.held_back.iter().filter_map(HeldBack::members_line));
        lines.push(format!("To do the rest by hand ({shell}):"));
        lines.extend(plan.held_back.iter().map(|held_back| format!("  {}", held_back.by_hand)));
    }
    // All but the first, which has a mark of ours and no name.
    lines.iter_mut().skip(1).for_each(|line| *line = terminal::clean_line(line));
    context.terminal.result_report(&lines.join("\n"))
}

/// `--json`, version 1.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    file: Cow<'a, str>,
    /// False: what would be done.
    done: bool,
    roles_created: Vec<Created<'a>>,
    memberships_created: Vec<Membership<'a>>,
    existing_roles: &'a [&'a str],
    need_password: Vec<&'a str>,
    held_back: &'a [HeldBack],
    not_restored: Vec<String>,
}

#[derive(Serialize)]
struct Created<'a> {
    name: &'a str,
    attributes: Vec<&'static str>,
    settings: u64,
}

#[derive(Serialize)]
struct Membership<'a> {
    role: &'a str,
    member: &'a str,
}

impl<'a> Document<'a> {
    fn of(proven: &'a ProvenGlobals, plan: &'a Plan<'a>, done: bool) -> Self {
        let created = |new: &'a NewRole<'a>| Created {
            name: &new.role.name,
            attributes: new.attributes.iter().map(|attribute| attribute.word()).collect(),
            settings: new.settings().len() as u64,
        };
        let memberships = plan.memberships.iter();
        Self {
            version: 1,
            file: proven.path.to_string_lossy(),
            done,
            roles_created: plan.roles.iter().map(created).collect(),
            memberships_created: memberships
                .map(|made| Membership { role: &made.role, member: &made.member })
                .collect(),
            existing_roles: &plan.existing,
            need_password: plan.logins(),
            held_back: &plan.held_back,
            not_restored: plan.left_out.iter().map(|left_out| left_out.what.to_string()).collect(),
        }
    }
}
