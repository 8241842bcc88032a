//! A proxy before an HTTP server that fails now and then, or takes its time, and counts what it is
//! asked.

use std::io::{self, BufReader, Write};
use std::mem;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use self::message::Message;
use self::paced::Paced;
pub use self::trap::Trap;

mod message;
mod paced;
mod trap;

/// What a server that has too much to do answers.
const BUSY: &[u8] = b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\n\
    Content-Length: 38\r\n\r\n<Error><Code>SlowDown</Code></Error>\r\n";

/// What a server answers to who may not do what he asks for.
const DENIED: &[u8] = b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\n\
    Content-Length: 42\r\n\r\n<Error><Code>AccessDenied</Code></Error>\r\n";

/// Rests before a delayed request is handed on.
const DELAY: u32 = 20;
/// Bytes of a slow body between two rests: such a one takes tenths of a second for a part.
const SLOW: usize = 64 * 1024;
/// Bytes of a body that trickles between two rests: whoever waits for it gives up.
const TRICKLE: usize = 1;

/// How many of a hundred requests go wrong, each in one way.
#[derive(Clone, Copy, Default)]
pub struct Faults {
    /// Answered 503, and not handed on.
    pub refused: u64,
    /// Broken off within the longer of both bodies.
    pub cut: u64,
    /// Handed on after a while.
    pub delayed: u64,
    /// Both bodies are slow.
    pub slow: u64,
}

impl Faults {
    /// Nothing goes wrong by chance.
    pub const NONE: Self = Self {
        refused: 0,
        cut: 0,
        delayed: 0,
        slow: 0,
    };

    /// What happens to the request of this number.
    fn lot(&self, number: u64) -> Lot {
        let drawn = scattered(number) % 100;
        let mut end = 0;
        let lots = [
            (self.refused, Lot::Refused),
            (self.cut, Lot::Cut),
            (self.delayed, Lot::Delayed),
            (self.slow, Lot::Slow),
        ];
        let hit = lots.into_iter().find(|(share, _)| {
            end += share;
            drawn < end
        });
        hit.map_or(Lot::Spared, |(_, lot)| lot)
    }
}

/// What happens to one request by chance.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lot {
    Spared,
    Refused,
    Cut,
    Delayed,
    Slow,
}

#[derive(Default)]
struct Shared {
    requests: AtomicU64,
    spoiled: AtomicU64,
    asked: Mutex<Vec<String>>,
    traps: Mutex<Vec<Trap>>,
}

impl Shared {
    fn note(&self, request: &Message) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(String::from_utf8_lossy(&request.0).to_lowercase());
    }

    fn spoil(&self, body: &[u8]) {
        self.spoiled.fetch_add(body.len() as u64, Ordering::Relaxed);
    }

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

    /// The heads of all requests, in small letters.
    pub fn asked(&self) -> Vec<String> {
        let asked = self.shared.asked.lock();
        asked.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The bytes of all bodies that were refused or broken off.
    pub fn spoiled(&self) -> u64 {
        self.shared.spoiled.load(Ordering::Relaxed)
    }
}

fn serve(client: TcpStream, target: SocketAddr, faults: Faults, shared: &Shared) -> io::Result<()> {
    let mut reply = Paced::new(client.try_clone()?);
    let mut client = BufReader::new(Paced::new(client));
    let ask = TcpStream::connect(target)?;
    let mut server = Server {
        answers: BufReader::new(ask.try_clone()?),
        ask,
    };
    loop {
        let request = Message::read(&mut client)?;
        shared.note(&request);
        let lot = faults.lot(shared.requests.fetch_add(1, Ordering::Relaxed));
        let mut trap = shared.sprung(&request);
        let pace = match lot {
            _ if trap.as_ref().is_some_and(|trap| trap.trickles) => TRICKLE,
            Lot::Slow => SLOW,
            _ => usize::MAX,
        };
        if request.says("expect", "100-continue") {
            reply.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        client.get_mut().pace = pace;
        let body = request.body(&mut client, true)?;
        client.get_mut().pace = usize::MAX;
        if pace == TRICKLE && !body.is_empty() {
            // Whoever sent it is gone by now.
            return Ok(());
        }
        if let Some(trap) = &mut trap {
            mem::replace(&mut trap.before, Box::new(|| {}))();
            if let Some(refusal) = trap.refuses {
                reply.write_all(refusal)?;
                continue;
            }
        }
        match lot {
            Lot::Refused => {
                shared.spoil(&body);
                reply.write_all(BUSY)?;
                continue;
            }
            Lot::Cut if !body.is_empty() => {
                shared.spoil(&body);
                server.ask.write_all(&request.0)?;
                return server.ask.write_all(&body[..body.len() / 2]);
            }
            Lot::Delayed => (0..DELAY).for_each(|_| crate::pause()),
            Lot::Spared | Lot::Cut | Lot::Slow => {}
        }
        let (answer, body) = server.answer(&request, &body)?;
        if let Some(trap) = trap {
            (trap.behind)();
            if let Some(lost) = trap.loses {
                lost();
                return Ok(());
            }
        }
        reply.write_all(&answer.0)?;
        if lot == Lot::Cut {
            shared.spoil(&body);
            return reply.write_all(&body[..body.len() / 2]);
        }
        reply.pace = pace;
        reply.write_all(&body)?;
        reply.pace = usize::MAX;
    }
}

/// A connection to the server itself.
struct Server {
    ask: TcpStream,
    answers: BufReader<TcpStream>,
}

impl Server {
    fn answer(&mut self, request: &Message, body: &[u8]) -> io::Result<(Message, Vec<u8>)> {
        self.ask.write_all(&request.0)?;
        self.ask.write_all(body)?;
        let mut answer = Message::read(&mut self.answers)?;
        while answer.0.starts_with(b"HTTP/1.1 100") {
            answer = Message::read(&mut self.answers)?;
        }
        let may_have = !request.0.starts_with(b"HEAD ");
        let body = answer.body(&mut self.answers, may_have)?;
        Ok((answer, body))
    }
}

/// The same for the same number, and spread over all there are (splitmix64).
fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
