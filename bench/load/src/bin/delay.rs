//! A distant server on loopback: a TCP proxy that holds back what passes it, each way, and lets
//! each connection have so many bytes a second.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep, sleep_until};

/// Bytes in flight per direction of a connection: the window that a real path of such a delay has.
const WINDOW: usize = 8 << 20;
/// Bytes that are read at a time.
const BLOCK: usize = 64 << 10;

#[derive(Parser)]
#[command(about = "Makes a server distant: delays what passes, and limits each connection")]
struct Cli {
    /// Where to listen
    listen: SocketAddr,
    /// The server
    target: SocketAddr,
    /// Milliseconds from here to there and back
    #[arg(long, default_value_t = 30.0)]
    round_trip: f64,
    /// MiB a second that each connection moves, each way; 0 for no limit
    #[arg(long, default_value_t = 20.0)]
    rate: f64,
}

/// What a path does to the bytes.
#[derive(Clone, Copy)]
struct Path {
    one_way: Duration,
    bytes_per_second: f64,
}

impl Path {
    /// How long the line is busy with so many bytes.
    fn busy(self, bytes: usize) -> Duration {
        match self.bytes_per_second {
            0.0 => Duration::ZERO,
            rate => Duration::from_secs_f64(bytes as f64 / rate),
        }
    }

    /// Moves one direction of a connection to its end.
    async fn pump(self, mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin) {
        // Bounded by the window.
        let (send, mut receive) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
        let window = Arc::new(Semaphore::new(WINDOW));
        let freed = window.clone();
        let reading = async move {
            let mut free_at = Instant::now();
            loop {
                let mut block = vec![0; BLOCK];
                let Ok(count @ 1..) = from.read(&mut block).await else {
                    break;
                };
                block.truncate(count);
                let Ok(taken) = window.acquire_many(count as u32).await else {
                    break;
                };
                taken.forget();
                free_at = free_at.max(Instant::now()) + self.busy(count);
                if send.send((free_at + self.one_way, block)).is_err() {
                    break;
                }
            }
        };
        let writing = async move {
            while let Some((at, block)) = receive.recv().await {
                sleep_until(at).await;
                if to.write_all(&block).await.is_err() {
                    break;
                }
                freed.add_permits(block.len());
            }
            // The other end may be gone.
            let _ = to.shutdown().await;
        };
        tokio::join!(reading, writing);
    }

    async fn connect(self, client: TcpStream, target: SocketAddr) -> Result<()> {
        // The handshake of a real path costs a round trip as well.
        sleep(2 * self.one_way).await;
        let server = TcpStream::connect(target).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (client_read, client_write) = client.into_split();
        let (server_read, server_write) = server.into_split();
        tokio::join!(
            self.pump(client_read, server_write),
            self.pump(server_read, client_write)
        );
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    let path = Path {
        one_way: Duration::from_secs_f64(cli.round_trip / 2e3),
        bytes_per_second: cli.rate * f64::from(1 << 20),
    };
    let listener = TcpListener::bind(cli.listen).await.context("listen")?;
    loop {
        let (client, _) = listener.accept().await?;
        // How a connection ends is what both of its ends see, and nothing else.
        tokio::spawn(path.connect(client, cli.target));
    }
}
