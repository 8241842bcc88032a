//! Memory stays where it is, whatever the size of a file or a directory.
//!
//! `WHARF_BIG=1` raises the sizes to 3 GiB and 100,000 entries.

use std::env;
use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use tempfile::TempDir;
use wharf_tests::client::{Client, Security, Step};
use wharf_tests::ftp::Ftp;
use wharf_tests::outside::session;
use wharf_tests::server::Server;
use wharf_tests::settings::Listener;
use wharf_tests::store::Store;
use wharf_tests::{content, eventually};

/// What the resident memory may grow by.
pub(crate) const GROWTH_MAX: u64 = 32 << 20;

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

/// What the transfers of a bucket may have in memory, in parts and ranges of which each of them has
/// room for few.
const BUCKET: &str = "part-size = \"5MiB\"\nupload-memory = \"15MiB\"\n\
    range-size = \"1MiB\"\nranges-ahead = 16\nmemory = \"40MiB\"\n";
const BUCKET_MEMORY: u64 = 40 << 20;
/// And what connections to the store and threads have beside that.
const BUCKET_GROWTH_MAX: u64 = 2 * BUCKET_MEMORY;

/// Lets `clients` do something at a time, checks by how much the server grew, and that it gives
/// back what it had.
fn share(server: &Server, clients: u64, work: impl Fn(u64, Ftp) + Sync) {
    let before = server.resident();
    let grown = growth(server, || {
        thread::scope(|scope| {
            for number in 0..clients {
                let work = &work;
                scope.spawn(move || work(number, session(server)));
            }
        });
    });
    println!("grown by {} MiB", grown >> 20);
    assert!(
        grown < BUCKET_GROWTH_MAX,
        "memory has grown by {grown} bytes"
    );
    eventually("memory is given back", || {
        server.resident() < before + GROWTH_MAX
    });
}

#[test]
fn many_transfers_share_the_memory_of_a_bucket() {
    const CLIENTS: u64 = 20;
    let store = Store::default();
    let server = Server::start(&store.settings(BUCKET));
    assert_eq!(session(&server).store("STOR first", &[7; 4096]).code, 226);
    let length = usize::try_from(size(16 << 20, 256 << 20)).expect("a size in memory");
    share(&server, CLIENTS, |number, mut ftp| {
        let bytes = content::bytes(length, number);
        assert_eq!(ftp.store(&format!("STOR {number}"), &bytes).code, 226);
    });
    share(&server, CLIENTS, |number, mut ftp| {
        let bytes = ftp.fetch(&format!("RETR {number}"));
        assert!(bytes == content::bytes(length, number), "{number}");
    });
    assert_eq!(store.keys().len() as u64, CLIENTS + 1);
}

#[test]
fn what_many_go_on_with_shares_the_memory_of_a_bucket() {
    const CLIENTS: u64 = 40;
    // Less than a part, so that it comes through the host: 160 MiB in all.
    const LENGTH: usize = 4 << 20;
    let store = Store::default();
    let server = Server::start(&store.settings(BUCKET));
    let mut ftp = session(&server);
    let bytes = content::bytes(LENGTH, 1);
    for number in 0..CLIENTS {
        assert_eq!(ftp.store(&format!("STOR {number}"), &bytes).code, 226);
    }
    share(&server, CLIENTS, |number, mut ftp| {
        assert_eq!(ftp.store(&format!("APPE {number}"), b"more").code, 226);
    });
    for number in 0..CLIENTS {
        ftp.command(&format!("REST {LENGTH}"), 350);
        assert_eq!(ftp.fetch(&format!("RETR {number}")), b"more");
    }
}

#[test]
fn a_file_outgrows_the_first_size_of_its_parts() {
    const MIB: usize = 1 << 20;
    let store = Store::default();
    let server = Server::start(&store.settings(&format!("{BUCKET}part-doubling = 3\n")));
    let mut ftp = session(&server);
    assert_eq!(ftp.store("STOR first", &[7; 4096]).code, 226);
    // Three parts of 5 MiB, three of 10, one of 20 and a rest.
    let bytes = content::bytes((3 * 5 + 3 * 10 + 20) * MIB + 7, 1);
    let grown = growth(&server, || {
        assert_eq!(ftp.store("STOR many", &bytes).code, 226);
        assert!(ftp.fetch("RETR many") == bytes);
    });
    println!("grown by {} MiB", grown >> 20);
    assert!(
        grown < BUCKET_GROWTH_MAX,
        "memory has grown by {grown} bytes"
    );
    assert_eq!(store.parts("many"), Some(8));
    assert!(store.uploads().is_empty());
}
