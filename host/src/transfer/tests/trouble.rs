//! Transfers that do not end well.

use std::net::Shutdown;
use std::sync::mpsc::channel;

use wharf_protocol::failure::Failure;

use super::*;
use crate::sink::{Existing, Upload};

/// More than the socket buffers of both ends hold.
const LARGE: usize = 64 << 20;

/// Upload, let `peer` misbehave, and tell how it ended; a failed one must have changed nothing.
fn upload(
    protection: Protection,
    change: impl FnOnce(&mut DataConnection),
    misbehave: impl FnOnce(Peer),
) -> Result<u64, TransferError> {
    let fixture = Fixture::new(b"old");
    let (mut connection, peer) = Ends::new(protection).connect();
    change(&mut connection);
    let running = fixture.receive(connection);
    misbehave(peer);
    let result = ended(running);
    if result.is_err() {
        assert_eq!(fixture.content(), b"old");
        assert_eq!(
            fs::read_dir(fixture.folder.path()).expect("lists").count(),
            1
        );
    }
    result
}

#[test]
fn under_tls_a_bare_end_is_forgiven_unless_strict() {
    for protection in [Protection::Tls12, Protection::Tls13] {
        for strict in [false, true] {
            let change = |connection: &mut DataConnection| {
                connection.settings.strict_close = strict;
            };
            let result = upload(protection, change, |mut peer| {
                peer.write(b"hello");
                peer.socket().shutdown(Shutdown::Both).expect("closes");
            });
            match strict {
                false => assert_eq!(result.expect("is forgiven"), 5),
                true => assert!(
                    matches!(result, Err(TransferError::Truncated)),
                    "{result:?}"
                ),
            }
        }
    }
}

#[test]
fn under_tls_an_end_before_the_handshake_is_no_empty_file() {
    let failed = upload(Protection::Tls13, |_| (), drop).expect_err("fails");
    assert_eq!(Failure::from(failed), Failure::DataHandshake);
}

#[test]
fn what_is_no_handshake_is_refused() {
    let change = |connection: &mut DataConnection| {
        connection.tls = Ends::new(Protection::Tls13).connect().0.tls;
    };
    let failed = upload(Protection::Clear, change, |mut peer| {
        peer.write(b"GET / HTTP/1.1\r\n\r\n");
        let _ = peer.read_all();
    });
    assert_eq!(
        Failure::from(failed.expect_err("fails")),
        Failure::DataHandshake
    );
}

#[test]
fn a_handshake_has_a_time_limit() {
    let change = |connection: &mut DataConnection| {
        connection.settings.handshake = Duration::from_millis(50);
    };
    let (hold, held) = channel();
    let failed = upload(Protection::Tls13, change, |peer| {
        hold.send(peer).expect("is held");
    });
    assert_eq!(
        Failure::from(failed.expect_err("fails")),
        Failure::DataHandshake
    );
    drop(held);
}

#[test]
fn a_session_that_is_not_resumed_is_refused_where_that_is_required() {
    let fixture = Fixture::new(b"content");
    for protection in [Protection::Tls12, Protection::Tls13] {
        let ends = Ends::with_tickets(protection, 1);
        for (required, resumes) in [(true, false), (false, false), (true, true)] {
            let (mut connection, mut peer) = ends.connect();
            connection.tls = connection.tls.take().map(|tls| tls.required(required));
            let running = fixture.send(connection, 0);
            if required && !resumes {
                peer.shake_hands();
                drop(peer);
                let failed = ended(running).expect_err("is refused");
                assert_eq!(Failure::from(failed), Failure::NotResumed);
                continue;
            }
            assert_eq!(peer.read_all(), b"content", "{protection:?} {required}");
            ended(running).expect("ends well");
        }
    }
}

#[test]
fn a_reset_discards_the_upload() {
    for protection in PROTECTIONS {
        let failed = upload(
            protection,
            |_| (),
            |mut peer| {
                peer.write(b"half");
                peer.reset();
            },
        );
        assert_eq!(
            Failure::from(failed.expect_err("fails")),
            Failure::ConnectionLost
        );
    }
}

#[test]
fn a_peer_that_stalls_is_given_up() {
    let change = |connection: &mut DataConnection| {
        connection.settings.stall = Duration::from_millis(50);
    };
    for protection in PROTECTIONS {
        let (hold, held) = channel();
        let failed = upload(protection, change, |mut peer| {
            // On a slow machine it is given up before.
            let _ = peer.try_write(b"half");
            hold.send(peer).expect("is held");
        });
        assert!(
            matches!(failed, Err(TransferError::Stalled)),
            "{protection:?} {failed:?}"
        );
        drop(held);
        let fixture = Fixture::new(&vec![0; LARGE]);
        let (mut connection, mut peer) = Ends::new(protection).connect();
        change(&mut connection);
        let running = fixture.send(connection, 0);
        let _ = peer.try_write(b"");
        let failed = ended(running);
        assert!(
            matches!(failed, Err(TransferError::Stalled)),
            "{protection:?} {failed:?}"
        );
    }
}

#[test]
fn an_abort_ends_either_way_at_once() {
    for protection in PROTECTIONS {
        let ends = Ends::new(protection);
        let fixture = Fixture::new(&vec![0; LARGE]);
        for upload in [false, true] {
            let (connection, mut peer) = ends.connect();
            let progress = connection.progress.clone();
            let running = match upload {
                true => fixture.receive(connection),
                false => fixture.send(connection, 0),
            };
            peer.shake_hands();
            if upload {
                peer.write(b"half");
            }
            progress.abort();
            let failed = ended(running).expect_err("is aborted");
            assert_eq!(
                Failure::from(failed),
                Failure::Aborted,
                "{protection:?} {upload}"
            );
        }
        assert_eq!(fixture.content().len(), LARGE);
    }
}

#[test]
fn an_upload_has_a_size_limit() {
    for (mode, content) in [
        (TransferMode::Stream, vec![0; 1001]),
        // A few bytes that unpack to a lot.
        (TransferMode::Deflate, packed(&vec![0; 50 << 20])),
    ] {
        for protection in PROTECTIONS {
            let change = |connection: &mut DataConnection| {
                connection.mode = mode;
                connection.settings.upload_bytes_max = Some(1000);
            };
            let failed = upload(protection, change, |mut peer| {
                peer.shake_hands();
                let _ = peer.try_write(&content);
                let _ = peer.socket().read_to_end(&mut Vec::new());
            });
            assert!(
                matches!(failed, Err(TransferError::TooLarge)),
                "{mode:?} {failed:?}"
            );
        }
    }
}

#[test]
fn a_packed_stream_that_is_cut_is_refused() {
    let stream = packed(b"a whole file");
    let change = |connection: &mut DataConnection| connection.mode = TransferMode::Deflate;
    let failed = upload(Protection::Clear, change, |mut peer| {
        peer.write(&stream[..stream.len() - 2]);
        drop(peer);
    });
    assert!(matches!(failed, Err(TransferError::Deflate)), "{failed:?}");
}

#[test]
fn a_file_that_shrinks_is_not_taken_for_whole() {
    let fixture = Fixture::new(&vec![0; 1000]);
    let (mut connection, peer) = Ends::new(Protection::Clear).connect();
    let mut reader = fixture.sink.open(&file(), 0).expect("opens");
    fs::write(fixture.folder.path().join("a"), "short").expect("written");
    let failed = send_file(&mut connection, &mut *reader).expect_err("fails");
    assert!(
        matches!(failed, TransferError::Sink(SinkError::Io(_))),
        "{failed:?}"
    );
    drop(connection);
    assert!(
        peer.socket().read_to_end(&mut Vec::new()).is_err(),
        "the client must notice"
    );
}

/// An upload to a full disk.
struct Full(Key);

impl Upload for Full {
    fn key(&self) -> &Key {
        &self.0
    }

    fn write(&mut self, _: &[u8]) -> Result<(), SinkError> {
        Err(SinkError::NoSpace)
    }

    fn size(&self) -> Result<u64, SinkError> {
        Ok(0)
    }

    fn reads_back(&self) -> bool {
        true
    }

    fn relocates(&self) -> bool {
        true
    }

    fn read_at(&self, _: &mut [u8], _: u64) -> Result<usize, SinkError> {
        Ok(0)
    }

    fn commit(self: Box<Self>) -> Result<(), SinkError> {
        Err(SinkError::NoSpace)
    }

    fn commit_to(self: Box<Self>, _: &Key, _: Existing) -> Result<(), SinkError> {
        Err(SinkError::NoSpace)
    }

    fn interrupt(self: Box<Self>) -> Result<(), SinkError> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_told() {
    let (mut connection, mut peer) = Ends::new(Protection::Clear).connect();
    peer.write(b"x");
    let failed = receive_file(
        &mut connection,
        &mut Full(file()),
        &mut Checksums::default(),
    )
    .expect_err("fails");
    assert_eq!(Failure::from(failed), Failure::NoSpace);
}
