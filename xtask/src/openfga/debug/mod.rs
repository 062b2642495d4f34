//! Why a user has a relation to an object, or has it not: the server's answer, every way through the model, and what would
//! change it.

pub mod change;
pub mod condition;
pub mod grounds;
pub mod live;
pub mod node;
pub mod refused;
pub mod remedy;
pub mod source;
pub mod values;
pub mod verified;
pub mod walk;
