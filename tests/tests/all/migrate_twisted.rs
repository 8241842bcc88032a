//! What users of the Twisted server rely on, served by the configuration in `docs/migrate/twisted`.

use std::fs;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, CertifiedKey, IsCa, Issuer, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::version::TLS13;
use tempfile::TempDir;
use wharf_tests::client::{Client, Endpoint, Security, Step};
use wharf_tests::ftp::Ftp;
use wharf_tests::server::{Directory, Server};
use wharf_tests::settings::{ENCODED, Listener, PASSWORD, Settings, USER};
use wharf_tests::{content, example, process, tls};

/// What its makers put into `server.pem` with `openssl dhparam`; the group is ffdhe2048 (RFC 7919).
const DHPARAM: &str = "-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
";

/// What `openssl ecparam -genkey` writes before a key.
const ECPARAM: &str = "-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
";

/// The documented directory with this `server.pem`.
fn directory(pem: &str, changes: &[(&str, &str)]) -> Directory {
    let fixed = [
        ("[::]:21", "127.0.0.1:0"),
        ("[::]:990", "127.0.0.1:0"),
        (example::NO_PASSWORD, ENCODED),
    ];
    let directory = example::directory("twisted", &[&fixed, changes].concat());
    fs::create_dir_all(directory.path().join("files").join(USER)).expect("there is room");
    fs::write(directory.path().join("server.pem"), pem).expect("there is room");
    directory
}

/// A certificate for `names` with its key, in PEM, and the certificate itself.
fn certified(names: &[&str]) -> (String, String, CertificateDer<'static>) {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names);
    let CertifiedKey { cert, signing_key } = made.expect("a certificate can be made");
    (cert.pem(), signing_key.serialize_pem(), cert.der().clone())
}

fn serving(changes: &[(&str, &str)]) -> Server {
    let (certificate, key, _) = certified(&["ftp.example.com"]);
    directory(&(certificate + &key), changes).serve()
}

/// A session before AUTH.
fn greeted(server: &Server) -> Ftp {
    Ftp::greeted(server.address(Listener::EXPLICIT))
}

#[test]
fn auth_is_answered_as_clients_expect() {
    let server = serving(&[]);
    for (line, code) in [
        ("AUTH", 504),
        ("AUTH KERBEROS_V4", 504),
        ("AUTH TLSX", 504),
        ("XYZZY", 500),
        ("USER alice", 530),
        ("PBSZ 0", 503),
        ("PROT P", 503),
        ("CCC", 533),
    ] {
        greeted(&server).command(line, code);
    }
    for line in [
        "AUTH TLS",
        "AUTH TLS-C",
        "AUTH SSL",
        "AUTH TLS-P",
        "auth tls",
    ] {
        let mut ftp = greeted(&server);
        ftp.command(line, 234);
        ftp.secure(&tls::client(&TLS13));
        ftp.command("AUTH TLS", 503);
        ftp.log_in(USER, PASSWORD);
        ftp.protect(&tls::client(&TLS13));
        assert_eq!(ftp.store("STOR file", b"protected").code, 226, "{line}");
    }
}

#[test]
fn where_there_is_no_certificate_there_is_no_tls() {
    let server = Server::start(&Settings {
        listeners: vec![Listener::OFF],
        ..Settings::default()
    });
    let mut ftp = Ftp::greeted(server.address(Listener::OFF));
    let reply = ftp.command("AUTH TLS", 502);
    assert!(reply.lines[0].contains("TLS is not offered"), "{reply:?}");
    let features = ftp.command("FEAT", 211);
    assert!(!format!("{features:?}").contains("AUTH"), "{features:?}");
}

#[test]
fn clients_come_in_both_ways() {
    let server = serving(&[]);
    let local = TempDir::new().expect("there is room for a test");
    let [source, fetched] = ["source", "fetched"].map(|name| local.path().join(name));
    content::file(&source, 300_007, 1);
    for security in [Security::Explicit, Security::Implicit] {
        let endpoint = Endpoint {
            address: server.address(Listener::serving(security)),
            security,
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
        };
        for client in [Client::Curl, Client::Lftp] {
            let name = format!("{client:?}-{security:?}");
            let steps = [
                Step::Upload(source.clone(), name.clone()),
                Step::Download(name, fetched.clone()),
            ];
            client.perform(&endpoint, &steps);
            content::assert_same(&source, &fetched);
        }
    }
}

#[test]
fn ccc_is_a_setting() {
    let server = serving(&[]);
    let mut ftp = Ftp::secured(server.address(Listener::EXPLICIT), &tls::client(&TLS13));
    ftp.command("CCC", 534);
    ftp.command("PWD", 257);
    let server = serving(&[("ccc = false", "ccc = true")]);
    let address = server.address(Listener::EXPLICIT);
    let mut ftp = Ftp::secured(address, &tls::client(&TLS13));
    let features = ftp.command("FEAT", 211);
    assert!(format!("{features:?}").contains("CCC"), "{features:?}");
    ftp.command("CCC", 200);
    ftp.clear();
    ftp.command("PWD", 257);
    ftp.command("CCC", 533);
    // Data connections stay as they were agreed.
    assert_eq!(ftp.store("STOR by-hand", b"protected").code, 226);
    for mode in ["passive", "active"] {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--insecure", "--ssl-reqd"])
            .args(["--ftp-ssl-ccc", "--ftp-ssl-ccc-mode", mode])
            .args(["--user", &format!("{USER}:{PASSWORD}")])
            .arg(format!("ftp://{address}/"));
        let listing = process::run(&mut curl, "").success().stdout;
        assert!(listing.contains("by-hand"), "{mode}: {listing}");
    }
}

/// The first certificate that is shown, and how many come with it.
fn shown(server: &Server) -> (CertificateDer<'static>, usize) {
    let mut ftp = Ftp::connect(server.address(Listener::IMPLICIT));
    ftp.secure(&tls::client(&TLS13));
    ftp.expect(220);
    let chain = ftp.tls().peer_certificates().expect("a server shows one");
    (chain[0].clone().into_owned(), chain.len())
}

#[test]
fn server_pem_holds_all_in_any_order() {
    let (certificate, key, der) = certified(&["ftp.example.com"]);
    let words = "Bag Attributes\n    friendlyName: ftp\nsubject=CN = ftp.example.com\n";
    for pem in [
        format!("{certificate}{key}"),
        format!("{key}{certificate}"),
        format!("{certificate}{key}{DHPARAM}"),
        format!("{DHPARAM}{key}{certificate}"),
        format!("{certificate}{DHPARAM}{ECPARAM}{key}"),
        format!("{words}{key}{words}{certificate}"),
        format!("{key}{certificate}").replace('\n', "\r\n"),
    ] {
        let directory = directory(&pem, &[]);
        directory.wharf(&["check"], &[], "").success();
        assert_eq!(shown(&directory.serve()), (der.clone(), 1), "{pem}");
    }
}

#[test]
fn server_pem_holds_the_chain_too() {
    let mut authority = CertificateParams::new([]).expect("it names nobody");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let [authority_key, key] = [(); 2].map(|()| KeyPair::generate().expect("a key can be made"));
    let above = authority.self_signed(&authority_key).expect("it can sign");
    let issuer = Issuer::new(authority, authority_key);
    let own = CertificateParams::new(["ftp.example.com".to_owned()]).expect("it is a name");
    let own = own.signed_by(&key, &issuer).expect("the authority signs");
    for key_first in [true, false] {
        let (before, behind) = match key_first {
            true => (key.serialize_pem(), String::new()),
            false => (String::new(), key.serialize_pem()),
        };
        let pem = format!("{before}{}{}{behind}", own.pem(), above.pem());
        assert_eq!(shown(&directory(&pem, &[]).serve()), (own.der().clone(), 2));
    }
}

#[test]
fn a_certificate_that_names_no_host_is_warned_of() {
    for (names, warned) in [(&[][..], true), (&["ftp.example.com"][..], false)] {
        let (certificate, key, _) = certified(names);
        let directory = directory(&(certificate + &key), &[]);
        let checked = directory.wharf(&["check"], &[], "").success().text();
        assert_eq!(
            checked.contains("the certificate names no host"),
            warned,
            "{checked}"
        );
    }
}
