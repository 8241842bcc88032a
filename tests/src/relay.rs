//! A way to a server that can be closed and opened again.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Hands connections through to another server as long as it is open. It ends with the tests.
pub struct Relay {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    is_open: bool,
    connections: Vec<TcpStream>,
}

impl Relay {
    /// One that leads to `target`, an address and port, and is open.
    pub fn to(target: &str) -> Self {
        let target: SocketAddr = target.parse().expect("an address and a port");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let state = Arc::new(Mutex::new(State {
            is_open: true,
            connections: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A connection that cannot be made is one that breaks off.
                let _ = hand_through(client, target, &shared);
            }
        });
        Self { address, state }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Break off what is there and all that comes.
    pub fn close(&self) {
        let mut state = lock(&self.state);
        state.is_open = false;
        for connection in state.connections.drain(..) {
            // It may be over already.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Let connections through again.
    pub fn open(&self) {
        lock(&self.state).is_open = true;
    }
}

fn hand_through(client: TcpStream, target: SocketAddr, state: &Mutex<State>) -> io::Result<()> {
    let server = {
        let mut state = lock(state);
        if !state.is_open {
            return Ok(());
        }
        let server = TcpStream::connect(target)?;
        state.connections.push(client.try_clone()?);
        state.connections.push(server.try_clone()?);
        server
    };
    let ways = [(client.try_clone()?, server.try_clone()?), (server, client)];
    for (mut from, mut to) in ways {
        thread::spawn(move || {
            // Whatever ends one way, ends it for the other side.
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
