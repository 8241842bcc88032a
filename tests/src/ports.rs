//! Blocks of free ports, so that servers in one test run never meet, and ports where nobody is.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use socket2::{Domain, Socket, Type};

/// Below the ports that the system hands out by itself.
const FIRST: u32 = 10_000;
const LAST: u32 = 32_000;

/// The first port of a block of `count` ports that were free just now, handed out once per run.
pub fn free_block(count: u16) -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let span = LAST - FIRST - u32::from(count);
    // Two test runs at the same time begin at different places.
    let offset = std::process::id().wrapping_mul(7919);
    for _ in 0..span {
        let drawn = NEXT.fetch_add(u32::from(count), Ordering::Relaxed);
        let first = FIRST + offset.wrapping_add(drawn) % span;
        let first = u16::try_from(first).expect("ports are below 65536");
        if (first..first + count).all(is_free) {
            return first;
        }
    }
    panic!("there is no block of {count} free ports between {FIRST} and {LAST}");
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
}

/// An address at which connections are refused, as long as it is held: no other program gets it.
pub struct Refusing {
    _bound: Socket,
    /// The address.
    pub address: SocketAddr,
}

impl Default for Refusing {
    fn default() -> Self {
        let bound = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there is room");
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        bound.bind(&any.into()).expect("a port is free");
        let address = bound.local_addr().ok().and_then(|it| it.as_socket());
        let address = address.expect("it is bound");
        Self {
            _bound: bound,
            address,
        }
    }
}
