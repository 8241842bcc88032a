//! Bytes to move, and how they are compared.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

/// Bytes that look like no text and compress badly, other ones for each seed.
pub fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut stream = Stream::new(seed);
    let mut bytes = vec![0; length];
    stream.fill(&mut bytes);
    bytes
}

/// A file of `length` such bytes, whatever its size.
pub fn file(path: &Path, length: u64, seed: u64) {
    let mut stream = Stream::new(seed);
    let mut writer = BufWriter::new(File::create(path).expect("a test can make files"));
    let mut block = vec![0; 64 * 1024];
    let mut left = length;
    while left > 0 {
        let part = left.min(block.len() as u64) as usize;
        stream.fill(&mut block[..part]);
        writer.write_all(&block[..part]).expect("there is room");
        left -= part as u64;
    }
    writer.flush().expect("there is room");
}

/// SHA-256 of a file.
pub fn hash(path: &Path) -> String {
    let mut file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut digest = Hasher(Sha256::new());
    io::copy(&mut file, &mut digest).expect("a test's file can be read");
    hexadecimal(digest.0)
}

/// SHA-256 of bytes.
pub fn hash_bytes(bytes: &[u8]) -> String {
    hexadecimal(Sha256::new_with_prefix(bytes))
}

/// The SHA-256 of those of each MiB of `bytes`, in hexadecimal: what the plugin `obliging` makes of
/// what it reads.
pub fn hash_pieces(bytes: &[u8]) -> String {
    let pieces = bytes.chunks(1 << 20);
    let digests: Vec<_> = pieces.flat_map(Sha256::digest).collect();
    hash_bytes(&digests)
}

fn hexadecimal(digest: Sha256) -> String {
    let bytes = digest.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Fail unless both files hold the same bytes.
pub fn assert_same(left: &Path, right: &Path) {
    let sizes = [left, right].map(|path| fs::metadata(path).map(|data| data.len()).ok());
    assert_eq!(
        hash(left),
        hash(right),
        "{} and {} differ, of {sizes:?} bytes",
        left.display(),
        right.display()
    );
}

/// Every file and directory below `root`, sorted, directories with a `/` at the end. Staged files
/// are among them.
pub fn tree(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    collect(root, "", &mut found);
    found.sort();
    found
}

fn collect(directory: &Path, prefix: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).expect("a test's directory can be read") {
        let entry = entry.expect("a test's directory can be read");
        let name = format!("{prefix}{}", entry.file_name().display());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&entry.path(), &format!("{name}/"), found);
            found.push(name + "/");
        } else {
            found.push(name);
        }
    }
}

/// xorshift64*: fast, and nobody depends on its quality.
struct Stream(u64);

impl Stream {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            let word = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

struct Hasher(Sha256);

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
