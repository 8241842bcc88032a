//! The floor: servers that do nothing but move the bytes of a file, to tell how little CPU a
//! transfer can cost. One thread per connection, blocking.
//!
//! floor MODE ADDRESS FILE [CERT KEY]
//!   sendfile  file to socket with sendfile(2)
//!   copy      file to socket with read(2) and write(2)
//!   recv      socket to a new file FILE-N with read(2) and write(2)
//!   tls-send  file to socket through rustls
//!   tls-recv  socket to a new file FILE-N through rustls

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

const BUFFER: usize = 256 * 1024;

/// How many files uploads go to in turn, so that they do not fill the disk.
const FILES: usize = 16;

fn sendfile(file: &File, socket: &TcpStream) -> io::Result<()> {
    while rustix::fs::sendfile(socket, file, None, 1 << 30)? > 0 {}
    Ok(())
}

fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match from.read(&mut buffer)? {
            0 => return to.flush(),
            n => to.write_all(&buffer[..n])?,
        }
    }
}

/// Takes big reads from the socket, where rustls alone would ask for 4 KiB.
struct Buffered(BufReader<TcpStream>);

impl Read for Buffered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Buffered {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.get_mut().write(buffer)
    }

    fn write_vectored(&mut self, buffers: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.get_mut().write_vectored(buffers)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn secure(
    socket: TcpStream,
    config: &Arc<ServerConfig>,
) -> io::Result<StreamOwned<ServerConnection, Buffered>> {
    let mut connection = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
    connection.set_buffer_limit(Some(2 * BUFFER));
    let stream = Buffered(BufReader::with_capacity(BUFFER, socket));
    Ok(StreamOwned::new(connection, stream))
}

fn serve(
    mode: &str,
    path: &str,
    n: usize,
    mut socket: TcpStream,
    tls: Option<Arc<ServerConfig>>,
) -> io::Result<()> {
    let upload = || File::create(format!("{path}-{n}"));
    match (mode, &tls) {
        ("sendfile", _) => sendfile(&File::open(path)?, &socket),
        ("copy", _) => copy(&mut File::open(path)?, &mut socket),
        ("recv", _) => copy(&mut socket, &mut upload()?),
        ("tls-send", Some(config)) => {
            let mut stream = secure(socket, config)?;
            copy(&mut File::open(path)?, &mut stream)?;
            stream.conn.send_close_notify();
            stream.flush()
        }
        ("tls-recv", Some(config)) => copy(&mut secure(socket, config)?, &mut upload()?),
        _ => Err(io::Error::other("no such mode, or no certificate")),
    }
}

fn secrets(cert: &str, key: &str) -> Result<ServerConfig, Box<dyn std::error::Error>> {
    let certs = CertificateDer::pem_file_iter(cert)?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?;
    Ok(builder.with_no_client_auth().with_single_cert(certs, key)?)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, address, path, rest @ ..] = arguments.as_slice() else {
        return Err("usage: floor MODE ADDRESS FILE [CERT KEY]".into());
    };
    let tls = match rest {
        [cert, key] => Some(Arc::new(secrets(cert, key)?)),
        _ => None,
    };
    let listener = TcpListener::bind(address)?;
    for (n, socket) in listener.incoming().enumerate() {
        let (mode, path, tls, socket) = (mode.clone(), path.clone(), tls.clone(), socket?);
        std::thread::spawn(move || {
            if let Err(error) = serve(&mode, &path, n % FILES, socket, tls) {
                eprintln!("connection {n}: {error}");
            }
        });
    }
    Ok(())
}
