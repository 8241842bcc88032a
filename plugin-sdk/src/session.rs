//! What a plugin sees of one control connection.

use std::net::{IpAddr, Ipv4Addr};

use crate::host;

/// One control connection, lent for one call.
#[derive(Clone, Copy)]
pub struct Session<'a>(pub(crate) &'a host::Session);

/// An IP address and a TCP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address; unspecified where the host knows none.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
}

impl Session<'_> {
    /// Unique while the host runs; the same id stands in the log and in events.
    pub fn id(&self) -> String {
        self.0.id()
    }

    /// The configured address of the listener, such as `[::]:2121`.
    pub fn listener(&self) -> String {
        self.0.listener()
    }

    /// The client.
    pub fn peer(&self) -> Endpoint {
        let end = self.0.peer();
        endpoint(&end.address, end.port)
    }

    /// The server's end of the connection.
    pub fn local(&self) -> Endpoint {
        let end = self.0.local();
        endpoint(&end.address, end.port)
    }

    /// Whether the control connection is under TLS now.
    pub fn secure(&self) -> bool {
        self.0.secure()
    }

    /// `TLSv1.2` or `TLSv1.3`, under TLS.
    pub fn tls_protocol(&self) -> Option<String> {
        self.0.tls_protocol()
    }

    /// The host name the client asked for in its TLS handshake.
    pub fn server_name(&self) -> Option<String> {
        self.0.server_name()
    }

    /// The client's certificates in DER, its own first; empty when it sent none.
    pub fn client_chain(&self) -> Vec<Vec<u8>> {
        self.0.client_chain()
    }

    /// Whether that chain leads to one of the authorities the operator trusts.
    pub fn client_verified(&self) -> bool {
        self.0.client_verified()
    }

    /// SHA-256 of the client's own certificate, in lower-case hexadecimal.
    pub fn client_fingerprint(&self) -> Option<String> {
        self.0.client_fingerprint()
    }

    /// The subject of the client's own certificate, as in `CN=alice,O=Example`.
    pub fn client_subject(&self) -> Option<String> {
        self.0.client_subject()
    }

    /// Its alternative names, as `DNS:`, `email:`, `URI:` or `IP:` and the value.
    pub fn client_alternative_names(&self) -> Vec<String> {
        self.0.client_alternative_names()
    }

    /// The name given with `USER`.
    pub fn user(&self) -> Option<String> {
        self.0.user()
    }

    /// Who the grant says this is, once logged in.
    pub fn principal(&self) -> Option<String> {
        self.0.principal()
    }

    /// The groups of the grant.
    pub fn groups(&self) -> Vec<String> {
        self.0.groups()
    }

    /// An attribute of the grant.
    pub fn attribute(&self, name: &str) -> Option<String> {
        self.0.attribute(name)
    }

    /// What this plugin remembered about this session under `key`.
    pub fn recall(&self, key: &str) -> Option<Vec<u8>> {
        self.0.recall(key)
    }

    /// Keeps `value` until the login ends, for this plugin alone, whichever instance asks for
    /// it. False if it was not kept: the host allows 64 keys and 64 KiB in all.
    pub fn remember(&self, key: &str, value: &[u8]) -> bool {
        self.0.remember(key, value)
    }
}

/// Reads the host's text form of an address.
fn endpoint(address: &str, port: u16) -> Endpoint {
    let address = address.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    Endpoint { address, port }
}
