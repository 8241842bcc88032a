//! What a user may do, where the sink alone would let him.

use std::io::Read;
use std::sync::atomic::AtomicBool;

use wharf_protocol::effect::{Operation, Outcome};
use wharf_protocol::failure::Failure;
use wharf_protocol::path::VirtualPath;
use wharf_protocol::transfer::TransferKind;

use super::view::View;
use super::*;
use crate::config::Config;
use crate::identity::{Operation as Permission, Operations, Rule, Rules};
use crate::plugin::paths::Mount;
use crate::plugin::{SessionFacts, SessionNotes};
use crate::sink::{Key, Location, WriteMode};

/// The storage of a user who may do `permissions` everywhere, with one file `/a` of ten bytes.
struct Fixture {
    folder: tempfile::TempDir,
    storage: Storage,
}

impl Fixture {
    async fn new(permissions: &[Permission]) -> Self {
        Self::with_rules(vec![rule(true, "/**", permissions)]).await
    }

    async fn with_rules(rules: Vec<Rule>) -> Self {
        Self::seeing("", rules).await
    }

    /// Of a user who may do everything below `root`.
    async fn with_root(root: &str) -> Self {
        Self::seeing(root, vec![rule(true, "/**", &Permission::ALL)]).await
    }

    async fn seeing(root: &str, rules: Vec<Rule>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        std::fs::write(folder.path().join("data/a"), "0123456789").unwrap();
        let sinks = Sinks::open(&Config::defaults(folder.path())).unwrap();
        let identity = Identity {
            root: Some(Location::new("local", Key::parse(root).unwrap())),
            rules: Rules::new(rules),
            ..Identity::new("alice".to_owned())
        };
        let plugins = Arc::new(LivePlugins::new(Plugins::default()));
        let session = session();
        let storage = Storage::new(Arc::new(identity), Arc::new(sinks), plugins, &session);
        let storage = storage.await.unwrap();
        Self { folder, storage }
    }

    async fn open(&self, kind: &TransferKind) -> Result<Object, StorageError> {
        let session = session();
        let resolved = self.storage.resolve_transfer(kind.clone(), &session);
        resolved.await?.open()
    }

    async fn perform(&self, operation: &Operation) -> Result<Outcome, StorageError> {
        let session = session();
        let resolved = self.storage.resolve(operation.clone(), &session);
        resolved.await?.perform(&AtomicBool::new(false))
    }

    fn content(&self, name: &str) -> String {
        let mut content = String::new();
        let mut file = std::fs::File::open(self.folder.path().join("data").join(name)).unwrap();
        file.read_to_string(&mut content).unwrap();
        content
    }
}

fn rule(permit: bool, pattern: &str, operations: &[Permission]) -> Rule {
    Rule {
        permit,
        pattern: pattern.parse().unwrap(),
        operations: operations.iter().copied().collect(),
    }
}

/// A session of nobody in particular: no plugin is asked about it.
fn session() -> Arc<SessionFacts> {
    Arc::new(SessionFacts {
        id: "s1".to_owned(),
        listener: "[::]:2121".to_owned(),
        peer: "192.0.2.1:40000".parse().unwrap(),
        local: "192.0.2.2:2121".parse().unwrap(),
        tls: None,
        user: None,
        principal: None,
        groups: Vec::new(),
        attributes: Default::default(),
        notes: Arc::new(SessionNotes::default()),
    })
}

fn path(name: &str) -> VirtualPath {
    VirtualPath::root().child(name).unwrap()
}

fn store(name: &str, offset: u64) -> TransferKind {
    TransferKind::Store {
        path: path(name),
        offset,
        size_hint: None,
    }
}

fn append(name: &str) -> TransferKind {
    TransferKind::Append {
        path: path(name),
        size_hint: None,
    }
}

#[tokio::test]
async fn an_upload_needs_what_it_does_to_the_file() {
    use Permission::{Append, Overwrite, Upload};
    // Where the first byte of the client belongs, if it may begin at all.
    let cases: &[(&[Permission], TransferKind, Option<u64>)] = &[
        (&[Upload], store("a", 0), None),
        (&[Upload], store("b", 0), Some(0)),
        (&[Upload, Overwrite], store("a", 0), Some(0)),
        (&[Overwrite], store("a", 0), None),
        (&[Upload], append("a"), None),
        (&[Append], append("a"), Some(10)),
        (&[Append], append("b"), None),
        (&[Append, Upload], append("b"), Some(0)),
        (&[Append], store("a", 10), Some(10)),
        (&[Append], store("a", 9), None),
        (&[Append, Overwrite], store("a", 9), Some(9)),
    ];
    for (permissions, kind, expected) in cases {
        let fixture = Fixture::new(permissions).await;
        let start = match fixture.open(kind).await {
            Ok(Object::Upload { start, .. }) => Some(start),
            Ok(_) => panic!("{kind:?} is an upload"),
            Err(error) => {
                assert_eq!(Failure::from(error), Failure::Denied { text: None });
                None
            }
        };
        assert_eq!(start, *expected, "{permissions:?} {kind:?}");
        assert_eq!(fixture.content("a"), "0123456789");
    }
}

#[tokio::test]
async fn a_rename_replaces_only_what_may_be_overwritten() {
    use Permission::{Overwrite, Rename, Upload};
    let cases: &[(&[Permission], &str, bool)] = &[
        (&[Upload, Overwrite], "c", false),
        (&[Rename], "c", true),
        (&[Rename], "b", false),
        (&[Rename, Overwrite], "b", true),
    ];
    for &(permissions, target, permitted) in cases {
        let fixture = Fixture::new(permissions).await;
        std::fs::write(fixture.folder.path().join("data/b"), "other").unwrap();
        let rename = Operation::Rename {
            source: path("a"),
            target: path(target),
        };
        let renamed = fixture.perform(&rename).await;
        assert_eq!(renamed.is_ok(), permitted, "{permissions:?} {target}");
        let kept = if permitted { target } else { "a" };
        assert_eq!(fixture.content(kept), "0123456789");
    }
}

#[tokio::test]
async fn a_directory_is_not_moved_out_of_a_rule_or_into_one() {
    use Permission::{Download, Rename};
    // Where what lies below is told apart, and whether a directory and a file may be renamed.
    for (pattern, directory, file) in [
        ("/d/secret", false, true),
        ("/e/*.csv", false, true),
        ("/f/**", true, true),
        ("/d", true, true),
    ] {
        let rules = vec![
            rule(true, "/**", &[Rename]),
            rule(false, pattern, &[Download]),
        ];
        let fixture = Fixture::with_rules(rules).await;
        std::fs::create_dir(fixture.folder.path().join("data/d")).unwrap();
        for (source, target, permitted) in [("d", "e", directory), ("a", "b", file)] {
            let rename = Operation::Rename {
                source: path(source),
                target: path(target),
            };
            let renamed = fixture.perform(&rename).await;
            assert_eq!(renamed.is_ok(), permitted, "{pattern}: {source}");
        }
    }
}

#[tokio::test]
async fn a_unique_name_is_one_that_may_be_stored() {
    let fixture = Fixture::with_rules(vec![rule(true, "/*.csv", &[Permission::Upload])]).await;
    std::fs::write(fixture.folder.path().join("data/taken.csv"), "").unwrap();
    for (name, permitted) in [
        ("free.csv", true),
        ("taken.csv", false),
        ("free.txt", false),
    ] {
        let kind = TransferKind::StoreUnique {
            directory: VirtualPath::root(),
            name: Some(name.to_owned()),
        };
        assert_eq!(fixture.open(&kind).await.is_ok(), permitted, "{name}");
    }
    let left = std::fs::read_dir(fixture.folder.path().join("data"))
        .unwrap()
        .count();
    assert_eq!(left, 2, "only what was there before");
}

#[tokio::test]
async fn the_directory_of_a_user_is_made_with_what_is_stored_first() {
    let uploads: [(&str, TransferKind); 2] = [("new", store("new", 0)), ("add", append("add"))];
    for (name, kind) in uploads {
        let fixture = Fixture::with_root("homes/alice").await;
        let home = fixture.folder.path().join("data/homes/alice");
        let entered = Operation::ChangeDirectory(VirtualPath::root());
        fixture.perform(&entered).await.unwrap();
        let missing = Operation::Size(path("a"));
        let failure = Failure::from(fixture.perform(&missing).await.unwrap_err());
        assert_eq!(failure, Failure::NotFound);
        assert!(!home.exists());
        let Object::Upload { upload, .. } = fixture.open(&kind).await.unwrap() else {
            panic!("{name} is an upload")
        };
        upload.commit().unwrap();
        assert!(home.join(name).exists());
        let below = VirtualPath::parse("/no/such").unwrap();
        let made = fixture.perform(&Operation::MakeDirectory(below)).await;
        assert_eq!(Failure::from(made.unwrap_err()), Failure::NotFound);
    }
}

#[tokio::test]
async fn the_directory_of_a_new_day_is_made_with_what_is_stored_first() {
    let fixture = Fixture::with_root("").await;
    let yesterday = Mount {
        directory: VirtualPath::parse("/today").unwrap(),
        target: Location::new("local", Key::parse("in/28").unwrap()),
        allow: Operations::ALL,
        dynamic: true,
    };
    let identity = Arc::clone(&fixture.storage.identity);
    let view = View {
        mounts: Arc::new(MountTable::new(&identity, vec![yesterday], 0)),
        identity,
        sinks: Arc::clone(&fixture.storage.sinks),
    };
    for (path, key, stored) in [
        ("/today/a", "in/29/a", true),
        ("/today/no/b", "in/30/no/b", false),
        ("/today/c", "in/31/another-name", false),
    ] {
        let location = Location::new("local", Key::parse(key).unwrap());
        let place = view.place(VirtualPath::parse(path).unwrap(), location);
        let place = place.unwrap();
        let key = &place.location.key;
        let outcome = view.store(&place, || place.sink.create(key, WriteMode::Replace));
        assert_eq!(outcome.is_ok(), stored, "{path}");
    }
}
