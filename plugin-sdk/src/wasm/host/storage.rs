//! What lasts: the plugin's state, the sinks, and content that is not visible yet.

use crate::sinks::Page;
use crate::state::Error;
use crate::wasm::bindings::wharf::plugin::staging::Staged;
use crate::wasm::bindings::wharf::plugin::{sinks, state};
use crate::{Entry, Failure, Location, StorageError};

pub(crate) fn read_staged(staged: &Staged, offset: u64, length: u32) -> Result<Vec<u8>, Failure> {
    Ok(staged.read(offset, length)?)
}

pub(crate) fn state_get(key: &str) -> Result<Option<Vec<u8>>, Error> {
    Ok(state::get(key)?)
}

pub(crate) fn state_set(key: &str, value: &[u8], seconds: Option<u32>) -> Result<(), Error> {
    Ok(state::set(key, value, seconds)?)
}

pub(crate) fn state_remove(key: &str) -> Result<(), Error> {
    Ok(state::remove(key)?)
}

pub(crate) fn state_increment(key: &str, by: i64, seconds: Option<u32>) -> Result<i64, Error> {
    Ok(state::increment(key, by, seconds)?)
}

pub(crate) fn state_swap(key: &str, expected: Option<&[u8]>, value: &[u8]) -> Result<bool, Error> {
    Ok(state::swap(key, expected, value)?)
}

impl From<state::Error> for Error {
    fn from(error: state::Error) -> Self {
        match error {
            state::Error::NotGranted => Self::NotGranted,
            state::Error::TooLarge => Self::TooLarge,
            state::Error::Quota => Self::Quota,
            state::Error::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

pub(crate) fn sink_stat(place: &Location) -> Result<Entry, StorageError> {
    Ok(sinks::stat(&place.into())?.into())
}

pub(crate) fn sink_read(place: &Location, offset: u64, n: u32) -> Result<Vec<u8>, StorageError> {
    Ok(sinks::read(&place.into(), offset, n)?)
}

pub(crate) fn sink_put(place: &Location, data: &[u8]) -> Result<(), StorageError> {
    Ok(sinks::put(&place.into(), data)?)
}

pub(crate) fn sink_copy(source: &Location, target: &Location) -> Result<(), StorageError> {
    Ok(sinks::copy(&source.into(), &target.into())?)
}

pub(crate) fn sink_delete(place: &Location) -> Result<(), StorageError> {
    Ok(sinks::delete(&place.into())?)
}

pub(crate) fn sink_browse(
    place: &Location,
    limit: u32,
    after: Option<&str>,
) -> Result<Page, StorageError> {
    Ok(sinks::browse(&place.into(), limit, after)?.into())
}
