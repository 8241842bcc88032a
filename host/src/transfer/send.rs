//! From a sink to the data connection.

use std::fs::File;
use std::io::{Error, ErrorKind, Seek, Write};
use std::time::{Duration, SystemTime};

use rustix::io::Errno;
use wharf_protocol::ascii::ToNetwork;
use wharf_protocol::listing::{Entry, write_line};
use wharf_protocol::transfer::{ListFormat, Representation, TransferMode};

use super::buffer::Block;
use super::deflate::Packer;
use super::pace::Pace;
use super::stream::Stream;
use super::{DataConnection, Progress, TransferError};
use crate::limits::{LISTING_BLOCK_BYTES, SENDFILE_BYTES};
use crate::sink::{Reader, SinkError};

/// Send a file from where `reader` stands to its end; tells how many bytes of it were sent.
pub fn send_file(
    connection: &mut DataConnection,
    reader: &mut dyn Reader,
) -> Result<u64, TransferError> {
    let result = file(connection, reader);
    connection.progress.outcome(result)
}

/// Send a line for each entry; tells how many bytes the lines have. `said_in` stands before each
/// name of NLST.
///
/// They end in CR LF whatever TYPE says (RFC 959 section 4.1.3).
pub fn send_listing<E: Into<TransferError>>(
    connection: &mut DataConnection,
    entries: &mut dyn Iterator<Item = Result<Entry, E>>,
    format: ListFormat,
    said_in: &str,
) -> Result<u64, TransferError> {
    let result = listing(connection, entries, format, said_in);
    connection.progress.outcome(result)
}

fn file(connection: &mut DataConnection, reader: &mut dyn Reader) -> Result<(), TransferError> {
    let representation = connection.representation;
    let mut outgoing = Outgoing::establish(connection, representation)?;
    if let Some(file) = reader.as_file()
        && outgoing.send_by_kernel(file, reader.size())?
    {
        return outgoing.finish();
    }
    let mut block = Block::take();
    loop {
        let space = outgoing.pace.block(block.len());
        match reader.read(&mut block[..space])? {
            0 => return outgoing.finish(),
            count => outgoing.put(&block[..count])?,
        }
    }
}

fn listing<E: Into<TransferError>>(
    connection: &mut DataConnection,
    entries: &mut dyn Iterator<Item = Result<Entry, E>>,
    format: ListFormat,
    said_in: &str,
) -> Result<(), TransferError> {
    let mut outgoing = Outgoing::establish(connection, Representation::Image)?;
    let now = SystemTime::now().into();
    // The last line goes beyond the mark; with a name of 255 bytes it is far below 1 KiB.
    let mut lines = Vec::with_capacity(LISTING_BLOCK_BYTES + 1024);
    for entry in entries {
        if format == ListFormat::Names {
            lines.extend_from_slice(said_in.as_bytes());
        }
        write_line(&entry.map_err(Into::into)?, format, now, &mut lines);
        if lines.len() >= LISTING_BLOCK_BYTES {
            outgoing.put(&lines)?;
            lines.clear();
        }
    }
    outgoing.put(&lines)?;
    outgoing.finish()
}

/// Turns bytes of a file into bytes of the connection.
struct Outgoing<'a> {
    stream: Stream,
    /// TYPE A, and where it puts what it converted.
    text: Option<(ToNetwork, Vec<u8>)>,
    /// MODE Z
    packer: Option<Packer>,
    pace: Pace,
    progress: &'a Progress,
    linger: Duration,
}

impl<'a> Outgoing<'a> {
    fn establish(
        connection: &'a mut DataConnection,
        representation: Representation,
    ) -> Result<Self, TransferError> {
        let text = match representation {
            Representation::Ascii => Some((ToNetwork::default(), Vec::new())),
            Representation::Image => None,
        };
        let packer = match connection.mode {
            TransferMode::Deflate => Some(Packer::new()),
            TransferMode::Stream => None,
        };
        Ok(Self {
            stream: Stream::establish(connection)?,
            text,
            packer,
            pace: Pace::new(connection.settings.bytes_per_second),
            progress: &connection.progress,
            linger: connection.settings.linger,
        })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
        let Self {
            stream,
            text,
            packer,
            pace,
            ..
        } = self;
        let converted = match text {
            Some((converter, converted)) => {
                converted.clear();
                converter.convert(bytes, converted);
                converted
            }
            None => bytes,
        };
        let mut send = |bytes: &[u8]| {
            stream.write_all(bytes)?;
            pace.moved(bytes.len());
            Ok(())
        };
        match packer {
            Some(packer) => packer.pack(converted, &mut send)?,
            None => send(converted)?,
        }
        self.progress.add(bytes.len());
        Ok(())
    }

    fn finish(mut self) -> Result<(), TransferError> {
        let stream = &mut self.stream;
        if let Some(packer) = &mut self.packer {
            packer.finish(&mut |bytes| Ok(stream.write_all(bytes)?))?;
        }
        stream.close_and_linger(self.linger);
        Ok(())
    }

    /// Send `file` up to its `size` without its bytes passing through this process. `false` where
    /// that is not possible and nothing was sent.
    fn send_by_kernel(&mut self, mut file: &File, size: u64) -> Result<bool, TransferError> {
        let (Stream::Clear(socket), None, None) = (&self.stream, &self.text, &self.packer) else {
            return Ok(false);
        };
        let mut sent = file.stream_position().map_err(SinkError::from)?;
        let start = sent;
        while sent < size {
            let left = usize::try_from(size - sent).unwrap_or(usize::MAX);
            let count = self.pace.block(left.min(SENDFILE_BYTES));
            match rustix::fs::sendfile(socket, file, None, count) {
                // It became shorter than it was when the client was told its size.
                Ok(0) => return Err(SinkError::Io(ErrorKind::UnexpectedEof.into()).into()),
                Ok(count) => {
                    sent += count as u64;
                    self.progress.add(count);
                    self.pace.moved(count);
                }
                Err(Errno::INTR) => {}
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) if sent == start => {
                    return Ok(false);
                }
                Err(Errno::IO) => return Err(SinkError::Io(Errno::IO.into()).into()),
                Err(error) => return Err(Error::from(error).into()),
            }
        }
        Ok(true)
    }
}
