//! Where the credentials of a bucket come from, and whom its store is believed to be: `wharf check`
//! asks the real store with what it finds.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;
use wharf_tests::binaries;
use wharf_tests::process::{self, Output};
use wharf_tests::server::Directory;
use wharf_tests::store::Store;
use wharf_tests::web::{Answer, Request, Web};

/// Variables of the environment, and their values.
type Variables<'v> = &'v [(&'v str, &'v str)];

/// What `wharf check` says of a directory, with these variables and no others of AWS.
fn check(directory: &Directory, variables: Variables<'_>) -> Output {
    let mut check = Command::new(binaries::wharf());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        check.env_remove(name);
    }
    check
        .env("WHARF_PLUGINS", binaries::plugins())
        .env("HOME", directory.path())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().copied())
        .args(["check", "--config"])
        .arg(directory.path());
    process::run(&mut check, "")
}

/// A key as services hand it out that know who asks.
fn handed_out(store: &Store) -> String {
    let (key, secret) = (store.key(), store.secret());
    format!(
        r#"{{ "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z",
            "AccessKeyId": "{key}", "SecretAccessKey": "{secret}", "Token": "",
            "Expiration": "2096-01-01T00:00:00Z" }}"#
    )
}

/// The service of a container or a machine that knows its role, or of roles to assume.
fn role_service(store: &Store) -> Web {
    let json = handed_out(store);
    let xml = |action: &str| {
        format!(
            "<{action}Response><{action}Result><Credentials>\
             <AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
             <SessionToken></SessionToken><Expiration>2096-01-01T00:00:00Z</Expiration>\
             </Credentials><AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/inbox/wharf</Arn>\
             <AssumedRoleId>a:wharf</AssumedRoleId></AssumedRoleUser>\
             </{action}Result></{action}Response>",
            store.key(),
            store.secret()
        )
    };
    let (assumed, exchanged) = (xml("AssumeRole"), xml("AssumeRoleWithWebIdentity"));
    Web::start(move |request: &Request| {
        let body = String::from_utf8_lossy(&request.body);
        let ok = |body: &str| Answer::new("200 OK", body);
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/container") if request.header("authorization") == Some("of-this-task") => {
                ok(&json)
            }
            ("PUT", "/latest/api/token") => {
                ok("of-this-machine").header("x-aws-ec2-metadata-token-ttl-seconds", "21600")
            }
            ("GET", path) if path.starts_with("/latest/meta-data/iam/security-credentials") => {
                let known = request.header("x-aws-ec2-metadata-token") == Some("of-this-machine");
                match path.ends_with("/inbox") {
                    _ if !known => Answer::new("401 Unauthorized", ""),
                    true => ok(&json),
                    false => ok("inbox"),
                }
            }
            ("POST", "/") if body.contains("WebIdentityToken=who-i-am") => ok(&exchanged),
            ("POST", "/") if body.contains("Action=AssumeRole&") => ok(&assumed),
            _ => Answer::new("404 Not Found", ""),
        }
    })
}

#[test]
fn credentials_come_from_wherever_every_tool_looks_for_them() {
    let store = Store::default();
    let service = role_service(&store);
    let origin = service.origin();
    let scratch = TempDir::new().expect("there is room for a test");
    let written = |name: &str, text: &str| {
        let path = scratch.path().join(name);
        fs::write(&path, text).expect("there is room");
        path.to_str().expect("the path is UTF-8").to_owned()
    };
    let (key, secret) = (store.key(), store.secret());
    let keys = [
        ("AWS_ACCESS_KEY_ID", key),
        ("AWS_SECRET_ACCESS_KEY", secret),
    ];
    let shared = written(
        "credentials",
        &format!("[partner]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"),
    );
    let answer = handed_out(&store).replace("\"Code\"", "\"Version\": 1, \"Code\"");
    let program = format!(
        "[profile partner]\ncredential_process = cat {}\n",
        written("answer", &answer)
    );
    let program = written("config", &program);
    let token = written("token", "who-i-am");
    let container = format!("{origin}/container");
    let role = "arn:aws:iam::1:role/inbox";
    let no_file = scratch.path().join("none");
    let no_file = no_file.to_str().expect("the path is UTF-8");
    let no_files = [
        ("AWS_SHARED_CREDENTIALS_FILE", no_file),
        ("AWS_CONFIG_FILE", no_file),
    ];
    let cases: &[(&str, &str, Variables<'_>)] = &[
        ("the environment", "", &keys),
        (
            "a profile",
            "profile = \"partner\"",
            &[("AWS_SHARED_CREDENTIALS_FILE", &shared)],
        ),
        (
            "a program",
            "profile = \"partner\"",
            &[("AWS_CONFIG_FILE", &program)],
        ),
        (
            "the container",
            "",
            &[
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "of-this-task"),
            ],
        ),
        (
            "the machine",
            "",
            &[
                ("AWS_EC2_METADATA_DISABLED", "false"),
                ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &origin),
            ],
        ),
        (
            "a web identity",
            "",
            &[
                ("AWS_WEB_IDENTITY_TOKEN_FILE", &token),
                ("AWS_ROLE_ARN", role),
                ("AWS_ENDPOINT_URL_STS", &origin),
            ],
        ),
        (
            "a role to assume",
            "role = \"arn:aws:iam::1:role/inbox\"",
            &[keys[0], keys[1], ("AWS_ENDPOINT_URL_STS", &origin)],
        ),
    ];
    for (source, settings, variables) in cases {
        let directory = Directory::new(&store.settings_without_key(settings));
        let variables = [&no_files[..], variables].concat();
        let told = check(&directory, &variables);
        let text = told.success().text();
        assert!(text.contains("nothing is wrong"), "{source}: {text}");
        assert!(!text.contains(secret), "{source}: {text}");
    }
    let directory = Directory::new(&store.settings_without_key(""));
    let text = check(&directory, &no_files).failure().text();
    assert!(text.contains("no credentials found"), "{text}");
    let wrong = [keys[0], ("AWS_SECRET_ACCESS_KEY", "of-somebody-else")];
    let text = check(&directory, &[&no_files[..], &wrong].concat());
    assert!(!text.failure().text().contains("of-somebody-else"));
}

/// A store under TLS: whoever connects is handed through to the real one.
struct Sealed {
    address: SocketAddr,
}

impl Sealed {
    /// Writes the authority that vouches for it to `ca`.
    fn before(store: &Store, ca: &Path) -> Self {
        let key = KeyPair::generate().expect("a key can be made");
        let mut authority = CertificateParams::default();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root = authority.self_signed(&key).expect("it signs itself");
        fs::write(ca, root.pem()).expect("there is room");
        let issuer = Issuer::new(authority, key);
        let leaf_key = KeyPair::generate().expect("a key can be made");
        let leaf = CertificateParams::new(vec!["localhost".to_owned()]);
        let leaf = leaf.expect("it is a name").signed_by(&leaf_key, &issuer);
        let chain = vec![leaf.expect("it signs").der().clone()];
        let key = PrivateKeyDer::try_from(leaf_key.serialize_der()).expect("it is a key");
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key);
        let config = Arc::new(config.expect("the key fits"));
        let target = store.address().to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (config, target) = (Arc::clone(&config), target.clone());
                // How a connection ends is what the client sees, and nothing else.
                thread::spawn(move || serve(client, config, &target));
            }
        });
        Self { address }
    }
}

/// Hands one request without a body on, and its whole answer back: the store is told to close
/// behind it.
fn serve(client: TcpStream, config: Arc<ServerConfig>, target: &str) -> io::Result<()> {
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut sealed = BufReader::new(StreamOwned::new(connection, client));
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if sealed.read_until(b'\n', &mut head)? == 0 {
            return Ok(());
        }
    }
    head.truncate(head.len() - b"\r\n".len());
    head.extend_from_slice(b"connection: close\r\n\r\n");
    let mut server = TcpStream::connect(target)?;
    server.write_all(&head)?;
    let sealed = sealed.get_mut();
    io::copy(&mut server, sealed)?;
    sealed.conn.send_close_notify();
    sealed.flush()
}

#[test]
fn a_store_is_believed_that_an_authority_of_the_operator_vouches_for() {
    let store = Store::default();
    let scratch = TempDir::new().expect("there is room for a test");
    let ca = scratch.path().join("ca.pem");
    let sealed = Sealed::before(&store, &ca);
    let endpoint = format!("https://localhost:{}", sealed.address.port());
    let trusting = format!("ca = \"{}\"", ca.display());
    let directory = Directory::new(&store.settings_at(&endpoint, &trusting));
    check(&directory, &[]).success();
    let doubting = Directory::new(&store.settings_at(&endpoint, ""));
    let text = check(&doubting, &[]).failure().text();
    assert!(text.contains("certificate"), "{text}");
    let missing = Directory::new(&store.settings_at(&endpoint, "ca = \"none.pem\""));
    let text = check(&missing, &[]).failure().text();
    assert!(text.contains("none.pem"), "{text}");
    fs::write(&ca, "no certificate").expect("there is room");
    let text = check(&directory, &[]).failure().text();
    assert!(text.contains("ca.pem"), "{text}");
}
