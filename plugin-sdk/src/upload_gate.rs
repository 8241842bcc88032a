//! The role that says what becomes of an upload, before anybody sees it.

use std::fmt;
use std::time::Duration;

use crate::{Checksum, Denial, Failure, Lifecycle, Location, Session, host};

/// Decides on an upload between its last byte and the reply, while the file is not visible.
///
/// All gates are asked in the order of their file names, each with the place that the one before
/// chose, until one discards or consumes.
pub trait UploadGate: Lifecycle {
    /// What this gate wants of every upload, told once when it is loaded; by default no content
    /// and no checksum. What nobody asks for is not kept and not computed.
    fn needs(&self) -> Demands {
        Demands::default()
    }

    /// An upload is all in.
    ///
    /// # Errors
    /// No decision could be made: see [`Failure`]. Unless the operator says otherwise, the upload
    /// is then thrown away, and the client is told to come back.
    fn commit(
        &self,
        session: &Session<'_>,
        upload: &Upload,
        content: &Staged<'_>,
    ) -> Result<Disposition, Failure>;
}

/// What a gate wants of every upload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    pub(crate) content: Content,
    pub(crate) checksums: Vec<String>,
    pub(crate) relocates: bool,
}

/// How much of the content a gate reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    #[default]
    None,
    /// The first bytes, at most 1 MiB.
    Head(u32),
    /// Everything: the host keeps what a sink cannot read back before it is published.
    All,
}

impl Demands {
    /// Wants nothing but size and name.
    pub fn new() -> Self {
        Self::default()
    }

    /// Wants to read so much of the content.
    #[must_use]
    pub fn content(mut self, content: Content) -> Self {
        self.content = content;
        self
    }

    /// Wants a checksum: `crc32`, `md5`, `sha1`, `sha256` or `sha512`.
    #[must_use]
    pub fn checksum(mut self, algorithm: impl Into<String>) -> Self {
        self.checksums.push(algorithm.into());
        self
    }

    /// Wants to say [`Disposition::PublishAt`] or [`Disposition::Quarantine`] now and then, which
    /// is a failure otherwise. The host keeps what a sink cannot put elsewhere once it was sent
    /// there.
    #[must_use]
    pub fn relocates(mut self) -> Self {
        self.relocates = true;
        self
    }
}

/// A finished upload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upload {
    /// The virtual path that the client stored under.
    pub path: String,
    /// Where it will stand.
    pub place: Location,
    /// In bytes, of the whole file, what it was appended to included.
    pub size: u64,
    /// Those that any gate asked for. For a file that was appended to, only what the host could
    /// compute over the whole of it.
    pub checksums: Vec<Checksum>,
    /// How long the transfer took.
    pub elapsed: Duration,
    /// Whether it was added to a file that was there.
    pub appended: bool,
    /// Whether a gate before has it kept out of sight: it is not to go anywhere else.
    pub quarantined: bool,
}

impl Upload {
    /// The last part of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The checksum of this algorithm in lower-case hexadecimal, if there is one.
    pub fn checksum(&self, algorithm: &str) -> Option<&str> {
        let mut all = self.checksums.iter();
        all.find(|checksum| checksum.algorithm == algorithm)
            .map(|checksum| checksum.hex.as_str())
    }
}

/// What becomes of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// It is published where it belongs.
    Publish,
    /// It is published here instead, within the grant or where `[allow] sinks` lets the plugin put.
    PublishAt(Location),
    /// It is kept here, out of the user's sight, and the client hears that all went well.
    Quarantine(Location),
    /// It is thrown away; the denial is the answer.
    Discard(Denial),
    /// The plugin has taken all of it elsewhere: nothing is kept, and the client hears that all
    /// went well. Only of a gate that asked for [`Content::All`].
    Consume,
}

/// Bytes that were received and are not visible to anyone yet, lent for one call.
#[derive(Clone, Copy)]
pub struct Staged<'a>(pub(crate) &'a host::Staged);

impl Staged<'_> {
    /// How many bytes there are.
    pub fn size(&self) -> u64 {
        self.0.size()
    }

    /// The bytes from `offset`, at most `length` and at most 1 MiB of them; none at the end.
    ///
    /// # Errors
    /// They cannot be read, or lie beyond what [`UploadGate::needs`] asked for.
    pub fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>, Failure> {
        host::read_staged(self.0, offset, length)
    }

    /// The first bytes, at most `length`; fewer only where there are no more.
    ///
    /// # Errors
    /// They cannot be read, or lie beyond what [`UploadGate::needs`] asked for.
    pub fn head(&self, length: u32) -> Result<Vec<u8>, Failure> {
        let mut head = Vec::new();
        while let wanted @ 1.. = length.saturating_sub(u32::try_from(head.len()).unwrap_or(length))
        {
            let piece = self.read(head.len() as u64, wanted)?;
            if piece.is_empty() {
                break;
            }
            head.extend(piece);
        }
        Ok(head)
    }
}

impl fmt::Debug for Staged<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Staged({} bytes)", self.size())
    }
}
