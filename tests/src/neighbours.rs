//! Others who use a server while something happens to it, and must not notice.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::server::Server;
use crate::{content, eventually};

/// How many there are.
pub const NEIGHBOURS: usize = 50;

/// Does `work` while [`NEIGHBOURS`] sessions store and fetch files, each its own, again and again.
/// Fails unless every byte is right.
pub fn among_neighbours<T>(server: &Server, work: impl FnOnce() -> T) -> T {
    let (is_over, busy) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for number in 0..NEIGHBOURS {
            let (is_over, busy) = (&is_over, &busy);
            scope.spawn(move || transfer(server, number, is_over, busy));
        }
        // A failure in here must end the others, too.
        let over = Over(&is_over);
        eventually("all neighbours are busy", || {
            busy.load(Ordering::Relaxed) == NEIGHBOURS
        });
        let done = work();
        drop(over);
        done
    })
}

fn transfer(server: &Server, number: usize, is_over: &AtomicBool, busy: &AtomicUsize) {
    let content = content::bytes(64 * 1024, number as u64);
    let name = format!("neighbour-{number}");
    let mut ftp = server.session();
    let mut round = || {
        let reply = ftp.store(&format!("STOR {name}"), &content);
        assert_eq!(reply.code, 226, "{name}: {reply:?}");
        assert!(ftp.fetch(&format!("RETR {name}")) == content, "{name}");
    };
    round();
    busy.fetch_add(1, Ordering::Relaxed);
    while !is_over.load(Ordering::Relaxed) {
        round();
    }
    round();
}

/// Ends the neighbours' work.
struct Over<'o>(&'o AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
