//! The host: everything that touches the world. The modules stand in the order in which a
//! connection meets them.

pub mod admin;
pub mod cli;
pub mod config;
pub mod durable_file;
pub mod limits;
pub mod logging;
pub mod memory;
pub mod metrics;
pub mod probe;
pub mod state_dir;
pub mod watch;

pub mod health;
pub mod host;
pub mod listening;
pub mod server;
pub mod sessions;

pub mod admission;
pub mod control;
pub mod data;
pub mod proxy_protocol;
pub mod socket;
pub mod tls;

pub mod identity;
pub mod plugin;

pub mod event;
pub mod outbox;

pub mod checksum;
pub mod quota;
pub mod sink;
pub mod sinks;
pub mod spool;
pub mod storage;
pub mod transfer;
