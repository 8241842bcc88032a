//! Listings over real sockets.

use wharf_protocol::listing::{Entry, EntryKind};
use wharf_protocol::transfer::ListFormat;

use super::*;

fn entries(count: usize) -> impl Iterator<Item = Result<Entry, SinkError>> + Send {
    let entry = |n| Entry::new(format!("file {n}"), EntryKind::File).expect("a name");
    (0..count).map(move |n| Ok(entry(n)))
}

#[test]
fn listings_arrive_whole() {
    for protection in PROTECTIONS {
        let ends = Ends::new(protection);
        for mode in [TransferMode::Stream, TransferMode::Deflate] {
            for count in [0, 1, 20_000] {
                let (mut connection, peer) = ends.connect();
                // TYPE A is what clients ask for, and lines end in CR LF already.
                (connection.representation, connection.mode) = (Representation::Ascii, mode);
                let running = thread::spawn(move || {
                    send_listing(&mut connection, &mut entries(count), ListFormat::Names, "")
                });
                let received = match mode {
                    TransferMode::Stream => peer.read_all(),
                    TransferMode::Deflate => unpacked(&peer.read_all()),
                };
                let lines: String = (0..count).map(|n| format!("file {n}\r\n")).collect();
                assert!(
                    received == lines.as_bytes(),
                    "{protection:?} {mode:?} {count}"
                );
                assert_eq!(ended(running).expect("ends well"), lines.len() as u64);
            }
        }
    }
}

#[test]
fn a_listing_that_the_sink_cannot_finish_is_no_whole_one() {
    let (mut connection, peer) = Ends::new(Protection::Clear).connect();
    let failing = entries(3).chain([Err(SinkError::PermissionDenied)]);
    let running = thread::spawn(move || {
        let mut failing = failing;
        send_listing(&mut connection, &mut failing, ListFormat::Names, "")
    });
    let error = ended(running).expect_err("fails");
    assert!(
        matches!(error, TransferError::Sink(SinkError::PermissionDenied)),
        "{error:?}"
    );
    let mut socket = peer.socket();
    assert!(
        socket.read_to_end(&mut Vec::new()).is_err(),
        "the client must notice"
    );
}
