//! What the commands share that put another database in the live one's place: previews, reports, options.

pub mod line;
pub mod preview;
pub mod report;
pub mod safety;
pub mod services;
