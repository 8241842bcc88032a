//! Logging in, securing the connection, options, and what is no FTP.

use super::*;

#[test]
fn logging_in() {
    accepted([
        ("USER bob", Command::User("bob".into())),
        ("user Bob Ä", Command::User("Bob Ä".into())),
        ("USER  bob ", Command::User(" bob ".into())),
        ("PASS secret", Command::Pass(Secret::new("secret"))),
        ("pass  a b ", Command::Pass(Secret::new(" a b "))),
        ("PASS", Command::Pass(Secret::new(""))),
        ("PASS ", Command::Pass(Secret::new(""))),
        ("ACCT 123456", Command::Acct(Secret::new("123456"))),
        ("ACCT", Command::Acct(Secret::new(""))),
        ("REIN", Command::Rein),
        ("QUIT", Command::Quit),
        ("quit  ", Command::Quit),
    ]);
    refused(CommandError::MissingArgument, ["USER", "USER "]);
    refused(CommandError::BadArgument, ["QUIT now", "REIN x"]);
    refused(
        CommandError::ForbiddenByte,
        ["USER a\0b", "PASS a\rb", "ACCT \n"],
    );
}

#[test]
fn securing_the_connection() {
    accepted([
        ("AUTH TLS", Command::Auth(AuthMechanism::Tls)),
        ("auth tls-c ", Command::Auth(AuthMechanism::Tls)),
        ("AUTH SSL", Command::Auth(AuthMechanism::TlsWithData)),
        ("AUTH TLS-P", Command::Auth(AuthMechanism::TlsWithData)),
        ("PBSZ 0", Command::Pbsz(0)),
        ("PBSZ 4294967295", Command::Pbsz(u32::MAX)),
        ("PROT C", Command::Prot(ProtectionLevel::Clear)),
        ("PROT S", Command::Prot(ProtectionLevel::Safe)),
        ("PROT E", Command::Prot(ProtectionLevel::Confidential)),
        ("prot p ", Command::Prot(ProtectionLevel::Private)),
        ("CCC", Command::Ccc),
    ]);
    refused(
        CommandError::UnsupportedParameter,
        ["AUTH", "AUTH ", "AUTH GSSAPI", "PROT X"],
    );
    refused(CommandError::MissingArgument, ["PBSZ", "PROT", "PROT  "]);
    refused(
        CommandError::BadArgument,
        ["PBSZ -1", "PBSZ +1", "PBSZ 4294967296", "PBSZ x"],
    );
}

#[test]
fn settling_how_to_talk() {
    accepted([
        (
            "HOST ftp.example.org",
            Command::Host("ftp.example.org".into()),
        ),
        ("HOST [2001:db8::1] ", Command::Host("[2001:db8::1]".into())),
        ("FEAT", Command::Feat),
        ("SYST ", Command::Syst),
        ("HELP", Command::Help(None)),
        ("HELP  ", Command::Help(None)),
        ("HELP retr", Command::Help(Some("retr".into()))),
        ("NOOP", Command::Noop),
        ("NOOP whatever", Command::Noop),
        ("CLNT FileZilla 3", Command::Clnt("FileZilla 3".into())),
        ("CLNT", Command::Clnt(String::new())),
        ("LANG", Command::Lang(None)),
        ("LANG fr-CA", Command::Lang(Some("fr-CA".into()))),
    ]);
    refused(CommandError::MissingArgument, ["HOST", "OPTS"]);
    refused(CommandError::BadArgument, ["FEAT x", "SYST x"]);
}

#[test]
fn options() {
    let hash = |name| Command::Opts(FeatureOption::Hash(name));
    let facts = |facts| Command::Opts(FeatureOption::Mlst(facts));
    let type_and_size = Facts {
        kind: true,
        size: true,
        ..Facts::NONE
    };
    accepted([
        ("OPTS UTF8 ON", Command::Opts(FeatureOption::Utf8(true))),
        ("opts utf8 on ", Command::Opts(FeatureOption::Utf8(true))),
        ("OPTS UTF-8 on", Command::Opts(FeatureOption::Utf8(true))),
        ("OPTS UTF8", Command::Opts(FeatureOption::Utf8(true))),
        ("OPTS UTF8 OFF", Command::Opts(FeatureOption::Utf8(false))),
        ("OPTS MLST type;size;", facts(type_and_size)),
        ("OPTS MLST Type;SIZE;unknown;", facts(type_and_size)),
        ("OPTS MLST size;type", facts(type_and_size)),
        (
            "OPTS MLST unix.mode;",
            facts(Facts {
                unix_mode: true,
                ..Facts::NONE
            }),
        ),
        (
            "OPTS MLST type;size;modify;perm;unique;UNIX.mode;",
            facts(Facts::DEFAULT),
        ),
        ("OPTS MLST", facts(Facts::NONE)),
        ("OPTS HASH", hash(None)),
        ("OPTS HASH sha-512", hash(Some(HashAlgorithm::Sha512))),
        ("OPTS HASH CRC32", hash(Some(HashAlgorithm::Crc32))),
        ("OPTS REST STOR", Command::Opts(FeatureOption::RestStor)),
    ]);
    assert_eq!(type_and_size.names(), "type;size;");
    refused(
        CommandError::BadArgument,
        [
            "OPTS UTF8 NLST",
            "OPTS MLST type; size;",
            "OPTS XYZ",
            "OPTS REST",
            "OPTS REST RETR",
        ],
    );
    refused(CommandError::UnsupportedParameter, ["OPTS HASH WHIRLPOOL"]);
}

#[test]
fn what_is_no_ftp() {
    let tls: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    for (line, expected) in [
        (&b"GET / HTTP/1.1"[..], Foreign::Http),
        (b"PRI * HTTP/2.0", Foreign::Http),
        (b"PATCH /x HTTP/1.1", Foreign::Http),
        (b"OPTIONS sip:nm SIP/2.0", Foreign::Http),
        (b"OPTIONS / RTSP/1.0", Foreign::Http),
        (b"POST /upload", Foreign::Http),
        (b"get /", Foreign::Http),
        (b"EHLO example.org", Foreign::Smtp),
        (b"helo x", Foreign::Smtp),
        (b"SSH-2.0-OpenSSH_9.9", Foreign::Ssh),
        (tls, Foreign::Tls),
    ] {
        assert_eq!(Command::parse(line), Err(CommandError::NotFtp(expected)));
    }
    assert_eq!(parse("RETR HTTP/1.1"), Ok(Command::Retr(path("HTTP/1.1"))));
}

#[test]
fn what_is_no_command() {
    assert_eq!(parse(""), Err(CommandError::Empty));
    for line in [
        " ",
        " NOOP",
        "NOOPX",
        "NOOP\tx",
        "XYZZY 1",
        "Host: example.org",
        "é",
        "NOOP\r",
    ] {
        assert_eq!(parse(line), Err(CommandError::Unknown), "{line:?}");
    }
    assert_eq!(Command::parse(b"\xff\xff"), Err(CommandError::Unknown));
    refused(
        CommandError::NotImplemented,
        ["SMNT /", "LPRT 4,4", "LPSV", "MIC x", "PRET RETR x"],
    );
}
