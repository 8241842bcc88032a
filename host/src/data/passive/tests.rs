//! The passive pool over real loopback sockets.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use wharf_protocol::failure::Failure;

use super::*;
use crate::config::PortRange;

const PORTS: PortRange = PortRange {
    first: 20_001,
    last: 20_040,
};

/// A loopback address that no other test uses, so that every port of it is free.
fn unused_address() -> Ipv4Addr {
    Ipv4Addr::from_bits(0x7f00_0000 | rand::random_range(0x0100..0x00ff_ff00))
}

fn pool(first: u16, last: u16) -> PassivePool {
    PassivePool::new(&config::Passive {
        ports: PortRange { first, last },
        ..config::Passive::default()
    })
    .unwrap()
}

/// Whose data connections may come instead of those of a client.
#[test]
fn behind_balancers_the_networks_tell_who_may_come() {
    let rule = |clients: &str| Advertise {
        clients: clients.parse().unwrap(),
        address: config::AdvertisedAddress::Ip(Ipv4Addr::UNSPECIFIED.into()),
    };
    let networks = ["10.1.0.0/24", "10.1.1.0/24", "10.0.0.0/8", "2001:db8::/32"];
    let networks: Arc<[Advertise]> = networks.map(rule).into();
    for (client, visitor, alone, behind) in [
        ("10.1.0.7", "10.1.0.7", true, true),
        ("10.1.0.7", "::ffff:10.1.0.7", true, true),
        ("10.1.0.7", "10.1.0.8", false, true),
        ("10.1.0.7", "::ffff:10.1.0.8", false, true),
        ("10.1.0.7", "10.1.1.7", false, false),
        ("10.1.0.7", "10.2.0.7", false, false),
        ("10.2.0.7", "10.3.0.7", false, true),
        // In no network: the address alone.
        ("192.0.2.7", "192.0.2.7", true, true),
        ("192.0.2.7", "192.0.2.8", false, false),
        ("192.0.2.7", "10.1.0.7", false, false),
        ("2001:db8::7", "2001:db8::8", false, true),
    ] {
        let [client, visitor] = [client, visitor].map(|it| it.parse::<IpAddr>().unwrap());
        for (networks, admitted) in [(Arc::default(), alone), (Arc::clone(&networks), behind)] {
            let peers = Peers {
                client,
                networks,
                proxies: Arc::default(),
            };
            assert_eq!(peers.admit(visitor), admitted, "{peers:?} {visitor}");
        }
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

async fn epsv(pool: &PassivePool, here: Ipv4Addr) -> Result<Passive, DataError> {
    pool.listen(
        (here, 21).into(),
        (here, 5000).into(),
        true,
        None,
        Arc::default(),
    )
    .await
}

/// Connects from `from`, which may be any address of 127/8.
async fn connect(from: Ipv4Addr, target: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(target).await
}

#[tokio::test]
async fn the_client_may_connect_before_or_during_the_wait() {
    let (pool, here) = (pool(PORTS.first, PORTS.last), unused_address());
    for early in [true, false] {
        let passive = epsv(&pool, here).await.unwrap();
        let target = passive.advertise();
        let (server, client) = if early {
            let client = connect(here, target).await.unwrap();
            (passive.accept().await.unwrap(), client)
        } else {
            let accepted = tokio::spawn(passive.accept());
            tokio::task::yield_now().await;
            let client = connect(here, target).await.unwrap();
            (accepted.await.unwrap().unwrap(), client)
        };
        assert_eq!(server.peer_addr().unwrap(), client.local_addr().unwrap());
        // Accepted once, the port takes no second connection.
        assert!(connect(here, target).await.is_err());
    }
}

#[tokio::test]
async fn strangers_do_not_use_up_the_port() {
    let (pool, here) = (pool(PORTS.first, PORTS.last), unused_address());
    let passive = epsv(&pool, here).await.unwrap();
    let target = passive.advertise();
    let early = connect(unused_address(), target).await.unwrap();
    let accepted = tokio::spawn(passive.accept());
    let late = connect(unused_address(), target).await.unwrap();
    let client = connect(here, target).await.unwrap();
    let server = accepted.await.unwrap().unwrap();
    assert_eq!(server.peer_addr().unwrap(), client.local_addr().unwrap());
    for mut stranger in [early, late] {
        let end = tokio::io::AsyncReadExt::read(&mut stranger, &mut [0]).await;
        assert!(!matches!(end, Ok(1..)), "a stranger's connection is closed");
    }
}

#[tokio::test]
async fn a_flood_of_strangers_ends_the_wait() {
    let (pool, here) = (pool(PORTS.first, PORTS.last), unused_address());
    let passive = epsv(&pool, here).await.unwrap();
    let target = passive.advertise();
    let accepted = tokio::spawn(passive.accept());
    while !accepted.is_finished() {
        // Refused once the listener is gone.
        drop(connect(unused_address(), target).await);
    }
    let error = accepted.await.unwrap().unwrap_err();
    assert!(
        matches!(error, DataError::Strangers(limits::STRANGERS_PER_WAIT)),
        "{error}"
    );
}

#[tokio::test]
async fn a_wait_that_is_given_up_gives_the_port_back() {
    let (pool, here) = (pool(PORTS.first, PORTS.first), unused_address());
    for _ in 0..2 {
        let passive = epsv(&pool, here).await.unwrap();
        assert!(timeout(Duration::ZERO, passive.accept()).await.is_err());
    }
}

#[tokio::test]
async fn exhaustion_is_an_error_and_passes() {
    let (pool, here) = (pool(20_001, 20_003), unused_address());
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(epsv(&pool, here).await.unwrap());
    }
    let mut ports: Vec<u16> = open
        .iter()
        .map(|passive| passive.advertise().port())
        .collect();
    ports.sort_unstable();
    assert_eq!(ports, [20_001, 20_002, 20_003]);
    let error = epsv(&pool, here).await.unwrap_err();
    assert!(
        matches!(
            error,
            DataError::NoFreePort {
                first: 20_001,
                last: 20_003
            }
        ),
        "{error}"
    );
    assert_eq!(Failure::from(&error), Failure::NoDataConnection);
    open.pop();
    assert!(epsv(&pool, here).await.is_ok());
}

#[tokio::test]
async fn a_port_that_another_program_holds_is_passed_over() {
    let (pool, here) = (pool(20_001, 20_002), unused_address());
    let other = std::net::TcpListener::bind((here, 20_001)).unwrap();
    for _ in 0..20 {
        assert_eq!(epsv(&pool, here).await.unwrap().advertise().port(), 20_002);
    }
    let held = epsv(&pool, here).await.unwrap();
    assert!(matches!(
        epsv(&pool, here).await,
        Err(DataError::NoFreePort { .. })
    ));
    drop(other);
    assert_eq!(epsv(&pool, here).await.unwrap().advertise().port(), 20_001);
    drop(held);
}

#[tokio::test]
async fn thousands_of_rounds_leak_nothing() {
    let (pool, here) = (pool(20_001, 20_004), unused_address());
    let open_files = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open_files();
    for round in 0..4000 {
        let passive = epsv(&pool, here).await.unwrap();
        if round % 4 == 0 {
            let client = connect(here, passive.advertise()).await.unwrap();
            drop((passive.accept().await.unwrap(), client));
        }
    }
    // Other tests of this process open some files of their own meanwhile.
    assert!(open_files() < before + 500);
    let all: Vec<_> = [
        epsv(&pool, here).await,
        epsv(&pool, here).await,
        epsv(&pool, here).await,
        epsv(&pool, here).await,
    ]
    .into_iter()
    .collect::<Result<_, _>>()
    .unwrap();
    assert_eq!(all.len(), 4);
}

#[tokio::test]
async fn the_family_of_the_control_connection_decides() {
    let pool = pool(PORTS.first, PORTS.last);
    let (v4, mapped, v6) = ("127.0.0.1:21", "[::ffff:127.0.0.1]:21", "[::1]:21");
    for (local, extended, family, told) in [
        (v4, false, None, Some("127.0.0.1")),
        (mapped, false, None, Some("127.0.0.1")),
        (mapped, true, Some(Family::V4), Some("127.0.0.1")),
        (v4, true, Some(Family::V6), None),
        (v6, true, None, Some("::1")),
        (v6, true, Some(Family::V6), Some("::1")),
        (v6, true, Some(Family::V4), None),
        (v6, false, None, None),
    ] {
        let passive = pool
            .listen(
                address(local),
                address(local),
                extended,
                family,
                Arc::default(),
            )
            .await;
        let ip = passive
            .as_ref()
            .ok()
            .map(|passive| passive.advertise().ip().to_string());
        assert_eq!(ip.as_deref(), told, "{local} {extended} {family:?}");
        if let Ok(passive) = passive {
            let client = TcpStream::connect(passive.advertise()).await.unwrap();
            let server = passive.accept().await.unwrap();
            assert_eq!(server.peer_addr().unwrap(), client.local_addr().unwrap());
        }
    }
}
