//! A connection that moves its bytes as slowly as it is told.

use std::io::{self, Read, Write};
use std::net::TcpStream;

/// A connection that rests after so many bytes, if they are not all there are.
pub(super) struct Paced {
    stream: TcpStream,
    /// Bytes between two rests.
    pub(super) pace: usize,
}

impl Paced {
    pub(super) fn new(stream: TcpStream) -> Self {
        let pace = usize::MAX;
        Self { stream, pace }
    }

    fn rest(&self) {
        if self.pace < usize::MAX {
            crate::pause();
        }
    }
}

impl Read for Paced {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.rest();
        let most = buffer.len().min(self.pace);
        self.stream.read(&mut buffer[..most])
    }
}

impl Write for Paced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.rest();
        self.stream.write(&bytes[..bytes.len().min(self.pace)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
