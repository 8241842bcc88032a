//! The passive ports that are handed out, so that no two sessions try the same one.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::PortRange;

/// The ports of a range in use, per local address. It holds one entry per open passive listener.
#[derive(Debug)]
pub(super) struct Ports {
    range: PortRange,
    used: Mutex<HashSet<(IpAddr, u16)>>,
}

impl Ports {
    pub(super) fn new(range: PortRange) -> Arc<Self> {
        Arc::new(Self {
            range,
            used: Mutex::default(),
        })
    }

    pub(super) fn range(&self) -> PortRange {
        self.range
    }

    /// Leases the first free port from the one that is `offset` above the lowest, going round.
    pub(super) fn lease(self: &Arc<Self>, address: IpAddr, offset: u32) -> Option<Lease> {
        let count = self.range.count();
        let mut used = self.used();
        let port = (0..count)
            .map(|step| self.nth((offset + step) % count))
            .find(|&port| used.insert((address, port)))?;
        Some(Lease {
            ports: Arc::clone(self),
            address,
            port,
        })
    }

    /// How many ports are leased, and how many are free on the address that has the fewest.
    pub(super) fn usage(&self) -> (usize, usize) {
        let used = self.used();
        let mut each = HashMap::<IpAddr, usize>::new();
        for (address, _) in used.iter() {
            *each.entry(*address).or_default() += 1;
        }
        let most = each.into_values().max().unwrap_or_default();
        (
            used.len(),
            (self.range.count() as usize).saturating_sub(most),
        )
    }

    /// How far a port is above the lowest of the range.
    pub(super) fn offset(&self, port: u16) -> u32 {
        u32::from(port) - u32::from(self.range.first)
    }

    fn nth(&self, offset: u32) -> u16 {
        // The offset is below the count of the range, so the sum is a port.
        self.range.first + offset as u16
    }

    /// A set of keys is whole after any panic.
    fn used(&self) -> MutexGuard<'_, HashSet<(IpAddr, u16)>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A port of one local address; given back when dropped.
#[derive(Debug)]
pub(super) struct Lease {
    ports: Arc<Ports>,
    address: IpAddr,
    port: u16,
}

impl Lease {
    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.ports.used().remove(&(self.address, self.port));
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn every_port_is_leased_once_per_address() {
        let ports = Ports::new(PortRange {
            first: 65_533,
            last: 65_535,
        });
        let leases: Vec<Lease> = (0..3).map(|_| ports.lease(HERE, 1).unwrap()).collect();
        let order: Vec<u16> = leases.iter().map(Lease::port).collect();
        assert_eq!(order, [65_534, 65_535, 65_533]);
        assert!(ports.lease(HERE, 0).is_none());
        let there = ports.lease(THERE, 0).unwrap();
        assert_eq!(there.port(), 65_533);
        assert_eq!(ports.usage(), (4, 0));
        drop(there);
        drop(leases);
        assert_eq!(ports.lease(HERE, 2).unwrap().port(), 65_535);
        assert_eq!(ports.usage(), (0, 3));
    }

    #[test]
    fn the_whole_range_of_ports_works() {
        let ports = Ports::new(PortRange {
            first: 1,
            last: u16::MAX,
        });
        let lease = ports.lease(HERE, 65_534).unwrap();
        assert_eq!((lease.port(), ports.offset(lease.port())), (65_535, 65_534));
    }
}
