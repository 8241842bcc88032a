//! The host: everything that touches the world. The modules stand in the order in which a
//! connection meets them.

pub mod cli;
pub mod config;
pub mod limits;
pub mod logging;

pub mod admission;
pub mod socket;
pub mod tls;

pub mod checksum;
pub mod data;
pub mod identity;
pub mod plugin;
pub mod sink;
pub mod transfer;
