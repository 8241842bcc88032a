//! A bucket that aioftps3 itself has laid out, and the tests of aioftps3, on the configuration
//! that is documented for those who come from there.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;
use wharf_tests::binaries;
use wharf_tests::client::{Client, Endpoint, Security, Step};
use wharf_tests::content;
use wharf_tests::ports;
use wharf_tests::process;
use wharf_tests::server::{self, Server};
use wharf_tests::store::Store;

use crate::migrate::documented;

/// The user of the documented configuration.
const USER: &str = "my-user";
/// What aioftps3 has encoded for that user.
const PASSWORD: &str = "wharf";

/// A name of each kind that its tests have.
const NAMES: [&str; 5] = [
    "plain",
    "with spaces",
    "quoted \"name\" 'it's'",
    "Ünïcödé Ελλάδα 数字",
    "emoji 😀🎉",
];

/// A part of the bucket in which aioftps3 has made a directory, and some below it.
struct Bucket {
    store: Store,
    /// The name of the directory.
    root: String,
}

impl Bucket {
    /// Runs aioftps3, as it was published, to make directories and to upload files.
    fn laid_out(directories: &[&str], files: &[(&str, &str)]) -> Self {
        let store = Store::default();
        let root = store.prefix().to_owned();
        let below = |path: &str| format!("{root}/{path}");
        let mut made = vec![root.clone()];
        made.extend(directories.iter().map(|path| below(path)));
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (below(path), text))
            .collect();
        let order = json!({
            "host": store.address(),
            "key": store.key(),
            "secret": store.secret(),
            "bucket": store.bucket(),
            "directories": made,
            "files": files,
        });
        let packages = std::env::var("WHARF_AIOFTPS3");
        let packages = packages.expect("WHARF_AIOFTPS3 is not set: run `cargo xtask test`");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/aioftps3_layout.py");
        let mut python = Command::new("python3");
        python.env("PYTHONPATH", packages).arg(script);
        process::run(&mut python, &order.to_string()).success();
        Self { store, root }
    }

    /// The documented configuration, with this machine's addresses and the store of the tests.
    fn serve(&self) -> (TempDir, Server) {
        let place = TempDir::new().expect("there is room for a test");
        let made = place.path().join("made");
        copy(&documented("aioftps3"), &made);
        let plugin = "static-users.wasm";
        let wasm = binaries::plugins().join(plugin);
        fs::copy(wasm, made.join("plugins/10-static-users.wasm")).expect("it was built");
        let first = ports::free_block(30);
        let passive = format!("ports = \"{first}-{}\"", first + 29);
        let main = made.join("wharf.toml");
        let mut text = fs::read_to_string(&main).expect("it is there");
        for (documented, tested) in [
            ("0.0.0.0:8021", "127.0.0.1:0"),
            ("0.0.0.0:8022", "127.0.0.1:0"),
            ("ports = \"4001-4030\"", &passive),
            ("10.1.0.0/24", "127.0.0.0/24"),
            ("ftp.internal.example.com", "localhost"),
            ("my-bucket-name", self.store.bucket()),
            (
                "https://s3-eu-west-1.amazonaws.com",
                &format!("http://{}", self.store.address()),
            ),
            ("eu-west-1", "us-east-1"),
        ] {
            assert!(text.contains(documented), "{documented}");
            text = text.replace(documented, tested);
        }
        let write =
            |name: &str, text: &str| fs::write(made.join(name), text).expect("there is room");
        write("wharf.toml", &text);
        write("secrets/aws-access-key-id", self.store.key());
        write("secrets/aws-secret-access-key", self.store.secret());
        let mut check = Command::new(binaries::wharf());
        process::run(check.arg("check").arg("--config").arg(&made), "").success();
        let server = server::serve(&made);
        (place, server)
    }

    /// `path` below what aioftps3 made.
    fn path(&self, path: &str) -> String {
        format!("{}/{path}", self.root)
    }

    /// A copy of what a user holds.
    fn endpoint(server: &Server) -> Endpoint {
        Endpoint {
            address: server.addresses().next().expect("it listens"),
            security: Security::Explicit,
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("there is room");
    for entry in fs::read_dir(from).expect("it is there") {
        let entry = entry.expect("it can be read");
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).expect("there is room")),
        }
    }
}

#[test]
fn what_aioftps3_stored_is_there_under_its_name() {
    let files = NAMES.map(|name| {
        (
            format!("{name}/of {name}"),
            format!("the content of {name}"),
        )
    });
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (&**path, &**text))
        .collect();
    let bucket = Bucket::laid_out(&NAMES, &files);
    let (place, server) = bucket.serve();
    let endpoint = Bucket::endpoint(&server);
    let local = |index: usize| place.path().join(index.to_string());
    let mut steps = vec![Step::List(bucket.root.clone())];
    for (index, (name, (path, _))) in NAMES.iter().zip(&files).enumerate() {
        steps.push(Step::Download(bucket.path(path), local(index)));
        steps.push(Step::List(bucket.path(name)));
    }
    let shown = Client::Ftplib.perform(&endpoint, &steps);
    for (index, (name, (_, text))) in NAMES.iter().zip(&files).enumerate() {
        let fetched = fs::read_to_string(local(index)).expect("it came");
        assert_eq!(&fetched, text, "{name}");
        assert!(shown.contains(&format!("of {name}")), "{name}: {shown}");
    }
    let path = bucket.path(files[4].0);
    Client::Curl.perform(&endpoint, &[Step::Download(path, local(0))]);
    assert_eq!(fs::read_to_string(local(0)).expect("it came"), files[4].1);
}

#[test]
fn wrong_users_and_passwords_stay_outside() {
    let bucket = Bucket::laid_out(&[], &[]);
    let (_place, server) = bucket.serve();
    let right = Bucket::endpoint(&server);
    for (user, password) in [(USER, "Wharf"), ("other-user", PASSWORD), (USER, "")] {
        let wrong = Endpoint {
            user: user.to_owned(),
            password: password.to_owned(),
            ..right.clone()
        };
        let output = Client::Curl.attempt(&wrong, &[Step::List(String::new())]);
        // curl: "Access denied".
        assert_eq!(output.code, Some(67), "{output}");
    }
    Client::Curl.perform(&right, &[Step::List(String::new())]);
}

#[test]
fn an_upload_into_no_directory_is_refused() {
    let bucket = Bucket::laid_out(&["there"], &[]);
    let (place, server) = bucket.serve();
    let source = place.path().join("source");
    fs::write(&source, "content").expect("there is room");
    let endpoint = Bucket::endpoint(&server);
    let upload = |path: &str| [Step::Upload(source.clone(), bucket.path(path))];
    Client::Ftplib
        .attempt(&endpoint, &upload("missing/file"))
        .failure();
    Client::Ftplib.perform(&endpoint, &upload("there/file"));
    assert_eq!(bucket.store.keys(), ["", "there/", "there/file"]);
    assert!(bucket.store.uploads().is_empty());
}

#[test]
fn a_renamed_directory_keeps_its_tree() {
    let files = [
        ("old/a/one", "1"),
        ("old/a/b/two", "22"),
        ("old/top", "333"),
    ];
    let bucket = Bucket::laid_out(&["old", "old/a", "old/a/b", "old/empty"], &files);
    let (_place, server) = bucket.serve();
    let rename = Step::Rename(bucket.path("old"), bucket.path("new name"));
    Client::Ftplib.perform(&Bucket::endpoint(&server), &[rename]);
    let expected = [
        "", "/", "/a/", "/a/b/", "/a/b/two", "/a/one", "/empty/", "/top",
    ];
    let expected = expected.map(|key| match key {
        "" => String::new(),
        key => format!("new name{key}"),
    });
    assert_eq!(bucket.store.keys(), expected);
}

#[test]
fn a_directory_goes_with_all_in_it() {
    let files = [("old/a/one", "1"), ("old/top", "2"), ("older", "3")];
    let bucket = Bucket::laid_out(&["old", "old/a"], &files);
    let (_place, server) = bucket.serve();
    let remove = Step::RemoveDirectory(bucket.path("old"));
    Client::Ftplib.perform(&Bucket::endpoint(&server), &[remove]);
    assert_eq!(bucket.store.keys(), ["", "older"]);
}

#[test]
fn a_hundred_megabytes_go_up_and_come_back() {
    let bucket = Bucket::laid_out(&["large"], &[]);
    let (place, server) = bucket.serve();
    let [source, fetched] = ["source", "fetched"].map(|name| place.path().join(name));
    content::file(&source, 100 << 20, 1);
    let steps = [
        Step::Upload(source.clone(), bucket.path("large/file")),
        Step::Download(bucket.path("large/file"), fetched.clone()),
    ];
    Client::Ftplib.perform(&Bucket::endpoint(&server), &steps);
    content::assert_same(&source, &fetched);
}

/// The command of its tests, as it stands there.
#[test]
fn curl_lists_with_ftp_ssl_and_without_epsv() {
    let bucket = Bucket::laid_out(&["shown"], &[]);
    let (_place, server) = bucket.serve();
    let endpoint = Bucket::endpoint(&server);
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--show-error",
        "--ftp-ssl",
        "-k",
        "--disable-epsv",
    ])
    .args(["--user", &format!("{USER}:{PASSWORD}")])
    .arg(format!("ftp://{}/{}/", endpoint.address, bucket.root));
    let output = process::run(&mut curl, "").success();
    assert!(output.stdout.contains("shown"), "{output}");
}
