//! Every ordinary client does everything it can, over every kind of TLS it can, with files in a
//! directory and with files in a bucket.

use std::fs;

use tempfile::TempDir;
use wharf_tests::client::{Client, Endpoint, Security, Step};
use wharf_tests::content;
use wharf_tests::home::{Home, Outside};
use wharf_tests::outside::endpoint;
use wharf_tests::server::Server;
use wharf_tests::store::Store;
use wharf_tests::webdav::WebDav;

use super::webdav::FEW;

/// A client and how it secures its session.
type Row = (Client, Security);

const WRITERS: [Row; 14] = [
    (Client::Curl, Security::Plain),
    (Client::Curl, Security::Explicit),
    (Client::Curl, Security::Implicit),
    (Client::Lftp, Security::Plain),
    (Client::Lftp, Security::Explicit),
    (Client::Lftp, Security::Implicit),
    (Client::Ftplib, Security::Plain),
    (Client::Ftplib, Security::Explicit),
    (Client::Ftplib, Security::Implicit),
    (Client::Aioftp, Security::Plain),
    (Client::Aioftp, Security::Explicit),
    (Client::Aioftp, Security::Implicit),
    (Client::Tnftp, Security::Plain),
    (Client::Inetutils, Security::Plain),
];

/// wget only fetches.
const READERS: [Row; 3] = [
    (Client::Wget, Security::Plain),
    (Client::Wget, Security::Explicit),
    (Client::Wget, Security::Implicit),
];

const MIRRORS: [Row; 6] = [
    (Client::Lftp, Security::Plain),
    (Client::Lftp, Security::Explicit),
    (Client::Lftp, Security::Implicit),
    (Client::Rclone, Security::Plain),
    (Client::Rclone, Security::Explicit),
    (Client::Rclone, Security::Implicit),
];

/// Big enough for several reads and records, and no multiple of anything.
const LENGTH: usize = 300_007;

/// Names that trip somebody.
fn names() -> Vec<String> {
    let plain = [
        "plain.bin",
        "two words",
        " both ends ",
        "it's \"quoted\"",
        "-dash",
        "-R",
    ];
    let mut names: Vec<String> = plain.map(str::to_owned).into();
    names.push("Hafen 🚢 übersät.txt".to_owned());
    names.push("x".repeat(250));
    names
}

/// What is tried: with a client, on a server, whose files are there.
type Scenario = fn(Client, &Endpoint, &dyn Home);

fn everywhere(rows: &[Row], scenario: Scenario) {
    each(rows, |client, security| {
        let server = Server::ordinary();
        scenario(client, &server.endpoint(security), &server.home());
    });
}

fn in_buckets(rows: &[Row], scenario: Scenario) {
    each(rows, |client, security| {
        let server = Server::start(&Store::default().settings(""));
        scenario(client, &endpoint(&server, security), &Outside(&server));
    });
}

fn with_webdav(rows: &[Row], scenario: Scenario) {
    each(rows, |client, security| {
        let server = WebDav::default().serve(FEW);
        scenario(client, &endpoint(&server, security), &Outside(&server));
    });
}

fn each(rows: &[Row], run: impl Fn(Client, Security) + Sync) {
    std::thread::scope(|scope| {
        for &(client, security) in rows {
            let run = &run;
            let thread = std::thread::Builder::new().name(format!("{client:?} {security:?}"));
            thread
                .spawn_scoped(scope, move || run(client, security))
                .expect("there is room for a thread");
        }
    });
}

fn write(client: Client, endpoint: &Endpoint, home: &dyn Home) {
    let local = TempDir::new().expect("there is room for a test");
    let names = names();
    let source = |index: usize| local.path().join(format!("source-{index}"));
    let fetched = |index: usize| local.path().join(format!("fetched-{index}"));
    let mut steps = vec![
        Step::MakeDirectory("tree".into()),
        Step::MakeDirectory("tree/a branch".into()),
        Step::MakeDirectory("-leaf".into()),
    ];
    for (index, name) in names.iter().enumerate() {
        content::file(&source(index), LENGTH as u64, index as u64);
        steps.push(Step::Upload(source(index), name.clone()));
        steps.push(Step::Upload(source(index), format!("tree/a branch/{name}")));
        steps.push(Step::Download(name.clone(), fetched(index)));
    }
    content::file(&local.path().join("empty"), 0, 0);
    steps.push(Step::Upload(local.path().join("empty"), "empty".into()));
    steps.push(Step::List("tree/a branch".into()));
    let shown = client.perform(endpoint, &steps);
    for (index, name) in names.iter().enumerate() {
        assert!(client.shows(&shown, name), "{name:?} is not in\n{shown}");
        home.assert_holds(name, &source(index));
        home.assert_holds(&format!("tree/a branch/{name}"), &source(index));
        content::assert_same(&source(index), &fetched(index));
    }
    home.assert_holds("empty", &local.path().join("empty"));

    let mut steps = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let half = &content::bytes(LENGTH, index as u64)[..LENGTH / 2];
        home.write(name, half);
        fs::write(fetched(index), half).expect("there is room for a test");
        steps.push(Step::ResumeUpload(source(index), name.clone()));
        steps.push(Step::ResumeDownload(name.clone(), fetched(index)));
    }
    client.perform(endpoint, &steps);
    for (index, name) in names.iter().enumerate() {
        home.assert_holds(name, &source(index));
        content::assert_same(&source(index), &fetched(index));
    }

    let mut steps = Vec::new();
    for name in &names {
        steps.push(Step::Rename(name.clone(), format!("tree/{name}")));
        steps.push(Step::Delete(format!("tree/a branch/{name}")));
    }
    steps.push(Step::RemoveDirectory("tree/a branch".into()));
    steps.push(Step::RemoveDirectory("-leaf".into()));
    steps.push(Step::Delete("empty".into()));
    client.perform(endpoint, &steps);
    let mut expected: Vec<String> = names.iter().map(|name| format!("tree/{name}")).collect();
    expected.push("tree/".into());
    expected.sort();
    assert_eq!(home.tree(), expected);
    for (index, name) in names.iter().enumerate() {
        home.assert_holds(&format!("tree/{name}"), &source(index));
    }
}

fn read(client: Client, endpoint: &Endpoint, home: &dyn Home) {
    let local = TempDir::new().expect("there is room for a test");
    let names = names();
    home.make_directory("tree");
    home.make_directory("tree/a branch");
    let mut steps = vec![Step::List("tree/a branch".into())];
    for (index, name) in names.iter().enumerate() {
        let bytes = content::bytes(LENGTH, index as u64);
        home.write(&format!("tree/a branch/{name}"), &bytes);
        let [whole, half] =
            ["whole", "half"].map(|kind| local.path().join(format!("{kind}-{index}")));
        fs::write(&half, &bytes[..LENGTH / 2]).expect("there is room for a test");
        steps.push(Step::Download(format!("tree/a branch/{name}"), whole));
        steps.push(Step::ResumeDownload(format!("tree/a branch/{name}"), half));
    }
    let shown = client.perform(endpoint, &steps);
    for (index, name) in names.iter().enumerate() {
        assert!(client.shows(&shown, name), "{name:?} is not in\n{shown}");
        for kind in ["whole", "half"] {
            let fetched = local.path().join(format!("{kind}-{index}"));
            home.assert_holds(&format!("tree/a branch/{name}"), &fetched);
        }
    }
}

fn mirror(client: Client, endpoint: &Endpoint, home: &dyn Home) {
    let local = TempDir::new().expect("there is room for a test");
    let [there, back] = ["there", "back"].map(|name| local.path().join(name));
    let leaves = there.join("a branch/-leaves");
    fs::create_dir_all(&leaves).expect("a test can make directories");
    fs::create_dir_all(there.join("empty")).expect("a test can make directories");
    for (index, name) in names().iter().enumerate() {
        content::file(&leaves.join(name), LENGTH as u64, index as u64);
        content::file(&there.join(name), index as u64, index as u64);
    }
    let steps = [
        Step::MirrorUp(there.clone(), "mirror".into()),
        Step::MirrorDown("mirror".into(), back.clone()),
    ];
    client.perform(endpoint, &steps);
    let expected = content::tree(&there);
    assert_eq!(content::tree(&back), expected);
    let stored = home.tree();
    let stored = stored
        .iter()
        .filter_map(|path| path.strip_prefix("mirror/"));
    let stored: Vec<&str> = stored.filter(|path| !path.is_empty()).collect();
    assert_eq!(stored, expected);
    for path in expected.iter().filter(|path| !path.ends_with('/')) {
        content::assert_same(&there.join(path), &back.join(path));
        home.assert_holds(&format!("mirror/{path}"), &there.join(path));
    }
}

#[test]
fn clients_that_write_do_everything() {
    everywhere(&WRITERS, write);
}

#[test]
fn clients_that_write_do_everything_in_a_bucket() {
    in_buckets(&WRITERS, write);
}

#[test]
fn clients_that_write_do_everything_with_webdav() {
    let in_clear = WRITERS.map(|(client, _)| (client, Security::Plain));
    let mut each: Vec<_> = in_clear.into();
    each.dedup();
    with_webdav(&each, write);
}

#[test]
fn clients_that_only_read_do_that() {
    everywhere(&READERS, read);
}

#[test]
fn clients_that_only_read_do_that_from_a_bucket() {
    in_buckets(&READERS, read);
}

#[test]
fn trees_are_mirrored_both_ways() {
    everywhere(&MIRRORS, mirror);
}

#[test]
fn trees_are_mirrored_into_a_bucket_and_back() {
    in_buckets(&MIRRORS, mirror);
}
