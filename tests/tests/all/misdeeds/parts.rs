//! In which roles a plugin can be asked for a deed, how, and what the client is to hear.

use wharf_tests::ftp::{Ftp, connect_from};
use wharf_tests::pause;
use wharf_tests::server::Server;
use wharf_tests::settings::{Listener, PASSWORD};

use super::address_of;

/// A role in which the plugin is asked for a deed.
pub struct Part {
    /// What goes before the deed in the name.
    pub name: &'static str,
    /// The role, as it is counted.
    pub role: &'static str,
    /// Asks it, and returns the last reply.
    pub ask: fn(&Server, &str) -> u16,
    /// What that is to be.
    pub answer: u16,
}

const fn part(
    name: &'static str,
    role: &'static str,
    answer: u16,
    ask: fn(&Server, &str) -> u16,
) -> Part {
    Part {
        name,
        role,
        ask,
        answer,
    }
}

/// All of them. What a listener of events does is never the client's business.
pub const PARTS: &[Part] = &[
    part("begin", "authenticator", 421, |server, deed| {
        say(&mut greeted(server), &format!("USER begin-{deed}"))
    }),
    part("answer", "authenticator", 421, |server, deed| {
        let mut ftp = greeted(server);
        ftp.command(&format!("USER answer-{deed}"), 331);
        say(&mut ftp, "PASS anything")
    }),
    part("connect", "session-guard", 421, |server, deed| {
        let address = server.address(Listener::EXPLICIT);
        let stream = connect_from(address_of(deed), address).expect("it listens");
        Ftp::over(stream, address).reply().code
    }),
    part("revalidate", "session-guard", 421, |server, deed| {
        let mut ftp = greeted(server);
        ftp.log_in(&format!("revalidate-{deed}"), PASSWORD);
        loop {
            match say(&mut ftp, "NOOP") {
                200 => pause(),
                code => return code,
            }
        }
    }),
    part("mount", "path-mapper", 421, |server, deed| {
        let mut ftp = greeted(server);
        ftp.command(&format!("USER mount-{deed}"), 331);
        say(&mut ftp, &format!("PASS {PASSWORD}"))
    }),
    part("map", "path-mapper", 451, |server, deed| {
        say(&mut server.session(), &format!("MKD dyn/map-{deed}-d"))
    }),
    part("guard", "storage-guard", 451, |server, deed| {
        say(&mut server.session(), &format!("MKD guard-{deed}-d"))
    }),
    part("gate", "upload-gate", 451, |server, deed| {
        store(&mut server.session(), &format!("gate-{deed}-f"))
    }),
    part("filter", "listing-filter", 451, |server, deed| {
        let mut ftp = server.session();
        say(&mut ftp, &format!("MKD filter-{deed}-d"));
        transfer(&mut ftp, &format!("MLSD filter-{deed}-d"))
    }),
    part("events", "storage-events", 226, |server, deed| {
        store(&mut server.session(), &format!("events-{deed}-f"))
    }),
    part("stat", "storage-sink", 451, |server, deed| {
        say(&mut shelved(server), &format!("SIZE stat-{deed}-f"))
    }),
    part("browse", "storage-sink", 451, |server, deed| {
        transfer(&mut shelved(server), &format!("MLSD browse-{deed}-d"))
    }),
    part("open", "storage-sink", 451, |server, deed| {
        transfer(&mut shelved(server), &format!("RETR open-{deed}-f"))
    }),
    part("read", "storage-sink", 451, |server, deed| {
        transfer(&mut shelved(server), &format!("RETR read-{deed}-f"))
    }),
    part("begin", "storage-sink", 451, |server, deed| {
        transfer(&mut shelved(server), &format!("STOR begin-{deed}-f"))
    }),
    part("write", "storage-sink", 451, |server, deed| {
        store(&mut shelved(server), &format!("write-{deed}-f"))
    }),
    part("publish", "storage-sink", 451, |server, deed| {
        store(&mut shelved(server), &format!("publish-{deed}-f"))
    }),
    part("delete", "storage-sink", 451, |server, deed| {
        say(&mut shelved(server), &format!("DELE delete-{deed}-f"))
    }),
    part("rename", "storage-sink", 451, |server, deed| {
        let mut ftp = shelved(server);
        ftp.command(&format!("RNFR rename-{deed}-f"), 350);
        say(&mut ftp, "RNTO new")
    }),
    part("make", "storage-sink", 451, |server, deed| {
        say(&mut shelved(server), &format!("MKD make-{deed}-n"))
    }),
    part("remove", "storage-sink", 451, |server, deed| {
        say(&mut shelved(server), &format!("RMD remove-{deed}-d"))
    }),
];

fn greeted(server: &Server) -> Ftp {
    Ftp::greeted(server.address(Listener::EXPLICIT))
}

/// A session whose files are the plugin's.
fn shelved(server: &Server) -> Ftp {
    let mut ftp = greeted(server);
    ftp.log_in("shelved", PASSWORD);
    ftp.command("TYPE I", 200);
    ftp
}

fn say(ftp: &mut Ftp, line: &str) -> u16 {
    ftp.say(line);
    ftp.reply().code
}

fn store(ftp: &mut Ftp, name: &str) -> u16 {
    ftp.store(&format!("STOR {name}"), b"content").code
}

/// A transfer that may be refused before it begins.
fn transfer(ftp: &mut Ftp, line: &str) -> u16 {
    let data = ftp.data();
    match say(ftp, line) {
        150 => {
            data.finish();
            ftp.reply().code
        }
        refused => refused,
    }
}
