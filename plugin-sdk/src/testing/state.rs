//! The plugin's state, in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::state::Error;

/// A value, and the millisecond at which its time is over.
#[derive(Clone)]
struct Kept {
    value: Vec<u8>,
    until: Option<u64>,
}

/// What the host of this thread keeps.
#[derive(Default)]
struct Store {
    values: BTreeMap<String, Kept>,
    error: Option<Error>,
}

thread_local! {
    static HOST: RefCell<Store> = RefCell::default();
}

/// Makes every use of the state fail like this, or, with `None`, work again.
pub fn fail_state(error: Option<Error>) {
    HOST.with_borrow_mut(|host| host.error = error);
}

pub(super) mod host {
    use super::{HOST, Kept, Store};
    use crate::state::Error;
    use crate::testing::host::now_ms;

    /// Works on what is kept once what is over is gone.
    fn with<R>(work: impl FnOnce(&mut Store, u64) -> Result<R, Error>) -> Result<R, Error> {
        let now = now_ms();
        HOST.with_borrow_mut(|host| match host.error.clone() {
            Some(error) => Err(error),
            None => {
                let over = |kept: &Kept| kept.until.is_some_and(|until| until <= now);
                host.values.retain(|_, kept| !over(kept));
                work(host, now)
            }
        })
    }

    /// The moment so many seconds after `now`.
    fn until(now: u64, seconds: Option<u32>) -> Option<u64> {
        seconds.map(|seconds| now + u64::from(seconds) * 1000)
    }

    pub(crate) fn state_get(key: &str) -> Result<Option<Vec<u8>>, Error> {
        with(|host, _| Ok(host.values.get(key).map(|kept| kept.value.clone())))
    }

    pub(crate) fn state_set(key: &str, value: &[u8], seconds: Option<u32>) -> Result<(), Error> {
        with(|host, now| {
            let kept = Kept {
                value: value.to_vec(),
                until: until(now, seconds),
            };
            host.values.insert(key.to_owned(), kept);
            Ok(())
        })
    }

    pub(crate) fn state_remove(key: &str) -> Result<(), Error> {
        with(|host, _| {
            host.values.remove(key);
            Ok(())
        })
    }

    pub(crate) fn state_increment(key: &str, by: i64, seconds: Option<u32>) -> Result<i64, Error> {
        with(|host, now| {
            let kept = host.values.entry(key.to_owned()).or_insert_with(|| Kept {
                value: b"0".to_vec(),
                until: until(now, seconds),
            });
            let number = str::from_utf8(&kept.value).ok();
            let number: Option<i64> = number.and_then(|text| text.parse().ok());
            let number = number.ok_or_else(|| Error::Unavailable("it is no number".into()))?;
            let sum = number.saturating_add(by);
            kept.value = sum.to_string().into_bytes();
            Ok(sum)
        })
    }

    pub(crate) fn state_swap(
        key: &str,
        expected: Option<&[u8]>,
        value: &[u8],
    ) -> Result<bool, Error> {
        with(|host, _| {
            let found = host.values.get(key);
            let fits = found.map(|kept| kept.value.as_slice()) == expected;
            if fits {
                let kept = Kept {
                    value: value.to_vec(),
                    until: found.and_then(|kept| kept.until),
                };
                host.values.insert(key.to_owned(), kept);
            }
            Ok(fits)
        })
    }
}
