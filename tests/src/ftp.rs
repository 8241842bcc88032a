//! A client that says exactly what it is told, and nothing by itself.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, StreamOwned};
use socket2::SockRef;

use crate::PATIENCE;
use crate::settings::{PASSWORD, USER};
use crate::tls;

/// A reply of the server.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// The three digits.
    pub code: u16,
    /// Every line, without its end.
    pub lines: Vec<String>,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

/// A control connection.
pub struct Ftp {
    stream: Stream,
    received: Vec<u8>,
    server: SocketAddr,
    /// What data connections are secured with, once PROT P was said.
    protected: Option<Arc<ClientConfig>>,
}

impl Ftp {
    /// Connect and read nothing.
    pub fn connect(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).expect("the server listens");
        Self::over(stream, server)
    }

    /// Speak over a connection that is there.
    pub fn over(stream: TcpStream, server: SocketAddr) -> Self {
        let stream = Stream::new(stream);
        Self {
            stream,
            received: Vec::new(),
            server,
            protected: None,
        }
    }

    /// Connect and read the greeting.
    pub fn greeted(server: SocketAddr) -> Self {
        let mut ftp = Self::connect(server);
        ftp.expect(220);
        ftp
    }

    /// Connect and log in, in clear.
    pub fn logged_in(server: SocketAddr) -> Self {
        let mut ftp = Self::greeted(server);
        ftp.log_in(USER, PASSWORD);
        ftp
    }

    /// Connect, say AUTH TLS, log in and protect data connections.
    pub fn secured(server: SocketAddr, config: &Arc<ClientConfig>) -> Self {
        let mut ftp = Self::greeted(server);
        ftp.command("AUTH TLS", 234);
        ftp.secure(config);
        ftp.log_in(USER, PASSWORD);
        ftp.protect(config);
        ftp
    }

    /// Do the TLS handshake.
    pub fn secure(&mut self, config: &Arc<ClientConfig>) {
        assert!(
            self.received.is_empty(),
            "the server said more: {:?}",
            self.received
        );
        self.stream.secure(config).expect("the handshake succeeds");
    }

    /// Go on in clear behind CCC, once both sides have ended TLS.
    pub fn clear(&mut self) {
        let Stream::Secured(stream) = &mut self.stream else {
            panic!("the connection is in clear")
        };
        stream.conn.send_close_notify();
        stream.flush().expect("the server reads");
        let rest = stream.read(&mut [0]).expect("the server ends TLS");
        assert_eq!(rest, 0, "the server said more");
        let clear = stream.sock.try_clone().expect("a socket can be cloned");
        self.stream = Stream::Clear(clear);
    }

    /// The TLS connection.
    pub fn tls(&mut self) -> &mut ClientConnection {
        match &mut self.stream {
            Stream::Clear(_) => panic!("the connection is in clear"),
            Stream::Secured(stream) => &mut stream.conn,
        }
    }

    /// USER and PASS.
    pub fn log_in(&mut self, user: &str, password: &str) {
        self.command(&format!("USER {user}"), 331);
        self.command(&format!("PASS {password}"), 230);
    }

    /// PBSZ and PROT P.
    pub fn protect(&mut self, config: &Arc<ClientConfig>) {
        self.command("PBSZ 0", 200);
        self.command("PROT P", 200);
        self.protected = Some(config.clone());
    }

    /// Send bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).expect("the server reads");
    }

    /// Send bytes as they are, unless the server is gone.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Send one line.
    pub fn say(&mut self, line: &str) {
        self.send(format!("{line}\r\n").as_bytes());
    }

    /// Send one byte as urgent data.
    pub fn send_urgent(&mut self, byte: u8) {
        let sent = SockRef::from(self.stream.tcp()).send_out_of_band(&[byte]);
        sent.expect("the server reads");
    }

    /// Send one line and expect a code.
    pub fn command(&mut self, line: &str, code: u16) -> Reply {
        self.say(line);
        let reply = self.reply();
        assert_eq!(reply.code, code, "{line}: {reply:?}");
        reply
    }

    /// The next reply, which must have that code.
    pub fn expect(&mut self, code: u16) -> Reply {
        let reply = self.reply();
        assert_eq!(reply.code, code, "{reply:?}");
        reply
    }

    /// The next reply.
    pub fn reply(&mut self) -> Reply {
        self.try_reply()
            .unwrap_or_else(|error| panic!("a reply was expected: {error}"))
    }

    /// The next reply, or how the connection ended.
    pub fn try_reply(&mut self) -> io::Result<Reply> {
        let first = self.line()?;
        let code = first.get(..3).and_then(|digits| digits.parse().ok());
        let code = code.ok_or_else(|| io::Error::other(format!("this is no reply: {first:?}")))?;
        let end = format!("{code} ");
        let mut lines = vec![first];
        while !lines.last().is_some_and(|line| line.starts_with(&end)) {
            lines.push(self.line()?);
        }
        Ok(Reply { code, lines })
    }

    /// Wait until the server closes, and return the codes of what it says until then. A reset is a
    /// close, too.
    pub fn until_closed(&mut self) -> Vec<u16> {
        let mut codes = Vec::new();
        loop {
            match self.try_reply() {
                Ok(reply) => codes.push(reply.code),
                Err(error) if is_silence(&error) => panic!("the server never closed: {codes:?}"),
                Err(_) => return codes,
            }
        }
    }

    /// Ask for a passive port.
    pub fn passive(&mut self) -> SocketAddr {
        let reply = self.command("EPSV", 229);
        let line = &reply.lines[0];
        let port = line
            .split("(|||")
            .nth(1)
            .and_then(|rest| rest.split("|)").next());
        let port = port.and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("this is no reply to EPSV: {line}"));
        SocketAddr::new(self.server.ip(), port)
    }

    /// Ask for a passive port and connect to it. The handshake, if any, comes with the first byte.
    pub fn data(&mut self) -> Stream {
        let address = self.passive();
        let stream = TcpStream::connect(address).expect("the passive port listens");
        self.protect_data(Stream::new(stream))
    }

    /// A data connection as PROT has it.
    pub fn protect_data(&self, stream: Stream) -> Stream {
        match &self.protected {
            Some(config) => stream.secured(config),
            None => stream,
        }
    }

    /// A transfer that brings bytes: RETR, LIST and their like.
    pub fn fetch(&mut self, line: &str) -> Vec<u8> {
        let mut data = self.data();
        self.command(line, 150);
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes)
            .expect("the data comes to its end");
        // Until the client closes its end, too, the server waits a while.
        drop(data);
        self.expect(226);
        bytes
    }

    /// A transfer that takes bytes: STOR and its like. The final reply is returned.
    pub fn store(&mut self, line: &str, bytes: &[u8]) -> Reply {
        let mut data = self.data();
        self.command(line, 150);
        data.write_all(bytes).expect("the data is taken");
        data.finish();
        self.reply()
    }

    /// Close the sending half: what the server still says can be read.
    pub fn half_close(&mut self) {
        if let Stream::Secured(stream) = &mut self.stream {
            stream.conn.send_close_notify();
            stream.flush().expect("the server reads");
        }
        let closed = self.stream.tcp().shutdown(std::net::Shutdown::Write);
        closed.expect("the connection is open");
    }

    /// Close without a word, so that the server sees a reset.
    pub fn reset(self) {
        self.stream.reset();
    }

    /// The next line, whatever reply it belongs to.
    pub fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.received.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                let line = line
                    .strip_suffix(b"\r\n")
                    .expect("every line ends with CR LF");
                return Ok(String::from_utf8_lossy(line).into_owned());
            }
            let mut buffer = [0; 4096];
            let count = self.stream.read(&mut buffer)?;
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.received.extend_from_slice(&buffer[..count]);
        }
    }
}

/// Whether nothing came for longer than [`PATIENCE`].
fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// A connection in clear or under TLS.
pub enum Stream {
    /// In clear.
    Clear(TcpStream),
    /// Under TLS.
    Secured(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    /// A connection in clear.
    pub fn new(stream: TcpStream) -> Self {
        for set in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
            set(&stream, Some(PATIENCE)).expect("a time-out can be set");
        }
        stream
            .set_nodelay(true)
            .expect("the delay can be switched off");
        Self::Clear(stream)
    }

    /// The same connection under TLS, its handshake still to come.
    pub fn secured(self, config: &Arc<ClientConfig>) -> Self {
        let Self::Clear(stream) = self else {
            panic!("it is secured already")
        };
        let connection = ClientConnection::new(config.clone(), tls::server_name());
        let connection = connection.expect("the settings of the client are right");
        Self::Secured(Box::new(StreamOwned::new(connection, stream)))
    }

    /// Do the TLS handshake now.
    pub fn secure(&mut self, config: &Arc<ClientConfig>) -> io::Result<()> {
        let clone = Self::Clear(self.tcp().try_clone()?);
        *self = clone.secured(config);
        self.handshake()
    }

    /// Come to the end of the handshake, if there is one.
    pub fn handshake(&mut self) -> io::Result<()> {
        let Self::Secured(stream) = self else {
            return Ok(());
        };
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(())
    }

    /// The socket below.
    pub fn tcp(&self) -> &TcpStream {
        match self {
            Self::Clear(stream) => stream,
            Self::Secured(stream) => &stream.sock,
        }
    }

    /// Tell that no more bytes come, and wait for the server to close. What a server has told in
    /// the meantime is of no interest.
    pub fn finish(mut self) {
        if let Self::Secured(stream) = &mut self {
            while stream.conn.is_handshaking() {
                if stream.conn.complete_io(&mut stream.sock).is_err() {
                    return;
                }
            }
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        let _ = self.tcp().shutdown(std::net::Shutdown::Write);
        let _ = io::copy(&mut self, &mut io::sink());
    }

    /// Close so that the server sees a reset.
    pub fn reset(self) {
        let set = SockRef::from(self.tcp()).set_linger(Some(Duration::ZERO));
        set.expect("lingering can be set");
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.read(buffer),
            Self::Secured(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.write(bytes),
            Self::Secured(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.flush(),
            Self::Secured(stream) => stream.flush(),
        }
    }
}

/// Connect to `server` from another address of this machine.
pub fn connect_from(source: Ipv4Addr, server: SocketAddr) -> io::Result<TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    socket.connect(&server.into())?;
    Ok(socket.into())
}
