//! Who the server runs as. PostgreSQL refuses root, so root's server is another user's.

use super::folder::Folder;
use super::owner;
use crate::error::Fault;
use crate::platform::{self, User};
use anyhow::Result;

/// The user to start the server as: `None` for oneself. Who owns the data runs the server.
///
/// # Errors
/// The data is another user's, or root finds no user to run the server as.
pub fn server_user(folder: &Folder) -> Result<Option<User>> {
    let owner = platform::owner_of(&folder.data()).ok().flatten();
    if !platform::is_root() {
        return match owner {
            Some(owner) if Some(owner) != platform::user_id() => Err(folder.not_ours().into()),
            _ => Ok(None),
        };
    }
    match owner {
        Some(0) => {
            let fault = Fault::failed(format!("{} belongs to root", folder.data().display()));
            Err(fault
                .hint("PostgreSQL refuses to run as root; give the folder to another user: chown -R postgres")
                .into())
        }
        Some(uid) => platform::user_numbered(uid).map(Some).ok_or_else(|| {
            let fault = Fault::failed(format!("{} belongs to unknown user {uid}", folder.data().display()));
            fault.hint("give the folder to a user of this host: chown -R postgres").into()
        }),
        None => owner::newcomer().map(Some).ok_or_else(|| {
            let fault = Fault::failed("PostgreSQL refuses to run as root, and there is no user postgres or nobody");
            fault.hint("make one (useradd --system postgres), or run this as an ordinary user").into()
        }),
    }
}
