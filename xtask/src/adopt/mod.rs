//! This program copied into another repository: what is there is looked at first, all changes are worked out, and only
//! then is anything written.

mod adopted;
mod apply;
mod cargo_config;
mod cargo_manifest;
mod change;
mod collision;
mod dockerfile;
mod env_example;
mod ignored;
mod included;
mod journal;
mod lock_file;
mod makefile;
mod matching;
mod name;
mod path_dependencies;
mod pattern;
mod plan;
mod repository;
mod source;
mod toml_text;
mod toolchain;

pub use adopted::LocalChanges;
pub use apply::apply;
pub use change::Change;
pub use name::PackageName;
pub use plan::{Options, Plan};
pub use repository::Repository;
pub use source::Source;
