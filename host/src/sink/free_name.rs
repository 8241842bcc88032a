//! Free names for STOU, in stores that cannot hold a name by themselves.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Key, SinkError};

/// How many names are tried. All but the first are random, so a second try is rare.
const ATTEMPTS: u32 = 16;

/// The names that uploads which may not replace anything have chosen and not yet published.
#[derive(Clone, Debug, Default)]
pub struct FreeNames(Arc<Mutex<HashSet<Key>>>);

/// A name that no other upload of this host chooses as long as this value lives.
#[derive(Debug)]
pub struct FreeName {
    key: Key,
    names: FreeNames,
}

impl FreeNames {
    /// Holds `wanted`, or a name that begins like it, if nothing stands there according to
    /// `is_taken`.
    ///
    /// # Errors
    /// That of `is_taken`, or no name is free.
    pub fn hold(
        &self,
        wanted: &Key,
        is_taken: impl Fn(&Key) -> Result<bool, SinkError>,
    ) -> Result<FreeName, SinkError> {
        let (directory, name) = wanted.split().ok_or(SinkError::IsDirectory)?;
        for attempt in 0..ATTEMPTS {
            let key = match attempt {
                0 => wanted.clone(),
                _ => {
                    let name = format!("{name}.{:08x}", rand::random::<u32>());
                    directory.child(&name).map_err(|_| SinkError::InvalidName)?
                }
            };
            if !self.lock().insert(key.clone()) {
                continue;
            }
            let held = FreeName {
                key,
                names: self.clone(),
            };
            if !is_taken(&held.key)? {
                return Ok(held);
            }
        }
        Err(SinkError::Exists)
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FreeName {
    /// The name.
    pub fn key(&self) -> &Key {
        &self.key
    }
}

impl Drop for FreeName {
    fn drop(&mut self) {
        self.names.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_a_name_that_is_held_or_taken() {
        let names = FreeNames::default();
        let wanted = Key::parse("d/scan").unwrap();
        let hold = |taken: bool| {
            names
                .hold(&wanted, |key| Ok(taken && *key == wanted))
                .unwrap()
        };
        let first = hold(false);
        assert_eq!(first.key(), &wanted);
        let second = hold(false);
        assert!(second.key().as_str().starts_with("d/scan."));
        drop(first);
        assert_ne!(hold(true).key(), &wanted);
        assert_eq!(hold(false).key(), &wanted);
        assert!(names.hold(&wanted, |_| Ok(true)).is_err());
        drop(second);
        assert!(names.lock().is_empty());
    }
}
