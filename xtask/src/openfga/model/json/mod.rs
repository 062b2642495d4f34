//! The API's form of a model.

mod fields;
mod node;
mod read;
mod write;

pub use node::Node;
pub use read::read;
pub use write::write;
