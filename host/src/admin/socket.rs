//! The socket in the state directory, through which the commands of `wharf` reach the host that
//! runs on it, and the lock that keeps a second host away.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::limits;

/// The name of the socket.
const SOCKET: &str = "admin.sock";

/// The name of the file that is locked while a host runs. It stays when the host is gone: whoever
/// removed it might take it from the next one.
const LOCK: &str = "wharf.lock";

/// Why a host cannot have a state directory for itself.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Two hosts on one would undo each other's work.
    #[error(
        "another wharf runs on this state directory, {}; stop it, or set another server.state-dir",
        .0.display()
    )]
    Taken(PathBuf),
    /// The lock or the socket cannot be made.
    #[error("cannot use {}: {source}; give the state directory to this user", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A state directory that is this host's alone, with its socket. Dropping it removes the socket.
#[derive(Debug)]
pub struct Claim {
    socket: PathBuf,
    _lock: File,
}

impl Claim {
    /// Takes the state directory `directory`, and listens in it. A socket that a crash left is
    /// replaced.
    pub fn take(directory: &Path) -> Result<(Self, UnixListener), ClaimError> {
        let unusable = |path: &Path, source| ClaimError::Unusable {
            path: path.to_owned(),
            source,
        };
        let path = directory.join(LOCK);
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|source| unusable(&path, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ClaimError::Taken(directory.to_owned())),
            Err(TryLockError::Error(source)) => return Err(unusable(&path, source)),
        }
        let socket = directory.join(SOCKET);
        // Nobody listens there: he would have the lock.
        let listener = match fs::remove_file(&socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => listen(directory),
        };
        let listener = listener.map_err(|source| unusable(&socket, source))?;
        let claim = Self {
            socket,
            _lock: lock,
        };
        Ok((claim, listener))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Where it cannot be removed, the next host will.
        let _ = fs::remove_file(&self.socket);
    }
}

/// Listens in `directory`, for this user alone.
fn listen(directory: &Path) -> io::Result<UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    // The file takes the mode of the socket; set afterwards, it would be others' for a moment.
    rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    let (address, _directory) = address(directory)?;
    socket.bind(&address)?;
    socket.listen(limits::ADMIN_CONNECTIONS as i32)?;
    Ok(socket.into())
}

/// Connects to the host that runs on the state directory `directory`.
///
/// # Errors
/// Above all [`io::ErrorKind::NotFound`] and [`io::ErrorKind::ConnectionRefused`]: none runs there.
pub fn connect(directory: &Path) -> io::Result<UnixStream> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    let (address, _directory) = address(directory)?;
    socket.connect(&address)?;
    Ok(socket.into())
}

/// The address of the socket, good as long as the file lives. Such an address has room for 107
/// bytes; a longer path is reached through the directory, opened.
fn address(directory: &Path) -> io::Result<(SockAddr, Option<File>)> {
    if let Ok(address) = SockAddr::unix(directory.join(SOCKET)) {
        return Ok((address, None));
    }
    let opened = File::open(directory)?;
    let through = Path::new("/proc/self/fd").join(opened.as_raw_fd().to_string());
    let address = SockAddr::unix(through.join(OsStr::new(SOCKET)))?;
    Ok((address, Some(opened)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};

    use super::*;

    #[test]
    fn one_host_at_a_time_has_a_state_directory() {
        let directory = tempfile::tempdir().unwrap();
        let (claim, listener) = Claim::take(directory.path()).unwrap();
        let second = Claim::take(directory.path()).unwrap_err();
        assert!(
            second.to_string().starts_with("another wharf runs"),
            "{second}"
        );
        connect(directory.path()).unwrap();
        drop((claim, listener));
        assert_eq!(
            connect(directory.path()).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        Claim::take(directory.path()).unwrap();
    }

    #[test]
    fn a_socket_that_a_crash_left_is_replaced_and_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join(SOCKET);
        drop(UnixListener::bind(&socket).unwrap());
        assert_eq!(
            connect(directory.path()).unwrap_err().kind(),
            io::ErrorKind::ConnectionRefused
        );
        let _claimed = Claim::take(directory.path()).unwrap();
        let metadata = fs::symlink_metadata(&socket).unwrap();
        assert!(metadata.file_type().is_socket());
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        connect(directory.path()).unwrap();
    }

    #[test]
    fn a_long_path_is_reached_too() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("d".repeat(200));
        fs::create_dir(&directory).unwrap();
        let (claim, _listener) = Claim::take(&directory).unwrap();
        connect(&directory).unwrap();
        drop(claim);
        assert!(!directory.join(SOCKET).exists());
    }
}
