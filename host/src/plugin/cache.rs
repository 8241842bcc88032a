//! Compiled components, kept so that they need not be compiled again.
//!
//! Compiled code is native code, so nothing is loaded that was not written by this host: the
//! directory belongs to its user alone, and every entry carries a keyed hash of its name and
//! content.

use std::fs::{self, DirBuilder, File};
use std::hash::{Hash as _, Hasher};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

const KEY_FILE: &str = "cache.key";
const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 32;
const EXTENSION: &str = "compiled";
/// Compiled components not used for so long belong to plugins that are gone.
const MAX_UNUSED: Duration = Duration::from_hours(30 * 24);
/// All of them together: thirty interpreters.
const MAX_BYTES: u64 = 1024 * 1024 * 1024;
/// How exactly the last use is known.
const NOTED_EVERY: Duration = Duration::from_hours(24);

/// A directory of compiled components.
#[derive(Debug)]
pub struct CodeCache {
    directory: PathBuf,
    key: [u8; KEY_BYTES],
}

impl CodeCache {
    /// Opens the cache in `directory`, which is made if it is not there.
    ///
    /// # Errors
    /// It cannot be made or read, or somebody else could write there.
    pub fn open(directory: &Path) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        let metadata = fs::metadata(directory)?;
        let own = metadata.uid() == rustix::process::geteuid().as_raw();
        if !own || metadata.mode() & 0o077 != 0 {
            let text = format!(
                "{} must belong to this user alone (mode 0700)",
                directory.display()
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        let key = read_or_make_key(&directory.join(KEY_FILE))?;
        Ok(Self {
            directory: directory.to_owned(),
            key,
        })
    }

    /// The compiled form of the component `wasm`, if it is there. Reads a large file for a large
    /// component: not for a thread that serves connections. What is wrong with it is only logged.
    pub fn find(&self, engine: &Engine, wasm: &[u8]) -> Option<Component> {
        let name = entry_name(engine, wasm);
        let component = self.load(engine, &name)?;
        if let Err(error) = touch(&self.directory.join(&name)) {
            tracing::debug!(entry = name, %error, "use of a compiled plugin not noted");
        }
        Some(component)
    }

    /// Compiles the component `wasm` and keeps what it becomes. Takes seconds for a large one.
    ///
    /// # Errors
    /// It does not compile. What is wrong with the cache is only logged.
    pub fn compile(&self, engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Component> {
        let component = Component::from_binary(engine, wasm)?;
        if let Err(error) = self.store(&entry_name(engine, wasm), &component) {
            tracing::warn!(
                error = format!("{error:#}"),
                "a compiled plugin could not be kept; it will be compiled again"
            );
        }
        Ok(component)
    }

    /// Removes what has not been used for long, and what the cache has no room for, oldest first.
    /// Only after the plugins that serve were taken from it.
    ///
    /// # Errors
    /// The directory cannot be read. What cannot be removed is only logged.
    pub fn evict(&self) -> io::Result<()> {
        for path in superfluous(self.entries()?, SystemTime::now()) {
            match fs::remove_file(&path) {
                Ok(()) => tracing::debug!(entry = %path.display(), "compiled plugin dropped"),
                Err(error) => {
                    tracing::warn!(entry = %path.display(), %error, "compiled plugin not dropped");
                }
            }
        }
        Ok(())
    }

    fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let path = entry.path();
            if path
                .extension()
                .is_some_and(|extension| extension == EXTENSION)
            {
                let metadata = entry.metadata()?;
                entries.push(Entry {
                    path,
                    bytes: metadata.len(),
                    used: metadata.modified()?,
                });
            }
        }
        Ok(entries)
    }

    fn load(&self, engine: &Engine, name: &str) -> Option<Component> {
        let entry = fs::read(self.directory.join(name)).ok()?;
        let (tag, code) = entry.split_at_checked(TAG_BYTES)?;
        if self.mac(name, code).verify_slice(tag).is_err() {
            tracing::warn!(
                entry = name,
                "a compiled plugin was damaged; it is compiled again"
            );
            return None;
        }
        // SAFETY: the bytes are what `Component::serialize` returned for this very version of the
        // engine and the host: both are part of the name, and the name and the bytes are
        // authenticated with a key that only this user can read. They are not a file mapping, so
        // nobody can change them from here on. Test: `damaged_entries_are_compiled_again`.
        let loaded = unsafe { Component::deserialize(engine, code) };
        loaded
            .inspect_err(|error| tracing::warn!(entry = name, %error, "compiled plugin not usable"))
            .ok()
    }

    fn store(&self, name: &str, component: &Component) -> wasmtime::Result<()> {
        let code = component.serialize()?;
        let tag = self.mac(name, &code).finalize().into_bytes();
        // Another host may write the same entry: each its own file, the last one stays.
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(&tag)?;
        file.write_all(&code)?;
        file.as_file().sync_data()?;
        file.persist(self.directory.join(name))
            .map_err(|error| error.error)?;
        Ok(())
    }

    fn mac(&self, name: &str, code: &[u8]) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        // Names are of one length, so where a name ends is no question.
        mac.chain_update(name).chain_update(code)
    }
}

/// A compiled component in the directory.
struct Entry {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

/// Those of `entries` that are to go.
fn superfluous(mut entries: Vec<Entry>, now: SystemTime) -> Vec<PathBuf> {
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.used));
    let mut room = MAX_BYTES;
    let mut stays = |entry: &Entry| {
        let fits = entry.bytes <= room;
        // What is older than the first that does not fit goes too, however small it is.
        room = if fits { room - entry.bytes } else { 0 };
        fits && now.duration_since(entry.used).unwrap_or_default() < MAX_UNUSED
    };
    entries.retain(|entry| !stays(entry));
    entries.into_iter().map(|entry| entry.path).collect()
}

/// Notes in the time of modification that the entry was used, now and then only.
fn touch(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    let age = file.metadata()?.modified()?.elapsed().unwrap_or_default();
    match age < NOTED_EVERY {
        true => Ok(()),
        false => file.set_modified(SystemTime::now()),
    }
}

/// Of the content, of what the engine's code depends on, and of the host's version.
fn entry_name(engine: &Engine, wasm: &[u8]) -> String {
    let mut hasher = Sha256Hasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.update(env!("CARGO_PKG_VERSION"));
    hasher.0.update(Sha256::digest(wasm));
    format!("{}.{EXTENSION}", super::text::hex(&hasher.0.finalize()))
}

/// Lets what can only be hashed by the standard library be hashed by SHA-256.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest: [u8; 32] = self.0.clone().finalize().into();
        digest
            .iter()
            .take(8)
            .fold(0, |number, &byte| number << 8 | u64::from(byte))
    }
}

fn read_or_make_key(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    match read_key(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut key = [0; KEY_BYTES];
    rand::fill(&mut key[..]);
    // It takes its name when it is whole: a crash leaves no damaged one, and another host that
    // starts at the same time reads no part of one.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(&key)?;
    file.as_file().sync_data()?;
    match file.persist_noclobber(path) {
        Ok(_) => File::open(directory)?.sync_all().map(|()| key),
        Err(other) if other.error.kind() == io::ErrorKind::AlreadyExists => read_key(path),
        Err(other) => Err(other.error),
    }
}

fn read_key(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    fs::read(path)?.try_into().map_err(|_| {
        let text = format!("{} is damaged; remove it", path.display());
        io::Error::new(io::ErrorKind::InvalidData, text)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

    fn entry(directory: &Path) -> PathBuf {
        fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| {
                path.extension()
                    .is_some_and(|extension| extension == EXTENSION)
            })
            .unwrap()
    }

    #[test]
    fn damaged_entries_are_compiled_again() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("plugins");
        let engine = Engine::default();
        let cache = CodeCache::open(&directory).unwrap();
        let from_cache = |cache: &CodeCache| {
            let found = cache.find(&engine, EMPTY_COMPONENT).is_some();
            if !found {
                cache.compile(&engine, EMPTY_COMPONENT).unwrap();
            }
            found
        };
        assert!(!from_cache(&cache));
        assert!(from_cache(&cache));
        let again = CodeCache::open(&directory).unwrap();
        assert!(from_cache(&again), "the key is kept");

        let path = entry(&directory);
        let whole = fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        let damages = [&flipped[..], &whole[..whole.len() - 1], &whole[..10], b""];
        for damaged in damages {
            fs::write(&path, damaged).unwrap();
            assert!(!from_cache(&cache));
            assert!(from_cache(&cache), "it was replaced");
        }
        fs::write(directory.join(KEY_FILE), [7; KEY_BYTES]).unwrap();
        let stranger = CodeCache::open(&directory).unwrap();
        assert!(!from_cache(&stranger), "written under another key");
    }

    #[test]
    fn what_is_old_or_too_much_goes_and_the_newest_stays() {
        let now = SystemTime::now();
        let entry = |name: &str, days: u64, bytes| Entry {
            path: PathBuf::from(name),
            bytes,
            used: now - Duration::from_hours(24 * days),
        };
        type Described = (&'static str, u64, u64);
        let cases: &[(&[Described], &[&str])] = &[
            (&[], &[]),
            (&[("new", 0, 1), ("old", 31, 1), ("month", 29, 1)], &["old"]),
            (&[("big", 2, MAX_BYTES), ("new", 1, 1)], &["big"]),
            (
                &[("a", 1, MAX_BYTES - 1), ("b", 2, 2), ("c", 3, 1)],
                &["b", "c"],
            ),
        ];
        for (entries, expected) in cases {
            let entries = entries
                .iter()
                .map(|(name, days, bytes)| entry(name, *days, *bytes));
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(superfluous(entries.collect(), now), expected);
        }
    }

    #[test]
    fn an_entry_that_is_used_stays_and_one_that_is_not_goes() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("plugins");
        let engine = Engine::default();
        let cache = CodeCache::open(&directory).unwrap();
        cache.compile(&engine, EMPTY_COMPONENT).unwrap();
        let age = |days: u64| {
            let entry = File::open(entry(&directory)).unwrap();
            let used = SystemTime::now() - Duration::from_hours(24 * days);
            entry.set_modified(used).unwrap();
        };
        age(31);
        assert!(cache.find(&engine, EMPTY_COMPONENT).is_some());
        cache.evict().unwrap();
        assert!(cache.find(&engine, EMPTY_COMPONENT).is_some(), "just used");
        age(31);
        cache.evict().unwrap();
        assert!(cache.find(&engine, EMPTY_COMPONENT).is_none());
        assert!(directory.join(KEY_FILE).exists());
    }

    #[test]
    fn hosts_that_start_together_have_one_key() {
        for _ in 0..20 {
            let directory = tempfile::tempdir().unwrap();
            let directory = directory.path().join("plugins");
            let keys: Vec<_> = std::thread::scope(|scope| {
                let open = || scope.spawn(|| CodeCache::open(&directory).map(|cache| cache.key));
                let hosts: Vec<_> = (0..8).map(|_| open()).collect();
                hosts.into_iter().map(|host| host.join().unwrap()).collect()
            });
            let first = keys[0].as_ref().unwrap();
            assert!(keys.iter().all(|key| key.as_ref().unwrap() == first));
            assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_directory_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o750)).unwrap();
        let error = CodeCache::open(directory.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }
}
