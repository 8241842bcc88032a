//! Checks the directories that the host writes to.

use std::io::ErrorKind;
use std::path::Path;

use super::Findings;
use crate::config::error::Origin;
use crate::config::{Config, S3Sink, Sink};
use crate::sink::s3;

pub(super) fn check(config: &Config, origin: &Origin, found: &mut Findings) {
    let state = &config.server.state_dir;
    found.summary.push(format!("state     {}", state.display()));
    // The host makes its own directory, so it may be missing; then the one above counts.
    let writable = state
        .ancestors()
        .find(|path| path.exists())
        .unwrap_or(state);
    if let Err(reason) = can_write(writable) {
        let message = format!("{} {reason}", writable.display());
        let advice = "the user who runs `wharf serve` must be able to write there";
        found
            .problems
            .push(origin.problem("server.state-dir", message, advice));
    }
    for (name, sink) in &config.sinks {
        match sink {
            Sink::Fs(sink) => check_directory(name, &sink.root, origin, found),
            Sink::S3(sink) => check_bucket(name, sink, origin, found),
            Sink::Plugin(sink) => found
                .summary
                .push(format!("sink      {name}: the plugin {}", sink.plugin)),
        }
    }
}

fn check_directory(name: &str, root: &Path, origin: &Origin, found: &mut Findings) {
    found
        .summary
        .push(format!("sink      {name}: files below {}", root.display()));
    if let Err(reason) = can_write(root) {
        let message = format!("{} {reason}", root.display());
        let advice = "make the directory; the user who runs `wharf serve` must own it";
        found
            .problems
            .push(origin.problem(&format!("sink.{name}.root"), message, advice));
    }
}

fn check_bucket(name: &str, sink: &S3Sink, origin: &Origin, found: &mut Findings) {
    let bucket = &sink.bucket;
    let most = s3::PartGrowth::new(sink).file_max();
    let most = match most < s3::OBJECT_MAX {
        // Parts that grow further would not fit into the memory.
        true => format!(", files up to {} GiB with this `memory`", most >> 30),
        false => String::new(),
    };
    found
        .summary
        .push(format!("sink      {name}: the bucket {bucket}{most}"));
    if let Err(reason) = s3::ask(sink) {
        let message = format!("the bucket {bucket} cannot be used: {reason}");
        let advice = "the endpoint, the region and the key must be those of the bucket, \
                      and the key must permit s3:ListBucket";
        found
            .problems
            .push(origin.problem(&format!("sink.{name}.bucket"), message, advice));
    }
}

/// Whether a file can be made in `directory`, or why not, to follow its name. Nothing is left.
fn can_write(directory: &Path) -> Result<(), String> {
    match directory.metadata() {
        Ok(metadata) if !metadata.is_dir() => return Err("is not a directory".to_owned()),
        Ok(_) => {}
        Err(error) => return Err(reason(&error)),
    }
    tempfile::tempfile_in(directory)
        .map(drop)
        .map_err(|error| reason(&error))
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "is not there".to_owned(),
        ErrorKind::PermissionDenied => "cannot be written to by this user".to_owned(),
        _ => format!("cannot be used: {error}"),
    }
}
