//! A web service that knows who may log in: `services/auth.py`, which says what it can do.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::process;

/// A user whom it knows.
pub const ALICE: (&str, &str) = ("alice", "wharf: of 'salt'");
/// Another one, with letters that a header cannot hold.
pub const JASON: (&str, &str) = ("J\u{e4}s\u{f8}n Doe", "Secret, or not?");
/// And one with what has a meaning in a header.
pub const QUOTED: (&str, &str) = ("q\"u\\o", "sword\"fish\\");
/// A token that it knows.
pub const TOKEN: &str = "wharf-token_1.2==";

/// The service; dropping it ends it.
pub struct AuthService {
    child: Child,
    address: SocketAddr,
}

impl AuthService {
    /// Start one.
    pub fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("services/auth.py");
        let mut command = Command::new("python3");
        let mut child = process::spawn(command.arg(script).stdout(Stdio::piped()));
        let output = child.stdout.take().expect("standard output is piped");
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        read.expect("it prints its port");
        let port = line.trim().parse().expect("its port is a number");
        let address = (Ipv4Addr::LOCALHOST, port).into();
        Self { child, address }
    }

    /// Its origin, such as `http://127.0.0.1:4711`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Refuse a user from now on.
    pub fn refuse(&self, user: &str) {
        self.control(&format!("refuse?user={}", percent_encoded(user)));
    }

    /// Refuse a user no more.
    pub fn accept(&self, user: &str) {
        self.control(&format!("accept?user={}", percent_encoded(user)));
    }

    /// Answer everything with this status from now on; 0 is as before.
    pub fn say(&self, status: u16) {
        self.control(&format!("say?status={status}"));
    }

    /// What it was asked so far: each with `line`, `headers` and `body`.
    pub fn asked(&self) -> Vec<Value> {
        self.control("asked")
    }

    fn control(&self, what: &str) -> Vec<Value> {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        let request = format!("POST /control/{what} HTTP/1.1\r\nconnection: close\r\n\r\n");
        let sent = stream.write_all(request.as_bytes());
        sent.expect("it reads");
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        read.expect("it answers");
        let (_, body) = answer.split_once("\r\n\r\n").expect("an answer has a body");
        serde_json::from_str(body).expect("the body is JSON")
    }
}

/// A value as a query has it.
fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

impl Drop for AuthService {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
