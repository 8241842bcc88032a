//! The address that PASV tells a client.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::lookup_host;
use tokio::time::timeout;

use super::DataError;
use crate::config::{Advertise, AdvertisedAddress};
use crate::limits;

/// The address for the first network that `peer` is in, or else `local`, the one that the client
/// reached the control connection by.
pub(super) async fn advertised(
    rules: &[Advertise],
    peer: IpAddr,
    local: Ipv4Addr,
) -> Result<Ipv4Addr, DataError> {
    match rules
        .iter()
        .find(|rule| rule.clients.contains(&peer))
        .map(|rule| &rule.address)
    {
        None => Ok(local),
        Some(AdvertisedAddress::Ip(IpAddr::V4(address))) => Ok(*address),
        Some(AdvertisedAddress::Ip(address @ IpAddr::V6(_))) => Err(DataError::Unresolved {
            name: address.to_string(),
            reason: "it is no IPv4 address".to_owned(),
        }),
        Some(AdvertisedAddress::Name(name)) => resolve(name).await,
    }
}

async fn resolve(name: &str) -> Result<Ipv4Addr, DataError> {
    let unresolved = |reason: &dyn ToString| DataError::Unresolved {
        name: name.to_owned(),
        reason: reason.to_string(),
    };
    timeout(limits::ADVERTISE_LOOKUP, lookup_host((name, 0)))
        .await
        .map_err(|elapsed| unresolved(&elapsed))?
        .map_err(|error| unresolved(&error))?
        .find_map(|address| match address {
            SocketAddr::V4(address) => Some(*address.ip()),
            SocketAddr::V6(_) => None,
        })
        .ok_or_else(|| unresolved(&"it has no IPv4 address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);

    fn rules() -> Vec<Advertise> {
        let ip = |text: &str| AdvertisedAddress::Ip(text.parse().unwrap());
        [
            ("10.1.0.0/16", ip("10.1.2.3")),
            ("10.0.0.0/8", ip("10.0.0.1")),
            (
                "127.0.0.0/8",
                AdvertisedAddress::Name("localhost".to_owned()),
            ),
            ("192.0.2.0/24", ip("2001:db8::1")),
            (
                "203.0.113.0/24",
                AdvertisedAddress::Name("no-such-host.invalid".to_owned()),
            ),
        ]
        .map(|(clients, address)| Advertise {
            clients: clients.parse().unwrap(),
            address,
        })
        .to_vec()
    }

    #[tokio::test]
    async fn the_first_network_of_the_client_wins() {
        for (peer, told) in [
            ("10.1.9.9", Some("10.1.2.3")),
            ("10.2.9.9", Some("10.0.0.1")),
            ("127.0.0.1", Some("127.0.0.1")),
            ("198.51.100.9", Some("198.51.100.7")),
            ("192.0.2.9", None),
            ("203.0.113.9", None),
        ] {
            let address = advertised(&rules(), peer.parse().unwrap(), LOCAL).await;
            let told = told.map(|address| address.parse::<Ipv4Addr>().unwrap());
            assert_eq!(address.ok(), told, "{peer}");
        }
    }
}
