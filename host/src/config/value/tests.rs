//! Texts and the values that they are, or why they are none.

use std::fmt::Debug;

use super::*;

/// Each text, and the `Debug` form of its value or why it is none.
fn check<T: Value + Debug>(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let told = T::parse(text).map_or_else(|reason| reason, |value| format!("{value:?}"));
        assert_eq!(told, *expected, "{text:?} as {}", T::NAME);
    }
}

#[test]
fn durations() {
    check::<Duration>(&[
        ("30s", "30s"),
        ("250ms", "250ms"),
        ("5m", "300s"),
        ("1h30m", "5400s"),
        (" 2d 1s ", "172801s"),
        ("10 s", "10s"),
        ("0s", "0ns"),
        ("", "it does not start with a whole number"),
        ("-5s", "it does not start with a whole number"),
        ("1.5h", "it has no unit"),
        ("30", "it has no unit"),
        ("5 parsecs", "\"parsecs\" is no unit of time"),
        ("5S", "\"S\" is no unit of time"),
        ("1h30", "it has no unit"),
        ("99999999999999999999s", "it is too large"),
        ("9999999999999999999d", "it is too long"),
    ]);
}

#[test]
fn sizes() {
    check::<ByteSize>(&[
        ("32MiB", "ByteSize(33554432)"),
        ("32mib", "ByteSize(33554432)"),
        ("4 KiB", "ByteSize(4096)"),
        ("1GB", "ByteSize(1000000000)"),
        ("0B", "ByteSize(0)"),
        ("32", "it has no unit"),
        ("32M", "\"M\" is no unit of size"),
        ("1MiB1", "it goes on behind its unit"),
        ("MiB", "it does not start with a whole number"),
        ("99999999TiB", "it is too large"),
    ]);
}

#[test]
fn counts_and_switches() {
    check::<u32>(&[
        ("0", "0"),
        ("4294967295", "4294967295"),
        ("4294967296", "it is too large"),
        ("-1", "it is negative"),
        ("ten", "it is no whole number"),
    ]);
    check::<bool>(&[
        ("true", "true"),
        ("false", "false"),
        ("yes", "it is neither true nor false"),
    ]);
}

#[test]
fn port_ranges() {
    check::<PortRange>(&[
        ("40000-40999", "PortRange { first: 40000, last: 40999 }"),
        ("21 - 22", "PortRange { first: 21, last: 22 }"),
        ("5000", "PortRange { first: 5000, last: 5000 }"),
        ("5001-5000", "it ends before it starts"),
        ("0-10", "\"0\" is no port from 1 to 65535"),
        ("1-65536", "\"65536\" is no port from 1 to 65535"),
        ("a-b", "\"a\" is no port from 1 to 65535"),
    ]);
    assert_eq!(
        PortRange {
            first: 1,
            last: u16::MAX
        }
        .count(),
        65535
    );
}

#[test]
fn addresses() {
    check::<SocketAddr>(&[
        ("[::]:2121", "[::]:2121"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("127.0.0.1", "the port is missing"),
        ("::1", "the port is missing"),
        ("localhost", "the port is missing"),
        (
            "fe80::1::21",
            "an IPv6 address stands in brackets before the port",
        ),
        ("localhost:21", "the part before the port is no IP address"),
        ("127.0.0.1:ftp", "the port is not one"),
    ]);
    check::<IpNet>(&[
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("::/0", "::/0"),
        ("192.0.2.1", "192.0.2.1/32"),
        ("10.0.0.0/33", "the prefix is too long"),
        ("example.com/8", "its address is not one"),
    ]);
    check::<AdvertisedAddress>(&[
        ("192.0.2.1", "Ip(192.0.2.1)"),
        ("ftp.example.com", "Name(\"ftp.example.com\")"),
        (
            "ftp.example.com:21",
            "it is neither an IP address nor a name",
        ),
        ("", "it is neither an IP address nor a name"),
        ("a..b", "it is neither an IP address nor a name"),
    ]);
}

#[test]
fn texts_and_paths() {
    check::<String>(&[
        ("a \u{e9}", "\"a \u{e9}\""),
        ("a\r\nb", "it holds the control character '\\r'"),
    ]);
    check::<PathBuf>(&[
        ("a/b", "\"a/b\""),
        ("", "it is empty"),
        ("a\0", "it holds a NUL"),
    ]);
    check::<Secret>(&[("hunter2", "Secret(..)")]);
}
