//! A user's files as a test sees them, beside the client that it tries.

use std::fs;
use std::path::{Path, PathBuf};

use crate::content;
use crate::ftp::Ftp;
use crate::outside::session;
use crate::server::Server;

/// The files of a user, wherever they are. Paths are relative to his root.
pub trait Home {
    /// Every file and directory, sorted, directories with a `/` at the end.
    fn tree(&self) -> Vec<String>;

    /// What a file holds.
    fn read(&self, path: &str) -> Vec<u8>;

    /// Puts a file there, over one that is.
    fn write(&self, path: &str, bytes: &[u8]);

    /// Makes a directory in one that is there.
    fn make_directory(&self, path: &str);

    /// Fails unless a file there holds what `file` does.
    fn assert_holds(&self, path: &str, file: &Path) {
        let bytes = self.read(path);
        let same = content::hash_bytes(&bytes) == content::hash(file);
        assert!(same, "{path:?}, of {} bytes, is another file", bytes.len());
    }
}

impl Home for PathBuf {
    fn tree(&self) -> Vec<String> {
        content::tree(self)
    }

    fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.join(path)).unwrap_or_else(|error| panic!("{path:?}: {error}"))
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        fs::write(self.join(path), bytes).expect("there is room for a test");
    }

    fn make_directory(&self, path: &str) {
        fs::create_dir(self.join(path)).expect("a test can make directories");
    }
}

/// The files of [`USER`](crate::outside::USER) as a client sees them that says exactly what it is
/// told.
pub struct Outside<'s>(pub &'s Server);

impl Home for Outside<'_> {
    fn tree(&self) -> Vec<String> {
        let mut session = session(self.0);
        let mut found = Vec::new();
        collect(&mut session, "", &mut found);
        found.sort();
        found
    }

    fn read(&self, path: &str) -> Vec<u8> {
        session(self.0).fetch(&format!("RETR /{path}"))
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let reply = session(self.0).store(&format!("STOR /{path}"), bytes);
        assert_eq!(reply.code, 226, "{path:?}: {reply:?}");
    }

    fn make_directory(&self, path: &str) {
        session(self.0).command(&format!("MKD /{path}"), 257);
    }
}

fn collect(session: &mut Ftp, prefix: &str, found: &mut Vec<String>) {
    let listing = session.fetch(&format!("MLSD /{prefix}"));
    let listing = String::from_utf8(listing).expect("names are UTF-8");
    for line in listing.lines() {
        let (facts, name) = line.split_once(' ').expect("a name follows the facts");
        match facts.contains("type=dir;") {
            true => {
                let path = format!("{prefix}{name}/");
                collect(session, &path, found);
                found.push(path);
            }
            false if facts.contains("type=file;") => found.push(format!("{prefix}{name}")),
            false => {}
        }
    }
}
