//! What a listing shows.

use wharf_plugin::{Entry, Failure, ListingFilter, Session};

use crate::Settings;

impl ListingFilter for Settings {
    /// Hides what begins with a dot.
    fn shape(
        &self,
        _session: &Session<'_>,
        _directory: &str,
        mut page: Vec<Entry>,
        _last: bool,
    ) -> Result<Vec<Entry>, Failure> {
        page.retain(|entry| !entry.name.starts_with('.'));
        Ok(page)
    }
}
