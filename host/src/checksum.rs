//! Checksums of stored files, for HASH and the X commands.

use std::fmt::Write;

use md5::Md5;
use sha1::Sha1;
use sha2::digest::DynDigest;
use sha2::{Sha256, Sha512};
use wharf_protocol::command::HashAlgorithm;

use crate::limits::TRANSFER_BLOCK_BYTES;
use crate::sink::{Key, Sink, SinkError, StagedUpload};

/// What plugins call `algorithm`.
pub fn name(algorithm: HashAlgorithm) -> &'static str {
    match algorithm {
        HashAlgorithm::Crc32 => "crc32",
        HashAlgorithm::Md5 => "md5",
        HashAlgorithm::Sha1 => "sha1",
        HashAlgorithm::Sha256 => "sha256",
        HashAlgorithm::Sha512 => "sha512",
    }
}

/// The algorithm that plugins call `name`.
pub fn algorithm(name: &str) -> Option<HashAlgorithm> {
    HashAlgorithm::ALL
        .into_iter()
        .find(|algorithm| self::name(*algorithm) == name)
}

/// Why there is no checksum.
#[derive(Debug, thiserror::Error)]
pub enum ChecksumError {
    /// Whoever asked does not want it any more.
    #[error("the checksum was cancelled")]
    Cancelled,
    /// The file cannot be read, or is shorter than the range.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// A checksum that is being computed.
pub struct Checksum(State);

enum State {
    Crc32(crc32fast::Hasher),
    Digest(Box<dyn DynDigest + Send>),
}

impl Checksum {
    /// The checksum of nothing, yet.
    pub fn new(algorithm: HashAlgorithm) -> Self {
        Self(match algorithm {
            HashAlgorithm::Crc32 => State::Crc32(crc32fast::Hasher::new()),
            HashAlgorithm::Md5 => State::Digest(Box::new(Md5::default())),
            HashAlgorithm::Sha1 => State::Digest(Box::new(Sha1::default())),
            HashAlgorithm::Sha256 => State::Digest(Box::new(Sha256::default())),
            HashAlgorithm::Sha512 => State::Digest(Box::new(Sha512::default())),
        })
    }

    /// Take in what follows.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Crc32(hasher) => hasher.update(bytes),
            State::Digest(digest) => digest.update(bytes),
        }
    }

    /// Lower-case hexadecimal.
    pub fn finish(self) -> String {
        match self.0 {
            State::Crc32(hasher) => format!("{:08x}", hasher.finalize()),
            State::Digest(digest) => {
                let mut hex = String::new();
                for byte in digest.finalize() {
                    // Writing to a string does not fail.
                    let _ = write!(hex, "{byte:02x}");
                }
                hex
            }
        }
    }
}

/// Checksums of the same bytes, one for each algorithm that somebody asked for.
#[derive(Default)]
pub struct Checksums(Vec<(HashAlgorithm, Checksum)>);

impl Checksums {
    /// The checksums of nothing, yet.
    pub fn new(algorithms: &[HashAlgorithm]) -> Self {
        let begun = algorithms
            .iter()
            .map(|algorithm| (*algorithm, Checksum::new(*algorithm)));
        Self(begun.collect())
    }

    /// Take in what follows.
    pub fn update(&mut self, bytes: &[u8]) {
        for (_, checksum) in &mut self.0 {
            checksum.update(bytes);
        }
    }

    /// Lower-case hexadecimal, in the order in which they were asked for.
    pub fn finish(self) -> Vec<(HashAlgorithm, String)> {
        let finished = self.0.into_iter();
        finished
            .map(|(algorithm, checksum)| (algorithm, checksum.finish()))
            .collect()
    }
}

/// Read a file and tell its checksum, from the first byte of `range` to before its second, or of
/// the whole; with the range that was read. A range without an end has the highest number for it.
///
/// It blocks for as long as reading takes, and ends soon after `cancelled` says so.
pub fn of_file(
    sink: &dyn Sink,
    file: &Key,
    algorithm: HashAlgorithm,
    range: Option<(u64, u64)>,
    cancelled: impl Fn() -> bool,
) -> Result<(String, u64, u64), ChecksumError> {
    let (start, end) = range.unwrap_or((0, u64::MAX));
    let mut reader = sink.open(file, start)?;
    let mut checksum = Checksum::new(algorithm);
    let mut block = vec![0; TRANSFER_BLOCK_BYTES];
    let mut position = start;
    while position < end {
        if cancelled() {
            return Err(ChecksumError::Cancelled);
        }
        let left = usize::try_from(end - position).unwrap_or(usize::MAX);
        match reader.read(&mut block[..left.min(TRANSFER_BLOCK_BYTES)])? {
            0 => break,
            count => {
                checksum.update(&block[..count]);
                position += count as u64;
            }
        }
    }
    // Without an end it reaches as far as the file does.
    if position < end && end < u64::MAX {
        return Err(SinkError::BeyondEnd.into());
    }
    Ok((checksum.finish(), start, position))
}

/// Read an upload back and tell its checksums. As [`of_file`], it blocks and can be cancelled.
pub fn of_upload(
    upload: &StagedUpload,
    algorithms: &[HashAlgorithm],
    cancelled: impl Fn() -> bool,
) -> Result<Vec<(HashAlgorithm, String)>, ChecksumError> {
    let mut checksums = Checksums::new(algorithms);
    let mut block = vec![0; TRANSFER_BLOCK_BYTES];
    let mut position = 0;
    loop {
        if cancelled() {
            return Err(ChecksumError::Cancelled);
        }
        match upload.read_at(&mut block, position)? {
            0 => return Ok(checksums.finish()),
            count => {
                checksums.update(&block[..count]);
                position += count as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Durability;
    use crate::sink::WriteMode;
    use crate::sink::fs::FsSink;

    #[test]
    fn checksums_are_those_of_the_standards() {
        // "123456789" and "abc" as published with each algorithm.
        for (algorithm, hex) in [
            (HashAlgorithm::Crc32, "352441c2"),
            (HashAlgorithm::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (
                HashAlgorithm::Sha1,
                "a9993e364706816aba3e25717850c26c9cd0d89d",
            ),
            (
                HashAlgorithm::Sha256,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                HashAlgorithm::Sha512,
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
        ] {
            let mut checksum = Checksum::new(algorithm);
            checksum.update(b"a");
            checksum.update(b"bc");
            assert_eq!(checksum.finish(), hex, "{algorithm:?}");
        }
    }

    #[test]
    fn a_range_of_a_file_is_read() {
        let folder = tempfile::tempdir().expect("a directory");
        let sink = FsSink::open(folder.path(), Durability::Os).expect("opens");
        let file = Key::parse("a").expect("a key");
        let mut upload = sink.create(&file, WriteMode::Replace).expect("begins");
        upload.write(b"xabcx").expect("writes");
        upload.commit().expect("commits");
        let read = |range| of_file(&sink, &file, HashAlgorithm::Crc32, range, || false);
        let abc = ("352441c2".to_owned(), 1, 4);
        assert_eq!(read(Some((1, 4))).expect("reads"), abc);
        for (range, ends) in [(None, (0, 5)), (Some((2, u64::MAX)), (2, 5))] {
            let (_, start, end) = read(range).expect("reads");
            assert_eq!((start, end), ends, "{range:?}");
        }
        assert_eq!(read(Some((3, 3))).expect("reads").0, "00000000");
        for range in [(3, 6), (6, 7)] {
            let beyond = read(Some(range));
            assert!(
                matches!(beyond, Err(ChecksumError::Sink(SinkError::BeyondEnd))),
                "{range:?}"
            );
        }
        let cancelled = of_file(&sink, &file, HashAlgorithm::Sha1, None, || true);
        assert!(matches!(cancelled, Err(ChecksumError::Cancelled)));
    }
}
