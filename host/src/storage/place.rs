//! Where a path leads.

use std::sync::Arc;

use wharf_protocol::path::VirtualPath;

use super::StorageError;
use super::publish::is_taken;
use crate::sink::{Location, Sink, SinkError};

/// A path that the user may use in the way he asked for, and where it leads.
#[derive(Clone, Debug)]
pub struct Place {
    /// What the user calls it.
    pub path: VirtualPath,
    /// Where it is, which is what plugins and events are told.
    pub location: Location,
    /// The sink of that name.
    pub sink: Arc<dyn Sink>,
}

impl Place {
    /// Whether something stands there.
    pub(super) fn is_taken(&self) -> Result<bool, SinkError> {
        is_taken(&*self.sink, &self.location.key)
    }
}

/// What a path leads to.
#[derive(Clone, Debug)]
pub(super) enum Spot {
    /// A place in a sink.
    Place(Place),
    /// A directory that is in no sink, and leads on to those that mounts show.
    Signpost(VirtualPath),
}

impl Spot {
    /// What the user calls it.
    pub(super) fn path(&self) -> &VirtualPath {
        match self {
            Self::Place(place) => &place.path,
            Self::Signpost(path) => path,
        }
    }

    /// The place in a sink, where something is to be done to it.
    pub(super) fn place(&self) -> Result<&Place, StorageError> {
        match self {
            Self::Place(place) => Ok(place),
            Self::Signpost(_) => Err(StorageError::NotPermitted),
        }
    }
}
