//! Uploads to a bucket that gates take their time to decide on.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Barrier};
use std::thread;

use wharf_tests::binaries;
use wharf_tests::outside::session;
use wharf_tests::server::Directory;
use wharf_tests::store::Store;

/// A back end of a gate that answers when so many have asked.
fn back_end(askers: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let all = Arc::new(Barrier::new(askers));
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let all = Arc::clone(&all);
            thread::spawn(move || {
                if client.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
                    all.wait();
                    let reply =
                        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                    // Whoever asked may be gone.
                    let _ = client.write_all(reply);
                }
            });
        }
    });
    address
}

#[test]
fn many_small_files_behind_a_slow_gate_leave_room_to_others() {
    const UPLOADS: usize = 12;
    // Room for the part of one upload that is filled.
    const MORE: &str = "part-size = \"5MiB\"\nmemory = \"10MiB\"\n";
    let store = Store::default();
    let directory = Directory::new(&store.settings(MORE));
    let origin = format!("http://{}", back_end(UPLOADS));
    let sidecar = format!(
        "[config]\nurl = \"{origin}/\"\nwait-ms = 60000\n\
         [allow]\nhttp = [\"{origin}\"]\nhttp-private = true\n\
         [limits]\ndeadline = \"60s\"\ninstances = {UPLOADS}\n"
    );
    let gate = directory.path().join("plugins/20-gate");
    let built = binaries::plugins().join("tests/obliging.wasm");
    fs::copy(built, gate.with_extension("wasm")).expect("it was built");
    fs::write(gate.with_extension("toml"), sidecar).expect("there is room");
    let server = directory.serve();
    thread::scope(|scope| {
        for number in 0..UPLOADS {
            let server = &server;
            scope.spawn(move || {
                let mut ftp = session(server);
                let mut data = ftp.data();
                ftp.command(&format!("STOR gate-http-{number}"), 150);
                data.write_all(&[7; 1000]).expect("the data is taken");
                data.finish();
                // Each is decided on once all are in.
                let reply = ftp.reply();
                assert_eq!(reply.code, 226, "{reply:?}");
            });
        }
    });
    assert_eq!(store.keys().len(), UPLOADS);
}
