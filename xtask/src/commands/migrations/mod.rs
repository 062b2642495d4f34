//! Migrations as commands run them: files and ledger looked at, locks taken, files run and shown as they go.

mod apply;
mod execute;
mod extensions;
mod foreign;
mod limits;
mod notices;
mod work;

pub use apply::{Order, apply, fill, up_all};
pub use extensions::{check as check_extensions, check_fill};
pub use limits::Waiting;
pub use work::{Compared, Work};
