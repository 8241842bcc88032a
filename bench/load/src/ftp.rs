//! The client: as much of RFC 959, 2228, 2428, 3659 and 4217 as a load needs.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::ValueEnum;
use rustix::net::RecvFlags;
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, Interest,
};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::HandshakeKind;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::pattern;
use crate::tls::TlsOptions;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TlsMode {
    None,
    Explicit,
    Implicit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Verify {
    /// Length and checksum
    Crc,
    /// Length only: on plain connections the kernel throws the bytes away,
    /// which costs the client next to nothing
    Length,
}

#[derive(Clone, Debug, clap::Args)]
pub struct Target {
    #[arg(long, global = true, default_value = "127.0.0.1")]
    pub host: std::net::IpAddr,
    #[arg(long, global = true, default_value_t = 21)]
    pub port: u16,
    #[arg(long, global = true, default_value = "anonymous")]
    pub user: String,
    #[arg(long, global = true, default_value = "")]
    pub password: String,
    #[arg(long, global = true, value_enum, default_value = "none")]
    pub tls: TlsMode,
    #[command(flatten)]
    pub tls_options: TlsOptions,
    /// Use PASV instead of EPSV
    #[arg(long, global = true)]
    pub pasv: bool,
    /// What to check of the content received
    #[arg(long, global = true, value_enum, default_value = "crc")]
    pub verify: Verify,
    /// Bytes per read and, at most, per write on a data connection
    #[arg(long, global = true, default_value_t = 256 * 1024)]
    pub buffer: usize,
}

trait Duplex: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Duplex for T {}

/// The reader below TLS takes in what rustls would ask for 4 KiB at a time.
type Tls = TlsStream<BufReader<TcpStream>>;

pub enum Data {
    Plain(TcpStream),
    Tls(Box<Tls>),
}

/// Counts over the data connections of a session.
#[derive(Clone, Copy, Debug, Default)]
pub struct DataStats {
    pub tls: u64,
    pub resumed: u64,
    /// Ended without a close_notify
    pub truncated: u64,
}

pub struct Session {
    control: Option<BufReader<Pin<Box<dyn Duplex>>>>,
    connector: Option<TlsConnector>,
    protect: bool,
    target: Target,
    buffer: Vec<u8>,
    pub version: Option<String>,
    pub stats: DataStats,
}

async fn tcp(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).await.context("connect")?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn tls(connector: &TlsConnector, stream: TcpStream, target: &Target) -> Result<Tls> {
    let name = ServerName::IpAddress(target.host.into());
    let stream = BufReader::with_capacity(target.buffer.min(64 * 1024), stream);
    connector
        .connect(name, stream)
        .await
        .context("TLS handshake")
}

impl Session {
    /// Connects and logs in.
    pub async fn login(target: &Target) -> Result<Session> {
        let stream = tcp((target.host, target.port).into()).await?;
        let mut session = Session {
            control: None,
            connector: (target.tls != TlsMode::None).then(|| target.tls_options.connector()),
            protect: false,
            target: target.clone(),
            buffer: Vec::new(),
            version: None,
            stats: DataStats::default(),
        };
        let stream = if target.tls == TlsMode::Implicit {
            session.secure(stream).await?
        } else {
            Box::pin(stream)
        };
        session.control = Some(BufReader::new(stream));
        session.expect(220).await.context("greeting")?;
        if target.tls == TlsMode::Explicit {
            session.command("AUTH TLS", 234).await?;
            // Nothing may follow the reply before the handshake.
            let control = session.control.take().expect("connected");
            ensure!(control.buffer().is_empty(), "data after the reply to AUTH");
            let stream = session.secure(control.into_inner()).await?;
            session.control = Some(BufReader::new(stream));
        }
        let user = format!("USER {}", target.user);
        if session.send(&user).await?.0 == 331 {
            session
                .command(&format!("PASS {}", target.password), 230)
                .await?;
        }
        Ok(session)
    }

    async fn secure<S>(&mut self, stream: S) -> Result<Pin<Box<dyn Duplex>>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let connector = self.connector.as_ref().expect("TLS is on");
        let name = ServerName::IpAddress(self.target.host.into());
        let stream = connector
            .connect(name, stream)
            .await
            .context("TLS handshake")?;
        let connection = stream.get_ref().1;
        self.version = connection
            .protocol_version()
            .zip(connection.negotiated_cipher_suite())
            .map(|(version, suite)| format!("{version:?} {:?}", suite.suite()));
        Ok(Box::pin(stream))
    }

    /// Sets what transfers need: binary type and protected data connections.
    pub async fn prepare(&mut self) -> Result<()> {
        if self.connector.is_some() {
            self.command("PBSZ 0", 200).await?;
            self.command("PROT P", 200).await?;
            self.protect = true;
        }
        self.command("TYPE I", 200).await?;
        Ok(())
    }

    pub async fn quit(&mut self) -> Result<()> {
        self.command("QUIT", 221).await?;
        // The server closes first, so that ports in TIME_WAIT are its own.
        let control = self.control.as_mut().expect("connected");
        let _ = control.read_u8().await;
        let _ = control.shutdown().await;
        Ok(())
    }

    pub async fn noop(&mut self) -> Result<()> {
        self.command("NOOP", 200).await.map(drop)
    }

    /// Makes the server listen for a data connection and gives the address.
    pub async fn passive(&mut self) -> Result<SocketAddr> {
        let port = if self.target.pasv {
            let reply = self.command("PASV", 227).await?;
            let numbers: Vec<u16> = reply
                .split(|c: char| !c.is_ascii_digit())
                .filter(|s| !s.is_empty())
                .skip(1)
                .filter_map(|s| s.parse().ok())
                .collect();
            ensure!(numbers.len() >= 6, "reply to PASV: {reply}");
            numbers[4] * 256 + numbers[5]
        } else {
            let reply = self.command("EPSV", 229).await?;
            let inner = reply.rsplit_once('(').and_then(|(_, s)| s.get(3..));
            let digits = inner.and_then(|s| s.split('|').next());
            digits
                .and_then(|s| s.parse().ok())
                .with_context(|| format!("EPSV: {reply}"))?
        };
        Ok((self.target.host, port).into())
    }

    /// Opens the data connection of a transfer command.
    async fn transfer(&mut self, command: &str) -> Result<Data> {
        let address = self.passive().await?;
        let stream = tcp(address).await.context("data connection")?;
        let (code, text) = self.send(command).await?;
        ensure!(matches!(code, 125 | 150), "{command}: {text}");
        if !self.protect {
            return Ok(Data::Plain(stream));
        }
        let connector = self.connector.as_ref().expect("TLS is on");
        let stream = tls(connector, stream, &self.target)
            .await
            .context("data connection")?;
        self.stats.tls += 1;
        if stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed) {
            self.stats.resumed += 1;
        }
        Ok(Data::Tls(Box::new(stream)))
    }

    async fn complete(&mut self) -> Result<()> {
        let (code, text) = self.reply().await?;
        ensure!(matches!(code, 226 | 250), "end of transfer: {text}");
        Ok(())
    }

    /// Downloads a file and checks that it is the pattern of that size.
    pub async fn retr(&mut self, path: &str, size: u64, crc: u32) -> Result<()> {
        let data = self.transfer(&format!("RETR {path}")).await?;
        self.buffer.resize(self.target.buffer, 0);
        let received = drain(data, self.target.verify, &mut self.buffer, &mut self.stats);
        let (length, got) = received.await?;
        self.complete().await?;
        ensure!(length == size, "{path}: got {length} of {size} bytes");
        ensure!(got.is_none_or(|got| got == crc), "{path}: wrong content");
        Ok(())
    }

    /// Uploads a file of `size` bytes of the pattern.
    pub async fn stor(&mut self, path: &str, size: u64) -> Result<()> {
        match self.transfer(&format!("STOR {path}")).await? {
            Data::Plain(mut stream) => {
                fill(&mut stream, size, self.target.buffer).await?;
                stream.shutdown().await?;
                self.complete().await
            }
            Data::Tls(mut stream) => {
                fill(&mut stream, size, self.target.buffer).await?;
                stream.shutdown().await?;
                self.complete().await?;
                // Takes the session tickets, for the next data connection.
                let rest = timeout(Duration::from_millis(50), stream.read_u8());
                let _ = rest.await;
                Ok(())
            }
        }
    }

    /// Lists a directory: the number of entries but for "." and "..".
    pub async fn list(&mut self, command: &str) -> Result<u64> {
        let mut listing = Vec::new();
        match self.transfer(command).await? {
            Data::Plain(mut stream) => {
                stream.read_to_end(&mut listing).await?;
            }
            Data::Tls(mut stream) => {
                match stream.read_to_end(&mut listing).await {
                    Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => self.stats.truncated += 1,
                    other => drop(other?),
                }
                let _ = stream.shutdown().await;
            }
        }
        self.complete().await?;
        let lines = listing.split(|&b| b == b'\n').map(|l| l.trim_ascii_end());
        Ok(lines
            .filter(|l| !l.is_empty() && !l.starts_with(b"total "))
            .filter(|l| !l.ends_with(b" .") && !l.ends_with(b" .."))
            .count() as u64)
    }

    async fn command(&mut self, command: &str, code: u16) -> Result<String> {
        let verb = command.split(' ').next().unwrap_or_default();
        match self.send(command).await.with_context(|| verb.to_owned())? {
            (got, text) if got == code => Ok(text),
            (_, text) => bail!("{verb}: {text}"),
        }
    }

    async fn send(&mut self, command: &str) -> Result<(u16, String)> {
        let control = self.control.as_mut().expect("connected");
        control
            .write_all(format!("{command}\r\n").as_bytes())
            .await?;
        control.flush().await?;
        self.reply().await
    }

    async fn expect(&mut self, code: u16) -> Result<String> {
        match self.reply().await? {
            (got, text) if got == code => Ok(text),
            (_, text) => Err(anyhow!(text)),
        }
    }

    async fn reply(&mut self) -> Result<(u16, String)> {
        const MAX_LINES: usize = 1000;
        let control = self.control.as_mut().expect("connected");
        let mut first = String::new();
        let mut line = String::new();
        for _ in 0..MAX_LINES {
            line.clear();
            ensure!(
                control.read_line(&mut line).await? > 0,
                "control connection closed"
            );
            if first.is_empty() {
                first = line.trim_end().to_owned();
            }
            // The last line has the code of the first and a space.
            if line.get(..3) == first.get(..3) && line.as_bytes().get(3) != Some(&b'-') {
                let code = first.get(..3).and_then(|c| c.parse().ok());
                return Ok((
                    code.with_context(|| format!("not a reply: {first}"))?,
                    first,
                ));
            }
        }
        bail!("a reply of more than {MAX_LINES} lines")
    }
}

async fn fill<W: AsyncWrite + Unpin>(stream: &mut W, size: u64, buffer: usize) -> Result<()> {
    let mut offset = 0;
    while offset < size {
        let chunk = pattern::chunk(offset, size);
        let chunk = &chunk[..chunk.len().min(buffer)];
        stream.write_all(chunk).await?;
        offset += chunk.len() as u64;
    }
    stream.flush().await?;
    Ok(())
}

/// Reads to the end: the length and, where asked for, the checksum.
async fn drain(
    data: Data,
    verify: Verify,
    buffer: &mut [u8],
    stats: &mut DataStats,
) -> Result<(u64, Option<u32>)> {
    let mut hasher = crc32fast::Hasher::new();
    let mut length = 0;
    match data {
        Data::Plain(stream) if verify == Verify::Length => length = discard(&stream).await?,
        Data::Plain(mut stream) => loop {
            match stream.read(buffer).await? {
                0 => break,
                n => {
                    hasher.update(&buffer[..n]);
                    length += n as u64;
                }
            }
        },
        Data::Tls(mut stream) => {
            loop {
                match stream.read(buffer).await {
                    Ok(0) => break,
                    Ok(n) => {
                        if verify == Verify::Crc {
                            hasher.update(&buffer[..n]);
                        }
                        length += n as u64;
                    }
                    // No close_notify: the length has to tell.
                    Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                        stats.truncated += 1;
                        break;
                    }
                    Err(e) => return Err(e.into()),
                }
            }
            let _ = stream.shutdown().await;
        }
    }
    Ok((length, (verify == Verify::Crc).then(|| hasher.finalize())))
}

/// Has the kernel throw away all that comes, and counts it.
async fn discard(stream: &TcpStream) -> Result<u64> {
    // With MSG_TRUNC a TCP socket writes nothing to the buffer, so it never takes up memory.
    let mut untouched = vec![0; 4 << 20];
    let mut length = 0;
    loop {
        stream.readable().await?;
        let result = stream.try_io(Interest::READABLE, || {
            let (_, n) = rustix::net::recv(stream, &mut untouched[..], RecvFlags::TRUNC)?;
            Ok(n as u64)
        });
        match result {
            Ok(0) => return Ok(length),
            Ok(n) => length += n,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// One bare connection without FTP, for the floor server: downloads till the
/// end or uploads, with the same reading, writing and checks.
pub async fn raw(target: &Target, up: bool, size: u64, crc: u32) -> Result<()> {
    let stream = tcp((target.host, target.port).into()).await?;
    let mut data = match target.tls {
        TlsMode::None => Data::Plain(stream),
        _ => Data::Tls(Box::new(
            tls(&target.tls_options.connector(), stream, target).await?,
        )),
    };
    if up {
        match &mut data {
            Data::Plain(stream) => {
                fill(stream, size, target.buffer).await?;
                stream.shutdown().await?;
                let _ = stream.read_u8().await;
            }
            Data::Tls(stream) => {
                fill(stream, size, target.buffer).await?;
                stream.shutdown().await?;
                let _ = stream.read_u8().await;
            }
        }
        return Ok(());
    }
    let mut buffer = vec![0; target.buffer];
    let mut stats = DataStats::default();
    let (length, got) = drain(data, target.verify, &mut buffer, &mut stats).await?;
    ensure!(length == size, "got {length} of {size} bytes");
    ensure!(got.is_none_or(|got| got == crc), "wrong content");
    Ok(())
}
