//! What a stack says of its server.

use super::containers::Container;
use super::selection::ServiceFound;
use super::server_names::ServerNames;
use super::stack_login::StackLogin;
use std::net::SocketAddr;

/// What the stack says of its server.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) service: ServiceFound,
    pub(super) login: StackLogin,
    /// The server's address in the network of its container.
    pub(super) address: Option<String>,
    /// The port of this host that leads to the server, past Docker's programs; why there is none.
    pub(super) published: Result<SocketAddr, String>,
    /// The folder of its data, inside its container.
    pub(super) data_folder: String,
    /// The names by which services reach it.
    pub(super) names: ServerNames,
    /// The project's containers, where Docker listed them.
    pub(super) listed: Option<Vec<Container>>,
    /// Why neither Docker nor Compose could say it: then service and login are those of the shipped stack.
    pub(super) unread: Option<String>,
    pub(super) notes: Vec<String>,
    pub(super) warnings: Vec<String>,
}
