//! `[passive]`: ports for data connections, what clients are told of them, who may come to them.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::section::Section;
use super::value::choices;

/// Ports that may listen all the time: each is a socket and a task, and platforms that want it make
/// people name each port.
const STANDING_PORTS_MAX: u32 = 4096;

/// `[passive]`
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Passive {
    /// The ports handed out for PASV and EPSV.
    pub ports: PortRange,
    /// When they listen.
    pub listen: PassiveListening,
    /// What address PASV tells, first match wins; else the one the client connected to.
    pub advertise: Vec<Advertise>,
    /// From where a data connection may come.
    pub data_peer: DataPeer,
}

choices! {
    /// From where a data connection may come.
    #[derive(Default)]
    pub enum DataPeer("a data peer") {
        /// From the address of the control connection alone.
        #[default]
        SameAddress = "same-address",
        /// Also from another that is in the very same networks of `[[passive.advertise]]`, where it
        /// is in any: behind balancers, whose addresses differ from connection to connection.
        SameNetworks = "same-networks",
    }
}

choices! {
    /// When passive ports listen.
    #[derive(Default)]
    pub enum PassiveListening("a time for passive ports to listen") {
        /// From when a client is told one until its connection is there.
        #[default]
        OnDemand = "on-demand",
        /// All the time, for platforms that look whether they do.
        Always = "always",
    }
}

/// Ports from `first` to `last`, both included; never empty, never port 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The lowest port.
    pub first: u16,
    /// The highest port.
    pub last: u16,
}

impl PortRange {
    /// How many ports there are.
    pub fn count(self) -> u32 {
        u32::from(self.last) - u32::from(self.first) + 1
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.first, self.last)
    }
}

impl Default for PortRange {
    fn default() -> Self {
        Self {
            first: 40000,
            last: 40999,
        }
    }
}

/// `[[passive.advertise]]`: the address told to the clients of one network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertise {
    /// Who is told.
    pub clients: IpNet,
    /// What they are told.
    pub address: AdvertisedAddress,
}

/// An address, or the name of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdvertisedAddress {
    /// Told as it stands.
    Ip(IpAddr),
    /// Resolved at each PASV, since the address behind it may change.
    Name(String),
}

impl Passive {
    pub(super) fn read(&mut self, section: &mut Section<'_, '_>) {
        section.read("ports", &mut self.ports);
        section.read("listen", &mut self.listen);
        if self.listen == PassiveListening::Always && self.ports.count() > STANDING_PORTS_MAX {
            let message = format!("`listen` keeps {} sockets open", self.ports.count());
            let advice = format!("give `ports` {STANDING_PORTS_MAX} at most");
            section.problem("listen", message, advice);
        }
        section.read("data-peer", &mut self.data_peer);
        let advertise = section.sections("advertise", |section| {
            let (clients, address) = (section.required("clients"), section.required("address"));
            let (clients, address): (IpNet, _) = (clients?, address?);
            if let (IpNet::V4(_), AdvertisedAddress::Ip(IpAddr::V6(_))) = (clients, &address) {
                let message = "PASV cannot tell an IPv6 address";
                let advice = "name an IPv4 address; EPSV needs none";
                section.problem("address", message, advice);
            }
            Some(Advertise { clients, address })
        });
        self.advertise = advertise.into_iter().flatten().collect();
        if self.data_peer == DataPeer::SameNetworks && self.advertise.is_empty() {
            let message = "`data-peer` asks for networks, and there are none";
            let advice = "add the balancers' as [[passive.advertise]]";
            section.problem("data-peer", message, advice);
        }
    }
}
