//! The role that shapes what a listing shows.

use crate::{Entry, Failure, Lifecycle, Session};

/// Shapes what a listing shows: hides, renames and adds entries.
pub trait ListingFilter: Lifecycle {
    /// A page of a listing of the virtual `directory`, in order; what is returned takes the page's
    /// place. `last` marks the last page.
    ///
    /// # Errors
    /// No answer could be had: see [`Failure`]. The listing then ends with an error.
    fn shape(
        &self,
        session: &Session<'_>,
        directory: &str,
        page: Vec<Entry>,
        last: bool,
    ) -> Result<Vec<Entry>, Failure>;
}
