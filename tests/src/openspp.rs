//! A stand-in of the OpenSPP application: it logs users in, and takes documents as JSON, as the
//! controllers of its DMS module do.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::ports;

/// The users that it knows, with their passwords.
pub const USERS: [(&str, &str); 2] = [("scanner", "hunter2-öä"), ("spooler", "later-7")];

/// What it got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Who it is of.
    pub username: String,
    /// As it was sent.
    pub filename: String,
    /// What was in the base64.
    pub content: Vec<u8>,
    /// The header `idempotency-key`.
    pub key: String,
}

/// How it answers an upload.
#[derive(Clone, Debug, Default)]
pub enum Mood {
    /// As it should.
    #[default]
    Good,
    /// With this status and body.
    Says(u16, String),
    /// With 413 before it has read the body.
    Full,
    /// Not at all: the connection is closed.
    HangsUp,
    /// With nothing for as long as the other side waits.
    Silent,
    /// With a blank now and then, for as long as the other side waits.
    Drips,
}

#[derive(Default)]
struct State {
    mood: Mood,
    asked: usize,
    documents: Vec<Document>,
    events: Vec<Value>,
}

/// The application, until it is dropped.
pub struct OpenSpp {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stopping: Arc<AtomicBool>,
    accepting: Option<thread::JoinHandle<()>>,
}

impl OpenSpp {
    /// Starts it on a free port.
    pub fn start() -> Self {
        let mut application = Self {
            // It comes back to the same port, which nobody else may have taken meanwhile.
            address: SocketAddr::from(([127, 0, 0, 1], ports::free_block(1))),
            state: Arc::default(),
            stopping: Arc::default(),
            accepting: None,
        };
        application.resume();
        application
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How it answers uploads from now on.
    pub fn is(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// The documents that it has accepted.
    pub fn documents(&self) -> Vec<Document> {
        self.state().documents.clone()
    }

    /// How often it was asked something, a login or an upload.
    pub fn asked(&self) -> usize {
        self.state().asked
    }

    /// What was sent to `/events`.
    pub fn events(&self) -> Vec<Value> {
        self.state().events.clone()
    }

    /// Goes away: nobody listens any more.
    pub fn stop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        let Some(accepting) = self.accepting.take() else {
            return;
        };
        // Whoever waits for a connection gets one more.
        let _ = TcpStream::connect(self.address);
        accepting.join().expect("it accepts to the end");
    }

    /// Comes back, at the same address.
    pub fn resume(&mut self) {
        let listener = TcpListener::bind(self.address).expect("the port is free");
        self.stopping.store(false, Ordering::SeqCst);
        let (state, stopping) = (Arc::clone(&self.state), Arc::clone(&self.stopping));
        self.accepting = Some(thread::spawn(move || {
            for stream in listener.incoming() {
                if stopping.load(Ordering::SeqCst) {
                    return;
                }
                let (state, stream) = (Arc::clone(&state), stream.expect("somebody connects"));
                // A client that goes away in the middle is none of its business.
                thread::spawn(move || serve(stream, &state).unwrap_or_default());
            }
        }));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Drop for OpenSpp {
    fn drop(&mut self) {
        self.stop();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request but for its body.
struct Head {
    path: String,
    length: usize,
    key: String,
}

fn head(reader: &mut impl BufRead) -> io::Result<Head> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut length, mut key) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().map_err(io::Error::other)?;
            }
            Some(("idempotency-key", value)) => key = value.to_owned(),
            Some(_) => {}
            None => return Ok(Head { path, length, key }),
        }
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let head = head(&mut reader)?;
    let mood = match head.path.as_str() {
        "/dms/upload/" => lock(state).mood.clone(),
        _ => Mood::Good,
    };
    if matches!(mood, Mood::Full) {
        answer(reader.get_mut(), 413, "")?;
        // Closed at once, the answer might be lost with what it has not read.
        return io::copy(&mut reader, &mut io::sink()).map(drop);
    }
    let mut body = vec![0; head.length];
    reader.read_exact(&mut body)?;
    let body: Value = serde_json::from_slice(&body)?;
    lock(state).asked += 1;
    let said = |status: u16, result: &str| {
        (
            status,
            json!({ "jsonrpc": "2.0", "result": result }).to_string(),
        )
    };
    let (status, text) = match (head.path.as_str(), mood) {
        (_, Mood::HangsUp) => return Ok(()),
        (_, Mood::Drips) => return drip(reader.get_mut()),
        (_, Mood::Silent) => return reader.read(&mut [0]).map(drop),
        (_, Mood::Says(status, text)) => (status, text),
        ("/events", _) => {
            lock(state).events.push(body);
            said(200, "")
        }
        (_, _) if !knows(&body["params"]) => said(400, "400 Bad Request"),
        ("/dms/auth", _) => said(200, "200 OK"),
        ("/dms/upload/", _) => match document(&body["params"], head.key) {
            Some(document) => {
                lock(state).documents.push(document);
                said(200, "200 OK: created")
            }
            None => said(400, "400 Bad Request"),
        },
        _ => said(404, "404 Not Found"),
    };
    answer(reader.get_mut(), status, &text)
}

/// Answers without an end, until nobody listens any more.
fn drip(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 -\r\ncontent-length: 1000000\r\n\r\n")?;
    stream.set_read_timeout(Some(Duration::from_millis(50)))?;
    while stream.read(&mut [0]).is_err() {
        stream.write_all(b" ")?;
    }
    Ok(())
}

fn answer(stream: &mut TcpStream, status: u16, body: &str) -> io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} -\r\ncontent-length: {length}\r\nconnection: close");
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes())
}

fn knows(params: &Value) -> bool {
    let mut users = USERS.iter();
    users.any(|(name, password)| params["username"] == *name && params["password"] == *password)
}

fn document(params: &Value, key: String) -> Option<Document> {
    let file = params["file"].as_str()?;
    let mut lines = file.split_inclusive('\n').rev();
    let last_ends = lines.next().is_none_or(|last| last.ends_with('\n'));
    if !last_ends || lines.any(|line| line.len() != 77) {
        return None;
    }
    Some(Document {
        username: params["username"].as_str()?.to_owned(),
        filename: params["filename"].as_str()?.to_owned(),
        content: decoded(file)?,
        key,
    })
}

/// Base64, in lines or not (RFC 4648, section 4).
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for character in text.bytes().filter(|byte| !b"\n=".contains(byte)) {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    Some(bytes)
}
