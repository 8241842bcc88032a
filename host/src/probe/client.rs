//! As much of an FTP client as a probe needs (RFC 959, 2428, 4217).

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;

use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use wharf_protocol::secret::Secret;

use super::stream::{Secured, Stream, left};
use super::{Probe, ProbeError, Step, StepFailed};
use crate::limits;

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Never: passwords and files travel in clear.
    Off,
    /// Behind AUTH TLS.
    Explicit,
    /// At once.
    Implicit,
}

/// A session with a server.
pub(super) struct Client {
    /// `None` only while it becomes another one, and after that failed.
    control: Option<Stream>,
    /// What was read and not yet looked at.
    received: Vec<u8>,
    /// With which data connections are secured, where they are.
    secured: Option<Secured>,
    server: SocketAddr,
    deadline: Instant,
    pasv: bool,
}

/// One reply.
struct Reply {
    code: u16,
    /// Its last line.
    text: String,
}

impl Client {
    /// Connects, and secures the connection as the probe wants it.
    pub(super) fn connect(
        probe: &Probe,
        tls: Arc<ClientConfig>,
        deadline: Instant,
    ) -> Result<Self, StepFailed> {
        let failed = |error| Step::Connect.failed(error);
        let (control, server) = open(probe, deadline).map_err(failed)?;
        let mut client = Self {
            control: Some(control),
            received: Vec::new(),
            secured: None,
            server,
            deadline,
            pasv: probe.pasv,
        };
        let is_implicit = probe.security == Security::Implicit;
        if is_implicit {
            let secured = client.secure(&probe.host, &tls);
            secured.map_err(|error| Step::Secure.failed(error))?;
        }
        client.expect(2).map_err(failed)?;
        if probe.security == Security::Explicit {
            let secured = client.command("AUTH TLS").and_then(|_| {
                // What was said behind that in clear may be somebody else's.
                match client.received.is_empty() {
                    true => client.secure(&probe.host, &tls),
                    false => Err(ProbeError::Nonsense(client.shown())),
                }
            });
            secured.map_err(|error| Step::Secure.failed(error))?;
        }
        Ok(client)
    }

    fn secure(&mut self, host: &str, config: &Arc<ClientConfig>) -> Result<(), ProbeError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| ProbeError::Trust(error.to_string()))?;
        let secured = Secured {
            config: Arc::clone(config),
            name,
        };
        let control = self.control.take().ok_or(ProbeError::Closed)?;
        self.control = Some(control.secure(&secured)?);
        self.secured = Some(secured);
        Ok(())
    }

    /// USER and PASS, and PBSZ, PROT and TYPE for all transfers.
    pub(super) fn log_in(&mut self, user: &str, password: &Secret) -> Result<(), ProbeError> {
        self.say(&format!("USER {user}"))?;
        let reply = self.reply()?;
        match reply.code {
            331 => {
                self.say(&format!("PASS {}", password.expose()))?;
                self.expect(2)?;
            }
            200..300 => {}
            _ => return Err(reply.refused()),
        }
        if self.secured.is_some() {
            self.command("PBSZ 0")?;
            self.command("PROT P")?;
        }
        self.command("TYPE I").map(drop)
    }

    /// LIST, as it comes.
    pub(super) fn list(&mut self) -> Result<Vec<u8>, ProbeError> {
        self.receive("LIST", limits::PROBE_LISTING_BYTES)
    }

    /// RETR of a file of `size` bytes.
    pub(super) fn fetch(&mut self, name: &str, size: usize) -> Result<Vec<u8>, ProbeError> {
        self.receive(&format!("RETR {name}"), size + 1)
    }

    /// STOR
    pub(super) fn store(&mut self, name: &str, content: &[u8]) -> Result<(), ProbeError> {
        let mut data = self.begin(&format!("STOR {name}"))?;
        data.write_all(content)?;
        data.finish()?;
        self.expect(2).map(drop)
    }

    /// QUIT
    pub(super) fn quit(&mut self) -> Result<(), ProbeError> {
        self.command("QUIT").map(drop)
    }

    /// Says a command that is answered once, and well.
    pub(super) fn command(&mut self, line: &str) -> Result<(), ProbeError> {
        self.say(line)?;
        self.expect(2).map(drop)
    }

    /// A transfer of at most `most` bytes from the server.
    fn receive(&mut self, line: &str, most: usize) -> Result<Vec<u8>, ProbeError> {
        let mut data = self.begin(line)?;
        let mut bytes = Vec::new();
        (&mut data).take(most as u64).read_to_end(&mut bytes)?;
        if bytes.len() == most {
            return Err(ProbeError::TooLong);
        }
        data.finish()?;
        self.expect(2)?;
        Ok(bytes)
    }

    /// Opens a data connection and says the command that it is for.
    fn begin(&mut self, line: &str) -> Result<Stream, ProbeError> {
        let address = self.passive()?;
        let data = Stream::connect(address, self.deadline)?;
        self.say(line)?;
        self.expect(1)?;
        Ok(match &self.secured {
            Some(secured) => data.secure(secured)?,
            None => data,
        })
    }

    /// Where the server waits for a data connection.
    fn passive(&mut self) -> Result<SocketAddr, ProbeError> {
        if self.pasv {
            self.say("PASV")?;
            let reply = self.expect(2)?;
            let told = pasv_address(&reply.text);
            let told = told.ok_or(ProbeError::Nonsense(reply.text))?;
            // Some servers tell this to mean themselves.
            return Ok(match told.ip() {
                IpAddr::V4(Ipv4Addr::UNSPECIFIED) => SocketAddr::new(self.server.ip(), told.port()),
                _ => told,
            });
        }
        self.say("EPSV")?;
        let reply = self.expect(2)?;
        let port = epsv_port(&reply.text).ok_or(ProbeError::Nonsense(reply.text))?;
        Ok(SocketAddr::new(self.server.ip(), port))
    }

    fn say(&mut self, line: &str) -> Result<(), ProbeError> {
        let control = self.control.as_mut().ok_or(ProbeError::Closed)?;
        control.write_all(format!("{line}\r\n").as_bytes())?;
        Ok(control.flush()?)
    }

    /// A reply whose code begins with that digit; any other is a no.
    fn expect(&mut self, digit: u16) -> Result<Reply, ProbeError> {
        let reply = self.reply()?;
        match reply.code / 100 == digit {
            true => Ok(reply),
            false => Err(reply.refused()),
        }
    }

    /// The next reply, of however many lines (RFC 959, section 4.2).
    fn reply(&mut self) -> Result<Reply, ProbeError> {
        let mut text = self.line()?;
        let code = text.get(..3).and_then(|digits| digits.parse().ok());
        let code: u16 = code.ok_or_else(|| ProbeError::Nonsense(text.clone()))?;
        if text[3..].starts_with('-') {
            let end = format!("{code} ");
            for _ in 0..limits::PROBE_REPLY_LINES {
                text = self.line()?;
                if text.starts_with(&end) {
                    return Ok(Reply { code, text });
                }
            }
            return Err(ProbeError::TooLong);
        }
        Ok(Reply { code, text })
    }

    fn line(&mut self) -> Result<String, ProbeError> {
        loop {
            if let Some(end) = self.received.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.received.len() > limits::PROBE_LINE_BYTES {
                return Err(ProbeError::TooLong);
            }
            let control = self.control.as_mut().ok_or(ProbeError::Closed)?;
            let mut buffer = [0; 1024];
            match control.read(&mut buffer)? {
                0 => return Err(ProbeError::Closed),
                count => self.received.extend_from_slice(&buffer[..count]),
            }
        }
    }

    /// What was received and not looked at, to be shown.
    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }
}

impl Reply {
    fn refused(self) -> ProbeError {
        ProbeError::Refused { text: self.text }
    }
}

/// Tries every address of the server's name; the last that fails tells why.
fn open(probe: &Probe, deadline: Instant) -> Result<(Stream, SocketAddr), ProbeError> {
    let mut why = ProbeError::Io(io::Error::other("the name has no address"));
    for address in addresses(probe, deadline)? {
        left(deadline)?;
        match Stream::connect(address, deadline).and_then(|it| Ok((it.peer()?, it))) {
            Ok((server, stream)) => return Ok((stream, server)),
            Err(error) => why = error.into(),
        }
    }
    Err(why)
}

/// Looks the name up on a thread of its own, as that cannot be stopped.
fn addresses(probe: &Probe, deadline: Instant) -> Result<Vec<SocketAddr>, ProbeError> {
    let (sender, found) = mpsc::channel();
    let (host, port) = (probe.host.clone(), probe.port);
    thread::spawn(move || {
        let addresses = (host.as_str(), port).to_socket_addrs();
        sender.send(addresses.map(Vec::from_iter))
    });
    match found.recv_timeout(left(deadline)?) {
        Ok(addresses) => Ok(addresses?),
        Err(_) => Err(ProbeError::TimedOut),
    }
}

/// `227 Entering Passive Mode (h1,h2,h3,h4,p1,p2)`, with or without the brackets.
fn pasv_address(text: &str) -> Option<SocketAddr> {
    let start = text.get(4..)?.find(|c: char| c.is_ascii_digit())? + 4;
    let numbers = text[start..].split(|c: char| c != ',' && !c.is_ascii_digit());
    let numbers: Vec<u8> = numbers
        .take(1)
        .flat_map(|numbers| numbers.split(','))
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    let [a, b, c, d, high, low] = numbers[..] else {
        return None;
    };
    Some((Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low])).into())
}

/// `229 Entering Extended Passive Mode (|||port|)` (RFC 2428, section 3).
fn epsv_port(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once('(')?;
    let mark = rest.chars().next()?;
    rest.split(mark).nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_a_data_connection_is_found() {
        for (text, address) in [
            (
                "227 Entering Passive Mode (192,0,2,1,4,1)",
                Some("192.0.2.1:1025"),
            ),
            ("227 =192,0,2,1,255,255", Some("192.0.2.1:65535")),
            ("227 (192,0,2,1,4)", None),
            ("227 (192,0,2,256,4,1)", None),
            ("227", None),
        ] {
            let address = address.map(|it| it.parse::<SocketAddr>().unwrap());
            assert_eq!(pasv_address(text), address, "{text}");
        }
        for (text, port) in [
            ("229 Entering Extended Passive Mode (|||6446|)", Some(6446)),
            ("229 (!!!6446!)", Some(6446)),
            ("229 (|||70000|)", None),
            ("229 none", None),
        ] {
            assert_eq!(epsv_port(text), port, "{text}");
        }
    }
}
