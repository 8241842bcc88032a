//! What a login is granted.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{Operations, host};

/// What a login is granted, built up setting by setting. Without a rule nothing is permitted, and
/// without a root or a mount there is nothing to see.
///
/// The host owns what is built, so a plugin needs no newer host than the settings it uses.
pub struct Grant(pub(crate) host::Grant);

impl Grant {
    /// A grant for `principal`: a name that stays the same however the user logged in.
    pub fn new(principal: &str) -> Self {
        Self(host::Grant::new(principal))
    }

    /// Everything the user sees lies below `prefix` of the sink.
    #[must_use]
    pub fn root(self, sink: &str, prefix: &str) -> Self {
        self.0.set_root(sink, prefix);
        self
    }

    /// Shows a prefix of a sink at a virtual directory, over the root where both apply.
    #[must_use]
    pub fn mount(self, directory: &str, sink: &str, prefix: &str) -> Self {
        self.0.add_mount(directory, sink, prefix);
        self
    }

    /// The virtual directory to begin in; `/` unless set.
    #[must_use]
    pub fn home(self, directory: &str) -> Self {
        self.0.set_home(directory);
        self
    }

    /// Permits `operations` on the virtual paths that match `pattern`. Rules apply in order, and
    /// for each operation the last rule that matches decides. `?` stands for one character, `*`
    /// for any within one part of the path, and a last part `**` for the directory before it with
    /// all that lies below.
    #[must_use]
    pub fn allow(self, pattern: &str, operations: Operations) -> Self {
        self.0.allow(pattern, host::operations(operations));
        self
    }

    /// Forbids `operations`; see [`Grant::allow`].
    #[must_use]
    pub fn forbid(self, pattern: &str, operations: Operations) -> Self {
        self.0.forbid(pattern, host::operations(operations));
        self
    }

    /// How many bytes and files may stand below what the user is shown at `/`, whoever stored them;
    /// `None` is without limit. What mounts show elsewhere does not count.
    #[must_use]
    pub fn quota(self, bytes: Option<u64>, files: Option<u64>) -> Self {
        self.0.set_quota(bytes, files);
        self
    }

    /// Bytes per second for all transfers of a session; `None` is without limit.
    #[must_use]
    pub fn bandwidth(self, upload: Option<u64>, download: Option<u64>) -> Self {
        self.0.set_bandwidth(upload, download);
        self
    }

    /// How many sessions the principal may have at once.
    #[must_use]
    pub fn max_sessions(self, count: u32) -> Self {
        self.0.set_max_sessions(count);
        self
    }

    /// How many transfers the principal may run at once.
    #[must_use]
    pub fn max_transfers(self, count: u32) -> Self {
        self.0.set_max_transfers(count);
        self
    }

    /// The largest file that may be stored, in bytes.
    #[must_use]
    pub fn max_upload_size(self, bytes: u64) -> Self {
        self.0.set_max_upload_size(bytes);
        self
    }

    /// When an idle session is closed, in whole seconds.
    #[must_use]
    pub fn idle_timeout(self, after: Duration) -> Self {
        self.0.set_idle_timeout(seconds(after));
        self
    }

    /// How often the session guards are asked whether the session may go on, in whole seconds.
    #[must_use]
    pub fn revalidate_every(self, period: Duration) -> Self {
        self.0.set_revalidate_every(seconds(period));
        self
    }

    /// When the session ends, whatever it does, to the second.
    #[must_use]
    pub fn expires_at(self, moment: SystemTime) -> Self {
        let since = moment.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        self.0.set_expires_at(since.as_secs());
        self
    }

    /// Puts the user in a group that later plugins read.
    #[must_use]
    pub fn group(self, name: &str) -> Self {
        self.0.add_group(name);
        self
    }

    /// Attaches a fact for later plugins, events and the audit trail: not a secret.
    #[must_use]
    pub fn attribute(self, name: &str, value: &str) -> Self {
        self.0.set_attribute(name, value);
        self
    }

    /// The text of the reply to the login.
    #[must_use]
    pub fn welcome(self, text: &str) -> Self {
        self.0.set_welcome(text);
        self
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Grant").field(&self.0).finish()
    }
}

/// Whole seconds as the contract counts them.
fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}
