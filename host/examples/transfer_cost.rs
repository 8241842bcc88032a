//! What the transfers of this host cost in CPU, beside loops that do nothing but move the bytes.
//!
//! `cargo run --release -p wharf --example transfer_cost -- DIRECTORY [MIB] [ROUNDS]
//! [ENTRIES]`, with a directory in memory. Server and client are threads; only the server's is
//! counted.

use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, anyhow};
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};
use wharf::config::Durability;
use wharf::sink::fs::FsSink;
use wharf::sink::{Key, Sink, WriteMode};
use wharf::transfer::{self, DataConnection, DataTls, Progress, Settings};
use wharf_protocol::transfer::{ListFormat, Representation, TransferMode};

const BLOCK: usize = 256 * 1024;

struct Bench {
    sink: FsSink,
    directory: std::path::PathBuf,
    bytes: u64,
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Send,
    Receive,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().context("a directory is needed")?;
    let mebibytes: u64 = arguments.next().map_or(Ok(1024), |text| text.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let entries: usize = arguments.next().map_or(Ok(10_000), |text| text.parse())?;
    let bench = Bench::new(Path::new(&directory), mebibytes << 20, entries)?;
    println!("CPU seconds per GiB of the server's thread, medians of {rounds}");
    for (name, way, tls) in [
        ("RETR", Way::Send, false),
        ("STOR", Way::Receive, false),
        ("RETR under TLS", Way::Send, true),
        ("STOR under TLS", Way::Receive, true),
    ] {
        let (mut floors, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            floors.push(bench.run(way, tls, |socket| bench.floor(way, tls, socket))?);
            ours.push(bench.run(way, tls, |socket| bench.ours(way, tls, socket))?);
        }
        let per_gib = (1u64 << 30) as f64 / bench.bytes as f64 / 1e9;
        let (floor, ours) = (median(floors) * per_gib, median(ours) * per_gib);
        println!(
            "{name:15} floor {floor:.3}  ours {ours:.3}  ratio {:.2}",
            ours / floor
        );
    }
    let mut listings = Vec::new();
    for _ in 0..rounds {
        listings.push(bench.run(Way::Send, false, |socket| bench.list(socket))?);
    }
    println!(
        "LIST of {entries} entries: {:.1} ms",
        median(listings) / 1e6
    );
    let peak = fs::read_to_string("/proc/self/status")?;
    println!(
        "{}",
        peak.lines()
            .find(|line| line.starts_with("VmHWM"))
            .unwrap_or_default()
    );
    Ok(())
}

fn median(mut values: Vec<u64>) -> f64 {
    values.sort_unstable();
    values[values.len() / 2] as f64
}

/// Nanoseconds of CPU that this thread has used.
fn cpu() -> Result<u64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().context("a number")?.parse()?)
}

impl Bench {
    fn new(directory: &Path, bytes: u64, entries: usize) -> Result<Self> {
        fs::create_dir_all(directory.join("many"))?;
        for n in 0..entries {
            File::create(directory.join(format!("many/file-{n:05}.dat")))?;
        }
        let mut file = File::create(directory.join("file"))?;
        let block: Vec<u8> = (0..BLOCK).map(|n| (n * 31) as u8).collect();
        for _ in 0..bytes / BLOCK as u64 {
            file.write_all(&block)?;
        }
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())
            .map_err(|reason| anyhow!("{reason}"))?;
        let certificate = made.cert.der().clone();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone())?;
        let mut server = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)?;
        server.send_tls13_tickets = 0;
        let client = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            sink: FsSink::open(directory, Durability::Os)?,
            directory: directory.to_owned(),
            bytes,
            server: Arc::new(server),
            client: Arc::new(client),
        })
    }

    /// Serve one connection; tells the CPU that it took.
    fn run(
        &self,
        way: Way,
        tls: bool,
        serve: impl FnOnce(TcpStream) -> Result<()> + Send,
    ) -> Result<u64> {
        // Both start with the same free memory: pages in use for the first time cost more.
        let _ = fs::remove_file(self.directory.join("stored"));
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let socket = TcpStream::connect(listener.local_addr()?)?;
        let (accepted, _) = listener.accept()?;
        thread::scope(|scope| {
            let served = scope.spawn(move || -> Result<u64> {
                let before = cpu()?;
                serve(accepted)?;
                Ok(cpu()? - before)
            });
            self.peer(way, tls, socket)?;
            served.join().map_err(|_| anyhow!("the server panicked"))?
        })
    }

    /// What a client does: read all, or write all and wait for the end.
    fn peer(&self, way: Way, tls: bool, socket: TcpStream) -> Result<()> {
        if !tls {
            return talk(way, self.bytes, &mut &socket, || {
                Ok(socket.shutdown(Shutdown::Write)?)
            });
        }
        let connection =
            ClientConnection::new(self.client.clone(), ServerName::try_from("localhost")?)?;
        let mut stream = StreamOwned::new(connection, socket);
        talk(way, self.bytes, &mut stream, || Ok(()))?;
        stream.conn.send_close_notify();
        Ok(stream.flush()?)
    }

    fn ours(&self, way: Way, tls: bool, socket: TcpStream) -> Result<()> {
        let connection = self.connection(tls, socket);
        match way {
            Way::Send => {
                let mut reader = self.sink.open(&Key::parse("file")?, 0)?;
                transfer::send_file(&connection, &mut *reader)?;
            }
            Way::Receive => {
                let mut upload = self
                    .sink
                    .create(&Key::parse("stored")?, WriteMode::Replace)?;
                transfer::receive_file(&connection, &mut *upload)?;
                upload.commit()?;
            }
        }
        Ok(())
    }

    fn connection(&self, tls: bool, socket: TcpStream) -> DataConnection {
        let tls = tls.then(|| DataTls {
            config: self.server.clone(),
            require_resumed: false,
        });
        DataConnection {
            progress: Arc::new(Progress::new(Arc::new(socket))),
            tls,
            representation: Representation::Image,
            mode: TransferMode::Stream,
            settings: Settings::default(),
        }
    }

    fn list(&self, socket: TcpStream) -> Result<()> {
        let connection = self.connection(false, socket);
        let mut entries = self.sink.list(&Key::parse("many")?)?;
        transfer::send_listing(&connection, &mut entries, ListFormat::Long)?;
        Ok(())
    }

    fn floor(&self, way: Way, tls: bool, mut socket: TcpStream) -> Result<()> {
        let stored = self.directory.join("stored");
        match (way, tls) {
            (Way::Send, false) => {
                let file = File::open(self.directory.join("file"))?;
                while rustix::fs::sendfile(&socket, &file, None, 1 << 30)? > 0 {}
                Ok(())
            }
            (Way::Receive, false) => copy(&mut socket, &mut File::create(stored)?),
            (Way::Send, true) => {
                let mut stream = self.secure(socket)?;
                copy(&mut File::open(self.directory.join("file"))?, &mut stream)?;
                stream.conn.send_close_notify();
                Ok(stream.flush()?)
            }
            (Way::Receive, true) => copy(&mut self.secure(socket)?, &mut File::create(stored)?),
        }
    }

    fn secure(&self, socket: TcpStream) -> Result<StreamOwned<ServerConnection, Buffered>> {
        let mut connection = ServerConnection::new(self.server.clone())?;
        connection.set_buffer_limit(Some(2 * BLOCK));
        Ok(StreamOwned::new(
            connection,
            Buffered(BufReader::with_capacity(BLOCK, socket)),
        ))
    }
}

fn talk(
    way: Way,
    bytes: u64,
    stream: &mut (impl Read + Write),
    end: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let mut block = vec![0; BLOCK];
    match way {
        Way::Send => while stream.read(&mut block)? > 0 {},
        Way::Receive => {
            for _ in 0..bytes / BLOCK as u64 {
                stream.write_all(&block)?;
            }
            end()?;
        }
    }
    Ok(())
}

fn copy(from: &mut impl Read, to: &mut impl Write) -> Result<()> {
    let mut block = vec![0; BLOCK];
    loop {
        match from.read(&mut block)? {
            0 => return Ok(to.flush()?),
            count => to.write_all(&block[..count])?,
        }
    }
}

/// Takes large reads from the socket, where rustls alone would ask for 4 KiB.
struct Buffered(BufReader<TcpStream>);

impl Read for Buffered {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Buffered {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.0.get_mut().write(buffer)
    }

    fn write_vectored(&mut self, buffers: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
        self.0.get_mut().write_vectored(buffers)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
