//! Black-box tests of the real binary.

mod admin;
mod aioftps3;
mod clients;
mod events;
mod examples;
mod first_party;
mod gate;
mod http_auth;
mod limits;
mod memory;
mod migrate;
mod operator;
mod passive;
mod paths;
mod plugins;
mod probe;
mod protocol;
mod reload;
mod roles;
mod s3;
mod s3_access;
mod s3_commit;
mod storage;
mod tls;
mod transfers;
mod web;
