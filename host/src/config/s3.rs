//! `[sink.NAME]` of kind `s3`.

use std::path::PathBuf;
use std::time::Duration;

use wharf_protocol::secret::Secret;

use super::section::Section;
use super::value::{ByteSize, choices};

/// A bucket of an S3 store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Sink {
    /// The bucket.
    pub bucket: String,
    /// The region; by default that of the environment.
    pub region: Option<String>,
    /// The store's address, where it is not Amazon's.
    pub endpoint: Option<String>,
    /// Whether the bucket stands in the path and not in the host's name.
    pub path_style: bool,
    /// Authorities to trust beside the system's, in PEM.
    pub ca: Option<PathBuf>,
    /// A fixed key, with its id; by default those of the environment, profile, container or
    /// machine.
    pub key: Option<(String, Secret)>,
    /// A profile of the shared configuration files.
    pub profile: Option<String>,
    /// A role to assume with those credentials.
    pub role: Option<String>,
    /// Before every key.
    pub prefix: String,
    /// What a directory is.
    pub directories: Directories,
    /// Behind the key of a directory's marker; begins with a `/`.
    pub directory_suffix: String,
    /// What RMD does to a directory that holds something.
    pub remove: RemoveDirectories,
    /// When a file was modified.
    pub modified: Modified,
    /// What the credentials permit.
    pub rights: Rights,
    /// For new objects.
    pub storage_class: Option<String>,
    /// For new objects: `AES256` or `aws:kms`.
    pub encryption: Option<String>,
    /// For new objects, with `aws:kms`.
    pub kms_key: Option<String>,
    /// For new objects: a canned one.
    pub acl: Option<String>,
    /// When objects carry checksums.
    pub checksums: Checksums,
    /// Whether the store knows If-None-Match and If-Match for writes.
    pub conditional_writes: bool,
    /// What a request may take that moves nothing.
    pub request_timeout: Duration,
    /// Bytes of the first parts of a multipart upload.
    pub part_size: u64,
    /// After so many parts they double.
    pub part_doubling: u32,
    /// Bytes that one upload may have in memory.
    pub upload_memory: u64,
    /// Bytes of one range of a download.
    pub range_size: u64,
    /// How many ranges are fetched ahead of a client.
    pub ranges_ahead: u32,
    /// Bytes that all transfers of the sink may have in memory.
    pub memory: u64,
}

choices! {
    /// What a directory of a bucket is.
    pub enum Directories("a kind of directories") {
        /// Whatever has something below it or a marker; files need no directory.
        Implicit = "implicit",
        /// What has a marker; files are stored in directories that are there.
        Markers = "markers",
    }
}

choices! {
    /// What RMD does to a directory that holds something.
    pub enum RemoveDirectories("a way to remove directories") {
        /// It is refused.
        Empty = "empty",
        /// All goes.
        Recursive = "recursive",
    }
}

choices! {
    /// Who says when a file was modified.
    pub enum Modified("a source of times") {
        /// The store: when the object was made.
        Store = "store",
        /// The client, by MFMT: metadata of the object, which is asked for with each file.
        Metadata = "metadata",
    }
}

choices! {
    /// What the credentials permit.
    pub enum Rights("a set of rights") {
        /// Everything that a sink does.
        Full = "full",
        /// `s3:PutObject` and `s3:ListBucket` alone: a drop box.
        PutOnly = "put-only",
    }
}

choices! {
    /// When objects carry checksums beside their entity tags.
    pub enum Checksums("a use of checksums") {
        /// Always, as Amazon recommends.
        WhenSupported = "when-supported",
        /// Where a request cannot do without: for stores that refuse the newer ones.
        WhenRequired = "when-required",
    }
}

/// What to do where one of both is missing.
const HALF_A_KEY: &str = "a key has both; leave out both to use the environment's";
const MIB: u64 = 1 << 20;
/// The smallest part but the last, and the largest one (Amazon S3, "multipart upload limits").
const PARTS: std::ops::RangeInclusive<u64> = 5 * MIB..=5 * 1024 * MIB;

impl S3Sink {
    /// A bucket with every default.
    pub fn new(bucket: String) -> Self {
        Self {
            bucket,
            region: None,
            endpoint: None,
            path_style: false,
            ca: None,
            key: None,
            profile: None,
            role: None,
            prefix: String::new(),
            directories: Directories::Implicit,
            directory_suffix: "/".to_owned(),
            remove: RemoveDirectories::Empty,
            modified: Modified::Store,
            rights: Rights::Full,
            storage_class: None,
            encryption: None,
            kms_key: None,
            acl: None,
            checksums: Checksums::WhenSupported,
            conditional_writes: true,
            request_timeout: Duration::from_secs(120),
            part_size: 8 * MIB,
            part_doubling: 800,
            upload_memory: 80 * MIB,
            range_size: 4 * MIB,
            ranges_ahead: 16,
            memory: 1024 * MIB,
        }
    }

    pub(super) fn read(section: &mut Section<'_, '_>) -> Option<Self> {
        let bucket = section.required("bucket");
        let mut sink = Self::new(bucket.clone().unwrap_or_default());
        sink.region = section.option("region");
        sink.endpoint = section.option("endpoint");
        section.read("path-style", &mut sink.path_style);
        sink.ca = section.path("ca");
        sink.read_key(section);
        sink.profile = section.option("profile");
        sink.role = section.option("role");
        section.read("prefix", &mut sink.prefix);
        section.read("directories", &mut sink.directories);
        section.read("directory-suffix", &mut sink.directory_suffix);
        if !sink.directory_suffix.starts_with('/') {
            let message = "`directory-suffix` does not begin with a slash";
            section.problem("directory-suffix", message, "write \"/\" or \"/.keep\"");
        }
        section.read("remove", &mut sink.remove);
        section.read("modified", &mut sink.modified);
        section.read("rights", &mut sink.rights);
        if sink.rights == Rights::PutOnly && sink.modified == Modified::Metadata {
            let message = "`modified` needs more than to put objects";
            section.problem(
                "modified",
                message,
                "leave it out, or write `rights = \"full\"`",
            );
        }
        sink.storage_class = section.option("storage-class");
        sink.encryption = section.option("encryption");
        sink.kms_key = section.option("kms-key");
        sink.acl = section.option("acl");
        section.read("checksums", &mut sink.checksums);
        section.read("conditional-writes", &mut sink.conditional_writes);
        section.positive("request-timeout", &mut sink.request_timeout);
        sink.read_sizes(section);
        bucket.map(|_: String| sink)
    }

    fn read_key(&mut self, section: &mut Section<'_, '_>) {
        let (id, secret) = (section.option("access-key"), section.option("secret-key"));
        match (id, secret) {
            (Some(id), Some(secret)) => self.key = Some((id, secret)),
            (None, None) => {}
            (Some(_), None) => {
                let message = "`access-key` stands without `secret-key`";
                section.problem("access-key", message, HALF_A_KEY);
            }
            (None, Some(_)) => {
                let message = "`secret-key` stands without `access-key`";
                // The line of the secret is not to be shown.
                section.problem("bucket", message, HALF_A_KEY);
            }
        }
    }

    fn read_sizes(&mut self, section: &mut Section<'_, '_>) {
        let mut size = |key, target: &mut u64| {
            let mut bytes = ByteSize(*target);
            section.positive(key, &mut bytes);
            *target = bytes.0;
        };
        size("part-size", &mut self.part_size);
        size("upload-memory", &mut self.upload_memory);
        size("range-size", &mut self.range_size);
        size("memory", &mut self.memory);
        section.positive("part-doubling", &mut self.part_doubling);
        section.positive("ranges-ahead", &mut self.ranges_ahead);
        if !PARTS.contains(&self.part_size) {
            let message = "`part-size` is not one that S3 takes";
            section.problem("part-size", message, "write 5MiB to 5GiB");
        }
        if self.memory < self.part_size.max(self.range_size) {
            let message = "`memory` holds not even one part or range";
            section.problem("memory", message, "make it larger, or the parts smaller");
        }
    }
}
