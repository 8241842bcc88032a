//! The role that shapes what a listing shows.

use crate::{Entry, Failure, Lifecycle, Session};

/// Shapes what a listing shows: hides, renames and adds entries. It decides on nothing else: what
/// it hides can still be used by whoever knows its name, unless a guard says no.
///
/// All filters are asked in the order of their file names, each with what the one before left.
pub trait ListingFilter: Lifecycle {
    /// A page of a listing of the virtual `directory`, in order; what is returned takes the page's
    /// place. A page has at most 256 entries, what takes its place at most 1024. `last` marks the
    /// last page, which may be empty.
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
