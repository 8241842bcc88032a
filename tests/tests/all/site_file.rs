//! The files that open a client on this host, read by programs that are not ours.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustls::version::TLS13;
use serde_json::Value;
use tempfile::TempDir;
use wharf_tests::client::{Client, Endpoint, Security, Step};
use wharf_tests::content;
use wharf_tests::ftp::Ftp;
use wharf_tests::process;
use wharf_tests::server::Server;
use wharf_tests::settings::{Listener, PASSWORD, USER};
use wharf_tests::tls;

/// What each client's file calls the host, the port, the user, and the note.
const KEYS: [(&str, [&str; 4]); 3] = [
    ("filezilla", ["Host", "Port", "User", "Comments"]),
    ("winscp", ["HostName", "PortNumber", "UserName", "Note"]),
    ("cyberduck", ["Hostname", "Port", "Username", "Comment"]),
];

/// Has `wharf site-file` write a file, and another program read it.
fn read(server: &Server, client: &str, user: &str, listener: Listener, file: &Path) -> Value {
    let port = server.address(listener).port().to_string();
    let more = [
        client,
        "--user",
        user,
        "--listener",
        listener.name,
        "--port",
        &port,
        "--out",
        file.to_str().expect("a test's path is UTF-8"),
    ];
    server
        .directory()
        .wharf(&["site-file"], &more, "")
        .success();
    let text = fs::read_to_string(file).expect("it was written");
    assert!(!text.contains(PASSWORD), "{text}");
    let mut python = Command::new("python3");
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/clients/site_file.py"));
    let output = process::run(python.arg(client).arg(file), "").success();
    serde_json::from_str(&output.stdout).expect("it prints JSON")
}

/// The fingerprint of the certificate that the server shows, as clients show it.
fn fingerprint(server: &Server) -> String {
    let mut ftp = Ftp::connect(server.address(Listener::IMPLICIT));
    ftp.secure(&tls::client(&TLS13));
    let chain = ftp.tls().peer_certificates().expect("a server shows one");
    let digest = content::hash_bytes(&chain[0]).to_ascii_uppercase();
    let pairs = digest.as_bytes().chunks(2).map(String::from_utf8_lossy);
    pairs.collect::<Vec<_>>().join(":")
}

#[test]
fn other_programs_read_what_is_written() {
    let server = Server::ordinary();
    let local = TempDir::new().expect("there is room for a test");
    let user = "ünï & <b> \"c\" 'd' %41 [e] = ;f";
    for (client, [host, port, name, note]) in KEYS {
        let file = local.path().join(format!("{client}.duck"));
        let site = read(&server, client, user, Listener::EXPLICIT, &file);
        assert_eq!(site[host], "127.0.0.1", "{client}");
        let expected = server.address(Listener::EXPLICIT).port().to_string();
        assert_eq!(site[port], expected, "{client}");
        assert_eq!(site[name], user, "{client}");
        let note = site[note].as_str().expect("there is a note");
        assert!(note.ends_with(&fingerprint(&server)), "{client}: {note}");
    }
}

#[test]
fn a_site_leads_to_its_listener() {
    let server = Server::ordinary();
    let local = TempDir::new().expect("there is room for a test");
    fs::write(local.path().join("source"), "bytes").expect("there is room for a test");
    let explicit = (Listener::EXPLICIT, Security::Explicit);
    let implicit = (Listener::IMPLICIT, Security::Implicit);
    for (client, key, protocol, (listener, security)) in [
        ("filezilla", "Protocol", "4", explicit),
        ("filezilla", "Protocol", "3", implicit),
        ("winscp", "Ftps", "3", explicit),
        ("winscp", "Ftps", "1", implicit),
        ("cyberduck", "Protocol", "ftps", explicit),
    ] {
        let name = format!("{client}-{protocol}");
        let file = local.path().join(format!("{name}.duck"));
        let site = read(&server, client, USER, listener, &file);
        assert_eq!(site[key], protocol, "{client}");
        let (_, [host, port, ..]) = KEYS[KEYS
            .iter()
            .position(|(known, _)| *known == client)
            .expect("it is known")];
        let text = |key: &str| site[key].as_str().expect("it is a text").to_owned();
        let endpoint = Endpoint {
            address: format!("{}:{}", text(host), text(port))
                .parse()
                .expect("it is an address"),
            security,
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
        };
        let upload = Step::Upload(local.path().join("source"), name.clone());
        Client::Curl.perform(&endpoint, &[upload]);
        assert_eq!(
            fs::read(server.home().join(&name)).expect("it was stored"),
            b"bytes"
        );
    }
}

#[test]
fn what_cannot_be_opened_is_not_written() {
    let server = Server::ordinary();
    let local = TempDir::new().expect("there is room for a test");
    let file = local.path().join("mine.xml");
    fs::write(&file, "all my sites").expect("there is room for a test");
    let path = file.to_str().expect("a test's path is UTF-8");
    for (client, reason) in [
        ("filezilla", "is there already"),
        ("cyberduck", "end with .duck"),
    ] {
        let more = [client, "--user", USER, "--port", "21", "--out", path];
        let told = server
            .directory()
            .wharf(&["site-file"], &more, "")
            .failure();
        assert!(told.stderr.contains(reason), "{told}");
    }
    let implicit = [
        "cyberduck",
        "--user",
        USER,
        "--listener",
        "implicit",
        "--port",
        "990",
    ];
    server
        .directory()
        .wharf(&["site-file"], &implicit, "")
        .failure();
    assert_eq!(
        fs::read_to_string(&file).expect("it is there"),
        "all my sites"
    );
}
