//! OpenFGA: the authorization model in its own language.

pub mod model;
