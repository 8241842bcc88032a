//! Headers as balancers send them, and as nobody should.

use proptest::prelude::*;

use super::*;

/// What is read of `bytes`, and what is left behind it; no header leaves no address.
fn reading(mut bytes: &[u8]) -> Result<(Option<SocketAddr>, Vec<u8>), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let read = runtime.block_on(read(&mut bytes));
    read.map(|address| (address, bytes.to_vec()))
        .map_err(|error| error.to_string())
}

fn version_2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, body].concat()
}

/// Source, target and their ports.
fn body(source: SocketAddr) -> (u8, Vec<u8>) {
    let port = source.port().to_be_bytes();
    let (family, ip) = match source.ip() {
        IpAddr::V4(ip) => (0x11, ip.octets().to_vec()),
        IpAddr::V6(ip) => (0x21, ip.octets().to_vec()),
    };
    (family, [&ip[..], &ip[..], &port, &[0, 21]].concat())
}

#[test]
fn lines_of_version_1_are_read() {
    for (line, address) in [
        (
            "TCP4 192.0.2.7 198.51.100.1 5000 21",
            Ok(Some("192.0.2.7:5000")),
        ),
        (
            "TCP6 2001:db8::7 ::1 65535 21",
            Ok(Some("[2001:db8::7]:65535")),
        ),
        ("UNKNOWN", Ok(None)),
        ("UNKNOWN ffff:f...f:ffff 65535", Ok(None)),
        (
            "TCP4 192.0.2.7 198.51.100.1 5000",
            Err("it has not six words"),
        ),
        (
            "TCP4  192.0.2.7 198.51.100.1 5000 21",
            Err("it has not six words"),
        ),
        (
            "TCP4 2001:db8::7 ::1 5000 21",
            Err("its addresses are none"),
        ),
        (
            "TCP4 192.0.2.7 198.51.100.1 65536 21",
            Err("its addresses are none"),
        ),
        (
            "TCP4 192.0.2.7 198.51.100.1 +5000 21",
            Err("its addresses are none"),
        ),
        (
            "UDP4 192.0.2.7 198.51.100.1 5000 21",
            Err("its addresses are none"),
        ),
    ] {
        let read = reading(format!("PROXY {line}\r\nUSER alice\r\n").as_bytes());
        match address {
            Ok(address) => {
                let address = address.map(|it| it.parse().unwrap());
                assert_eq!(read, Ok((address, b"USER alice\r\n".to_vec())), "{line}");
            }
            Err(why) => assert!(read.is_err_and(|error| error.ends_with(why)), "{line}"),
        }
    }
}

#[test]
fn what_is_no_header_is_refused() {
    let (family, addresses) = body("192.0.2.7:5000".parse().unwrap());
    for (bytes, why) in [
        (b"USER alice\r\nPASS x\r\n".to_vec(), "does not begin"),
        (vec![b'A'; 200], "it has no end"),
        (b"PROXY".to_vec(), "ended before"),
        (SIGNATURE.to_vec(), "ended before"),
        (version_2(0x31, family, &addresses), "version or command"),
        (version_2(0x22, family, &addresses), "version or command"),
        (version_2(0x21, 0x12, &addresses), "not of TCP"),
        (version_2(0x21, family, &addresses[..11]), "too short"),
        (version_2(0x21, 0x21, &addresses), "too short"),
        (
            version_2(0x21, family, &[0; limits::PROXY_HEADER_BYTES + 1]),
            "too long",
        ),
    ] {
        let read = reading(&bytes);
        assert!(
            read.clone().is_err_and(|error| error.contains(why)),
            "{why}: {read:?}"
        );
    }
}

#[test]
fn what_a_balancer_asks_for_itself_has_no_other_address() {
    for header in [
        version_2(0x20, 0, &[]),
        version_2(0x20, 0x11, &[0; 12]),
        version_2(0x21, 0, b"x"),
    ] {
        assert_eq!(reading(&header), Ok((None, Vec::new())));
    }
}

proptest! {
    /// Whatever the address, and whatever follows, be it of the header or of the client.
    #[test]
    fn both_versions_tell_every_address(
        source in any::<SocketAddr>(),
        more in prop::collection::vec(any::<u8>(), 0..64),
        behind in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let source = SocketAddr::new(source.ip(), source.port());
        let (family, addresses) = body(source);
        let binary = version_2(0x21, family, &[&addresses[..], &more].concat());
        let word = if source.is_ipv4() { "TCP4" } else { "TCP6" };
        let (ip, port) = (source.ip(), source.port());
        let line = format!("PROXY {word} {ip} {ip} {port} 21\r\n").into_bytes();
        for header in [binary, line] {
            let read = reading(&[&header[..], &behind].concat());
            prop_assert_eq!(read, Ok((Some(source), behind.clone())));
        }
    }

    /// No bytes make it panic, or read more than a header may have.
    #[test]
    fn no_bytes_are_read_beyond_the_bound(
        versions in any::<bool>(),
        bytes in prop::collection::vec(any::<u8>(), 0..8192),
    ) {
        let start = if versions { SIGNATURE.to_vec() } else { b"PROXY ".to_vec() };
        let all = [&start[..], &bytes].concat();
        if let Ok((_, left)) = reading(&all) {
            prop_assert!(all.len() - left.len() <= limits::PROXY_HEADER_BYTES + 16);
        }
    }
}
