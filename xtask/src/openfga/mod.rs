//! OpenFGA: the authorization model in its own language, the store file, and a live server brought in line with both.

pub mod api;
pub mod assertions;
pub mod client;
pub mod debug;
pub mod export;
pub mod id;
pub mod model;
pub mod pages;
pub mod reconcile;
pub mod second;
pub mod server;
pub mod started_with;
pub mod store;
pub mod store_file;
pub mod tuples;
