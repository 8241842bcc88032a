//! The S3 store that `cargo xtask test` has started: where it is, and what it holds.

use std::process::Command;

use crate::outside::{self, variable};
use crate::process;
use crate::settings::Settings;

/// A part of the bucket that no other test uses.
pub struct Store {
    endpoint: String,
    bucket: String,
    key: String,
    secret: String,
    prefix: String,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            endpoint: variable("WHARF_S3_ENDPOINT"),
            bucket: variable("WHARF_S3_BUCKET"),
            key: variable("WHARF_S3_KEY"),
            secret: variable("WHARF_S3_SECRET"),
            prefix: outside::unique(),
        }
    }
}

impl Store {
    /// Its address without the scheme.
    pub fn address(&self) -> &str {
        let address = self.endpoint.strip_prefix("http://");
        address.expect("the store of the tests speaks HTTP in clear")
    }

    /// Its bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Where in the bucket it is, without a slash.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The id of its key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Its secret key, which nobody may be shown.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// A server whose sink `archive` it is, with `more` keys, and where the files of
    /// [`outside::USER`] are.
    pub fn settings(&self, more: &str) -> Settings {
        self.settings_at(&self.endpoint, more)
    }

    /// As [`Self::settings`], where the store is reached at another address.
    pub fn settings_at(&self, endpoint: &str, more: &str) -> Settings {
        Settings {
            sinks: format!(
                "[sink.archive]\nkind = \"s3\"\n{}{more}\n",
                self.keys_of_sink(endpoint)
            ),
            users: outside::user_of("archive"),
            ..Settings::default()
        }
    }

    /// The keys of a sink of kind `s3` that lead here by way of `endpoint`, a line each.
    pub fn keys_of_sink(&self, endpoint: &str) -> String {
        let Self {
            bucket,
            key,
            secret,
            prefix,
            ..
        } = self;
        format!(
            "bucket = \"{bucket}\"\nprefix = \"{prefix}\"\nendpoint = \"{endpoint}\"\n\
             path-style = true\naccess-key = \"{key}\"\nsecret-key = \"{secret}\"\n"
        )
    }

    /// Its address.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// As [`Self::settings`], with the key left to the environment.
    pub fn settings_without_key(&self, more: &str) -> Settings {
        let mut settings = self.settings(more);
        let lines = settings.sinks.lines();
        let is_key = |line: &str| {
            ["access-key", "secret-key"]
                .iter()
                .any(|key| line.starts_with(key))
        };
        let kept = lines.filter(|line| !is_key(line));
        settings.sinks = kept.map(|line| format!("{line}\n")).collect();
        settings
    }

    /// The keys that it holds, without the prefix, in their order.
    pub fn keys(&self) -> Vec<String> {
        let answer = self.ask(&format!("list-type=2&prefix={}%2F", self.prefix));
        self.told(&answer)
    }

    /// The keys of the multipart uploads that were begun and neither completed nor aborted.
    pub fn uploads(&self) -> Vec<String> {
        let answer = self.ask(&format!("prefix={}%2F&uploads=", self.prefix));
        self.told(&answer)
    }

    /// The headers of an object, in small letters.
    pub fn headers(&self, key: &str) -> String {
        let mut curl = self.curl();
        curl.arg("--head").arg(self.address_of(key));
        let told = process::run(&mut curl, "").success().stdout;
        told.to_lowercase()
    }

    /// Store an object as another program does, with these headers.
    pub fn put(&self, key: &str, headers: &[&str], body: &str) {
        let mut curl = self.curl();
        curl.args(["--request", "PUT", "--data-binary", body]);
        for header in headers {
            curl.args(["--header", header]);
        }
        process::run(curl.arg(self.address_of(key)), "").success();
    }

    fn address_of(&self, key: &str) -> String {
        format!("{}/{}/{}/{key}", self.endpoint, self.bucket, self.prefix)
    }

    fn curl(&self) -> Command {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail"])
            .args(["--aws-sigv4", "aws:amz:us-east-1:s3"])
            // Not every curl signs as S3 wants it.
            .args(["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD"])
            .args(["--user", &format!("{}:{}", self.key, self.secret)]);
        curl
    }

    /// In how many parts a key was stored, as its entity tag has it; none if in one request.
    pub fn parts(&self, key: &str) -> Option<u32> {
        let answer = self.ask(&format!("list-type=2&prefix={}%2F{key}", self.prefix));
        let tag = answer.split("<ETag>").nth(1)?.split("</ETag>").next()?;
        let (_, parts) = tag.rsplit_once('-')?;
        let digits = parts.find(|c: char| !c.is_ascii_digit());
        parts[..digits.unwrap_or(parts.len())].parse().ok()
    }

    fn told(&self, answer: &str) -> Vec<String> {
        let prefix = format!("{}/", self.prefix);
        let keys = answer.split("<Key>").skip(1);
        let keys = keys.filter_map(|rest| rest.split("</Key>").next());
        keys.filter_map(|key| Some(key.strip_prefix(&prefix)?.to_owned()))
            .collect()
    }

    fn ask(&self, query: &str) -> String {
        let mut curl = self.curl();
        curl.arg(format!("{}/{}?{query}", self.endpoint, self.bucket));
        process::run(&mut curl, "").success().stdout
    }
}
