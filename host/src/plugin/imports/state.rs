//! The `state` interface: what a plugin keeps in its own space, if it has one.

use crate::metrics::Capability;
use crate::plugin::bindings::imports::wharf::plugin::state::{Error, Host};
use crate::plugin::instance::InstanceState;
use crate::plugin::state_store::{StateError, StateSpace};

impl From<StateError> for Error {
    fn from(error: StateError) -> Self {
        match error {
            StateError::TooLarge => Self::TooLarge,
            StateError::Quota => Self::Quota,
            StateError::NoNumber | StateError::Storage(_) => Self::Unavailable(error.to_string()),
        }
    }
}

impl InstanceState {
    fn space(&self) -> Result<&StateSpace, Error> {
        self.granted.state.as_ref().ok_or_else(|| {
            self.granted.denials.tell(Capability::State, "state");
            Error::NotGranted
        })
    }
}

impl Host for InstanceState {
    fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        Ok(self.space().and_then(|space| Ok(space.get(&key)?)))
    }

    async fn set(
        &mut self,
        key: String,
        value: Vec<u8>,
        ttl_seconds: Option<u32>,
    ) -> wasmtime::Result<Result<(), Error>> {
        Ok(match self.space() {
            Ok(space) => space
                .set(key, value, ttl_seconds)
                .await
                .map_err(Error::from),
            Err(error) => Err(error),
        })
    }

    async fn remove(&mut self, key: String) -> wasmtime::Result<Result<(), Error>> {
        Ok(match self.space() {
            Ok(space) => space.remove(key).await.map_err(Error::from),
            Err(error) => Err(error),
        })
    }

    async fn increment(
        &mut self,
        key: String,
        by: i64,
        ttl_seconds: Option<u32>,
    ) -> wasmtime::Result<Result<i64, Error>> {
        Ok(match self.space() {
            Ok(space) => space
                .increment(key, by, ttl_seconds)
                .await
                .map_err(Error::from),
            Err(error) => Err(error),
        })
    }

    async fn swap(
        &mut self,
        key: String,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<bool, Error>> {
        Ok(match self.space() {
            Ok(space) => space.swap(key, expected, value).await.map_err(Error::from),
            Err(error) => Err(error),
        })
    }
}
