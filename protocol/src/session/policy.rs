//! What the operator allows a session, and what the session must know about its connection.

use std::net::IpAddr;

use crate::effect::Family;

/// Fixed before the greeting; a session never changes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The text of the greeting; its line breaks make a reply of several lines.
    pub greeting: String,
    /// TLS on the control connection.
    pub control_tls: ControlTls,
    /// TLS on data connections.
    pub data_tls: DataTls,
    /// CCC may take the control connection back to clear text.
    pub clear_command_channel: bool,
    /// What TYPE A does.
    pub ascii: AsciiMode,
    /// PORT and EPRT are allowed.
    pub active_mode: bool,
    /// All storage keeps modification times: FEAT tells of MFMT, also before a login.
    pub modification_times: bool,
    /// The peer of the control connection: PORT and EPRT may name no other.
    pub peer: IpAddr,
    /// The family of the control connection's local address: the one PASV and EPSV listen on.
    pub family: Family,
}

/// TLS on the control connection, as a listener is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlTls {
    /// AUTH is refused.
    Off,
    /// AUTH is allowed.
    Explicit,
    /// Nobody logs in before AUTH.
    Required,
    /// The handshake came before the greeting.
    Implicit,
}

/// TLS on data connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataTls {
    /// As the client chooses with PROT.
    Allow,
    /// Nothing but PROT P.
    Required,
}

/// What TYPE A does to bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsciiMode {
    /// Line ends travel as CR LF.
    Convert,
    /// Nothing, for devices that send PDFs that way.
    Binary,
}
