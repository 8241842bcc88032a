//! The checks of every sink, over a bucket of a real store, which `cargo xtask test` starts.

use std::env;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use tempfile::TempDir;
use tokio::task::spawn_blocking;
use wharf_protocol::secret::Secret;
use wharf_protocol::timestamp::Timestamp;

use super::super::suite;
use super::Bucket;
use super::commit::Over;
use super::properties::{self, Properties};
use crate::config::{Directories, Rights, S3Sink};
use crate::sink::{Existing, Key, Sink, SinkError, WriteMode};

/// A sink below a prefix of its own.
struct Fixture {
    _notes: TempDir,
    sink: Arc<Bucket>,
}

impl Fixture {
    fn new(change: impl FnOnce(&mut S3Sink)) -> Self {
        let variable = |name: &str| {
            env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask test`"))
        };
        let mut settings = S3Sink::new(variable("WHARF_S3_BUCKET"));
        settings.region = Some("us-east-1".to_owned());
        settings.endpoint = Some(variable("WHARF_S3_ENDPOINT"));
        settings.path_style = true;
        settings.key = Some((
            variable("WHARF_S3_KEY"),
            Secret::new(variable("WHARF_S3_SECRET")),
        ));
        settings.prefix = format!("{:016x}", rand::random::<u64>());
        change(&mut settings);
        let notes = tempfile::tempdir().unwrap();
        let sink = Bucket::open(&settings, &notes.path().join("uploads")).unwrap();
        Self {
            _notes: notes,
            sink: Arc::new(sink),
        }
    }

    fn prefix(&self) -> String {
        self.sink.0.settings.prefix.clone()
    }

    /// Does `work` where a sink may be used.
    async fn with_sink<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Sink) -> T + Send + 'static,
    ) -> T {
        let sink = Arc::clone(&self.sink);
        spawn_blocking(move || work(&*sink)).await.unwrap()
    }
}

fn key(text: &str) -> Key {
    Key::parse(text).expect("a key")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_passes_the_checks_of_every_sink() {
    for suffix in ["/", "/.s3keep"] {
        let fixture = Fixture::new(|settings| {
            settings.directories = Directories::Markers;
            settings.directory_suffix = suffix.to_owned();
        });
        // The store takes a backslash for a slash, and names may be longer than a file system's.
        fixture.with_sink(|sink| suite::run_checks(sink)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_keeps_versions_passes_them_too() {
    let mut bucket = String::new();
    let fixture = Fixture::new(|settings| {
        settings.directories = Directories::Markers;
        // This store shows a directory of its own as long as it keeps versions of what it held.
        settings.directory_suffix = "/.s3keep".to_owned();
        settings.bucket = format!("versions-{:016x}", rand::random::<u64>());
        bucket.clone_from(&settings.bucket);
    });
    let client = &fixture.sink.0.client;
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
    let request = client.put_bucket_versioning().bucket(&bucket);
    let request = request.versioning_configuration(enabled.build());
    request.send().await.unwrap();
    fixture.with_sink(|sink| suite::run_checks(sink)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_in_parts_is_the_same_with_all_that_it_has() {
    let fixture = Fixture::new(|settings| settings.part_size = 5 << 20);
    let content = pattern((11 << 20) + 3);
    let expected = content.clone();
    fixture
        .with_sink(move |sink| store(sink, &key("from"), &content))
        .await;
    let bucket = Arc::clone(&fixture.sink.0);
    let [from, to] = ["from", "to"].map(|name| bucket.layout.object(&key(name)));
    let head = bucket.head(&from).await.unwrap().unwrap();
    let mut properties = Properties::of(&bucket, &head);
    properties.content_type = Some("text/x-test".to_owned());
    let said = Timestamp::from_unix(1_577_934_245, 0);
    let properties = properties.modified(Some(said));
    for over in [Over::Nothing, Over::Anything] {
        let copied = bucket.copy_in_parts(&from, &to, &head, &properties, &over);
        copied.await.unwrap();
    }
    let copied = bucket.copy_in_parts(&from, &to, &head, &properties, &Over::Nothing);
    assert!(matches!(copied.await, Err(SinkError::Exists)));
    let head = bucket.head(&to).await.unwrap().unwrap();
    assert_eq!(head.content_type(), Some("text/x-test"));
    assert_eq!(properties::modified(&head), Some(said));
    let copied = fixture.with_sink(|sink| suite::content(sink, &key("to"), 0));
    assert!(copied.await == expected);
}

/// Bytes that tell where they stand.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n / 251 + n % 251) as u8).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_many_parts_and_ranges_is_the_same_afterwards() {
    const MIB: u64 = 1 << 20;
    let fixture = Fixture::new(|settings| {
        settings.part_size = 5 * MIB;
        settings.upload_memory = 15 * MIB;
        settings.range_size = MIB;
        settings.memory = 32 * MIB;
    });
    fixture
        .with_sink(|sink| {
            let content = pattern(23 * (1 << 20) + 7);
            let file = key("a/b/c");
            let mut upload = sink.create(&file, WriteMode::Replace).unwrap();
            for piece in content.chunks(100_000) {
                upload.write(piece).unwrap();
            }
            assert!(matches!(sink.stat(&file), Err(SinkError::NotFound)));
            upload.commit().unwrap();
            assert_eq!(sink.stat(&file).unwrap().size, content.len() as u64);
            for offset in [0, 1, 5_000_000, content.len() - 1, content.len()] {
                let mut reader = sink.open(&file, offset as u64).unwrap();
                let (mut read, mut buffer) = (Vec::new(), vec![0; 70_000]);
                loop {
                    let count = reader.read(&mut buffer).unwrap();
                    if count == 0 {
                        break;
                    }
                    read.extend_from_slice(&buffer[..count]);
                }
                assert!(read == content[offset..], "from {offset}");
            }
            let mut upload = sink.create(&file, WriteMode::Append).unwrap();
            upload.write(b"tail").unwrap();
            upload.commit().unwrap();
            assert_eq!(suite::content(sink, &file, content.len() as u64), b"tail");
        })
        .await;
}

fn store(sink: &dyn Sink, file: &Key, content: &[u8]) {
    let mut upload = sink.create(file, WriteMode::Replace).unwrap();
    upload.write(content).unwrap();
    upload.commit().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_meanwhile_is_never_mixed() {
    let fixture = Fixture::new(|settings| settings.range_size = 1 << 20);
    fixture
        .with_sink(|sink| {
            let (file, before) = (key("file"), pattern(6 << 20));
            store(sink, &file, &before);
            let mut reader = sink.open(&file, 0).unwrap();
            let mut resumed = sink.create(&file, WriteMode::Append).unwrap();
            resumed.write(b"tail").unwrap();
            store(sink, &file, &before[1..]);
            assert!(matches!(resumed.commit(), Err(SinkError::Changed)));
            let mut buffer = vec![0; 300_000];
            let ended = loop {
                match reader.read(&mut buffer) {
                    Ok(0) => break Ok(()),
                    Ok(_) => {}
                    Err(error) => break Err(error),
                }
            };
            assert!(matches!(ended, Err(SinkError::Changed)), "{ended:?}");
            assert_eq!(sink.stat(&file).unwrap().size, before.len() as u64 - 1);
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_free_name_that_another_host_takes_is_left_to_it() {
    let fixture = Fixture::new(|_| {});
    fixture
        .with_sink(|sink| {
            let name = key("scan");
            for length in [3, 9 << 20] {
                let mut upload = sink.create(&name, WriteMode::Unique).unwrap();
                upload.write(&pattern(length)).unwrap();
                assert_eq!(upload.key(), &name);
                store(sink, &name, b"theirs");
                assert!(matches!(upload.commit(), Err(SinkError::Exists)));
                assert_eq!(suite::content(sink, &name, 0), b"theirs");
                sink.remove(&name).unwrap();
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_takes_longer_than_any_is_not_taken_for_an_orphan() {
    let fixture = Fixture::new(|settings| settings.part_size = 5 << 20);
    let other = Fixture::new(|settings| {
        settings.part_size = 5 << 20;
        settings.prefix = fixture.prefix();
    });
    let begin = |sink: &dyn Sink, name: &str| {
        let mut upload = sink.create(&key(name), WriteMode::Replace).unwrap();
        upload.write(&pattern(6 << 20)).unwrap();
        upload
    };
    let own = fixture.with_sink(move |sink| begin(sink, "own")).await;
    let theirs = other.with_sink(move |sink| begin(sink, "theirs")).await;
    let later = SystemTime::now() + Duration::from_mins(5);
    let aborted = fixture.sink.0.abort_begun_before(later).await.unwrap();
    assert_eq!(aborted, 1);
    spawn_blocking(|| own.commit().unwrap()).await.unwrap();
    let refused = spawn_blocking(|| theirs.commit()).await.unwrap();
    assert!(matches!(refused, Err(SinkError::Io(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_replace_nothing_does_not_where_the_store_knows_no_conditions() {
    for rights in [Rights::Full, Rights::PutOnly] {
        let fixture = Fixture::new(|settings| {
            settings.rights = rights;
            settings.conditional_writes = false;
            settings.part_size = 5 << 20;
        });
        fixture
            .with_sink(|sink| {
                let name = key("name");
                store(sink, &name, b"theirs");
                for length in [3, 6 << 20] {
                    let mut upload = sink.create(&name, WriteMode::Replace).unwrap();
                    upload.write(&pattern(length)).unwrap();
                    let refused = upload.commit_to(&name, Existing::Kept);
                    assert!(matches!(refused, Err(SinkError::Exists)), "{refused:?}");
                    assert_eq!(sink.stat(&name).unwrap().size, 6);
                }
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_that_share_little_memory_all_end() {
    let fixture = Fixture::new(|settings| {
        settings.part_size = 5 << 20;
        settings.range_size = 2 << 20;
        settings.memory = 10 << 20;
    });
    fixture
        .with_sink(|sink| {
            std::thread::scope(|scope| {
                for number in 0..6 {
                    scope.spawn(move || {
                        let (file, content) = (key(&format!("{number}")), pattern(11 << 20));
                        store(sink, &file, &content);
                        assert!(suite::content(sink, &file, 0) == content);
                    });
                }
            });
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_that_nobody_made_are_there_and_go() {
    let fixture = Fixture::new(|settings| settings.directory_suffix = "/.s3keep".to_owned());
    fixture
        .with_sink(|sink| {
            store(sink, &key("a/b/c"), b"c");
            let marker = key("a/b");
            sink.make_directory(&key("empty")).unwrap();
            assert!(matches!(
                sink.make_directory(&marker),
                Err(SinkError::Exists)
            ));
            assert!(matches!(
                sink.remove_directory(&marker),
                Err(SinkError::NotEmpty)
            ));
            sink.rename(&key("a"), &key("moved"), Existing::Replaced)
                .unwrap();
            assert!(matches!(sink.stat(&key("a")), Err(SinkError::NotFound)));
            assert_eq!(suite::content(sink, &key("moved/b/c"), 0), b"c");
            sink.remove(&key("moved/b/c")).unwrap();
            sink.remove_directory(&key("empty")).unwrap();
            // This store keeps a directory whose last file was deleted; others do not.
            let left = suite::names(sink, &Key::root());
            assert!(left.is_empty() || left == ["moved"], "{left:?}");
        })
        .await;
}
