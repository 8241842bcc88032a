//! Memory stays where it is, whatever the size of a file or a directory.
//!
//! `WHARF_BIG=1` raises the sizes to 3 GiB and 100,000 entries.

use std::env;
use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use tempfile::TempDir;
use wharf_tests::client::{Client, Security, Step};
use wharf_tests::content;
use wharf_tests::ftp::Ftp;
use wharf_tests::server::Server;
use wharf_tests::settings::Listener;

/// What the resident memory may grow by.
const GROWTH_MAX: u64 = 32 << 20;

fn size(ordinary: u64, big: u64) -> u64 {
    match env::var_os("WHARF_BIG").is_some() {
        true => big,
        false => ordinary,
    }
}

/// Do something and tell by how much the server grew meanwhile, at its highest.
pub(crate) fn growth(server: &Server, work: impl FnOnce()) -> u64 {
    let before = server.resident();
    let highest = AtomicU64::new(before);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                highest.fetch_max(server.resident(), Ordering::Relaxed);
                wharf_tests::pause();
            }
        });
        // The sampler ends where the work fails, too.
        let _end = SetOnDrop(&done);
        work();
    });
    highest.into_inner().max(server.resident()) - before
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_big_file_goes_up_and_down_over_tls() {
    let server = Server::ordinary();
    let endpoint = server.endpoint(Security::Explicit);
    let local = TempDir::new().expect("there is room for a test");
    let [source, fetched] = ["source", "fetched"].map(|name| local.path().join(name));
    content::file(&source, size(256 << 20, 3 << 30), 1);
    let steps = [
        Step::Upload(source.clone(), "big".into()),
        Step::Download("big".into(), fetched.clone()),
    ];
    // What a first session costs is not what a transfer costs.
    Client::Curl.perform(&endpoint, &[Step::List(String::new())]);
    let grown = growth(&server, || {
        Client::Curl.perform(&endpoint, &steps);
    });
    content::assert_same(&source, &server.home().join("big"));
    content::assert_same(&source, &fetched);
    println!("grown by {} KiB", grown >> 10);
    assert!(grown < GROWTH_MAX, "memory has grown by {grown} bytes");
}

#[test]
fn a_directory_of_many_entries_is_listed() {
    let server = Server::ordinary();
    let entries = size(20_000, 100_000);
    for index in 0..entries {
        let path = server
            .home()
            .join(format!("an entry with an ordinary name {index:06}"));
        File::create(path).expect("there is room");
    }
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    let grown = growth(&server, || {
        for line in ["LIST", "NLST", "MLSD"] {
            let listing = ftp.fetch(line);
            let lines = listing.split(|&byte| byte == b'\n');
            let shown = lines.filter(|line| line.windows(8).any(|part| part == b"an entry"));
            assert_eq!(shown.count() as u64, entries, "{line}");
        }
    });
    println!("grown by {} KiB", grown >> 10);
    assert!(grown < GROWTH_MAX, "memory has grown by {grown} bytes");
}
