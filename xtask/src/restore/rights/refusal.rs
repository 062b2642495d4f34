//! The refusal for want of rights, with the words to ask a superuser for them.

use super::lacks::{Lacks, PARAMETERS_SINCE, RoleWithSettings};
use crate::error::Fault;
use crate::postgres::quote::identifier;
use crate::postgres::server::see_settings;
use crate::postgres::session;
use crate::target::Target;
use crate::words::{clean_line, shell_word};
use anyhow::Result;

/// Since then CREATEROLE changes only roles with the ADMIN OPTION; before, every role but superusers.
const ADMIN_OPTION_SINCE: u32 = 16;
const SUPERUSERS_ONLY: &str = "-- or restore as a superuser, who keeps the setting";

impl Lacks {
    /// A superuser's session can be ended by a superuser alone; no grant helps.
    fn refuse_superusers(&self, target: &Target) -> Result<()> {
        let users: Vec<&str> = self.sessions.iter().filter(|s| s.superuser).map(|s| s.user.as_str()).collect();
        if users.is_empty() {
            return Ok(());
        }
        let (users, database) = (users.join(", "), target.database());
        let fault = Fault::failed(format!(
            "A superuser is connected to {database}, whose session only a superuser can terminate: {users}"
        ));
        Err(fault.hint("ask them to disconnect, then try again; nothing was changed").into())
    }

    /// Where nothing can be changed, whatever the rights.
    fn refuse_read_only(&self, target: &Target) -> Result<(), Fault> {
        if self.standby {
            let fault = Fault::failed("The server is a standby, which is read-only; nothing was changed");
            return Err(fault.hint("name its primary (for target url: in DATABASE_URL)"));
        }
        if self.read_only {
            let user = target.user();
            let fault = Fault::failed(format!("Sessions of user {user} are read-only here; nothing was changed"));
            let why = session::configured_settings(target, &["default_transaction_read_only"]);
            return Err(fault.hint(why.unwrap_or_else(|| {
                let here = "cargo xtask db-shell -- -c 'SHOW default_transaction_read_only'";
                format!("see the session's value: {here}\nsee where it is set: {}", see_settings(target))
            })));
        }
        Ok(())
    }

    /// A membership in them would give this role more than the restore needs.
    fn refuse_powerful(&self, target: &Target) -> Result<(), Fault> {
        if self.powerful.is_empty() {
            return Ok(());
        }
        let (user, roles) = (target.user(), self.powerful.join(", "));
        let fault = Fault::failed(format!(
            "User {user} may not give anything to {roles}, which this needs; nothing was changed"
        ));
        let roles = self.powerful.iter().map(|role| shell_word(role)).collect::<Vec<_>>().join(", ");
        Err(fault.hint(format!(
            "restore as a superuser: a member of {roles} may do more than this needs\nor have a superuser give the objects, and \
             the database, to another role, and back it up again"
        )))
    }

    pub(super) fn refuse(&self, target: &Target, by_hand: &str) -> Result<()> {
        self.refuse_read_only(target)?;
        if self.superuser {
            return Ok(());
        }
        self.refuse_powerful(target)?;
        let user = identifier(target.user())?;
        let mut asks = Vec::new();
        if !self.may_create {
            asks.push(format!("ALTER ROLE {user} CREATEDB;"));
        }
        for role in &self.not_member_of {
            asks.push(format!("GRANT {} TO {user};", identifier(role)?));
        }
        if self.sessions.iter().any(|session| !session.superuser) {
            asks.push(format!("GRANT pg_signal_backend TO {user};"));
        }
        for name in &self.parameters {
            asks.push(self.for_parameter(name, target)?);
        }
        asks.extend(self.for_roles_with_settings(target)?);
        if asks.is_empty() {
            return self.refuse_superusers(target);
        }
        let message = if self.may_create {
            format!("User {} lacks rights that this needs; nothing was changed", target.user())
        } else {
            format!("User {} may not create a database, which this needs; nothing was changed", target.user())
        };
        let hand = if self.may_create { "" } else { by_hand };
        // A name with a line break in it begins no line of ours.
        let asks: Vec<String> = asks.iter().map(|ask| clean_line(ask)).collect();
        Err(Fault::failed(message).hint(format!("ask a superuser for:\n{}{hand}", asks.join("\n"))).into())
    }

    fn for_parameter(&self, name: &str, target: &Target) -> Result<String, Fault> {
        if self.major >= PARAMETERS_SINCE {
            return Ok(format!("GRANT SET ON PARAMETER {name} TO {};", identifier(target.user())?));
        }
        Ok(format!("ALTER DATABASE {} RESET {name}; {SUPERUSERS_ONLY}", identifier(target.database())?))
    }

    fn for_roles_with_settings(&self, target: &Target) -> Result<Vec<String>, Fault> {
        let (user, database) = (identifier(target.user())?, identifier(target.database())?);
        // To change another role may be asked for only where that gives no right over the server or over further roles.
        let may_be_changed = |role: &&RoleWithSettings| self.major >= ADMIN_OPTION_SINCE && !role.powerful;
        let (ordinary, others): (Vec<_>, Vec<_>) = self.roles_with_settings.iter().partition(may_be_changed);
        let mut asks = Vec::new();
        if !ordinary.is_empty() && !self.may_change_roles {
            asks.push(format!("ALTER ROLE {user} CREATEROLE;"));
        }
        for role in ordinary {
            asks.push(format!("GRANT {} TO {user} WITH ADMIN OPTION;", identifier(&role.name)?));
        }
        for role in others {
            let role = identifier(&role.name)?;
            asks.push(format!("ALTER ROLE {role} IN DATABASE {database} RESET ALL; {SUPERUSERS_ONLY}"));
        }
        Ok(asks)
    }
}
