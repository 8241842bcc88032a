//! MODE Z: a zlib stream on the data connection (RFC 1950, draft-preston-ftpext-deflate).

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::TransferError;
use super::buffer::Block;

/// Packs what is sent.
pub(super) struct Packer {
    compress: Compress,
    block: Block,
}

/// Unpacks what is received.
pub(super) struct Unpacker {
    decompress: Decompress,
    block: Block,
    ended: bool,
}

impl Packer {
    pub(super) fn new() -> Self {
        // Levels above it cost much more CPU than the bandwidth that they save.
        let compress = Compress::new(Compression::new(6), true);
        Self {
            compress,
            block: Block::take(),
        }
    }

    /// Hand what `bytes` packs to, so far, to `out`.
    pub(super) fn pack(
        &mut self,
        bytes: &[u8],
        out: &mut impl FnMut(&[u8]) -> Result<(), TransferError>,
    ) -> Result<(), TransferError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = &rest[self.step(rest, FlushCompress::None, out)?.0..];
        }
        Ok(())
    }

    /// Hand the end of the stream to `out`.
    pub(super) fn finish(
        &mut self,
        out: &mut impl FnMut(&[u8]) -> Result<(), TransferError>,
    ) -> Result<(), TransferError> {
        while self.step(&[], FlushCompress::Finish, out)?.1 != Status::StreamEnd {}
        Ok(())
    }

    /// Compress into one block; tells how many bytes it took.
    fn step(
        &mut self,
        bytes: &[u8],
        flush: FlushCompress,
        out: &mut impl FnMut(&[u8]) -> Result<(), TransferError>,
    ) -> Result<(usize, Status), TransferError> {
        let (taken, made) = (self.compress.total_in(), self.compress.total_out());
        let status = self.compress.compress(bytes, &mut self.block, flush);
        let status = status.map_err(|_| TransferError::Deflate)?;
        out(&self.block[..span(made, self.compress.total_out())])?;
        Ok((span(taken, self.compress.total_in()), status))
    }
}

impl Unpacker {
    pub(super) fn new() -> Self {
        Self {
            decompress: Decompress::new(true),
            block: Block::take(),
            ended: false,
        }
    }

    /// Hand what `bytes` unpack to, so far, to `out`.
    pub(super) fn unpack(
        &mut self,
        bytes: &[u8],
        out: &mut impl FnMut(&[u8]) -> Result<(), TransferError>,
    ) -> Result<(), TransferError> {
        let mut rest = bytes;
        loop {
            if self.ended {
                // Nothing may follow the stream.
                return if rest.is_empty() {
                    Ok(())
                } else {
                    Err(TransferError::Deflate)
                };
            }
            let (taken, made) = (self.decompress.total_in(), self.decompress.total_out());
            let status = self
                .decompress
                .decompress(rest, &mut self.block, FlushDecompress::None);
            self.ended = status.map_err(|_| TransferError::Deflate)? == Status::StreamEnd;
            let made = span(made, self.decompress.total_out());
            out(&self.block[..made])?;
            rest = &rest[span(taken, self.decompress.total_in())..];
            // A full block may leave more behind, though all input was taken.
            if rest.is_empty() && made < self.block.len() {
                return Ok(());
            }
        }
    }

    /// The connection ended: it must have done so after the stream, or before any of it.
    pub(super) fn finish(&self) -> Result<(), TransferError> {
        match self.ended || self.decompress.total_in() == 0 {
            true => Ok(()),
            false => Err(TransferError::Deflate),
        }
    }
}

/// Bytes between two totals of one call, which a block bounds.
fn span(before: u64, after: u64) -> usize {
    (after - before) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(content: &[u8]) -> Vec<u8> {
        let (mut packer, mut all) = (Packer::new(), Vec::new());
        let mut out = |bytes: &[u8]| {
            all.extend_from_slice(bytes);
            Ok(())
        };
        for chunk in content.chunks(100_000) {
            packer.pack(chunk, &mut out).expect("packs");
        }
        packer.finish(&mut out).expect("ends");
        all
    }

    fn unpacked(stream: &[u8], step: usize) -> Result<Vec<u8>, TransferError> {
        let (mut unpacker, mut all) = (Unpacker::new(), Vec::new());
        for chunk in stream.chunks(step) {
            unpacker.unpack(chunk, &mut |bytes: &[u8]| {
                all.extend_from_slice(bytes);
                Ok(())
            })?;
        }
        unpacker.finish().map(|()| all)
    }

    #[test]
    fn what_is_packed_unpacks() {
        let zeros = vec![0; 3_000_000];
        let noise: Vec<u8> = (0..700_000).map(|_| rand::random()).collect();
        for content in [&b""[..], b"a", &zeros, &noise] {
            let stream = packed(content);
            for step in [1000, 1 << 20] {
                assert!(unpacked(&stream, step).expect("unpacks") == content);
            }
        }
    }

    #[test]
    fn what_is_no_whole_stream_is_refused() {
        let stream = packed(b"a whole stream");
        assert!(unpacked(&stream[..stream.len() - 1], 5).is_err());
        assert!(unpacked(&[&stream[..], b"x"].concat(), 5).is_err());
        assert!(unpacked(b"no stream at all", 5).is_err());
        assert_eq!(unpacked(b"", 5).expect("an empty file"), b"");
    }
}
