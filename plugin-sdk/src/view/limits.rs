//! How much a user may have.

use std::time::Duration;

use serde::Deserialize;

use crate::config::{ByteSize, Period};
use crate::{Grant, Problems};

/// A table of limits. Without one it is the host's, or there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ViewLimits {
    /// Sessions at once.
    pub max_sessions: Option<u32>,
    /// Transfers at once, of all sessions together.
    pub max_transfers: Option<u32>,
    /// Of one file.
    pub max_upload_size: Option<ByteSize>,
    /// Per second, for all transfers of a session.
    pub upload_rate: Option<ByteSize>,
    /// Per second, for all transfers of a session.
    pub download_rate: Option<ByteSize>,
    /// How much may be stored in all; `quota` says the same.
    #[serde(alias = "quota")]
    pub quota_size: Option<ByteSize>,
    /// How many files may be stored in all.
    pub quota_files: Option<u64>,
    /// When an idle session is closed.
    pub idle_timeout: Option<Period>,
    /// How often session guards are asked.
    pub revalidate_every: Option<Period>,
}

impl ViewLimits {
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            max_sessions: self.max_sessions.or(other.max_sessions),
            max_transfers: self.max_transfers.or(other.max_transfers),
            max_upload_size: self.max_upload_size.or(other.max_upload_size),
            upload_rate: self.upload_rate.or(other.upload_rate),
            download_rate: self.download_rate.or(other.download_rate),
            quota_size: self.quota_size.or(other.quota_size),
            quota_files: self.quota_files.or(other.quota_files),
            idle_timeout: self.idle_timeout.or(other.idle_timeout),
            revalidate_every: self.revalidate_every.or(other.revalidate_every),
        }
    }

    /// Notes limits under which nothing could be done.
    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        let none = |size: Option<ByteSize>| size == Some(ByteSize(0));
        let short = |time: Option<Period>| time.is_some_and(|time| time.0 < Duration::from_secs(1));
        for (setting, is_wrong) in [
            ("upload-rate", none(self.upload_rate)),
            ("download-rate", none(self.download_rate)),
            ("idle-timeout", short(self.idle_timeout)),
            ("revalidate-every", short(self.revalidate_every)),
        ] {
            if is_wrong {
                problems.add(format!("{key}.{setting}"), "is too little for anything");
            }
        }
    }

    /// The grant with those limits that there are.
    pub(super) fn set(&self, mut grant: Grant) -> Grant {
        let bytes = |size: Option<ByteSize>| size.map(|size| size.0);
        if let Some(count) = self.max_sessions {
            grant = grant.max_sessions(count);
        }
        if let Some(count) = self.max_transfers {
            grant = grant.max_transfers(count);
        }
        if let Some(ByteSize(size)) = self.max_upload_size {
            grant = grant.max_upload_size(size);
        }
        if self.upload_rate.is_some() || self.download_rate.is_some() {
            grant = grant.bandwidth(bytes(self.upload_rate), bytes(self.download_rate));
        }
        if self.quota_size.is_some() || self.quota_files.is_some() {
            grant = grant.quota(bytes(self.quota_size), self.quota_files);
        }
        if let Some(Period(after)) = self.idle_timeout {
            grant = grant.idle_timeout(after);
        }
        if let Some(Period(every)) = self.revalidate_every {
            grant = grant.revalidate_every(every);
        }
        grant
    }
}
