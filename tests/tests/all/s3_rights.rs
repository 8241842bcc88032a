//! A bucket of which the host may do no more than put objects and list them.

use std::io::Write as _;

use wharf_tests::faults::{Faults, Proxy, Trap};
use wharf_tests::ftp::Ftp;
use wharf_tests::outside::session;
use wharf_tests::server::Server;
use wharf_tests::store::Store;
use wharf_tests::{content, eventually};

use super::s3::SMALL;

#[test]
fn who_may_only_put_asks_for_nothing_else() {
    let store = Store::default();
    let proxy = Proxy::to(store.address(), Faults::NONE);
    let endpoint = format!("http://{}", proxy.address());
    let more = format!("{SMALL}rights = \"put-only\"\n");
    for more in [more.clone(), format!("{more}directories = \"markers\"\n")] {
        let server = Server::start(&store.settings_at(&endpoint, &more));
        let mut ftp = session(&server);
        ftp.say("MKD box");
        assert!([257, 550].contains(&ftp.reply().code));
        put(&proxy, &mut ftp);
        break_off(&store, &mut ftp);
        let listing = String::from_utf8_lossy(&ftp.fetch("NLST box")).into_owned();
        assert!(
            listing.contains("small") && listing.contains("large"),
            "{listing}"
        );
        for command in ["SIZE box/small", "MDTM box/small"] {
            ftp.command(command, 213);
        }
        for command in ["DELE box/small", "RMD box", "RNFR box/small"] {
            ftp.say(command);
            let mut reply = ftp.reply();
            if reply.code == 350 {
                reply = ftp.command("RNTO box/other", 550);
            }
            assert_eq!(reply.code, 550, "{command}");
        }
        for command in ["RETR box/small", "APPE box/small"] {
            ftp.passive();
            ftp.say(command);
            assert!(ftp.reply().code >= 500, "{command}");
        }
    }
    let keys = store.keys();
    assert_eq!(keys[..3], ["box/", "box/large", "box/small"]);
    let is_unique = |key: &String| key.starts_with("box/small.");
    assert!(keys[3..].iter().all(is_unique), "{keys:?}");
    for asked in proxy.asked() {
        let line = asked.lines().next().expect("a line");
        let (method, target) = line.split_once(' ').expect("a method and a target");
        let stores = ["put", "post"].contains(&method) && !target.contains("delete");
        assert!(stores || target.contains("list-type=2"), "{line}");
    }
}

/// Files of every kind, where answers are lost.
fn put(proxy: &Proxy, ftp: &mut Ftp) {
    let large = content::bytes(11 << 20, 1);
    for (command, method, part, bytes) in [
        ("STOR box/small", "PUT", "box/small", &b"small"[..]),
        ("STOR box/large", "POST", "box/large?uploads", &large),
        ("STOR box/large", "PUT", "partNumber=1&", &large),
        ("STOR box/large", "POST", "box/large?uploadId", &large),
    ] {
        proxy.set(Trap::at(method, part).lose(|| {}));
        assert_eq!(ftp.store(command, bytes).code, 226, "{command} {part}");
        assert_eq!(proxy.waiting(), 0, "{command} {part}");
    }
    assert_eq!(ftp.store("STOU box/small", b"small").code, 226);
}

fn break_off(store: &Store, ftp: &mut Ftp) {
    let before = store.uploads().len();
    let mut data = ftp.data();
    ftp.command("STOR box/lost", 150);
    data.write_all(&content::bytes(12 << 20, 1))
        .expect("the data is taken");
    eventually("parts are sent", || store.uploads().len() > before);
    data.reset();
    ftp.expect(426);
}
