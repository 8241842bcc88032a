//! Going on with an object: what is there is copied by the store itself where its size allows.

use std::sync::Arc;

use super::commit::Over;
use super::multipart::Multipart;
use super::properties::Properties;
use super::range::{Range, Wanted};
use super::upload::S3Upload;
use super::{Store, copy, parts};
use crate::config::Rights;
use crate::sink::{Key, SinkError, WriteMode};

/// What stood at the key when an upload began that goes on with it.
pub(super) struct Original {
    /// Tells this state of the object from another; `None` where nothing stood there.
    pub(super) entity_tag: Option<String>,
    /// Its bytes.
    pub(super) size: u64,
}

/// Begins an upload that goes on with what stands at `file`.
pub(super) async fn begin(
    store: &Arc<Store>,
    file: &Key,
    mode: WriteMode,
) -> Result<S3Upload, SinkError> {
    if store.settings.rights == Rights::PutOnly {
        return Err(SinkError::Unsupported);
    }
    let object = store.layout.object(file);
    let head = store.head(&object).await?;
    let size = head.as_ref().map_or(0, copy::size_of);
    let entity_tag = head
        .as_ref()
        .map(|head| head.e_tag.clone().unwrap_or_default());
    let start = match mode {
        WriteMode::At(offset) => offset,
        _ => size,
    };
    if start > size {
        return Err(SinkError::BeyondEnd);
    }
    let properties = match &head {
        // What it was said to be, but for the time: it is modified now.
        Some(head) => Properties::of(store, head).modified(None),
        None => Properties::of_new(store),
    };
    let mut upload = S3Upload::new(Arc::clone(store), file.clone(), mode);
    let original = Original { entity_tag, size };
    // Too little for a part goes through this host.
    let to_fetch = match start < parts::PART_MIN {
        true => start,
        false => 0,
    };
    if to_fetch < start {
        let mut multipart = Multipart::begin(store, object.clone(), &properties).await?;
        let tag = original.entity_tag.as_deref();
        let copied = store.copy_parts(&object, tag, &object, multipart.id(), 0..start);
        match copied.await {
            Ok(copied) => multipart.holds(copied),
            Err(error) => {
                multipart.abort(Arc::clone(store)).await;
                return Err(error);
            }
        }
        upload.go_on(multipart, start);
    }
    upload.set_properties(properties);
    upload.set_original(original, to_fetch);
    Ok(upload)
}

impl S3Upload {
    /// Adds a range of the object as it was when the upload began.
    pub(super) async fn add(
        &mut self,
        store: &Arc<Store>,
        object: &str,
        original: &Original,
        range: std::ops::Range<u64>,
    ) -> Result<(), SinkError> {
        let mut start = range.start;
        while start < range.end {
            // These bytes are beside the memory of all transfers: the room that the upload itself
            // holds meanwhile could be what the others wait for. But without that room they do not
            // come, so that there are no more of them than parts in that memory.
            self.take_room(self.part_size()).await;
            let wanted = Wanted {
                object: object.to_owned(),
                entity_tag: original.entity_tag.clone(),
                offset: start,
                length: parts::PART_MIN.min(range.end - start),
            };
            start += wanted.length;
            let mut piece = Range::ahead(store, wanted, None);
            loop {
                let block = piece.next().await?;
                if block.is_empty() {
                    break;
                }
                self.fill(&block).await?;
            }
        }
        Ok(())
    }
}

impl Store {
    /// That `from` is still what an upload goes on from, and what it may take the place of at
    /// `to`: those stores that know no conditional writes are asked right before.
    pub(super) async fn check_unchanged(
        &self,
        from: &Key,
        to: &Key,
        original: Original,
    ) -> Result<Over, SinkError> {
        let now = match self.size_of(&self.layout.object(from)).await {
            Ok((_, tag)) => Some(tag.unwrap_or_default()),
            Err(SinkError::NotFound) => None,
            Err(error) => return Err(error),
        };
        match (original.entity_tag, now) {
            (None, Some(_)) => Err(SinkError::Exists),
            (before, now) if before != now => Err(SinkError::Changed),
            _ if from != to => Ok(Over::Anything),
            (Some(tag), _) => Ok(Over::Object(tag)),
            (None, _) => Ok(Over::Nothing),
        }
    }
}
