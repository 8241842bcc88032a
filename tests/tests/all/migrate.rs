//! `wharf migrate`: what it makes of another server's variables, and what it says of the rest.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use wharf_tests::binaries;
use wharf_tests::process::{self, Output};

/// A file of `docs/migrate`.
pub fn documented(name: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.join("../docs/migrate").join(name)
}

/// Migrate `server` by the variables in `file`, with nothing else in the environment.
fn migrate(server: &str, file: &Path, directory: &Path) -> Output {
    let mut command = Command::new(binaries::wharf());
    command
        .env_clear()
        .env("WHARF_PLUGINS", binaries::plugins())
        .args(["migrate", server])
        .arg(directory)
        .arg("--env-file")
        .arg(file);
    process::run(&mut command, "")
}

/// Every file below `directory` that is no plugin, with its text, in their order.
fn files(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(next).expect("it is there") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_none_or(|it| it != "wasm") {
                let name = path.strip_prefix(directory).expect("it is below it");
                let text = fs::read_to_string(&path).expect("it is text");
                found.push((name.to_owned(), text));
            }
        }
    }
    found.sort();
    found
}

/// What is in the documentation is what the command makes, so that it is tested with it.
fn is_as_documented(server: &str) {
    let place = TempDir::new().expect("there is room for a test");
    let made = place.path().join("made");
    migrate(server, &documented(&format!("{server}.env")), &made).success();
    assert_eq!(files(&made), files(&documented(server)));
    for (name, _) in files(&made) {
        let mode = fs::metadata(made.join(&name))
            .expect("it is there")
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "{}", name.display());
    }
}

#[test]
fn aioftps3_becomes_what_is_documented() {
    is_as_documented("aioftps3");
}

/// The documented variables of aioftps3 with some lines instead of others, migrated.
fn changed(changes: &[(&str, &str)]) -> (TempDir, PathBuf, Output) {
    let place = TempDir::new().expect("there is room for a test");
    let mut text = fs::read_to_string(documented("aioftps3.env")).expect("it is there");
    for (old, new) in changes {
        assert!(text.contains(old), "{old}");
        text = text.replace(old, new);
    }
    let file = place.path().join("variables");
    fs::write(&file, text).expect("there is room");
    let directory = place.path().join("made");
    let output = migrate("aioftps3", &file, &directory);
    (place, directory, output)
}

#[test]
fn both_spellings_of_a_bucket_become_the_same() {
    let (_place, directory, output) = changed(&[("AWS_S3_BUCKET_", "AWS_S3_BUCKET__")]);
    output.success();
    assert_eq!(files(&directory), files(&documented("aioftps3")));
}

#[test]
fn lists_are_taken_in_the_order_of_their_numbers_across_gaps() {
    let (_place, directory, output) = changed(&[
        ("DOMAINS__1__", "DOMAINS__100__"),
        ("DOMAINS__2__", "DOMAINS__20__"),
        ("USERS__1__", "USERS__0__"),
    ]);
    output.success();
    let text = fs::read_to_string(directory.join("wharf.toml")).expect("it is there");
    let place = |what: &str| text.find(what).expect("it is carried over");
    assert!(
        place("\"ftp.example.com\"") < place("\"ftp.internal.example.com\""),
        "{text}"
    );
}

#[test]
fn what_has_no_place_is_named_with_a_remedy() {
    let more = "HEALTHCHECK_PORT=8022\nACME_DIRECTORY=https://acme.example.com\n\
                AWS_ROUTE_53__ZONE_ID=zone\nAWS_S3_BUCKET__VERIFY_CERTS=false\nFTP_BANNER=hello\n";
    let (_place, _, output) = changed(&[
        ("HEALTHCHECK_PORT=8022\n", more),
        ("10.1.0.0/24", "0.0.0.0/0"),
    ]);
    let output = output.success();
    for (name, what) in [
        ("ACME_DIRECTORY", "certbot"),
        ("AWS_ROUTE_53__ZONE_ID", "no names are registered"),
        ("AWS_S3_BUCKET__VERIFY_CERTS", "ca = "),
        ("FTP_BANNER", "left out"),
        ("FTP_DATA_CIDR_TO_DOMAINS", "data-peer"),
        ("$HOME/ssl.crt", "[tls]"),
    ] {
        let mut lines = output.stderr.lines();
        let named = lines
            .any(|line| line.starts_with("note: ") && line.contains(name) && line.contains(what));
        assert!(named, "{name}: {output}");
    }
}

#[test]
fn whatever_is_wrong_is_told_and_nothing_written() {
    let (_place, directory, output) = changed(&[
        ("FTP_COMMAND_PORT=8021", "FTP_COMMAND_PORT=eight"),
        ("FTP_DATA_PORTS_COUNT=30", "FTP_DATA_PORTS_COUNT=70000"),
        ("AWS_S3_BUCKET_NAME", "AWS_S3_BUCKET_NAMES"),
        ("FTP_USERS__1__PASSWORD_SALT", "FTP_USERS__2__PASSWORD_SALT"),
        ("10.1.1.0/24", "10.1.1.0/33"),
    ]);
    let output = output.failure();
    for name in [
        "FTP_COMMAND_PORT: ",
        "FTP_DATA_PORTS_COUNT: ",
        "AWS_S3_BUCKET__NAME is not set",
        "FTP_USERS__1: ",
        "FTP_USERS__2: ",
        "FTP_DATA_CIDR_TO_DOMAINS__2__CIDR: ",
    ] {
        assert!(output.stderr.contains(name), "{name}: {output}");
    }
    assert!(!directory.exists());
}

#[test]
fn no_secret_is_printed_and_nothing_written_over() {
    let (place, directory, output) =
        changed(&[("=AKIA", "=  \"AKIA"), ("EXAMPLE\n", "EXAMPLE\"\n")]);
    let output = output.success();
    for secret in ["wJalrXUtnFEMI", "HOsCraGB9jNOHhDfuiA"] {
        assert!(!output.text().contains(secret), "{output}");
    }
    let before = files(&directory);
    let again = migrate("aioftps3", &place.path().join("variables"), &directory).failure();
    assert!(again.stderr.contains("is there already"), "{again}");
    assert_eq!(files(&directory), before);
}

#[test]
fn odd_lines_are_named_where_they_stand() {
    let (place, directory, output) = changed(&[
        ("AWS_S3_BUCKET_NAME=", "export AWS_S3_BUCKET_NAME = "),
        (
            "=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "=\"s3cret#1\" # \"hush\"",
        ),
        (
            "HEALTHCHECK_PORT=8022",
            "HEALTHCHECK_PORT=8022 # open\nHEALTHCHECK_PORT=8023\nFTP_X=1",
        ),
    ]);
    let output = output.success();
    let file = place.path().join("variables");
    let file = file.display();
    let text = fs::read_to_string(place.path().join("variables")).expect("it is there");
    let line = |begin: &str| {
        let found = text.lines().position(|line| line.starts_with(begin));
        found.expect("it is there") + 1
    };
    let health = line("HEALTHCHECK_PORT");
    for told in [
        format!("note: {file}:{health}: HEALTHCHECK_PORT: what stands behind the ` #`"),
        format!(
            "note: {file}:{}: HEALTHCHECK_PORT: line {health} says something else",
            health + 1
        ),
        format!(
            "note: {file}:{}: FTP_X: it is none of aioftps3's",
            health + 2
        ),
    ] {
        assert!(output.stderr.contains(&told), "{told}: {output}");
    }
    let key = fs::read_to_string(directory.join("secrets/aws-secret-access-key"));
    assert_eq!(key.expect("it is there"), "s3cret#1\n");
    let (place, directory, output) = changed(&[
        (
            "AWS_S3_BUCKET_REGION=",
            "AWS_S3_BUCKET__REGION=us-east-1\nAWS_S3_BUCKET_REGION=",
        ),
        ("HOST=s3-eu", "HOST=https://s3-eu"),
        ("FTP_DATA_PORTS_COUNT=30", "FTP_DATA_PORTS_COUNT=4294967295"),
    ]);
    let file = place.path().join("variables");
    for (number, told) in [
        (
            6,
            "AWS_S3_BUCKET_REGION: AWS_S3_BUCKET__REGION says something else",
        ),
        (7, "AWS_S3_BUCKET_HOST: it is no host"),
        (15, "FTP_DATA_PORTS_COUNT: "),
    ] {
        let told = format!("{}:{number}: {told}", file.display());
        assert!(output.stderr.contains(&told), "{told}: {output}");
    }
    output.failure();
    assert!(!directory.exists());
}

/// Variables of OpenSPP's server, migrated.
fn openspp(variables: &str) -> (TempDir, PathBuf, Output) {
    let place = TempDir::new().expect("there is room for a test");
    let file = place.path().join("variables");
    fs::write(&file, variables).expect("there is room");
    let directory = place.path().join("made");
    let output = migrate("openspp", &file, &directory);
    (place, directory, output)
}

#[test]
fn openspp_becomes_a_host_that_hands_over() {
    let (_place, directory, output) = openspp(
        "OPENSPP_URL=https://dms.example.com/odoo/\nTLS=False\nDEBUG=False\nFTP_PORT=8003\n\
         FTP_HOSTNAME=ftp.example.com\nDEFAULT_PASSIVE_PORTS=[3000, 3001, 3002, 3005]\n\
         FTP_MAX_CONNECTIONS=100\nFTP_MAX_CONNECTIONS_PER_IP=0\nFTP_WORKER_COUNT=4\n",
    );
    let output = output.success();
    for note in [
        "TLS: it is off, as it says",
        "DEBUG: it is off, as it says",
        "left out are [3005]",
        "FTP_WORKER_COUNT: one process serves all",
    ] {
        assert!(output.stderr.contains(note), "{note}: {output}");
    }
    let text = |name: &str| fs::read_to_string(directory.join(name)).expect("it is there");
    let main = text("wharf.toml");
    for line in [
        "address = \"0.0.0.0:8003\"",
        "tls = \"off\"",
        "ports = \"3000-3002\"",
        "address = \"ftp.example.com\"",
        "connections = 100",
        "connections-per-address = 100",
    ] {
        assert!(main.contains(line), "{line}: {main}");
    }
    let forward = text("plugins/http-forward.toml");
    for line in [
        "url = \"https://dms.example.com/odoo/dms/upload/\"",
        "url = \"https://dms.example.com/odoo/dms/auth\"",
        "http = [\"https://dms.example.com\"]",
    ] {
        assert!(forward.contains(line), "{line}: {forward}");
    }
    assert!(!forward.contains("example.org"), "{forward}");
    let mut check = Command::new(binaries::wharf());
    process::run(check.arg("check").arg("--config").arg(&directory), "").success();
}

#[test]
fn openspp_has_a_default_for_everything() {
    let (_place, directory, output) = openspp("TLS=True\n");
    let output = output.success();
    assert!(
        output.stderr.contains("OPENSPP_URL: it is not set"),
        "{output}"
    );
    let main = fs::read_to_string(directory.join("wharf.toml")).expect("it is there");
    for line in [
        "address = \"0.0.0.0:8002\"",
        "tls = \"required\"",
        "data = \"required\"",
        "certificate = \"/etc/ssl/certs/openspp/server.crt\"",
        "ports = \"3000-3005\"",
        "connections-per-address = 256",
    ] {
        assert!(main.contains(line), "{line}: {main}");
    }
    assert!(!main.contains("[[passive.advertise]]"), "{main}");
}

#[test]
fn what_was_no_limit_of_openspp_is_a_high_one() {
    let (_place, directory, output) = openspp("FTP_MAX_CONNECTIONS=0\nFTP_UPLOAD_DIR=uploads\n");
    let output = output.success();
    for note in [
        "variables:1: FTP_MAX_CONNECTIONS: it was no limit",
        "variables:2: FTP_UPLOAD_DIR: it is not absolute",
    ] {
        assert!(output.stderr.contains(note), "{note}: {output}");
    }
    let main = fs::read_to_string(directory.join("wharf.toml")).expect("it is there");
    assert!(main.contains("connections = 10000\n"), "{main}");
}

#[test]
fn what_is_wrong_with_openspp_is_told_and_nothing_written() {
    let (_place, directory, output) = openspp(
        "TLS=perhaps\nDEFAULT_PASSIVE_PORTS=3000-x\nOPENSPP_URL=example.org\nFTP_PORT=0\n\
         FTP_HOSTNAME=::1\n",
    );
    let output = output.failure();
    for name in [
        "TLS: ",
        "DEFAULT_PASSIVE_PORTS: ",
        "OPENSPP_URL: ",
        "FTP_PORT: ",
        "variables:5: FTP_HOSTNAME: PASV cannot tell an IPv6 address",
    ] {
        assert!(output.stderr.contains(name), "{name}: {output}");
    }
    assert!(!directory.exists());
}
