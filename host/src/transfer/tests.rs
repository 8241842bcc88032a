//! Transfers over real sockets, from and to files.

use std::fs;
use std::io::Read;
use std::thread::{self, JoinHandle};

use flate2::Compression;
use flate2::read::{ZlibDecoder, ZlibEncoder};

use self::peer::{Ends, Peer, Protection};
use super::*;
use crate::checksum::Checksums;
use crate::config::Durability;
use crate::sink::fs::FsSink;
use crate::sink::{Key, Sink, SinkError, WriteMode};

mod listing;
mod peer;
mod trouble;

const PROTECTIONS: [Protection; 3] = [Protection::Clear, Protection::Tls12, Protection::Tls13];

/// A sink with one file, `a`.
struct Fixture {
    folder: tempfile::TempDir,
    sink: FsSink,
}

impl Fixture {
    fn new(content: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        fs::write(folder.path().join("a"), content).expect("written");
        let sink = FsSink::open(folder.path(), Durability::Os).expect("opens");
        Self { folder, sink }
    }

    fn content(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("a")).expect("is there")
    }

    /// RETR on a thread of its own.
    fn send(&self, mut connection: DataConnection, offset: u64) -> Running {
        let mut reader = self.sink.open(&file(), offset).expect("opens");
        thread::spawn(move || send_file(&mut connection, &mut *reader))
    }

    /// STOR on a thread of its own, with the commit.
    fn receive(&self, mut connection: DataConnection) -> Running {
        let mut upload = self
            .sink
            .create(&file(), WriteMode::Replace)
            .expect("begins");
        thread::spawn(move || {
            let bytes = receive_file(&mut connection, &mut *upload, &mut Checksums::default())?;
            upload.commit()?;
            Ok(bytes)
        })
    }
}

type Running = JoinHandle<Result<u64, TransferError>>;

fn file() -> Key {
    Key::parse("a").expect("a key")
}

fn ended(running: Running) -> Result<u64, TransferError> {
    running.join().expect("no panic")
}

/// Contents of every size that is handled in a way of its own, as lines of text.
fn contents() -> [Vec<u8>; 4] {
    [0, 1, 300_000, 3_000_001].map(|size| {
        let lines = (0..).flat_map(|n: u64| format!("line {}\n", n * n).into_bytes());
        lines.take(size).collect()
    })
}

fn packed(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    ZlibEncoder::new(content, Compression::fast())
        .read_to_end(&mut out)
        .expect("packs");
    out
}

fn unpacked(stream: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    ZlibDecoder::new(stream)
        .read_to_end(&mut out)
        .expect("unpacks");
    out
}

fn with_returns(content: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(content)
        .replace('\n', "\r\n")
        .into_bytes()
}

/// What travels for `content` in each form.
fn forms(content: &[u8]) -> [(Representation, TransferMode, Vec<u8>); 4] {
    let text = with_returns(content);
    [
        (
            Representation::Image,
            TransferMode::Stream,
            content.to_vec(),
        ),
        (Representation::Ascii, TransferMode::Stream, text.clone()),
        (
            Representation::Image,
            TransferMode::Deflate,
            packed(content),
        ),
        (Representation::Ascii, TransferMode::Deflate, packed(&text)),
    ]
}

#[test]
fn files_arrive_in_every_form() {
    for content in contents() {
        let fixture = Fixture::new(&content);
        for protection in PROTECTIONS {
            let ends = Ends::new(protection);
            for (representation, mode, travelling) in forms(&content) {
                let (mut connection, peer) = ends.connect();
                (connection.representation, connection.mode) = (representation, mode);
                let running = fixture.send(connection, 0);
                let received = peer.read_all();
                let case = (protection, representation, mode, content.len());
                match mode {
                    TransferMode::Stream => assert!(received == travelling, "{case:?}"),
                    TransferMode::Deflate => {
                        assert!(unpacked(&received) == unpacked(&travelling), "{case:?}");
                    }
                }
                assert_eq!(
                    ended(running).expect("ends well"),
                    content.len() as u64,
                    "{case:?}"
                );
            }
        }
    }
}

#[test]
fn files_are_stored_from_every_form() {
    for content in contents() {
        for protection in PROTECTIONS {
            let ends = Ends::new(protection);
            for (representation, mode, travelling) in forms(&content) {
                let fixture = Fixture::new(b"old");
                let (mut connection, mut peer) = ends.connect();
                (connection.representation, connection.mode) = (representation, mode);
                let running = fixture.receive(connection);
                for chunk in travelling.chunks(70_001) {
                    peer.write(chunk);
                }
                peer.finish();
                let case = (protection, representation, mode, content.len());
                assert_eq!(
                    ended(running).expect("ends well"),
                    content.len() as u64,
                    "{case:?}"
                );
                assert!(fixture.content() == content, "{case:?}");
            }
        }
    }
}

#[test]
fn no_segment_waits_for_another() {
    let (connection, peer) = Ends::new(Protection::Clear).connect();
    let progress = Arc::clone(&connection.progress);
    // As it comes from an event loop.
    progress.socket.set_nonblocking(true).expect("an option");
    let running = Fixture::new(b"a").send(connection, 0);
    assert_eq!(peer.read_all(), b"a");
    ended(running).expect("ends well");
    assert!(progress.socket.nodelay().expect("an option"));
}

#[test]
fn a_download_begins_where_it_is_told() {
    let [.., content] = contents();
    let fixture = Fixture::new(&content);
    for protection in PROTECTIONS {
        for offset in [1, content.len() - 1, content.len()] {
            let (connection, peer) = Ends::new(protection).connect();
            let running = fixture.send(connection, offset as u64);
            assert!(
                peer.read_all() == content[offset..],
                "{protection:?} {offset}"
            );
            assert_eq!(
                ended(running).expect("ends well"),
                (content.len() - offset) as u64
            );
        }
    }
}

#[test]
fn a_bandwidth_limit_changes_no_byte() {
    let content = vec![7; 100_000];
    let fixture = Fixture::new(&content);
    for protection in PROTECTIONS {
        let ends = Ends::new(protection);
        let (mut connection, peer) = ends.connect();
        connection.settings.bytes_per_second = Some(10_000_000);
        let running = fixture.send(connection, 0);
        assert!(peer.read_all() == content);
        ended(running).expect("ends well");
        let (mut connection, mut peer) = ends.connect();
        connection.settings.bytes_per_second = Some(10_000_000);
        let running = fixture.receive(connection);
        peer.write(&content);
        peer.finish();
        ended(running).expect("ends well");
        assert!(fixture.content() == content);
    }
}
