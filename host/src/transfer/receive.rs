//! From the data connection to a sink.

use std::io::Read;

use wharf_protocol::ascii::FromNetwork;
use wharf_protocol::transfer::{Representation, TransferMode};

use super::buffer::Block;
use super::deflate::Unpacker;
use super::pace::Pace;
use super::stream::Stream;
use super::{DataConnection, Progress, TransferError};
use crate::checksum::Checksums;
use crate::sink::Upload;

/// Receive a file until the peer ends it; tells how many bytes were added to `upload`. What is
/// written to it is taken into `checksums`, too.
///
/// Nothing is committed yet: that is for the caller to do, or [`Upload::interrupt`] after an error.
pub fn receive_file(
    connection: &mut DataConnection,
    upload: &mut dyn Upload,
    checksums: &mut Checksums,
) -> Result<u64, TransferError> {
    let result = receive(connection, upload, checksums);
    connection.progress.outcome(result)
}

fn receive(
    connection: &mut DataConnection,
    upload: &mut dyn Upload,
    checksums: &mut Checksums,
) -> Result<(), TransferError> {
    let mut stream = Stream::establish(connection)?;
    let mut incoming = Incoming::new(connection, upload, checksums);
    let mut pace = Pace::new(connection.settings.bytes_per_second);
    let mut block = Block::take();
    loop {
        let space = pace.block(block.len());
        match stream.read(&mut block[..space])? {
            0 => break,
            count => {
                incoming.take(&block[..count])?;
                pace.moved(count);
            }
        }
    }
    incoming.finish()?;
    stream.close();
    Ok(())
}

/// Turns bytes of the connection into bytes of the file.
struct Incoming<'a> {
    /// MODE Z
    unpacker: Option<Unpacker>,
    unpacked: Unpacked<'a>,
}

/// Takes bytes as they were before they were packed.
struct Unpacked<'a> {
    /// TYPE A, and where it puts what it converted.
    text: Option<(FromNetwork, Vec<u8>)>,
    store: Store<'a>,
}

/// Takes bytes of the file.
struct Store<'a> {
    upload: &'a mut dyn Upload,
    checksums: &'a mut Checksums,
    progress: &'a Progress,
    bytes_max: u64,
}

impl<'a> Incoming<'a> {
    fn new(
        connection: &'a DataConnection,
        upload: &'a mut dyn Upload,
        checksums: &'a mut Checksums,
    ) -> Self {
        let unpacker = match connection.mode {
            TransferMode::Deflate => Some(Unpacker::new()),
            TransferMode::Stream => None,
        };
        let text = match connection.representation {
            Representation::Ascii => Some((FromNetwork::default(), Vec::new())),
            Representation::Image => None,
        };
        let bytes_max = connection.settings.upload_bytes_max.unwrap_or(u64::MAX);
        let store = Store {
            upload,
            checksums,
            progress: &connection.progress,
            bytes_max,
        };
        Self {
            unpacker,
            unpacked: Unpacked { text, store },
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
        let Self { unpacker, unpacked } = self;
        match unpacker {
            Some(unpacker) => unpacker.unpack(bytes, &mut |bytes| unpacked.take(bytes)),
            None => unpacked.take(bytes),
        }
    }

    fn finish(mut self) -> Result<(), TransferError> {
        if let Some(unpacker) = &self.unpacker {
            unpacker.finish()?;
        }
        self.unpacked.finish()
    }
}

impl Unpacked<'_> {
    fn take(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
        let Some((converter, converted)) = &mut self.text else {
            return self.store.take(bytes);
        };
        converted.clear();
        converter.convert(bytes, converted);
        self.store.take(converted)
    }

    fn finish(&mut self) -> Result<(), TransferError> {
        let Some((converter, converted)) = &mut self.text else {
            return Ok(());
        };
        converted.clear();
        converter.finish(converted);
        self.store.take(converted)
    }
}

impl Store<'_> {
    fn take(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
        if self.progress.bytes() + bytes.len() as u64 > self.bytes_max {
            return Err(TransferError::TooLarge);
        }
        self.upload.write(bytes)?;
        self.checksums.update(bytes);
        self.progress.add(bytes.len());
        Ok(())
    }
}
