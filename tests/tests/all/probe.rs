//! `wharf probe` and the health port: what monitors and balancers ask a host.

use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use wharf_tests::binaries;
use wharf_tests::eventually;
use wharf_tests::ftp::Ftp;
use wharf_tests::log;
use wharf_tests::ports::Refusing;
use wharf_tests::process::{self, Output};
use wharf_tests::server::Server;
use wharf_tests::settings::{ENCODED, Listener, PASSWORD, Settings, USER};

/// What a probe's file is called.
const FILE: &str = "__HEALTHCHECK_PLEASE_IGNORE__";

/// Probe an address as `user`, whose password stands in the environment.
fn probe_as(user: &str, address: SocketAddr, arguments: &[&str]) -> Output {
    let mut command = Command::new(binaries::wharf());
    command
        .env("WHARF_PROBE_PASSWORD", PASSWORD)
        .args(["probe", "127.0.0.1", "--user", user, "--port"])
        .arg(address.port().to_string())
        .args(arguments);
    process::run(&mut command, "")
}

fn probe(server: &Server, listener: Listener, arguments: &[&str]) -> Output {
    probe_as(USER, server.address(listener), arguments)
}

/// The one line that a failed probe says.
fn failure(output: Output) -> String {
    let output = output.failure();
    assert_eq!(output.stderr.lines().count(), 1, "{output}");
    assert!(!output.text().contains(PASSWORD), "{output}");
    output.stderr.trim_end().to_owned()
}

fn is_empty(server: &Server) -> bool {
    let entries = fs::read_dir(server.home()).expect("it is there");
    entries.count() == 0
}

#[test]
fn a_probe_does_what_users_do_and_leaves_nothing() {
    let server = Server::start(&Settings {
        listeners: vec![Listener::EXPLICIT, Listener::IMPLICIT, Listener::REQUIRED],
        tls: "session-reuse = \"require\"".into(),
        ..Settings::default()
    });
    fs::create_dir(server.home().join("inbox")).expect("there is room");
    for (listener, arguments) in [
        (Listener::EXPLICIT, &["--tls", "off"][..]),
        (Listener::EXPLICIT, &["--tls", "off", "--pasv"]),
        (Listener::EXPLICIT, &["--insecure"]),
        (Listener::REQUIRED, &["--insecure", "--pasv"]),
        (Listener::IMPLICIT, &["--tls", "implicit", "--insecure"]),
        (Listener::EXPLICIT, &["--insecure", "--directory", "/inbox"]),
        (Listener::EXPLICIT, &["--insecure", "--read-only"]),
    ] {
        let output = probe(&server, listener, arguments).success();
        assert!(output.stdout.ends_with(": ok\n"), "{output}");
    }
    assert!(fs::remove_dir(server.home().join("inbox")).is_ok());
    assert!(is_empty(&server));
}

#[test]
fn a_probe_believes_the_certificate_that_it_is_told_to() {
    let server = Server::ordinary();
    let told = server
        .log()
        .wait("its certificate", |line| log::field(line, "fingerprint"));
    let certificate = server.directory().path().join("state/self-signed.pem");
    let certificate = certificate.to_str().expect("it is a plain name");
    let wrong = "00".repeat(32);
    let listener = Listener::EXPLICIT;
    for trust in [["--fingerprint", &told], ["--ca", certificate]] {
        probe(&server, listener, &trust).success();
    }
    for (trust, why) in [
        (
            &["--fingerprint", &wrong][..],
            "the certificate is another one",
        ),
        (&[], "UnknownIssuer"),
    ] {
        let said = failure(probe(&server, listener, trust));
        assert!(
            said.contains("cannot begin TLS: ") && said.contains(why),
            "{said}"
        );
    }
    assert!(is_empty(&server));
}

#[test]
fn a_probe_names_the_step_that_failed() {
    let user = |name: &str, rules: &str| {
        format!("[config.users.{name}]\npassword = \"{ENCODED}\"\nroot = \"home/alice\"\n{rules}\n")
    };
    let forbid = |what: &str| format!("rules = [{{ path = \"/**\", forbid = [\"{what}\"] }}]");
    let server = Server::start(&Settings {
        users: [
            user("reader", "permissions = \"read-only\""),
            user("writer", "permissions = \"write-only\""),
            user("sender", &forbid("download")),
            user("keeper", &forbid("delete")),
        ]
        .concat(),
        ..Settings::default()
    });
    let address = server.address(Listener::EXPLICIT);
    for (user, arguments, said) in [
        ("nobody", &[][..], "cannot log in: the server said 530"),
        ("reader", &[], "cannot store a file: the server said 550"),
        ("writer", &[], "cannot list: the server said 550"),
        ("sender", &[], "cannot fetch the file: the server said 550"),
        ("keeper", &[], "cannot delete the file: the server said 550"),
        (
            USER,
            &["--directory", "/nowhere"],
            "cannot change the directory: the server said 550",
        ),
    ] {
        let output = probe_as(user, address, &[&["--tls", "off"], arguments].concat());
        let told = failure(output);
        assert!(told.contains(said), "{user}: {told}");
        let may_be_left = told.contains("may be left there");
        assert_eq!(may_be_left, user == "keeper", "{user}: {told}");
        assert_eq!(is_empty(&server), user != "keeper", "{user}");
        if user == "keeper" {
            clear(&server);
        }
    }
}

/// Removes what a probe could not.
fn clear(server: &Server) {
    for entry in fs::read_dir(server.home()).expect("it is there") {
        let path = entry.expect("it can be read").path();
        let name = path.file_name().expect("it has a name").to_string_lossy();
        assert!(name.starts_with(FILE), "{name}");
        fs::remove_file(path).expect("it can be removed");
    }
}

#[test]
fn a_probe_of_what_does_not_answer_ends() {
    let nobody = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = nobody.local_addr().expect("it has an address");
    let said = failure(probe_as(USER, address, &["--timeout", "200ms"]));
    assert!(
        said.ends_with("cannot connect: no answer in time"),
        "{said}"
    );
    let refusing = Refusing::default();
    let said = failure(probe_as(USER, refusing.address, &[]));
    assert!(said.contains("cannot connect: "), "{said}");
}

#[test]
fn a_probe_takes_its_password_from_where_nobody_sees_it() {
    let server = Server::ordinary();
    let port = server.address(Listener::EXPLICIT).port().to_string();
    let file = server.directory().path().join("password");
    fs::write(&file, format!("{PASSWORD}\n")).expect("there is room");
    let run = |arguments: &[&str], input: &str| {
        let mut command = Command::new(binaries::wharf());
        command
            .env_remove("WHARF_PROBE_PASSWORD")
            .args([
                "probe",
                "127.0.0.1",
                "--user",
                USER,
                "--insecure",
                "--port",
                &port,
            ])
            .args(arguments);
        process::run(&mut command, input)
    };
    let file = file.to_str().expect("it is a plain name");
    run(&["--password-file", file], "").success();
    run(&["--password-stdin"], &format!("{PASSWORD}\n")).success();
    let said = failure(run(&[], ""));
    assert!(said.contains("there is no password"), "{said}");
}

#[test]
fn the_health_port_is_open_while_the_host_serves() {
    let server = Server::start(&Settings {
        sinks: "[health]\naddress = \"127.0.0.1:0\"\n".into(),
        ..Settings::default()
    });
    let address: SocketAddr = server.log().wait("the health port", |line| {
        let opened = log::field(line, "message")? == "health port open";
        log::field(line, "address").filter(|_| opened)?.parse().ok()
    });
    for _ in 0..3 {
        let mut stream = TcpStream::connect(address).expect("it is open");
        let said = stream.read(&mut [0; 1]).expect("it is closed in order");
        assert_eq!(said, 0);
    }
    // Told to stop, it is closed at once, while transfers go on.
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    let data = ftp.data();
    ftp.command("STOR slow", 150);
    server.signal("TERM");
    eventually("it is closed", || TcpStream::connect(address).is_err());
    data.finish();
    ftp.expect(226);
}
