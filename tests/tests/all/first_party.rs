//! The plugins that come with Wharf, in the real host.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread;

use wharf_tests::binaries;
use wharf_tests::ftp::Ftp;
use wharf_tests::server::{Directory, Server};
use wharf_tests::settings::{ENCODED, Listener, PASSWORD, Settings, USER};

/// A server with these plugins, each with its sidecar.
fn with(settings: &Settings, plugins: &[(&str, &str)]) -> Server {
    let directory = Directory::new(settings);
    for (name, sidecar) in plugins {
        let wasm = binaries::plugins().join(name).with_extension("wasm");
        let beside = directory.path().join("plugins").join(format!("50-{name}"));
        fs::copy(wasm, beside.with_extension("wasm")).expect("it was built");
        fs::write(beside.with_extension("toml"), sidecar).expect("there is room");
    }
    directory.serve()
}

fn session(server: &Server) -> Ftp {
    Ftp::logged_in(server.address(Listener::EXPLICIT))
}

fn names(ftp: &mut Ftp, directory: &str) -> Vec<String> {
    let listing = ftp.fetch(&format!("NLST {directory}"));
    let text = String::from_utf8(listing).expect("names are UTF-8");
    let mut names: Vec<_> = text.lines().map(str::to_owned).collect();
    names.sort();
    names
}

/// The one file somewhere below a directory.
fn only_file(directory: PathBuf) -> PathBuf {
    let mut entries = fs::read_dir(directory).expect("it is there");
    let entry = entries.next().expect("it holds something");
    let path = entry.expect("it can be read").path();
    assert!(entries.next().is_none(), "{} is not alone", path.display());
    match path.is_dir() {
        true => only_file(path),
        false => path,
    }
}

#[test]
fn upload_rules_refuse_and_set_aside() {
    let sidecar = r#"
        [[config.rules]]
        names = ["*.pdf", "*.bin"]
        match-extension = true
        text = "Only PDF."
        [[config.rules]]
        path = "/large/*"
        max-size = "4B"
        quarantine = { sink = "local", key = "aside" }
        [allow]
        sinks = [{ name = "local", prefix = "aside", operations = ["put"] }]
    "#;
    let server = with(&Settings::default(), &[("upload-rules", sidecar)]);
    let mut ftp = session(&server);
    ftp.command("MKD large", 257);
    for (name, content, code) in [
        ("a.pdf", "%PDF-1.7", 226),
        ("b.pdf", "no such thing", 550),
        ("c.txt", "text", 553),
        ("large/d.bin", "five!", 226),
        ("large/e.bin", "four", 226),
    ] {
        let reply = ftp.store(&format!("STOR {name}"), content.as_bytes());
        assert_eq!(reply.code, code, "{name}: {reply:?}");
        assert!(
            code == 226 || reply.lines[0].contains("Only PDF."),
            "{reply:?}"
        );
    }
    assert_eq!(names(&mut ftp, "/"), ["a.pdf", "large"]);
    assert_eq!(names(&mut ftp, "/large"), ["e.bin"]);
    let aside = only_file(server.directory().path().join("data/aside"));
    assert_eq!(fs::read(aside).expect("it can be read"), b"five!");
}

#[test]
fn flatten_names_stores_under_one_level() {
    let sidecar = r#"
        [config]
        mode = "join"
        collision = "number"
        [allow]
        sinks = [{ name = "local", operations = ["head"] }]
    "#;
    let server = with(&Settings::default(), &[("flatten-names", sidecar)]);
    let mut ftp = session(&server);
    for content in ["first", "second"] {
        assert_eq!(
            ftp.store("STOR /a/b/scan.pdf", content.as_bytes()).code,
            226
        );
    }
    assert_eq!(names(&mut ftp, "/"), ["a_b_scan-2.pdf", "a_b_scan.pdf"]);
    assert_eq!(ftp.fetch("RETR /a/b/scan.pdf"), b"first");
    ftp.command("SIZE /a/b/scan.pdf", 213);
    ftp.command("RNFR /a/b/scan.pdf", 350);
    ftp.command("RNTO /a/c/done.pdf", 250);
    assert_eq!(names(&mut ftp, "/"), ["a_b_scan-2.pdf", "a_c_done.pdf"]);
}

/// What lies beyond a user's own root, for a mapper.
const ALLOW: &str = r#"
    [allow]
    sinks = [{ name = "local", operations = ["get", "put", "head", "list", "delete"] }]
"#;

#[test]
fn home_directories_are_made_of_names_and_dates() {
    let sidecar = r#"
        [[config.mounts]]
        directory = "/own"
        key = "people/{user}"
        [[config.mounts]]
        directory = "/today"
        key = "in/{year}/{month}/{day}/{principal}"
    "#;
    let sidecar = format!("{sidecar}{ALLOW}");
    let server = with(&Settings::default(), &[("home-directories", &sidecar)]);
    let mut ftp = session(&server);
    assert_eq!(names(&mut ftp, "/"), ["own", "today"]);
    for path in ["/own/a", "/today/b"] {
        assert_eq!(
            ftp.store(&format!("STOR {path}"), path.as_bytes()).code,
            226,
            "{path}"
        );
    }
    let data = server.directory().path().join("data");
    let own = fs::read(data.join("people").join(USER).join("a"));
    assert_eq!(own.expect("it was stored"), b"/own/a");
    let today = only_file(data.join("in"));
    assert!(today.ends_with(format!("{USER}/b")), "{}", today.display());
    assert_eq!(ftp.fetch("RETR /today/b"), b"/today/b");
}

#[test]
fn virtual_folders_are_for_those_that_they_are_for() {
    let settings = Settings {
        users: format!("groups = [\"staff\"]\n[config.users.guest]\npassword = \"{ENCODED}\"\n"),
        ..Settings::default()
    };
    let sidecar = r#"
        [[config.folders]]
        directory = "/shared"
        key = "shared"
        groups = ["staff"]
        permissions = "full"
        [[config.folders]]
        directory = "/shared"
        key = "shared"
    "#;
    let sidecar = format!("{sidecar}{ALLOW}");
    let server = with(&settings, &[("virtual-folders", &sidecar)]);
    let mut staff = session(&server);
    assert_eq!(staff.store("STOR /shared/a", b"for all").code, 226);
    let mut guest = Ftp::greeted(server.address(Listener::EXPLICIT));
    guest.log_in("guest", PASSWORD);
    assert_eq!(guest.fetch("RETR /shared/a"), b"for all");
    guest.command("DELE /shared/a", 550);
    staff.command("DELE /shared/a", 250);
}

#[test]
fn a_code_is_asked_for_with_acct() {
    let settings = Settings {
        users: "totp = \"GEZDGNBVGY3TQOJQ\"\n[allow]\nstate = { max-bytes = \"1MiB\" }\n".into(),
        ..Settings::default()
    };
    let server = Server::start(&settings);
    let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
    ftp.command(&format!("USER {USER}"), 331);
    ftp.command(&format!("PASS {PASSWORD}"), 332);
    ftp.command("ACCT none", 530);
    ftp.command("PWD", 530);
}

#[test]
fn a_web_service_hears_of_uploads() {
    let service = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let origin = format!("http://{}", service.local_addr().expect("it is bound"));
    let heard = thread::spawn(move || {
        // The first answer is a failure, so that the event comes again.
        let answers = ["503 Service Unavailable", "204 No Content"];
        answers.map(|answer| answer_one(&service, answer))
    });
    let sidecar = format!(
        "[config]\nurl = \"{origin}/ftp\"\nsecret = \"key\"\nevents = [\"upload\"]\n\
         [allow]\nhttp = [\"{origin}\"]\nhttp-private = true\nsecrets = {{ key = \"hush\" }}\n"
    );
    let server = with(&Settings::default(), &[("webhook", &sidecar)]);
    assert_eq!(session(&server).store("STOR a.txt", b"bytes").code, 226);
    let [(head, first), (_, second)] = heard.join().expect("it was asked twice");
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /ftp http/1.1"), "{head}");
    assert!(
        head.contains("wharf-signature: t=") && head.contains("idempotency-key: "),
        "{head}"
    );
    assert!(
        first.contains(r#""kind":"upload""#) && first.contains(r#""size":5"#),
        "{first}"
    );
    assert_eq!(first, second);
}

/// Answers one request, and returns its head and body.
fn answer_one(service: &TcpListener, answer: &str) -> (String, String) {
    let (stream, _) = service.accept().expect("somebody asks");
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a request has a head");
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length is a number");
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader
        .read_exact(&mut body)
        .expect("the body is as long as it says");
    let answer = format!("HTTP/1.1 {answer}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    reader
        .get_mut()
        .write_all(answer.as_bytes())
        .expect("the host listens");
    (head, String::from_utf8(body).expect("JSON is UTF-8"))
}
