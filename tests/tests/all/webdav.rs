//! The real host with a collection of a real WebDAV server behind it.

use std::io::Write;
use std::thread;

use tempfile::TempDir;
use wharf_tests::client::{Client, Security, Step};
use wharf_tests::ftp::Ftp;
use wharf_tests::outside::{endpoint, session};
use wharf_tests::relay::Relay;
use wharf_tests::webdav::WebDav;
use wharf_tests::{content, eventually};

use super::memory::growth;

/// Enough for a test with a few transfers.
pub(crate) const FEW: &str = "instances = 6\ndeadline = \"5m\"\ncpu = \"5s\"\n";
/// What the resident memory may grow by: a few instances of 8 MiB.
const GROWTH_MAX: u64 = 32 << 20;

fn names(ftp: &mut Ftp) -> Vec<String> {
    let listing = ftp.fetch("NLST");
    let text = String::from_utf8(listing).expect("names are UTF-8");
    let mut names: Vec<_> = text.lines().map(str::to_owned).collect();
    names.sort();
    names
}

#[test]
fn names_are_encoded_as_they_have_to_be() {
    let webdav = WebDav::default();
    let server = webdav.serve(FEW);
    let mut ftp = session(&server);
    let odd = [
        "100 %",
        "a#b?c=d&e",
        "%41",
        "\u{1f6a2} é e\u{301}",
        "a\\b;c+d",
        "'\"<&>",
    ];
    for name in odd {
        assert_eq!(
            ftp.store(&format!("STOR {name}"), name.as_bytes()).code,
            226
        );
    }
    let mut sorted = odd.map(str::to_owned);
    sorted.sort();
    assert_eq!(names(&mut ftp), sorted);
    for name in odd {
        assert_eq!(
            ftp.fetch(&format!("RETR {name}")),
            name.as_bytes(),
            "{name}"
        );
        ftp.command(&format!("RNFR {name}"), 350);
        ftp.command("RNTO renamed", 250);
        ftp.command("RNFR renamed", 350);
        ftp.command(&format!("RNTO {name}"), 250);
        ftp.command(&format!("MKD d{name}"), 257);
        ftp.command(&format!("CWD d{name}"), 250);
        ftp.command("CDUP", 250);
        ftp.command(&format!("RMD d{name}"), 250);
        ftp.command(&format!("DELE {name}"), 250);
    }
    assert_eq!(names(&mut ftp), [""; 0]);
}

#[test]
fn a_large_file_passes_through_little_memory() {
    let webdav = WebDav::default();
    let server = webdav.serve(&format!("{FEW}memory = \"8MiB\"\n"));
    let endpoint = endpoint(&server, Security::Plain);
    let local = TempDir::new().expect("there is room for a test");
    let [source, fetched] = ["source", "fetched"].map(|name| local.path().join(name));
    content::file(&source, (100 << 20) + 7, 1);
    // What a first session costs is not what a transfer costs.
    Client::Curl.perform(&endpoint, &[Step::List(String::new())]);
    let steps = [
        Step::Upload(source.clone(), "big".into()),
        Step::Download("big".into(), fetched.clone()),
    ];
    let grown = growth(&server, || {
        Client::Curl.perform(&endpoint, &steps);
    });
    content::assert_same(&source, &fetched);
    println!("grown by {} KiB", grown >> 10);
    assert!(grown < GROWTH_MAX, "memory has grown by {grown} bytes");
}

#[test]
fn an_upload_is_invisible_until_it_is_whole_and_a_broken_one_leaves_nothing() {
    let webdav = WebDav::default();
    let server = webdav.serve(FEW);
    let mut ftp = session(&server);
    assert_eq!(ftp.store("STOR old", b"the old content").code, 226);
    for name in ["new", "old"] {
        let mut data = ftp.data();
        ftp.command(&format!("STOR {name}"), 150);
        data.write_all(&content::bytes(4 << 20, 1))
            .expect("the data is taken");
        assert_eq!(names(&mut session(&server)), ["old"]);
        data.reset();
        ftp.expect(426);
        eventually("it is discarded", || {
            webdav.paths() == [".wharf-uploads/", "old"]
        });
    }
    assert_eq!(ftp.fetch("RETR old"), b"the old content");
    for line in [
        "CWD .wharf-uploads",
        "SIZE .wharf-uploads",
        "MKD .wharf-uploads",
        "MKD .wharf-uploads/x",
    ] {
        ftp.command(line, 550);
    }
    ftp.command("RNFR old", 350);
    ftp.command("RNTO /.wharf-uploads/x", 550);
}

#[test]
fn interrupted_transfers_are_resumed() {
    let webdav = WebDav::default();
    let server = webdav.serve(FEW);
    let mut ftp = session(&server);
    let bytes = content::bytes(5 << 20, 1);
    assert_eq!(ftp.store("STOR file", &bytes[..2_000_000]).code, 226);
    let added = &bytes[2_000_000..4_000_000];
    assert_eq!(ftp.store("APPE file", added).code, 226);
    ftp.command("REST 3500000", 350);
    assert_eq!(ftp.store("STOR file", &bytes[3_500_000..]).code, 226);
    assert!(ftp.fetch("RETR file") == bytes);
    ftp.command("REST 4123456", 350);
    assert!(ftp.fetch("RETR file") == bytes[4_123_456..]);
    assert_eq!(webdav.paths(), [".wharf-uploads/", "file"]);
}

#[test]
fn a_server_that_is_gone_is_told_and_comes_back() {
    let webdav = WebDav::default();
    let relay = Relay::to(webdav.address());
    let server = webdav.serve_at(&relay.address().to_string(), webdav.password(), FEW);
    let mut ftp = session(&server);
    assert_eq!(ftp.store("STOR kept", b"kept").code, 226);
    relay.close();
    for line in ["STOR new", "RETR kept"] {
        ftp.passive();
        ftp.command(line, 451);
    }
    ftp.command("DELE kept", 451);
    server.log().wait_for(&["storage failed"]);
    relay.open();
    assert_eq!(ftp.fetch("RETR kept"), b"kept");
    assert_eq!(ftp.store("STOR new", b"new").code, 226);
    assert_eq!(names(&mut ftp), ["kept", "new"]);
}

#[test]
fn wrong_credentials_are_the_operators_affair() {
    let webdav = WebDav::default();
    let server = webdav.serve_at(webdav.address(), "no such password", FEW);
    let mut ftp = session(&server);
    for line in ["NLST", "STOR new"] {
        ftp.passive();
        ftp.command(line, 451);
    }
    server
        .log()
        .wait_for(&["storage failed", "does not take the credentials (401)"]);
    assert!(!server.log().text().contains("no such password"));
}

#[test]
fn what_the_server_refuses_has_its_reply() {
    let webdav = WebDav::default();
    let server = webdav.serve(FEW);
    let mut ftp = session(&server);
    ftp.command("MKD closed", 257);
    assert_eq!(ftp.store("STOR closed/file", b"x").code, 550);
    ftp.command("MKD closed/directory", 550);
    ftp.command("MFMT 20240102030405 closed", 502);
    ftp.command("MKD missing/directory", 550);
    assert_eq!(webdav.paths(), [".wharf-uploads/", "closed/"]);
    let small = webdav.below("small");
    let server = small.serve(FEW);
    let mut ftp = session(&server);
    assert_eq!(ftp.store("STOR file", &[b'x'; 900_000]).code, 226);
    for size in [1_040_000, 3_000_000] {
        assert_eq!(ftp.store("STOR file", &vec![b'y'; size]).code, 552);
    }
    assert_eq!(ftp.fetch("RETR file").len(), 900_000);
    assert_eq!(small.paths(), [".wharf-uploads/", "file"]);
}

#[test]
fn many_transfers_share_few_instances() {
    let webdav = WebDav::default();
    for (instances, round) in [(24, "a"), (5, "b")] {
        let limits = format!("instances = {instances}\ndeadline = \"5m\"\ncpu = \"5s\"\n");
        let server = webdav.serve(&limits);
        thread::scope(|scope| {
            for number in 0..20 {
                let server = &server;
                scope.spawn(move || {
                    let bytes = content::bytes(2_500_000, number);
                    let mut ftp = session(server);
                    let name = format!("{round}{number}");
                    assert_eq!(ftp.store(&format!("STOR {name}"), &bytes).code, 226);
                    assert!(ftp.fetch(&format!("RETR {name}")) == bytes);
                });
            }
        });
    }
    let server = webdav.serve(FEW);
    assert_eq!(names(&mut session(&server)).len(), 40);
}

#[test]
fn a_directory_of_many_entries_is_listed() {
    let webdav = WebDav::default();
    webdav.ask("MKCOL", "[1000-1699]/");
    let server = webdav.serve(FEW);
    let mut ftp = session(&server);
    let expected: Vec<_> = (1000..1700).map(|number| number.to_string()).collect();
    assert_eq!(names(&mut ftp), expected);
}
