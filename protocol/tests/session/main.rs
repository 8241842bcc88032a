//! The session as a whole: transcripts, every verb in every state, and any sequence at all.

mod host;
mod inputs;
mod matrix;
mod outputs;
mod properties;
mod transcripts;

use std::net::{IpAddr, Ipv4Addr};

use wharf_protocol::effect::Family;
use wharf_protocol::session::{AsciiMode, ControlTls, DataTls, Policy};

/// Everything allowed, on IPv4.
fn policy() -> Policy {
    Policy {
        greeting: "Wharf".to_owned(),
        control_tls: ControlTls::Explicit,
        data_tls: DataTls::Allow,
        clear_command_channel: false,
        ascii: AsciiMode::Convert,
        active_mode: true,
        modification_times: true,
        peer: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7)),
        family: Family::V4,
    }
}
