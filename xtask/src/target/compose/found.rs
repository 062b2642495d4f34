//! What a stack says of its server.

use super::containers::Container;
use super::selection::ServiceFound;
use super::server_names::ServerNames;
use super::stack_login::StackLogin;

/// What the stack says of its server.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) service: ServiceFound,
    pub(super) login: StackLogin,
    /// The server's address in the network of its container.
    pub(super) address: Option<String>,
    /// The names by which services reach it.
    pub(super) names: ServerNames,
    /// The project's containers, where Docker listed them.
    pub(super) listed: Option<Vec<Container>>,
    /// Why neither Docker nor Compose could say it: then service and login are those of the shipped stack.
    pub(super) unread: Option<String>,
    pub(super) notes: Vec<String>,
    pub(super) warnings: Vec<String>,
}
