//! Which service of the project is OpenFGA.

use super::Compose;
use super::selection;
use anyhow::Result;

impl Compose {
    /// OpenFGA's service; `None` where the project has none that is wanted.
    ///
    /// # Errors
    /// Exit 2: the setting names no service, or several services are OpenFGA. Else: Compose cannot read the project.
    pub(super) fn openfga(&self) -> Result<Option<&str>> {
        if self.openfga.get().is_none() {
            let role = &selection::OPENFGA;
            let now = || self.listed(true).unwrap_or_default();
            let listed = self.found().listed.as_ref().map_or_else(now, Clone::clone);
            let found = match self.by_name(role, &listed) {
                Some(found) => Some(found),
                None => {
                    let candidates = self.candidates(self.config()?, &listed);
                    selection::choose(role, self.settings.get(role.setting), &candidates)?
                }
            };
            let _ = self.openfga.set(found);
        }
        Ok(self.openfga.get().and_then(Option::as_ref).map(|found| found.name.as_str()))
    }

    /// The service's name for messages; the usual name where it is not known.
    pub(super) fn openfga_or_usual(&self) -> &str {
        self.openfga().ok().flatten().unwrap_or(selection::OPENFGA.usual)
    }
}
