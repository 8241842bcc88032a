//! The header of the PROXY protocol, versions 1 and 2 (HAProxy, "The PROXY protocol", 2025): for
//! whom a balancer has opened a connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use crate::limits;

/// What version 2 begins with (section 2.2).
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The longest header of version 1, its line end included (section 2.1).
const LINE_BYTES: usize = 107;

/// Why a connection has no header that can be used.
#[derive(Debug, Error)]
pub enum ProxyError {
    /// It does not come, or not to its end, in time.
    #[error("the header of the PROXY protocol did not come in time")]
    TimedOut,
    /// The connection ended, or broke.
    #[error("the connection ended before the header of the PROXY protocol: {0}")]
    Io(#[from] io::Error),
    /// It is no header.
    #[error("the header of the PROXY protocol is malformed: {0}")]
    Malformed(&'static str),
}

/// Reads the header, in time, and nothing behind it. `None` where the connection is the balancer's
/// own, such as a health check.
///
/// # Errors
/// There is none that can be used: the connection is to be closed.
pub async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Option<SocketAddr>, ProxyError> {
    match timeout(limits::PROXY_HEADER, header(stream)).await {
        Ok(header) => header,
        Err(_) => Err(ProxyError::TimedOut),
    }
}

async fn header<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Option<SocketAddr>, ProxyError> {
    // The shortest header of version 1 is longer than that.
    let mut start = [0; SIGNATURE.len()];
    stream.read_exact(&mut start).await?;
    if start == SIGNATURE {
        return binary(stream).await;
    }
    let mut line = start.to_vec();
    // Byte by byte, as what follows is the client's.
    while !line.ends_with(b"\r\n") {
        if line.len() == LINE_BYTES {
            return Err(ProxyError::Malformed("it has no end"));
        }
        line.push(stream.read_u8().await?);
    }
    text(&line[..line.len() - 2])
}

/// Version 1: `PROXY TCP4 192.0.2.1 198.51.100.1 5000 21`.
fn text(line: &[u8]) -> Result<Option<SocketAddr>, ProxyError> {
    let line = str::from_utf8(line).map_err(|_| ProxyError::Malformed("it is no text"))?;
    let rest = line.strip_prefix("PROXY ");
    let rest = rest.ok_or(ProxyError::Malformed("it does not begin like one"))?;
    let words: Vec<&str> = rest.split(' ').collect();
    let (family, source, target, ports) = match words[..] {
        ["UNKNOWN", ..] => return Ok(None),
        [family, source, target, from, to] => (family, source, target, [from, to]),
        _ => return Err(ProxyError::Malformed("it has not six words")),
    };
    let address = |text: &str| -> Option<IpAddr> {
        match family {
            "TCP4" => text.parse::<Ipv4Addr>().ok().map(IpAddr::from),
            "TCP6" => text.parse::<Ipv6Addr>().ok().map(IpAddr::from),
            _ => None,
        }
    };
    let port = |text: &str| text.parse::<u16>().ok().filter(|_| !text.starts_with('+'));
    let read = || {
        Some((
            address(source)?,
            address(target)?,
            port(ports[0])?,
            port(ports[1])?,
        ))
    };
    let (source, _, port, _) = read().ok_or(ProxyError::Malformed("its addresses are none"))?;
    Ok(Some(SocketAddr::new(source, port)))
}

/// Version 2, behind its signature (section 2.2).
async fn binary<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Option<SocketAddr>, ProxyError> {
    let (version, command) = nibbles(stream.read_u8().await?);
    let family = stream.read_u8().await?;
    let length = usize::from(stream.read_u16().await?);
    if version != 2 || command > 1 {
        return Err(ProxyError::Malformed("its version or command is unknown"));
    }
    if length > limits::PROXY_HEADER_BYTES {
        return Err(ProxyError::Malformed("it is too long"));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    if command == 0 || family == 0 {
        return Ok(None);
    }
    let short = ProxyError::Malformed("it is too short for its addresses");
    let source = match family {
        0x11 => body.get(..12).map(|it| {
            let (ip, port) = ([it[0], it[1], it[2], it[3]], [it[8], it[9]]);
            (IpAddr::from(ip), port)
        }),
        0x21 => body.get(..36).and_then(|it| {
            let ip: [u8; 16] = it[..16].try_into().ok()?;
            Some((IpAddr::from(ip), [it[32], it[33]]))
        }),
        _ => return Err(ProxyError::Malformed("it is not of TCP")),
    };
    let (ip, port) = source.ok_or(short)?;
    Ok(Some(SocketAddr::new(ip, u16::from_be_bytes(port))))
}

fn nibbles(byte: u8) -> (u8, u8) {
    (byte >> 4, byte & 15)
}

#[cfg(test)]
mod tests;
