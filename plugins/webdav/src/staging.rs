//! Where uploads wait until they are published, and what broken ones have left there.

use wharf_plugin::crypto::{self, hex};
use wharf_plugin::http::Answer;
use wharf_plugin::{StorageError, clock, log};

use crate::address::split;
use crate::client::{refused, unreadable};
use crate::limits::{MAX_SWEPT, SWEEP_INTERVAL};
use crate::multistatus::Multistatus;
use crate::store::Store;

impl Store {
    /// The address of a new upload, in a collection that is there.
    ///
    /// # Errors
    /// The server does not let one be made.
    pub fn stage(&self) -> Result<String, StorageError> {
        let now = clock::elapsed();
        let before = self.looked_after.get();
        if before.is_none_or(|before| now.saturating_sub(before) > SWEEP_INTERVAL) {
            let answer = self
                .client
                .propfind(&self.address.directory(&self.staging), 1)?;
            match answer.status {
                207 => self.sweep(answer)?,
                404 | 409 => self.make_staging()?,
                status => return Err(refused("PROPFIND of the uploads", status)),
            }
            self.looked_after.set(Some(now));
        }
        let name = hex(&crypto::random(16));
        Ok(self.address.file(&format!("{}/{name}", self.staging)))
    }

    fn make_staging(&self) -> Result<(), StorageError> {
        let ends = self.staging.match_indices('/').map(|(end, _)| end);
        for end in ends.chain([self.staging.len()]) {
            let url = self.address.directory(&self.staging[..end]);
            match self.client.ask("MKCOL", &url)?.status {
                200..=299 | 405 => {}
                // Another instance was faster: where two come at once, Apache answers the second
                // as if it had no right.
                _ if self.client.propfind(&url, 0)?.status == 207 => {}
                status => return Err(refused("MKCOL of the uploads", status)),
            }
        }
        Ok(())
    }

    /// Removes what is old; the server's clock tells what that is. No upload fails because of it.
    fn sweep(&self, answer: Answer) -> Result<(), StorageError> {
        let now = answer.header("date");
        let now = now.and_then(|date| httpdate::parse_http_date(date).ok());
        let now = now.unwrap_or_else(clock::now);
        let mut old = Vec::new();
        let mut answer = Multistatus::new(answer);
        while let Some(found) = answer.next().map_err(unreadable)? {
            let age = found
                .modified
                .and_then(|then| now.duration_since(then).ok());
            let is_old = age.is_some_and(|age| age > self.sweep_after);
            if let (false, true, Some(name)) = (found.is_collection, is_old, found.parts.last()) {
                old.push(format!("{}/{name}", self.staging));
            }
            if old.len() >= MAX_SWEPT {
                break;
            }
        }
        for key in old {
            let outcome = match self.delete(&self.address.file(&key)) {
                Ok(()) => "removed".to_owned(),
                Err(error) => error.to_string(),
            };
            log::info(
                "a broken upload was left",
                &[("name", split(&key).1), ("outcome", &outcome)],
            );
        }
        Ok(())
    }
}
