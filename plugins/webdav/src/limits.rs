//! What the plugin keeps in memory, and how often it does what nobody asked for.

use std::time::Duration;

/// Of an answer that is asked of the host at once, in bytes.
pub const PIECE: usize = 64 * 1024;
/// Of one tag or text in an answer, in bytes: the longest path has 4 KiB, three times that encoded.
pub const MAX_PART: usize = 64 * 1024;
/// Elements within each other; RFC 4918 has six, and extensions a few more.
pub const MAX_NESTING: usize = 32;

/// Entries that are kept of one look at a directory, some 200 bytes each. A larger directory is
/// looked at again for every so many.
pub const WINDOW: usize = 8192;
/// How long they are believed, so that nobody who comes back to a listing late sees an old one.
pub const WINDOW_AGE: Duration = Duration::from_secs(30);

/// Of an upload, in bytes: what is shorter goes out as a whole, what is longer in a stream. As much
/// is written at once where the server changes a part of a file.
pub const HELD: usize = 1024 * 1024;

/// Between two looks at what broken uploads have left.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(3600);
/// Files that one such look removes: it happens while a client waits.
pub const MAX_SWEPT: usize = 32;
