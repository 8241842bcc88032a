//! The `crypto` interface: what the host computes for plugins, beside their own budget of CPU.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;
use rand::TryRng as _;
use rand::rngs::SysRng;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512, Sha512_256};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

use super::totp;
use crate::plugin::bindings::imports::wharf::plugin::crypto::{Error, Host};
use crate::plugin::instance::InstanceState;
use crate::plugin::limits::CpuMeter;
use crate::plugin::password::{self, PasswordError};

/// Passwords that may wait to be verified, all plugins together: at 50 ms each and on one core, the
/// last one waits for the default deadline of a call.
const MAX_WAITING: usize = 200;
/// What is digested at once, in bytes: 0.2 ms of the slowest algorithm.
const MAX_AT_ONCE: usize = 64 * 1024;
/// Random bytes of one call.
const MAX_RANDOM: u32 = 64 * 1024;

/// Verifies and hashes passwords, and digests what is large, on threads of their own, as many at
/// once as there are cores.
#[derive(Debug)]
pub struct PasswordWork {
    cores: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Default for PasswordWork {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            cores: Arc::new(Semaphore::new(cores)),
            waiting: AtomicUsize::new(0),
        }
    }
}

/// The call that work is done for: what it has spent, and what it may spend on these threads.
struct Spender {
    cpu: Arc<CpuMeter>,
    budget: Duration,
}

impl PasswordWork {
    /// Does `work` on so many bytes, here where they are few.
    async fn sized<T: Send + 'static>(
        &self,
        spender: Spender,
        bytes: usize,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        match bytes <= MAX_AT_ONCE {
            true => work(),
            false => self.run(spender, work).await?,
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        Spender { cpu, budget }: Spender,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        if cpu.spent_elsewhere() >= budget {
            let text = format!("the host has spent {budget:?} of CPU for this call (`host-cpu`)");
            return Err(Error::TooCostly(text));
        }
        let _place = Waiting::enter(&self.waiting).ok_or(Error::Busy)?;
        // The semaphore is never closed and the work does not panic: both would be a busy host.
        let core = Arc::clone(&self.cores)
            .acquire_owned()
            .await
            .map_err(|_| Error::Busy)?;
        let work = move || {
            // Kept until the work is done, also where the call that wanted it is given up.
            let _core = core;
            cpu.elsewhere(work)
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| Error::Busy)
    }
}

/// One of those that wait or work.
struct Waiting<'w>(&'w AtomicUsize);

impl<'w> Waiting<'w> {
    fn enter(count: &'w AtomicUsize) -> Option<Self> {
        let place = Self(count);
        (count.fetch_add(1, Ordering::Relaxed) < MAX_WAITING).then_some(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl From<PasswordError> for Error {
    fn from(error: PasswordError) -> Self {
        let text = error.to_string();
        match error {
            PasswordError::UnknownForm => Self::Unsupported(text),
            PasswordError::Malformed => Self::Malformed(text),
            PasswordError::TooCostly => Self::TooCostly(text),
        }
    }
}

fn unknown<T>(algorithm: &str) -> Result<T, Error> {
    let name: String = algorithm.chars().take(32).collect();
    Err(Error::Unsupported(format!(
        "there is no algorithm {name:?} here"
    )))
}

fn digest(algorithm: &str, data: &[u8]) -> Result<Vec<u8>, Error> {
    match algorithm {
        "md5" => Ok(Md5::digest(data).to_vec()),
        "sha1" => Ok(Sha1::digest(data).to_vec()),
        "sha256" => Ok(Sha256::digest(data).to_vec()),
        "sha512" => Ok(Sha512::digest(data).to_vec()),
        "sha512-256" => Ok(Sha512_256::digest(data).to_vec()),
        other => unknown(other),
    }
}

fn hmac(algorithm: &str, key: &[u8], data: &[u8]) -> Result<Vec<u8>, Error> {
    const ANY: &str = "HMAC takes keys of any length";
    match algorithm {
        "sha1" => {
            let mac = Hmac::<Sha1>::new_from_slice(key).expect(ANY);
            Ok(mac.chain_update(data).finalize().into_bytes().to_vec())
        }
        "sha256" => {
            let mac = Hmac::<Sha256>::new_from_slice(key).expect(ANY);
            Ok(mac.chain_update(data).finalize().into_bytes().to_vec())
        }
        "sha512" => {
            let mac = Hmac::<Sha512>::new_from_slice(key).expect(ANY);
            Ok(mac.chain_update(data).finalize().into_bytes().to_vec())
        }
        other => unknown(other),
    }
}

impl InstanceState {
    fn spender(&self) -> Spender {
        Spender {
            cpu: Arc::clone(&self.cpu),
            budget: self.plugin.limits.host_cpu,
        }
    }
}

impl Host for InstanceState {
    async fn verify_password(
        &mut self,
        encoded: String,
        password: String,
    ) -> wasmtime::Result<Result<bool, Error>> {
        let verified = self
            .granted
            .passwords
            .run(self.spender(), move || {
                password::verify(&encoded, &password)
            })
            .await;
        Ok(verified.and_then(|verified| verified.map_err(Error::from)))
    }

    fn inspect_password(&mut self, encoded: String) -> wasmtime::Result<Result<String, Error>> {
        Ok(password::inspect(&encoded).map_err(Error::from))
    }

    async fn hash_password(&mut self, password: String) -> wasmtime::Result<Result<String, Error>> {
        let hashed = self
            .granted
            .passwords
            .run(self.spender(), move || password::hash(&password))
            .await;
        Ok(hashed.and_then(|hashed| hashed.map_err(|error| Error::Malformed(error.to_string()))))
    }

    fn verify_totp(
        &mut self,
        secret_base32: String,
        code: String,
        window: u8,
    ) -> wasmtime::Result<Result<Option<u64>, Error>> {
        let Some(key) = totp::base32(&secret_base32) else {
            return Ok(Err(Error::Malformed("the secret is not base32".to_owned())));
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Ok(Ok(totp::verify(&key, &code, window, now.as_secs())))
    }

    async fn digest(
        &mut self,
        algorithm: String,
        data: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let work = &self.granted.passwords;
        let (spender, length) = (self.spender(), data.len());
        Ok(work
            .sized(spender, length, move || digest(&algorithm, &data))
            .await)
    }

    async fn hmac(
        &mut self,
        algorithm: String,
        key: Vec<u8>,
        data: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let work = &self.granted.passwords;
        let (spender, length) = (self.spender(), key.len() + data.len());
        Ok(work
            .sized(spender, length, move || hmac(&algorithm, &key, &data))
            .await)
    }

    fn random(&mut self, length: u32) -> wasmtime::Result<Vec<u8>> {
        let mut bytes = vec![0; length.min(MAX_RANDOM) as usize];
        SysRng.try_fill_bytes(&mut bytes)?;
        Ok(bytes)
    }

    fn equal(&mut self, a: Vec<u8>, b: Vec<u8>) -> wasmtime::Result<bool> {
        Ok(a.ct_eq(&b).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_large_has_the_same_digest_as_what_is_small() {
        let work = PasswordWork::default();
        let cpu = Arc::new(CpuMeter::default());
        let spender = || Spender {
            cpu: Arc::clone(&cpu),
            budget: Duration::MAX,
        };
        for length in [0, MAX_AT_ONCE, MAX_AT_ONCE + 1, 1 << 20] {
            let data = vec![7; length];
            let expected = Sha256::digest(&data).to_vec();
            let found = work
                .sized(spender(), length, move || digest("sha256", &data))
                .await;
            assert_eq!(found.unwrap(), expected);
        }
        let unknown = work.sized(spender(), 1 << 20, || digest("sha3", &[])).await;
        assert!(matches!(unknown, Err(Error::Unsupported(_))));
        assert!(cpu.spent_elsewhere() > Duration::ZERO);
    }

    #[test]
    fn the_vectors_of_the_standards_hold() {
        let hex = |bytes: Result<Vec<u8>, Error>| crate::plugin::text::hex(&bytes.unwrap());
        // RFC 1321 and FIPS 180-4.
        assert_eq!(
            hex(digest("md5", b"abc")),
            "900150983cd24fb0d6963f7d28e17f72"
        );
        assert_eq!(
            hex(digest("sha1", b"abc")),
            "a9993e364706816aba3e25717850c26c9cd0d89d"
        );
        assert_eq!(
            hex(digest("sha512-256", b"abc")),
            "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"
        );
        // RFC 4231, case 2.
        assert_eq!(
            hex(hmac("sha256", b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert!(matches!(hmac("md5", b"", b""), Err(Error::Unsupported(_))));
    }
}
