//! What we ask of a PostgreSQL server: its dump stream, a session for questions, its catalog.

pub mod activity;
pub mod dump;
pub mod locks;
pub mod open_session;
pub mod properties;
pub mod session;
