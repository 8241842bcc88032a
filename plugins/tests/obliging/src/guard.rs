//! `storage-guard`: `guard-DEED-…` in the name of what is operated on, of a rename its new name.
//!
//! `refuse`, `lines`, `long`: denied with that text. `redirect`: done at `redirected-NAME` beside
//! it. `outside`: where the grant does not reach. `nowhere`: in a sink that there is not.

use wharf_plugin::{Decision, Failure, Intent, Location, Session, StorageGuard};

use crate::deed::{denial, perform};
use crate::{Obliging, asked};

impl StorageGuard for Obliging {
    fn before(&self, _session: &Session<'_>, intent: &Intent) -> Result<Decision, Failure> {
        let (path, place) = match (&intent.new_path, &intent.new_place) {
            (Some(path), Some(place)) => (path, place),
            _ => (&intent.path, &intent.place),
        };
        let Some(deed) = asked(path, "guard") else {
            return Ok(Decision::Allow);
        };
        if let Some(denial) = denial(deed) {
            return Ok(Decision::Deny(denial));
        }
        perform(deed, &self.settings)?;
        Ok(match deed {
            "redirect" => {
                Decision::Redirect(place.with_name(&format!("redirected-{}", place.name())))
            }
            "outside" => Decision::Redirect(Location::new(&place.sink, "outside/of/the/grant")),
            "nowhere" => Decision::Redirect(Location::new("nowhere", "x")),
            _ => Decision::Allow,
        })
    }
}
