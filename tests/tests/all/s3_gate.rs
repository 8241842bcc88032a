//! Uploads to a bucket that gates take their time to decide on.

use std::fs;
use std::io::Write as _;
use std::sync::Barrier;
use std::thread;

use wharf_tests::binaries;
use wharf_tests::outside::session;
use wharf_tests::server::Directory;
use wharf_tests::store::Store;
use wharf_tests::web::{Answer, Web};

#[test]
fn many_small_files_behind_a_slow_gate_leave_room_to_others() {
    const UPLOADS: usize = 12;
    // Room for the part of one upload that is filled.
    const MORE: &str = "part-size = \"5MiB\"\nmemory = \"10MiB\"\n";
    let store = Store::default();
    let directory = Directory::new(&store.settings(MORE));
    // The gate's back end answers when all have asked.
    let all = Barrier::new(UPLOADS);
    let back_end = Web::start(move |_| {
        all.wait();
        Answer::new("200 OK", "")
    });
    let origin = back_end.origin();
    let sidecar = format!(
        "[config]\nurl = \"{origin}/\"\nwait-ms = 270000\n\
         [allow]\nhttp = [\"{origin}\"]\nhttp-private = true\n\
         [limits]\ndeadline = \"5m\"\ninstances = {UPLOADS}\n"
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
