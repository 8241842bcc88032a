//! Times of modification in a bucket, which has none but its own.

use wharf_tests::ftp::Ftp;
use wharf_tests::outside::session;
use wharf_tests::server::Server;
use wharf_tests::store::Store;

const METADATA: &str = "modified = \"metadata\"";
/// 2020-01-02 03:04:05 in seconds since 1970.
const SAID: &str = "x-amz-meta-mtime: 1577934245";

fn offers(ftp: &mut Ftp) -> bool {
    let lines = ftp.command("FEAT", 211).lines;
    lines.iter().any(|line| line.trim() == "MFMT")
}

fn modified(ftp: &mut Ftp, name: &str) -> String {
    let reply = ftp.command(&format!("MDTM {name}"), 213);
    reply.lines[0]["213 ".len()..].to_owned()
}

#[test]
fn times_are_refused_where_nobody_asked_to_keep_them() {
    let store = Store::default();
    let server = Server::start(&store.settings(""));
    let mut ftp = session(&server);
    assert!(!offers(&mut ftp));
    assert_eq!(ftp.store("STOR file", b"1").code, 226);
    ftp.command("MFMT 20200102030405 file", 502);
    assert!(!modified(&mut ftp, "file").starts_with("2020"));
    let only_put = store.settings(&format!("rights = \"put-only\"\n{METADATA}"));
    let refused = wharf_tests::server::Directory::new(&only_put).wharf(&["check"], &[], "");
    assert!(refused.failure().text().contains("modified"));
}

#[test]
fn times_are_kept_as_metadata_beside_what_else_an_object_has() {
    let store = Store::default();
    let server = Server::start(&store.settings(METADATA));
    let mut ftp = session(&server);
    assert!(offers(&mut ftp));
    let headers = ["content-type: text/x-test", "x-amz-meta-colour: red"];
    store.put("file", &headers, "others");
    assert_eq!(ftp.store("STOR plain", b"1").code, 226);
    let before = modified(&mut ftp, "file");
    ftp.command("MFMT 20200102030405 file", 213);
    assert_eq!(modified(&mut ftp, "file"), "20200102030405");
    // A listing tells the same, for who compares the two.
    let listed = String::from_utf8_lossy(&ftp.fetch("MLSD")).into_owned();
    let line = |name: &str| {
        let mut lines = listed.lines();
        let line = lines.find(|line| line.ends_with(name));
        line.expect("it is listed").to_lowercase()
    };
    assert!(line(" file").contains("modify=20200102030405"), "{listed}");
    assert!(!line(" plain").contains("modify=2020"), "{listed}");
    for kept in headers.iter().chain(&[SAID]) {
        let told = store.headers("file");
        assert!(told.contains(kept), "{kept}: {told}");
    }
    assert_eq!(ftp.fetch("RETR file"), b"others");
    ftp.command("RNFR file", 350);
    ftp.command("RNTO moved", 250);
    assert_eq!(modified(&mut ftp, "moved"), "20200102030405");
    // What is gone on with is modified now, and otherwise what it was.
    assert_eq!(ftp.store("APPE moved", b" and ours").code, 226);
    assert!(modified(&mut ftp, "moved") >= before);
    assert!(store.headers("moved").contains(headers[1]));
    ftp.command("MFMT 20200102030405 moved", 213);
    assert_eq!(ftp.store("STOR moved", b"new").code, 226);
    assert!(modified(&mut ftp, "moved") >= before);
    ftp.command("MFMT 20200102030405 missing", 550);
    ftp.command("MKD directory", 257);
    ftp.command("MFMT 20200102030405 directory", 550);
    assert_eq!(store.keys(), ["directory/", "moved", "plain"]);
}

#[test]
fn a_time_that_another_program_has_kept_is_told() {
    let store = Store::default();
    let server = Server::start(&store.settings(METADATA));
    let mut ftp = session(&server);
    store.put("rclone", &["x-amz-meta-mtime: 1577934245.123456789"], "1");
    store.put("odd", &["x-amz-meta-mtime: yesterday"], "1");
    assert!(modified(&mut ftp, "rclone").starts_with("20200102030405"));
    assert!(!modified(&mut ftp, "odd").starts_with("2020"));
}
