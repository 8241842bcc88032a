//! What becomes of an upload before anybody sees it.

use wharf_plugin::{
    Denial, DenialReason, Disposition, Failure, Session, Staged, Upload, UploadGate,
};

use crate::Settings;

impl UploadGate for Settings {
    // `needs` says how much of the content is read here, and which checksums; by default none.

    /// Nothing empty is stored.
    fn commit(
        &self,
        _session: &Session<'_>,
        upload: &Upload,
        _content: &Staged<'_>,
    ) -> Result<Disposition, Failure> {
        if upload.size == 0 {
            let denial = Denial::new(DenialReason::ContentRejected);
            return Ok(Disposition::Discard(denial));
        }
        Ok(Disposition::Publish)
    }
}
