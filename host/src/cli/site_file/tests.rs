//! Which listener and name are chosen, and what stands in a file. `tests/` has other programs read
//! them.

use std::fs;

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    asked: SiteFile,
}

/// What `arguments` come to with `source` as `wharf.toml`.
fn site(source: &str, arguments: &str) -> anyhow::Result<Site> {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("wharf.toml"), source).unwrap();
    let certified =
        rcgen::generate_simple_self_signed(["*.example.com", "ftp.example.com"].map(str::to_owned));
    let rcgen::CertifiedKey { cert, signing_key } = certified.unwrap();
    let pem = cert.pem() + &signing_key.serialize_pem();
    fs::write(directory.path().join("server.pem"), pem).unwrap();
    let line = format!("site-file {arguments} --user alice");
    let asked = Line::try_parse_from(line.split(' ')).unwrap().asked;
    let (config, _) = Config::load(directory.path()).unwrap();
    Site::of(&config, &asked)
}

fn listener(address: &str, tls: &str) -> String {
    format!("[[listener]]\nname = \"{tls}\"\naddress = \"{address}\"\ntls = \"{tls}\"\n")
}

const CERTIFICATE: &str = "[tls]\ncertificate = \"server.pem\"\n";

#[test]
fn the_listener_that_protects_most_is_chosen() {
    let all = listener("[::]:21", "off")
        + &listener("[::]:990", "implicit")
        + &listener("[::]:2121", "explicit")
        + &listener("[::]:2122", "required")
        + CERTIFICATE;
    let implicit = listener("[::]:990", "implicit") + &listener("[::]:21", "off") + CERTIFICATE;
    for (source, arguments, expected) in [
        (&all, "filezilla", "ftp.example.com:2122 required"),
        (
            &all,
            "winscp --listener implicit",
            "ftp.example.com:990 implicit",
        ),
        (&all, "cyberduck --port 21 --host [::1]", "::1:21 required"),
        (&implicit, "winscp", "ftp.example.com:990 implicit"),
        // It cannot do implicit TLS.
        (&implicit, "cyberduck --host a", "a:21 off"),
    ] {
        let site = site(source, arguments).expect(arguments);
        let Site {
            host, port, tls, ..
        } = site;
        assert_eq!(
            format!("{host}:{port} {}", tls.word()),
            expected,
            "{arguments}"
        );
    }
}

#[test]
fn a_host_has_the_name_that_leads_there() {
    for (address, tls, host) in [
        ("127.0.0.1:21", "required", "127.0.0.1"),
        ("192.0.2.1:21", "required", "ftp.example.com"),
        ("192.0.2.1:21", "off", "192.0.2.1"),
    ] {
        let site = site(&(listener(address, tls) + CERTIFICATE), "winscp").unwrap();
        assert_eq!(site.host, host, "{address} {tls}");
    }
}

#[test]
fn what_cannot_be_told_is_asked_for() {
    let implicit = listener("[::]:990", "implicit") + CERTIFICATE;
    for (source, arguments, message) in [
        (listener("[::]:21", "off"), "winscp", "say --host"),
        (listener("127.0.0.1:0", "off"), "winscp", "say --port"),
        (
            listener("[::]:21", "required"),
            "winscp",
            "no certificate yet",
        ),
        (
            implicit.clone(),
            "winscp --listener other",
            "no listener \"other\"",
        ),
        (implicit, "cyberduck", "no implicit TLS"),
    ] {
        let error = site(&source, arguments).unwrap_err().to_string();
        assert!(error.contains(message), "{arguments}: {error}");
    }
}

#[test]
fn nothing_in_a_name_means_anything() {
    let site = Site {
        name: "a/b <&> [é]".to_owned(),
        host: "192.0.2.1".to_owned(),
        port: 21,
        user: ".a b%\\*?=;\"'\u{ffff}".to_owned(),
        tls: ListenerTls::Off,
        note: "1 & 2\n3".to_owned(),
    };
    let winscp = Client::Winscp.render(&site);
    assert!(
        winscp.starts_with("[Sessions\\%EF%BB%BFa-b%20<&>%20[%C3%A9]]\r\n"),
        "{winscp}"
    );
    assert!(winscp.contains("Note=1%20&%202%0A3\r\n"), "{winscp}");
    for client in [Client::Filezilla, Client::Cyberduck] {
        let xml = client.render(&site);
        assert!(xml.contains(">.a b%\\*?=;\"'\u{fffd}<"), "{xml}");
        assert!(xml.contains(">a/b &lt;&amp;&gt; [é]<"), "{xml}");
    }
}

#[test]
fn no_file_is_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sitemanager.xml");
    write_new(&path, "new").unwrap();
    assert!(write_new(&path, "newer").is_err());
    assert_eq!(fs::read_to_string(path).unwrap(), "new");
}
