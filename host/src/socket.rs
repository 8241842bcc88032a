//! Options of sockets, and addresses as they are compared.

use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use crate::limits;

/// Prepares an accepted control connection.
///
/// Replies leave at once (TCP_NODELAY), a peer that vanished is noticed (keepalive), and urgent
/// data stays in the stream, since clients announce ABOR with a Telnet Synch (RFC 959 section
/// 4.1.3, RFC 854).
pub fn prepare_control(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_out_of_band_inline(true)?;
    socket.set_tcp_keepalive(
        &TcpKeepalive::new()
            .with_time(limits::KEEPALIVE_IDLE)
            .with_interval(limits::KEEPALIVE_INTERVAL)
            .with_retries(limits::KEEPALIVE_PROBES),
    )
}

/// The address with an IPv4-mapped IPv6 address turned into the IPv4 address that it stands for,
/// as a listener on `[::]` sees its IPv4 clients. The scope of a link-local address stays.
pub fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => (ip, address.port()).into(),
        IpAddr::V6(_) => address,
    }
}

/// Whether both are the same host, however the address is written. The scope of a link-local
/// address is not part of it.
pub fn same_host(one: IpAddr, other: IpAddr) -> bool {
    one.to_canonical() == other.to_canonical()
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn urgent_data_stays_in_the_stream() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        prepare_control(&server).unwrap();
        assert!(server.nodelay().unwrap());
        assert!(SockRef::from(&server).keepalive().unwrap());

        SockRef::from(&client)
            .send_out_of_band(b"\xff\xf4\xf2")
            .unwrap();
        client.writable().await.unwrap();
        client.try_write(b"ABOR\r\n").unwrap();
        drop(client);
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"\xff\xf4\xf2ABOR\r\n");
    }

    #[test]
    fn a_mapped_address_is_the_same_host() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8::1", "2001:db8::1", true),
            ("::1", "127.0.0.1", false),
        ] {
            let (one, other) = (one.parse().unwrap(), other.parse().unwrap());
            assert_eq!(same_host(one, other), same, "{one} {other}");
        }
    }
    #[test]
    fn only_a_mapped_address_changes() {
        for (address, same) in [
            ("192.0.2.1:21", "192.0.2.1:21"),
            ("[::ffff:192.0.2.1]:21", "192.0.2.1:21"),
            ("[fe80::1%3]:21", "[fe80::1%3]:21"),
        ] {
            assert_eq!(canonical(address.parse().unwrap()), same.parse().unwrap());
        }
    }
}
