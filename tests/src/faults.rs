//! A proxy before an HTTP server that fails now and then, and counts what it is asked.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::mem;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What a server that has too much to do answers.
const BUSY: &[u8] = b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\n\
    Content-Length: 38\r\n\r\n<Error><Code>SlowDown</Code></Error>\r\n";

/// What a server answers to who may not do what he asks for.
const DENIED: &[u8] = b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\n\
    Content-Length: 42\r\n\r\n<Error><Code>AccessDenied</Code></Error>\r\n";

/// How many of a hundred requests go wrong.
#[derive(Clone, Copy)]
pub struct Faults {
    /// Answered 503, and not handed on.
    pub refused: u64,
    /// Broken off within the longer of both bodies.
    pub cut: u64,
}

impl Faults {
    /// Nothing goes wrong by chance.
    pub const NONE: Self = Self { refused: 0, cut: 0 };
}

/// What happens once, at the next request that begins like this one: `PUT` and a part of its
/// target.
pub struct Trap {
    method: &'static str,
    part: String,
    before: Event,
    behind: Event,
    loses: Option<Event>,
    refuses: bool,
}

type Event = Box<dyn FnOnce() + Send>;

impl Trap {
    /// At the next request of this method whose target has this part.
    pub fn at(method: &'static str, part: &str) -> Self {
        Self {
            method,
            part: part.to_owned(),
            before: Box::new(|| {}),
            behind: Box::new(|| {}),
            loses: None,
            refuses: false,
        }
    }

    /// It is refused, as who has no right to it is.
    pub fn refuse(self) -> Self {
        Self {
            refuses: true,
            ..self
        }
    }

    /// This happens before it is handed on.
    pub fn before(self, event: impl FnOnce() + Send + 'static) -> Self {
        let before = Box::new(event);
        Self { before, ..self }
    }

    /// This happens when the server has answered it, and before the client hears that.
    pub fn behind(self, event: impl FnOnce() + Send + 'static) -> Self {
        let behind = Box::new(event);
        Self { behind, ..self }
    }

    /// Its answer is lost, and then this happens.
    pub fn lose(self, event: impl FnOnce() + Send + 'static) -> Self {
        let loses: Option<Event> = Some(Box::new(event));
        Self { loses, ..self }
    }

    fn is_for(&self, request: &Message) -> bool {
        let head = String::from_utf8_lossy(&request.0);
        let line = head.lines().next().unwrap_or_default();
        let target = line.strip_prefix(self.method);
        target.is_some_and(|target| target.contains(&self.part))
    }
}

#[derive(Default)]
struct Shared {
    requests: AtomicU64,
    traps: Mutex<Vec<Trap>>,
}

impl Shared {
    fn sprung(&self, request: &Message) -> Option<Trap> {
        let mut traps = self.traps.lock().unwrap_or_else(PoisonError::into_inner);
        let place = traps.iter().position(|trap| trap.is_for(request))?;
        Some(traps.remove(place))
    }
}

/// A proxy, which ends with the tests.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Proxy {
    /// One before `target`, an address and port.
    pub fn to(target: &str, faults: Faults) -> Self {
        let target: SocketAddr = target.parse().expect("an address and a port");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                // How a connection ends is what the client sees, and nothing else.
                thread::spawn(move || serve(client, target, faults, &shared));
            }
        });
        Self { address, shared }
    }

    /// Let this happen once.
    pub fn set(&self, trap: Trap) {
        let mut traps = self
            .shared
            .traps
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        traps.push(trap);
    }

    /// How many traps wait for their request.
    pub fn waiting(&self) -> usize {
        let traps = self
            .shared
            .traps
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        traps.len()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests there were.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }
}

fn serve(client: TcpStream, target: SocketAddr, faults: Faults, shared: &Shared) -> io::Result<()> {
    let mut reply = client.try_clone()?;
    let mut client = BufReader::new(client);
    let mut ask = TcpStream::connect(target)?;
    let mut server = BufReader::new(ask.try_clone()?);
    loop {
        let request = Message::read(&mut client)?;
        let number = shared.requests.fetch_add(1, Ordering::Relaxed);
        if request.says("expect", "100-continue") {
            reply.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let body = request.body(&mut client, true)?;
        let mut trap = shared.sprung(&request);
        if let Some(trap) = &mut trap {
            mem::replace(&mut trap.before, Box::new(|| {}))();
            if trap.refuses {
                reply.write_all(DENIED)?;
                continue;
            }
        }
        let lot = scattered(number) % 100;
        if lot < faults.refused {
            reply.write_all(BUSY)?;
            continue;
        }
        let is_cut = lot < faults.refused + faults.cut;
        ask.write_all(&request.0)?;
        if is_cut && !body.is_empty() {
            return ask.write_all(&body[..body.len() / 2]);
        }
        ask.write_all(&body)?;
        let mut answer = Message::read(&mut server)?;
        while answer.0.starts_with(b"HTTP/1.1 100") {
            answer = Message::read(&mut server)?;
        }
        let body = answer.body(&mut server, !request.0.starts_with(b"HEAD "))?;
        if let Some(trap) = trap {
            (trap.behind)();
            if let Some(lost) = trap.loses {
                lost();
                return Ok(());
            }
        }
        reply.write_all(&answer.0)?;
        if is_cut {
            return reply.write_all(&body[..body.len() / 2]);
        }
        reply.write_all(&body)?;
    }
}

/// The head of a request or an answer, with the empty line at its end.
struct Message(Vec<u8>);

impl Message {
    fn read(source: &mut impl BufRead) -> io::Result<Self> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if source.read_until(b'\n', &mut head)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(Self(head))
    }

    fn header(&self, name: &str) -> Option<String> {
        let head = String::from_utf8_lossy(&self.0);
        let mut pairs = head.lines().filter_map(|line| line.split_once(':'));
        pairs.find_map(|(key, value)| {
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    }

    fn says(&self, name: &str, value: &str) -> bool {
        self.header(name)
            .is_some_and(|said| said.eq_ignore_ascii_case(value))
    }

    /// The body as it travels; none where there may be none.
    fn body(&self, source: &mut impl BufRead, may_have: bool) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if !may_have {
            return Ok(body);
        }
        if self.says("transfer-encoding", "chunked") {
            while !body.ends_with(b"\r\n0\r\n\r\n") && body != b"0\r\n\r\n" {
                let start = body.len();
                source.read_until(b'\n', &mut body)?;
                let size = String::from_utf8_lossy(&body[start..]).trim().to_owned();
                let size = u64::from_str_radix(&size, 16).map_err(|_| ErrorKind::InvalidData)?;
                source.take(size + 2).read_to_end(&mut body)?;
            }
        } else if let Some(length) = self.header("content-length") {
            let length = length.parse().map_err(|_| ErrorKind::InvalidData)?;
            source.take(length).read_to_end(&mut body)?;
        }
        Ok(body)
    }
}

/// The same for the same number, and spread over all there are (splitmix64).
fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
