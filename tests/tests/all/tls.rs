//! TLS: what is resumed, what is demanded, and which certificate is shown.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use rcgen::{CertificateParams, CertifiedKey, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion};
use tempfile::TempDir;
use wharf_tests::client::{Client, Security, Step};
use wharf_tests::content;
use wharf_tests::ftp::{Ftp, Stream};
use wharf_tests::process;
use wharf_tests::server::{Directory, Server};
use wharf_tests::settings::{Listener, PASSWORD, Settings, USER};
use wharf_tests::tls;

const VERSIONS: [&rustls::SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

fn serving(tls: &str) -> Server {
    Server::start(&Settings {
        tls: tls.into(),
        ..Settings::default()
    })
}

/// A transfer whose data connection is refused.
fn refused(ftp: &mut Ftp) {
    let mut data = ftp.data();
    ftp.command("LIST", 150);
    // The server may be quicker to break it off than the handshake is to end.
    let _ = data.handshake();
    ftp.expect(522);
    ftp.command("NOOP", 200);
}

#[test]
fn require_refuses_who_does_not_resume() {
    let server = serving("session-reuse = \"require\"");
    let address = server.address(Listener::EXPLICIT);
    for version in VERSIONS {
        let mut ftp = Ftp::secured(address, &tls::forgetful_client(version));
        refused(&mut ftp);
        refused(&mut ftp);
    }
    let mut python = Command::new("python3");
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/clients/refused.py"));
    python.args(["127.0.0.1", &address.port().to_string(), USER, PASSWORD]);
    let output = process::run(&mut python, "").success();
    assert!(output.stdout.starts_with("522"), "{output}");
    server.log().wait_for(&["NotResumed"]);
}

#[test]
fn require_refuses_the_session_of_another() {
    let server = serving("session-reuse = \"require\"");
    let address = server.address(Listener::EXPLICIT);
    for version in VERSIONS {
        let [mine, other] = [(); 2].map(|()| tls::client(version));
        let _neighbour = Ftp::secured(address, &other);
        let mut ftp = Ftp::secured(address, &mine);
        ftp.protect(&other);
        refused(&mut ftp);
        ftp.protect(&mine);
        ftp.fetch("LIST");
    }
}

#[test]
fn data_connections_resume_and_are_given_tickets_only_where_they_must() {
    // Clients use a ticket of TLS 1.3 once, and four come with the control connection.
    for (reuse, rounds) in [("allow", 2), ("require", 3)] {
        let server = serving(&format!("session-reuse = \"{reuse}\""));
        for version in VERSIONS {
            let config = tls::client(version);
            let mut ftp = Ftp::secured(server.address(Listener::EXPLICIT), &config);
            let must = reuse == "require" && version.version == ProtocolVersion::TLSv1_3;
            for round in 0..rounds {
                let stored = ftp.store(&format!("STOR file-{round}"), b"some bytes");
                assert_eq!(stored.code, 226, "{reuse} {version:?}");
                let (kind, tickets) = data_handshake(&mut ftp);
                let place = format!("{reuse} {version:?} {round}");
                assert_eq!(kind, Some(HandshakeKind::Resumed), "{place}");
                // A client that closes without having read a ticket may reset the connection.
                assert_eq!(tickets, u32::from(must), "{place}");
            }
        }
    }
}

/// How the handshake of one listing went, and how many tickets came with it.
fn data_handshake(ftp: &mut Ftp) -> (Option<HandshakeKind>, u32) {
    let mut data = ftp.data();
    ftp.command("NLST", 150);
    std::io::copy(&mut data, &mut std::io::sink()).expect("the listing comes");
    let Stream::Secured(stream) = data else {
        panic!("the data came in clear")
    };
    let told = (
        stream.conn.handshake_kind(),
        stream.conn.tls13_tickets_received(),
    );
    drop(stream);
    ftp.expect(226);
    told
}

#[test]
fn off_resumes_nothing() {
    let server = serving("session-reuse = \"off\"");
    for version in VERSIONS {
        let config = tls::client(version);
        let mut ftp = Ftp::secured(server.address(Listener::EXPLICIT), &config);
        assert_eq!(data_handshake(&mut ftp).0, Some(HandshakeKind::Full));
    }
}

#[test]
fn require_serves_curl_and_lftp() {
    let server = serving("session-reuse = \"require\"");
    let local = TempDir::new().expect("there is room for a test");
    let [source, fetched, tree] = ["source", "fetched", "tree"].map(|name| local.path().join(name));
    content::file(&source, 300_007, 1);
    fs::create_dir(&tree).expect("there is room");
    for index in 0..20 {
        content::file(&tree.join(format!("file {index}")), 10_000, index);
    }
    for security in [Security::Explicit, Security::Implicit] {
        for client in [Client::Curl, Client::Lftp] {
            let name = format!("{client:?}-{security:?}");
            let steps = [
                Step::Upload(source.clone(), name.clone()),
                Step::List(".".into()),
                Step::Download(name.clone(), fetched.clone()),
            ];
            let shown = client.perform(&server.endpoint(security), &steps);
            assert!(shown.contains(&name), "{shown}");
            content::assert_same(&source, &fetched);
        }
        let target = format!("tree-{security:?}");
        let steps = [Step::MirrorUp(tree.clone(), target.clone())];
        Client::Lftp.perform(&server.endpoint(security), &steps);
        assert_eq!(
            content::tree(&server.home().join(target)),
            content::tree(&tree)
        );
    }
}

#[test]
fn both_versions_are_spoken_and_no_older_one() {
    let server = Server::ordinary();
    let address = server.address(Listener::EXPLICIT);
    let curl = |versions: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--insecure",
            "--ssl-reqd",
            "--user",
        ]);
        curl.arg(format!("{USER}:{PASSWORD}"))
            .args(versions)
            .arg(format!("ftp://{address}/"));
        process::run(&mut curl, "")
    };
    curl(&["--tlsv1.2", "--tls-max", "1.2"]).success();
    curl(&["--tlsv1.3", "--tls-max", "1.3"]).success();
    curl(&["--tlsv1.0", "--tls-max", "1.1"]).failure();
    for version in VERSIONS {
        let mut ftp = Ftp::secured(address, &tls::client(version));
        assert_eq!(ftp.tls().protocol_version(), Some(version.version));
    }
}

#[test]
fn data_must_be_protected_where_that_is_required() {
    let server = serving("data = \"required\"");
    let config = tls::client(&TLS13);
    let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
    ftp.command("AUTH TLS", 234);
    ftp.secure(&config);
    ftp.log_in(USER, PASSWORD);
    ftp.say("EPSV");
    assert!(
        matches!(ftp.reply().code, 521 | 522),
        "no data connection in clear"
    );
    ftp.command("PBSZ 0", 200);
    ftp.command("PROT C", 534);
    ftp.command("PROT S", 536);
    ftp.protect(&config);
    assert_eq!(ftp.store("STOR file", b"protected").code, 226);
}

#[test]
fn data_goes_as_prot_says() {
    let server = Server::ordinary();
    let config = tls::client(&TLS13);
    let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
    ftp.command("AUTH TLS", 234);
    ftp.secure(&config);
    ftp.command("AUTH TLS", 503);
    ftp.log_in(USER, PASSWORD);
    ftp.command("PROT P", 503);
    assert_eq!(ftp.store("STOR file", b"in clear").code, 226);
    ftp.protect(&config);
    assert_eq!(ftp.fetch("RETR file"), b"in clear");
    assert_eq!(ftp.store("STOR nothing", b"").code, 226);
    // In clear where TLS was agreed.
    let mut data = Stream::new(std::net::TcpStream::connect(ftp.passive()).expect("it listens"));
    ftp.command("STOR clear", 150);
    let _ = std::io::Write::write_all(&mut data, b"in clear");
    data.finish();
    ftp.expect(522);
    assert_eq!(content::tree(&server.home()), ["file", "nothing"]);
}

#[test]
fn an_upload_that_is_cut_off_under_tls_is_as_configured() {
    let server = Server::ordinary();
    let mut ftp = Ftp::secured(server.address(Listener::EXPLICIT), &tls::client(&TLS13));
    let mut data = ftp.data();
    ftp.command("STOR cut", 150);
    std::io::Write::write_all(&mut data, &content::bytes(50_000, 1)).expect("it is taken");
    data.reset();
    ftp.expect(426);
    assert_eq!(content::tree(&server.home()), [""; 0]);
}

#[test]
fn alpn_is_answered_where_ftp_is_offered() {
    let server = Server::ordinary();
    for (offered, answer) in [
        (&["ftp"][..], Some("ftp")),
        (&["x-filezilla-ftp", "ftp"], Some("ftp")),
        (&["h2"], None),
        (&[], None),
    ] {
        let mut ftp = Ftp::connect(server.address(Listener::IMPLICIT));
        ftp.secure(&tls::client_offering(offered));
        ftp.expect(220);
        let chosen = ftp.tls().alpn_protocol().map(String::from_utf8_lossy);
        assert_eq!(chosen.as_deref(), answer, "{offered:?}");
    }
}

/// A self-signed certificate and its key in one PEM.
fn combined(name: &str) -> (String, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]);
    let CertifiedKey { cert, signing_key } = made.expect("a certificate can be made");
    (
        cert.pem() + &signing_key.serialize_pem(),
        cert.der().clone(),
    )
}

fn shown(server: &Server) -> CertificateDer<'static> {
    let mut ftp = Ftp::connect(server.address(Listener::IMPLICIT));
    ftp.secure(&tls::client(&TLS13));
    ftp.expect(220);
    let chain = ftp.tls().peer_certificates().expect("a server shows one");
    chain[0].clone().into_owned()
}

#[test]
fn a_certificate_that_was_replaced_is_shown_at_once() {
    let settings = Settings {
        tls: "certificate = \"server.pem\"".into(),
        ..Settings::default()
    };
    let directory = Directory::new(&settings);
    let file = directory.path().join("server.pem");
    let [(old, old_der), (new, new_der)] = ["old.example", "new.example"].map(combined);
    fs::write(&file, old).expect("there is room");
    let server = directory.serve();
    assert_eq!(shown(&server), old_der);
    let mut running = Ftp::secured(server.address(Listener::EXPLICIT), &tls::client(&TLS13));
    // Half a file first, as a careless tool would write it: the old one stays.
    fs::write(&file, &new[..new.len() / 2]).expect("there is room");
    server
        .log()
        .wait_for(&["the certificate cannot be reloaded"]);
    assert_eq!(shown(&server), old_der);
    fs::write(&file, new).expect("there is room");
    wharf_tests::eventually("the new certificate is shown", || shown(&server) == new_der);
    // A session that was there before goes on, its data connections included.
    running.fetch("LIST");
}

#[test]
fn a_client_certificate_stands_for_a_password() {
    let mut authority = CertificateParams::new([]).expect("it names nobody");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key can be made");
    let authority_certificate = authority.self_signed(&key).expect("it can sign");
    let issuer = Issuer::new(authority, key);
    let [robot, stranger] = ["robot", "stranger"].map(|name| client_certificate(name, &issuer));
    let users = format!(
        "[config.users.robot]\ncertificates = [\"{}\"]\n",
        content::hash_bytes(&robot.0)
    );
    let settings = Settings {
        tls: "client-ca = \"clients.pem\"".into(),
        users,
        ..Settings::default()
    };
    let directory = Directory::new(&settings);
    let pem = authority_certificate.pem();
    fs::write(directory.path().join("clients.pem"), pem).expect("there is room");
    fs::create_dir_all(directory.home("robot")).expect("there is room");
    let server = directory.serve();
    for version in VERSIONS {
        let mut ftp = with_certificate(&server, version, &robot);
        // 232 would be right too, but clients take it for a failure.
        ftp.command("USER robot", 230);
        ftp.command("PWD", 257);
        let mut ftp = with_certificate(&server, version, &stranger);
        ftp.command("USER robot", 331);
        ftp.command("PASS robot", 530);
        let mut ftp = Ftp::secured(server.address(Listener::EXPLICIT), &tls::client(version));
        ftp.command("PWD", 257);
    }
}

type Identity = (CertificateDer<'static>, Vec<u8>);

fn client_certificate(name: &str, issuer: &Issuer<'_, KeyPair>) -> Identity {
    let key = KeyPair::generate().expect("a key can be made");
    let parameters = CertificateParams::new([name.to_owned()]).expect("it is a name");
    let certificate = parameters
        .signed_by(&key, issuer)
        .expect("the authority signs");
    (certificate.der().clone(), key.serialize_der())
}

fn with_certificate(
    server: &Server,
    version: &'static rustls::SupportedProtocolVersion,
    (certificate, key): &Identity,
) -> Ftp {
    let key = PrivateKeyDer::try_from(key.clone()).expect("it is a key");
    let config: Arc<ClientConfig> =
        tls::client_with_certificate(version, vec![certificate.clone()], key);
    let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
    ftp.command("AUTH TLS", 234);
    ftp.secure(&config);
    ftp
}
