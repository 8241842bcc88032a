//! How uploads to a bucket appear where answers are lost, hosts race, and operations meet.

use std::io::Write as _;
use std::sync::mpsc;
use std::thread;

use wharf_tests::content;
use wharf_tests::eventually;
use wharf_tests::faults::{Faults, Proxy, Trap};
use wharf_tests::outside::session;
use wharf_tests::server::Server;
use wharf_tests::store::Store;

use super::s3::SMALL;

/// A server whose store is reached through a proxy.
fn through_proxy(store: &Store, more: &str) -> (Proxy, Server) {
    let proxy = Proxy::to(store.address(), Faults::NONE);
    let endpoint = format!("http://{}", proxy.address());
    let settings = store.settings_at(&endpoint, &format!("{SMALL}{more}"));
    (proxy, Server::start(&settings))
}

#[test]
fn an_upload_whose_answer_is_lost_is_known_again() {
    let store = Store::default();
    let (proxy, server) = through_proxy(&store, "");
    let mut ftp = session(&server);
    let (small, large) = (content::bytes(70_000, 1), content::bytes(11 << 20, 2));
    // What the client says, what the proxy waits for, and what is uploaded.
    for (command, method, part, bytes) in [
        ("STOR small", "PUT", "small", &small),
        ("STOR large", "POST", "large?uploadId", &large),
        ("STOU small-new", "PUT", "small-new", &small),
        ("STOU large-new", "POST", "large-new?uploadId", &large),
        ("APPE small", "PUT", "small", &small),
        ("APPE large", "POST", "large?uploadId", &large),
    ] {
        proxy.set(Trap::at(method, part).lose(|| {}));
        assert_eq!(ftp.store(command, bytes).code, 226, "{command}");
        assert_eq!(proxy.waiting(), 0, "{command}");
    }
    assert_eq!(store.keys(), ["large", "large-new", "small", "small-new"]);
    assert!(store.uploads().is_empty());
    assert!(ftp.fetch("RETR small") == [&small[..], &small].concat());
    assert!(ftp.fetch("RETR large") == [&large[..], &large].concat());
    server.log().wait_for(&["after a lost answer"]);
}

#[test]
fn an_upload_of_whose_beginning_nobody_heard_is_aborted() {
    let store = Store::default();
    let (proxy, server) = through_proxy(&store, "");
    let large = content::bytes(11 << 20, 2);
    // Beside it one of this host, which is to go on.
    let mut other = session(&server);
    let mut data = other.data();
    other.command("STOR large", 150);
    data.write_all(&large).expect("the server reads");
    eventually("its upload has begun", || store.uploads().len() == 1);
    proxy.set(Trap::at("POST", "large?uploads").lose(|| {}));
    // It is looked for more than once.
    proxy.set(Trap::at("GET", "large").throttle());
    assert_eq!(session(&server).store("STOR large", &large).code, 226);
    assert_eq!(proxy.waiting(), 0);
    assert_eq!(store.uploads().len(), 1);
    data.finish();
    other.expect(226);
    assert!(store.uploads().is_empty());
}

#[test]
fn what_is_gone_on_with_stays_as_it_was_where_a_part_is_refused() {
    let store = Store::default();
    let (proxy, server) = through_proxy(&store, "");
    let mut ftp = session(&server);
    let (before, more) = (content::bytes(11 << 20, 4), content::bytes(40 << 20, 5));
    assert_eq!(ftp.store("STOR old", &before).code, 226);
    let tag = store.headers("old");
    let tag = tag.lines().find(|line| line.starts_with("etag:"));
    for start in [None, Some(before.len()), Some(7 << 20), Some(70_000)] {
        // The first part is what the store copies, if that is enough for one.
        let part = if start == Some(70_000) { 1 } else { 2 };
        proxy.set(Trap::at("PUT", &format!("partNumber={part}&")).refuse());
        let mut data = ftp.data();
        match start {
            None => ftp.command("APPE old", 150),
            Some(start) => {
                ftp.command(&format!("REST {start}"), 350);
                ftp.command("STOR old", 150)
            }
        };
        // The host may close the data connection before all is sent.
        let _ = data.write_all(&more);
        data.finish();
        ftp.expect(550);
        assert_eq!(proxy.waiting(), 0, "{start:?}");
        eventually("it is aborted", || store.uploads().is_empty());
        assert!(store.headers("old").lines().any(|line| Some(line) == tag));
        assert!(ftp.fetch("RETR old") == before, "{start:?}");
    }
    assert_eq!(ftp.store("APPE old", &more).code, 226);
    assert!(ftp.fetch("RETR old") == [before, more].concat());
}

#[test]
fn what_somebody_else_stored_is_not_taken_for_the_upload() {
    let store = Store::default();
    let (proxy, server) = through_proxy(&store, "");
    let elsewhere = Server::start(&store.settings(""));
    let (mut ftp, mut other) = (session(&server), session(&elsewhere));
    assert_eq!(other.store("STOR old", b"before").code, 226);
    for (command, name, method, part, expected) in [
        ("STOU new", "new", "PUT", "new", 550),
        ("APPE old", "old", "PUT", "old", 451),
    ] {
        let mut other = session(&elsewhere);
        let replaced = format!("STOR {name}");
        proxy.set(Trap::at(method, part).lose(move || {
            assert_eq!(other.store(&replaced, b"theirs").code, 226);
        }));
        assert_eq!(ftp.store(command, b"mine").code, expected, "{command}");
        assert_eq!(other_content(&elsewhere, name), b"theirs", "{command}");
    }
}

fn other_content(server: &Server, name: &str) -> Vec<u8> {
    session(server).fetch(&format!("RETR {name}"))
}

#[test]
fn hosts_that_race_undo_nothing_of_each_other() {
    let store = Store::default();
    let (proxy, server) = through_proxy(&store, "");
    let elsewhere = Server::start(&store.settings(SMALL));
    let mut ftp = session(&server);
    let large = content::bytes(11 << 20, 3);
    // The other host stores right before the request that would make the upload appear.
    for (command, name, method, part, bytes, expected) in [
        ("APPE small", "small", "PUT", "small", &b"more"[..], 451),
        ("APPE large", "large", "POST", "large?uploadId", &large, 451),
        ("STOU free", "free", "PUT", "free", b"mine", 550),
        ("STOU wide", "wide", "POST", "wide?uploadId", &large, 550),
    ] {
        if command.starts_with("APPE") {
            assert_eq!(ftp.store(&format!("STOR {name}"), bytes).code, 226);
        }
        let mut other = session(&elsewhere);
        let replaced = format!("STOR {name}");
        proxy.set(Trap::at(method, part).before(move || {
            assert_eq!(other.store(&replaced, b"theirs").code, 226);
        }));
        let reply = ftp.store(command, bytes);
        assert_eq!(reply.code, expected, "{command}: {reply:?}");
        assert_eq!(other_content(&elsewhere, name), b"theirs", "{command}");
    }
    eventually("nothing is left", || store.uploads().is_empty());
}

#[test]
fn what_another_host_stores_while_it_is_renamed_stays() {
    let store = Store::default();
    let (proxy, server) = through_proxy(&store, "");
    let elsewhere = Server::start(&store.settings(""));
    let mut ftp = session(&server);
    for is_copied in [false, true] {
        assert_eq!(ftp.store("STOR old", b"mine").code, 226);
        let mut other = session(&elsewhere);
        let replace = move || assert_eq!(other.store("STOR old", b"theirs").code, 226);
        let copy = Trap::at("PUT", "new");
        proxy.set(match is_copied {
            false => copy.before(replace),
            true => copy.behind(replace),
        });
        ftp.command("RNFR old", 350);
        ftp.command("RNTO new", 451);
        assert_eq!(proxy.waiting(), 0);
        assert_eq!(other_content(&elsewhere, "old"), b"theirs");
    }
    ftp.command("RNFR old", 350);
    ftp.command("RNTO new", 250);
    assert_eq!(store.keys(), ["new"]);
    assert_eq!(ftp.fetch("RETR new"), b"theirs");
}

#[test]
fn a_directory_of_which_a_copy_is_refused_stays_where_it_is() {
    let store = Store::default();
    let (proxy, server) = through_proxy(&store, "");
    let mut ftp = session(&server);
    ftp.command("MKD old", 257);
    for number in 0..40 {
        assert_eq!(ftp.store(&format!("STOR old/{number}"), b"1").code, 226);
    }
    let before = store.keys();
    proxy.set(Trap::at("PUT", "new/25").refuse());
    ftp.command("RNFR old", 350);
    ftp.command("RNTO new", 550);
    assert_eq!(store.keys(), before);
    let told = ["not renamed", "see `Rights`", "AccessDenied"];
    server.log().wait_for(&told);
    // Nothing of the first try is in the way of a second one.
    ftp.command("RNFR old", 350);
    ftp.command("RNTO new", 250);
    assert_eq!(store.keys().len(), before.len());
    assert!(store.keys().iter().all(|key| key.starts_with("new/")));
}

#[test]
fn an_upload_into_a_directory_that_is_being_renamed_waits() {
    let store = Store::default();
    let (proxy, server) = through_proxy(&store, "directories = \"markers\"");
    let mut ftp = session(&server);
    ftp.command("MKD old", 257);
    assert_eq!(ftp.store("STOR old/first", b"first").code, 226);
    let (renaming, begun) = mpsc::channel();
    let (uploaded, all_in) = mpsc::channel();
    proxy.set(Trap::at("PUT", "new/first").before(move || {
        renaming.send(()).expect("the test waits for it");
        all_in.recv().expect("the test tells it");
    }));
    let mut late = session(&server);
    let mut data = late.data();
    late.command("STOR old/late", 150);
    thread::scope(|scope| {
        let rename = scope.spawn(move || {
            ftp.command("RNFR old", 350);
            ftp.command("RNTO new", 250);
        });
        begun.recv().expect("the directory is copied");
        data.write_all(b"late").expect("the data is taken");
        data.finish();
        uploaded.send(()).expect("the rename waits for it");
        rename.join().expect("it is renamed");
    });
    // Its directory went before it could appear there.
    late.expect(550);
    assert_eq!(store.keys(), ["new/", "new/first"]);
}
