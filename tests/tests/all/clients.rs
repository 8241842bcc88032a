//! Every ordinary client does everything it can, over every kind of TLS it can.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use wharf_tests::client::{Client, Endpoint, Security, Step};
use wharf_tests::content;
use wharf_tests::server::Server;

/// A client and how it secures its session.
type Row = (Client, Security);

const WRITERS: [Row; 10] = [
    (Client::Curl, Security::Plain),
    (Client::Curl, Security::Explicit),
    (Client::Curl, Security::Implicit),
    (Client::Lftp, Security::Plain),
    (Client::Lftp, Security::Explicit),
    (Client::Lftp, Security::Implicit),
    (Client::Ftplib, Security::Plain),
    (Client::Ftplib, Security::Explicit),
    (Client::Ftplib, Security::Implicit),
    (Client::Tnftp, Security::Plain),
];

/// wget only fetches.
const READERS: [Row; 3] = [
    (Client::Wget, Security::Plain),
    (Client::Wget, Security::Explicit),
    (Client::Wget, Security::Implicit),
];

const MIRRORS: [Row; 3] = [
    (Client::Lftp, Security::Plain),
    (Client::Lftp, Security::Explicit),
    (Client::Lftp, Security::Implicit),
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

fn everywhere(rows: &[Row], scenario: impl Fn(Client, &Endpoint, &Path) + Sync) {
    std::thread::scope(|scope| {
        for &(client, security) in rows {
            let scenario = &scenario;
            let thread = std::thread::Builder::new().name(format!("{client:?} {security:?}"));
            let run = move || {
                let server = Server::ordinary();
                scenario(client, &server.endpoint(security), &server.home());
            };
            thread
                .spawn_scoped(scope, run)
                .expect("there is room for a thread");
        }
    });
}

pub fn write(client: Client, endpoint: &Endpoint, home: &Path) {
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
        content::assert_same(&source(index), &home.join(name));
        content::assert_same(&source(index), &home.join("tree/a branch").join(name));
        content::assert_same(&source(index), &fetched(index));
    }
    content::assert_same(&local.path().join("empty"), &home.join("empty"));

    let mut steps = Vec::new();
    for (index, name) in names.iter().enumerate() {
        for path in [home.join(name), fetched(index)] {
            let file = fs::File::options().write(true).open(&path);
            let cut = file.and_then(|file| file.set_len(LENGTH as u64 / 2));
            cut.expect("a test can cut its files");
        }
        steps.push(Step::ResumeUpload(source(index), name.clone()));
        steps.push(Step::ResumeDownload(name.clone(), fetched(index)));
    }
    client.perform(endpoint, &steps);
    for (index, name) in names.iter().enumerate() {
        content::assert_same(&source(index), &home.join(name));
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
    assert_eq!(content::tree(home), expected);
    for (index, name) in names.iter().enumerate() {
        content::assert_same(&source(index), &home.join("tree").join(name));
    }
}

pub fn read(client: Client, endpoint: &Endpoint, home: &Path) {
    let local = TempDir::new().expect("there is room for a test");
    let names = names();
    let branch = home.join("tree/a branch");
    fs::create_dir_all(&branch).expect("a test can make directories");
    let mut steps = vec![Step::List("tree/a branch".into())];
    for (index, name) in names.iter().enumerate() {
        content::file(&branch.join(name), LENGTH as u64, index as u64);
        let [whole, half] =
            ["whole", "half"].map(|kind| local.path().join(format!("{kind}-{index}")));
        let bytes = content::bytes(LENGTH, index as u64);
        fs::write(&half, &bytes[..LENGTH / 2]).expect("there is room for a test");
        steps.push(Step::Download(format!("tree/a branch/{name}"), whole));
        steps.push(Step::ResumeDownload(format!("tree/a branch/{name}"), half));
    }
    let shown = client.perform(endpoint, &steps);
    for (index, name) in names.iter().enumerate() {
        assert!(client.shows(&shown, name), "{name:?} is not in\n{shown}");
        for kind in ["whole", "half"] {
            content::assert_same(
                &branch.join(name),
                &local.path().join(format!("{kind}-{index}")),
            );
        }
    }
}

pub fn mirror(client: Client, endpoint: &Endpoint, home: &Path) {
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
    for copy in [home.join("mirror"), back] {
        assert_eq!(content::tree(&copy), expected);
        for path in expected.iter().filter(|path| !path.ends_with('/')) {
            content::assert_same(&there.join(path), &copy.join(path));
        }
    }
}

#[test]
fn clients_that_write_do_everything() {
    everywhere(&WRITERS, write);
}

#[test]
fn clients_that_only_read_do_that() {
    everywhere(&READERS, read);
}

#[test]
fn trees_are_mirrored_both_ways() {
    everywhere(&MIRRORS, mirror);
}
