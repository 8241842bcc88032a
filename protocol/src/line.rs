//! Cuts the bytes of the control connection into bounded lines, free of telnet's controls.

use std::fmt;
use std::ops::Deref;

/// The longest line, in bytes and without its end: room for two paths of
/// [`crate::path::MAX_PATH_BYTES`], or for one where each byte is a quote that is doubled.
pub const MAX_LINE_BYTES: usize = 8192;

/// Bytes that may wait here: one line of full length with its end, and a batch of pipelined ones
/// behind it. While they wait nothing more is read, so a client that sends without end meets TCP's
/// window.
pub const MAX_BUFFERED_BYTES: usize = 2 * (MAX_LINE_BYTES + b"\r\n".len());

/// The first bytes of a TLS record with a handshake, of any version.
pub(crate) const CLIENT_HELLO: [u8; 2] = [0x16, 0x03];

/// Telnet's "interpret as command", which begins each of its controls (RFC 854).
const IAC: u8 = 255;
/// Telnet's IP, which clients send before ABOR (RFC 959 section 4.1.3).
const INTERRUPT_PROCESS: u8 = 244;
/// Telnet's DM, which marks the end of urgent data.
const DATA_MARK: u8 = 242;

/// A line of the control connection, without CR LF or LF.
///
/// `Debug` never shows it, since it may be a password's.
#[derive(Clone, PartialEq, Eq)]
pub struct Line(Vec<u8>);

impl From<Vec<u8>> for Line {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Deref for Line {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// What the bytes of the control connection amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A line is complete.
    Line(Line),
    /// A line beyond [`MAX_LINE_BYTES`], which is being thrown away up to its end.
    TooLong,
    /// The line begins like a TLS handshake, which may never end: it is being thrown away.
    ClientHello,
}

/// Turns bytes into [`Event`]s, whatever the chunks in which the bytes come.
///
/// Holds no memory while no byte waits.
#[derive(Default)]
pub struct Decoder {
    /// Free of telnet's controls.
    buffer: Vec<u8>,
    /// Where in `buffer` the current line starts.
    start: usize,
    /// Up to where the current line was already searched for its end.
    searched: usize,
    telnet: Telnet,
    /// The rest of the current line is thrown away.
    skipping: bool,
}

/// Where in a telnet control the last byte left off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Telnet {
    #[default]
    Text,
    /// After IAC.
    Control,
    /// After IAC WILL, WONT, DO or DONT.
    Negotiation,
}

impl Decoder {
    /// An empty decoder.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes it takes now: more than [`MAX_LINE_BYTES`] whenever [`Self::next_event`] has
    /// nothing to say.
    pub fn room(&self) -> usize {
        MAX_BUFFERED_BYTES - (self.buffer.len() - self.start)
    }

    /// Takes up to [`Self::room`] bytes, and tells how many it took.
    #[must_use = "what was not taken has to be pushed again"]
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        let bytes = &bytes[..bytes.len().min(self.room())];
        self.buffer.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        let plain = memchr::memchr3(IAC, INTERRUPT_PROCESS, DATA_MARK, bytes).is_none();
        if plain && self.telnet == Telnet::Text {
            self.buffer.extend_from_slice(bytes);
        } else {
            bytes.iter().for_each(|&byte| self.push_byte(byte));
        }
        bytes.len()
    }

    /// The next line that is complete, or the news that it never will be.
    pub fn next_event(&mut self) -> Option<Event> {
        loop {
            let end = memchr::memchr(b'\n', &self.buffer[self.searched..])
                .map(|position| self.searched + position);
            self.searched = end.unwrap_or(self.buffer.len());
            if !self.skipping {
                return self.event(end);
            }
            self.consume_to(end);
            end?;
        }
    }

    /// Throws away every byte that waits, as after AUTH: what came in clear must not be taken for
    /// a command under TLS.
    pub fn discard(&mut self) {
        *self = Self::default();
    }

    /// What the current line is, which ends at `end` where its end is there.
    fn event(&mut self, end: Option<usize>) -> Option<Event> {
        let line = &self.buffer[self.start..self.searched];
        let event = if line.starts_with(&CLIENT_HELLO) {
            Event::ClientHello
        } else if end.is_some() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            match line.len() > MAX_LINE_BYTES {
                true => Event::TooLong,
                false => Event::Line(Line(line.to_vec())),
            }
        } else if line.len() > MAX_LINE_BYTES + b"\r".len() {
            Event::TooLong
        } else {
            return None;
        };
        self.consume_to(end);
        Some(event)
    }

    /// Goes on behind the line that ends at `end`, or skips what there is of it.
    fn consume_to(&mut self, end: Option<usize>) {
        self.skipping = end.is_none();
        self.start = end.map_or(self.buffer.len(), |end| end + 1);
        self.searched = self.start;
        if self.start == self.buffer.len() {
            self.buffer = Vec::new();
            self.start = 0;
            self.searched = 0;
        }
    }

    fn push_byte(&mut self, byte: u8) {
        self.telnet = match (self.telnet, byte) {
            (Telnet::Text, IAC) => Telnet::Control,
            // Urgent data may take the IAC in front of them away, or leave it without them.
            (Telnet::Text, INTERRUPT_PROCESS | DATA_MARK) if self.at_line_start() => Telnet::Text,
            (Telnet::Control, 251..=254) => Telnet::Negotiation,
            (Telnet::Control, 240..=250) | (Telnet::Negotiation, _) => Telnet::Text,
            // IAC IAC is the byte 255, and IAC before what is no control was left by urgent data.
            (Telnet::Text | Telnet::Control, byte) => {
                self.buffer.push(byte);
                Telnet::Text
            }
        };
    }

    fn at_line_start(&self) -> bool {
        !self.skipping && self.buffer.last().is_none_or(|&last| last == b'\n')
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decoder({} bytes)", self.buffer.len() - self.start)
    }
}

#[cfg(test)]
mod tests;
