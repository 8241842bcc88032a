//! `path-mapper`: the setting `mounts` is what a user sees. Users called `mount-DEED` ask for a
//! deed when they log in, and below a dynamic mount, `map-DEED-…` in the name asks for a deed.
//!
//! `refuse`, `lines`, `long`: denied with that text. `at`: leads to `mapped-NAME` in the first
//! mount's target. `outside`: where no mount reaches. `nowhere`: into a sink that there is not.

use wharf_plugin::{Failure, Location, Mount, Operation, PathMapper, Resolution, Session};

use crate::deed::{denial, perform};
use crate::{Mounted, Obliging, asked};

impl PathMapper for Obliging {
    fn mounts(&self, session: &Session<'_>) -> Result<Vec<Mount>, Failure> {
        let user = session.user().unwrap_or_default();
        perform(asked(&user, "mount").unwrap_or_default(), &self.settings)?;
        Ok(self.settings.mounts.iter().map(Mounted::mount).collect())
    }

    fn locate(
        &self,
        _session: &Session<'_>,
        _what: Operation,
        path: &str,
    ) -> Result<Resolution, Failure> {
        let Some(deed) = asked(path, "map") else {
            return Ok(Resolution::Pass);
        };
        if let Some(denial) = denial(deed) {
            return Ok(Resolution::Deny(denial));
        }
        perform(deed, &self.settings)?;
        let name = path.rsplit('/').next().unwrap_or_default();
        let first = self.settings.mounts.first().map(Mounted::target);
        let first = first.unwrap_or_default();
        Ok(match deed {
            "at" => Resolution::At(first.join(&format!("mapped-{name}"))),
            "outside" => Resolution::At(Location::new(first.sink, "outside/of/the/grant")),
            "nowhere" => Resolution::At(Location::new("nowhere", "x")),
            _ => Resolution::Pass,
        })
    }
}

impl Mounted {
    fn mount(&self) -> Mount {
        let mount = Mount::new(&self.directory, self.target());
        let mount = match self.allow {
            Some(operations) => mount.allow(operations),
            None => mount,
        };
        if self.dynamic { mount.dynamic() } else { mount }
    }

    fn target(&self) -> Location {
        Location::new(&self.sink, &self.key)
    }
}
