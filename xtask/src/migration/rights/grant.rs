//! The parts of a `GRANT` as pg_dump writes it.

/// All that a role may do with an object.
pub(super) const ALL: &str = "ALL";

/// `GRANT SELECT,INSERT ON TABLE public.t TO app;`, also behind `ALTER DEFAULT PRIVILEGES …` and behind its grantor.
pub(super) struct Grant<'g> {
    /// What stands before `GRANT`.
    pub(super) lead: &'g str,
    pub(super) privileges: Vec<&'g str>,
    /// What stands behind `ON`.
    pub(super) rest: &'g str,
    /// `TABLE public.t TO app`
    to: &'g str,
    /// The role may give them to others.
    with_option: bool,
}

impl<'g> Grant<'g> {
    /// `None` where the statement is none.
    pub(super) fn of(statement: &'g str) -> Option<Self> {
        let at = if statement.starts_with("GRANT ") { 0 } else { statement.find(" GRANT ")?.checked_add(1)? };
        let (lead, grant) = statement.split_at_checked(at)?;
        let (privileges, rest) = grant.strip_prefix("GRANT ")?.split_once(" ON ")?;
        let to = rest.strip_suffix(';')?;
        let bare = to.strip_suffix(" WITH GRANT OPTION");
        let privileges = privileges.split(',').collect();
        Some(Self { lead, privileges, rest, to: bare.unwrap_or(to), with_option: bare.is_some() })
    }

    /// Whether it gives privileges on the same object to the same role, with no less.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.lead == other.lead && self.to == other.to && (self.with_option || !other.with_option)
    }
}
