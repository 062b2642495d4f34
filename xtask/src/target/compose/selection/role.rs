//! What services are looked for: PostgreSQL, and OpenFGA.

use crate::target::compose::image::ImageKind;

/// What a service is looked for as.
#[derive(Debug)]
pub(in crate::target::compose) struct Role {
    pub(super) product: ImageKind,
    /// For people.
    pub(super) what: &'static str,
    /// The setting that names the service.
    pub(in crate::target::compose) setting: &'static str,
    /// The name that is taken where no setting names another.
    pub(in crate::target::compose) usual: &'static str,
    /// What this program wants it for.
    pub(super) purpose: &'static str,
    /// What a person sets for a server outside of the project.
    pub(super) outside: &'static str,
}

pub(in crate::target::compose) const POSTGRES: Role = Role {
    product: ImageKind::Postgres,
    what: "PostgreSQL",
    setting: "XTASK_POSTGRES_SERVICE",
    usual: "postgres",
    purpose: "this program looks after PostgreSQL, and no other database;",
    outside: "--target url, with DATABASE_URL=postgres://USER@HOST/DATABASE in .env or in the environment",
};
pub(in crate::target::compose) const OPENFGA: Role = Role {
    product: ImageKind::Openfga,
    what: "OpenFGA",
    setting: "XTASK_OPENFGA_SERVICE",
    usual: "openfga",
    purpose: "this command needs OpenFGA;",
    outside: "OPENFGA_API_URL=http://HOST:PORT in .env or in the environment",
};

impl Role {
    /// Whether a service with an image of this kind may have this role. The kind of an image that the team builds is not known.
    pub(super) fn may_be(&self, kind: ImageKind) -> bool {
        kind == self.product || kind == ImageKind::Unknown
    }
}
