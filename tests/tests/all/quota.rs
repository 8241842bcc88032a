//! Quotas, as clients and operators see them.

use std::fs;
use std::io::Write;

use wharf_tests::content;
use wharf_tests::ftp::Ftp;
use wharf_tests::outside;
use wharf_tests::server::Server;
use wharf_tests::settings::{ENCODED, Listener, PASSWORD, Settings, USER};
use wharf_tests::store::Store;

const QUOTA: &str = "[config.limits]\nquota = \"1MB\"\nquota-files = 4\n";

fn server() -> Server {
    Server::start(&Settings {
        users: QUOTA.to_owned(),
        ..Settings::default()
    })
}

/// What AVBL tells.
fn left(ftp: &mut Ftp) -> u64 {
    let reply = ftp.command("AVBL", 213);
    let (_, bytes) = reply.lines[0].split_once(' ').expect("a number");
    bytes.parse().expect("a number")
}

#[test]
fn a_quota_is_kept_and_gives_room_back() {
    let server = server();
    // Whoever stored it there, it counts.
    fs::write(server.home().join("old"), content::bytes(400_000, 1)).expect("there is room");
    let mut ftp = server.session();
    assert_eq!(left(&mut ftp), 600_000);
    assert_eq!(ftp.store("STOR a", &content::bytes(500_000, 2)).code, 226);
    assert_eq!(left(&mut ftp), 100_000);
    // In the middle, and before it begins.
    let mut data = ftp.data();
    ftp.command("STOR b", 150);
    // The host may close the data connection before all is sent.
    let _ = data.write_all(&content::bytes(900_000, 3));
    data.finish();
    ftp.expect(552);
    assert_eq!(content::tree(&server.home()), ["a", "old"]);
    let _data = ftp.data();
    ftp.command("ALLO 100001", 200);
    ftp.command("STOR b", 552);
    assert_eq!(ftp.store("STOR b", &content::bytes(100_000, 4)).code, 226);
    assert_eq!(left(&mut ftp), 0);
    let _data = ftp.data();
    ftp.command("STOR c", 552);
    let _data = ftp.data();
    ftp.command("STOU", 552);
    // Another session of the user sees the same, and what goes gives its room back to it.
    let mut other = server.session();
    let _data = other.data();
    other.command("STOR c", 552);
    ftp.command("DELE old", 250);
    assert_eq!(left(&mut other), 400_000);
    assert_eq!(other.store("STOR c", &content::bytes(400_000, 5)).code, 226);
    assert_eq!(other.store("STOR c", &content::bytes(300_000, 6)).code, 226);
    assert_eq!(other.store("APPE c", &content::bytes(100_000, 7)).code, 226);
    assert_eq!(left(&mut ftp), 0);
}

#[test]
fn files_of_a_quota_are_counted() {
    let server = server();
    let mut ftp = server.session();
    ftp.command("MKD d", 257);
    for name in ["a", "b", "d/c", "d/e"] {
        assert_eq!(ftp.store(&format!("STOR {name}"), b"").code, 226);
    }
    let _data = ftp.data();
    ftp.command("STOR f", 552);
    assert_eq!(ftp.store("STOR a", b"longer").code, 226);
    ftp.command("DELE d/c", 250);
    assert_eq!(ftp.store("STOR f", b"").code, 226);
}

#[test]
fn what_others_leave_of_an_upload_that_breaks_off_counts() {
    let server = Server::start(&Settings {
        users: format!(
            "limits = {{ quota = \"100MB\" }}\n\
             [config.users.root]\npassword = \"{ENCODED}\"\nroot = \"\"\n"
        ),
        ..Settings::default()
    });
    fs::write(server.home().join("old"), "old").expect("there is room");
    let mut ftp = server.session();
    assert_eq!(left(&mut ftp), 99_999_997);
    let mut other = Ftp::greeted(server.address(Listener::EXPLICIT));
    other.log_in("root", PASSWORD);
    other.command("TYPE I", 200);
    let mut data = other.data();
    other.command(&format!("APPE home/{USER}/old"), 150);
    // More than fits between the two, so that some has come.
    data.write_all(&content::bytes(50_000_000, 2))
        .expect("it is taken");
    other.command("ABOR", 426);
    other.expect(226);
    let size = fs::metadata(server.home().join("old")).expect("it is there");
    assert!(size.len() > 3);
    assert_eq!(left(&mut ftp), 100_000_000 - size.len());
}

#[test]
fn a_quota_holds_in_a_bucket() {
    let store = Store::default();
    let mut settings = store.settings("");
    settings.users.push_str(QUOTA);
    let server = Server::start(&settings);
    let mut ftp = outside::session(&server);
    assert_eq!(ftp.store("STOR d/a", &content::bytes(600_000, 1)).code, 226);
    let _data = ftp.data();
    ftp.command("ALLO 400001", 200);
    ftp.command("STOR b", 552);
    assert_eq!(left(&mut ftp), 400_000);
    ftp.command("DELE d/a", 250);
    assert_eq!(ftp.store("STOR b", &content::bytes(1_000_000, 2)).code, 226);
    assert_eq!(
        store
            .keys()
            .iter()
            .filter(|key| !key.ends_with('/'))
            .count(),
        1
    );
}
