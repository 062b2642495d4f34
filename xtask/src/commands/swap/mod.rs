//! What the commands share that put another database in the live one's place.

pub mod done;
pub mod line;
pub mod preview;
pub mod report;
pub mod safety;
pub mod services;
pub mod switchover;
