//! Commands that name files and directories.

use super::*;

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

#[test]
fn names() {
    accepted([
        ("PWD", Command::Pwd),
        ("XPWD ", Command::Pwd),
        ("CWD /a b", Command::Cwd(path("/a b"))),
        ("XCWD a", Command::Cwd(path("a"))),
        ("CDUP", Command::Cdup),
        ("XCUP", Command::Cdup),
        ("MKD  a ", Command::Mkd(path(" a "))),
        ("XMKD a", Command::Mkd(path("a"))),
        ("RMD -x", Command::Rmd(path("-x"))),
        ("XRMD a", Command::Rmd(path("a"))),
        ("DELE a\"b", Command::Dele(path("a\"b"))),
        ("RNFR 📁", Command::Rnfr(path("📁"))),
        ("RNTO  ", Command::Rnto(path(" "))),
        ("SIZE a", Command::Size(path("a"))),
        ("MLSD", Command::Mlsd(None)),
        ("MLSD ", Command::Mlsd(None)),
        ("MLSD -a", Command::Mlsd(Some(path("-a")))),
        ("mlst a b", Command::Mlst(Some(path("a b")))),
        ("AVBL", Command::Avbl(None)),
        ("AVBL /a", Command::Avbl(Some(path("/a")))),
        ("RETR -", Command::Retr(path("-"))),
        ("STOR ~", Command::Stor(path("~"))),
        ("APPE a", Command::Appe(path("a"))),
        ("STOU", Command::Stou(None)),
        ("STOU a", Command::Stou(Some(path("a")))),
    ]);
    refused(
        CommandError::MissingArgument,
        [
            "CWD", "MKD", "RMD ", "DELE ", "DELE", "RNFR", "RNTO", "SIZE", "RETR", "STOR ", "APPE",
        ],
    );
    refused(
        CommandError::ForbiddenByte,
        ["RETR a\0", "MLSD a\rb", "LIST a\n"],
    );
    refused(CommandError::BadArgument, ["PWD /", "CDUP .."]);
    let latin = Command::parse(b"RETR caf\xe9");
    assert_eq!(latin, Err(CommandError::NotUtf8(verb("RETR"))));
    let long = format!("RETR {}", "a".repeat(crate::path::MAX_PATH_BYTES + 1));
    assert_eq!(parse(&long), Err(CommandError::PathTooLong(verb("RETR"))));
}

#[test]
fn listings() {
    for (argument, expected, hidden) in [
        ("", None, false),
        (" ", None, false),
        (" -a", None, true),
        (" -A", None, true),
        (" -l", None, false),
        (" -a -l", None, true),
        (" -la ", None, true),
        (" -la path", Some("path"), true),
        (" -a -l a b", Some("a b"), true),
        (" a -a", Some("a -a"), false),
        (" a b ", Some("a b "), false),
        (" -la  a", Some(" a"), true),
        (" --", None, false),
        (" -- -a", Some("-a"), false),
        (" -a -- -- x", Some("-- x"), true),
        (" ./-a", Some("./-a"), false),
        (" -", Some("-"), false),
        (" -report.txt", Some("-report.txt"), false),
        (" -é", Some("-é"), false),
        (" --all", Some("--all"), false),
        (" -a -2024", Some("-2024"), true),
        (" *.txt", Some("*.txt"), false),
    ] {
        let argument_of = ListArgument {
            path: expected.map(path),
            hidden,
            order: ListOrder::default(),
        };
        let list = parse(&format!("LIST{argument}"));
        assert_eq!(list, Ok(Command::List(argument_of.clone())), "{argument:?}");
        let names = parse(&format!("NLST{argument}"));
        assert_eq!(
            names,
            Ok(Command::Nlst(argument_of.clone())),
            "{argument:?}"
        );
        let stat = parse(&format!("STAT{argument}"));
        let of_session = argument.trim_start().is_empty();
        let expected = Command::Stat((!of_session).then_some(argument_of));
        assert_eq!(stat, Ok(expected), "{argument:?}");
    }
}

#[test]
fn times() {
    let modified = time("20240822134501");
    let set = |text| Command::MdtmSet {
        modified,
        path: path(text),
    };
    let mfmt = |text| Command::Mfmt {
        modified,
        path: path(text),
    };
    accepted([
        ("MDTM a b", Command::Mdtm(path("a b"))),
        ("MDTM 20240822134501", Command::Mdtm(path("20240822134501"))),
        (
            "MDTM 20240822134501 ",
            Command::Mdtm(path("20240822134501 ")),
        ),
        (
            "MDTM 20241322134501 a",
            Command::Mdtm(path("20241322134501 a")),
        ),
        ("MDTM 20240822134501 a b", set("a b")),
        (
            "MDTM ./20240822134501 a",
            Command::Mdtm(path("./20240822134501 a")),
        ),
        ("MFMT 20240822134501 a b", mfmt("a b")),
        ("MFMT 20240822134501  a", mfmt(" a")),
    ]);
    refused(
        CommandError::MissingArgument,
        ["MDTM", "MFMT", "MFMT 20240822134501"],
    );
    refused(
        CommandError::BadArgument,
        ["MFMT a", "MFMT 2024 a", "MFMT  20240822134501 a"],
    );
}

#[test]
fn checksums() {
    let of = |algorithm, name, range| Command::Checksum {
        algorithm,
        path: path(name),
        range,
    };
    let crc = |name, range| of(HashAlgorithm::Crc32, name, range);
    accepted([
        ("HASH a b", Command::Hash(path("a b"))),
        ("XMD5 a", of(HashAlgorithm::Md5, "a", None)),
        ("XSHA a", of(HashAlgorithm::Sha1, "a", None)),
        ("XSHA1 a", of(HashAlgorithm::Sha1, "a", None)),
        ("XSHA256 a", of(HashAlgorithm::Sha256, "a", None)),
        ("xsha512 a", of(HashAlgorithm::Sha512, "a", None)),
        ("XCRC a b", crc("a b", None)),
        ("XCRC report 2024", crc("report 2024", None)),
        ("XCRC a 0 100", crc("a", Some((0, 100)))),
        ("XCRC a b 5 5", crc("a b", Some((5, 5)))),
        ("XCRC a 1 -2", crc("a 1 -2", None)),
        ("XCRC 1 2", crc("1 2", None)),
        ("XCRC \"a b\"", crc("a b", None)),
        ("XCRC \"a b\" 7", crc("a b", Some((7, u64::MAX)))),
        ("XCRC \"a 1 2\" 0 100 ", crc("a 1 2", Some((0, 100)))),
        ("XCRC \"a\"\"b\"", crc("a\"b", None)),
        ("XCRC \"unclosed", crc("\"unclosed", None)),
    ]);
    refused(
        CommandError::MissingArgument,
        ["HASH", "XCRC", "XMD5 ", "XCRC \"\""],
    );
    refused(
        CommandError::BadArgument,
        [
            "XCRC a 5 4",
            "XCRC \"a\" x",
            "XCRC \"a\" 1 x",
            "XCRC \"a\" 1 2 3",
            "XCRC \"a\" 9 1",
        ],
    );
}

#[test]
fn site() {
    let chmod = |mode, name| {
        Command::Site(SiteCommand::Chmod {
            mode,
            path: path(name),
        })
    };
    let utime = |text, name| {
        Command::Site(SiteCommand::Utime {
            modified: time(text),
            path: path(name),
        })
    };
    accepted([
        ("SITE HELP", Command::Site(SiteCommand::Help)),
        ("site help", Command::Site(SiteCommand::Help)),
        ("SITE CHMOD 644 a b", chmod(0o644, "a b")),
        ("SITE CHMOD 07777 a", chmod(0o7777, "a")),
        (
            "SITE UTIME 20240822134501 a b",
            utime("20240822134501", "a b"),
        ),
        ("SITE UTIME 202408221345 a", utime("20240822134500", "a")),
        (
            "SITE UTIME a b 20240101000000 20240822134501 20230101000000 UTC",
            utime("20240822134501", "a b"),
        ),
    ]);
    refused(
        CommandError::MissingArgument,
        [
            "SITE",
            "SITE ",
            "SITE CHMOD 644",
            "SITE UTIME 20240822134501",
        ],
    );
    refused(
        CommandError::BadArgument,
        [
            "SITE CHMOD",
            "SITE CHMOD a 644",
            "SITE CHMOD 10000 a",
            "SITE CHMOD +1 a",
            "SITE CHMOD 8 a",
        ],
    );
    refused(
        CommandError::BadArgument,
        ["SITE UTIME", "SITE UTIME a", "SITE UTIME 2024 a"],
    );
    refused(
        CommandError::UnsupportedParameter,
        ["SITE EXEC ls", "SITE INDEX"],
    );
}
