//! FTP without I/O: what a client's bytes mean, what a session may do next, and what to answer.
//!
//! The modules follow the journey of a command: [`mod@line`] cuts the control connection into
//! bounded lines, [`command`] parses a line into a typed command from one table, [`session`]
//! decides what has to happen and which [`reply`] the client gets; [`path`] is the only way from
//! client bytes to a path, [`listing`] and [`ascii`] shape what travels over the data connection.
//!
//! Nothing here performs I/O, reads a clock or draws a random number: whoever drives a
//! [`session::Session`] performs its effects and feeds the results back as inputs.

pub mod address;
pub mod ascii;
pub mod command;
pub mod effect;
pub mod failure;
pub mod line;
pub mod listing;
pub mod path;
pub mod reply;
pub mod secret;
pub mod session;
pub mod timestamp;
pub mod transfer;
