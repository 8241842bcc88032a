//! An FTP and FTPS host extended by WebAssembly.
fn main() {}
