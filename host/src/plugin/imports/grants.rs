//! The `grants` interface: a grant as a plugin builds it, and the identity it becomes.

use std::time::{Duration, SystemTime};

use wasmtime::component::Resource;
use wharf_protocol::path::VirtualPath;

use crate::identity::{Bandwidth, GrantMount, Identity, Operation, Rule, Rules};
use crate::plugin::bindings::imports::wharf::plugin::grants::{Host, HostGrant};
use crate::plugin::bindings::imports::wharf::plugin::types::Operations as Flags;
use crate::plugin::instance::InstanceState;
use crate::plugin::paths::MAX_MOUNTS;
use crate::quota::Quota;
use crate::sink::{Key, Location};

/// Rules of one grant; each is looked at for each operation.
const MAX_RULES: usize = 1024;
/// Groups and attributes of one grant; they stand in every event.
const MAX_LABELS: usize = 128;
/// Of one text that a grant holds, in bytes.
const MAX_TEXT: usize = 1024;

/// What a plugin said so far. It is checked as a whole when it is handed over; what was wrong with
/// a setting is kept until then.
#[derive(Debug)]
pub struct GrantDraft {
    identity: Identity,
    rules: Vec<Rule>,
    fault: Option<String>,
}

impl GrantDraft {
    fn new(principal: String) -> Self {
        let mut draft = Self {
            identity: Identity::new(String::new()),
            rules: Vec::new(),
            fault: None,
        };
        draft.check(!principal.is_empty(), || {
            "its principal is empty".to_owned()
        });
        draft.identity.principal = draft.text("principal", principal);
        draft
    }

    /// The sinks that it speaks of.
    pub fn sinks(&self) -> Vec<String> {
        let mounts = self.identity.mounts.iter().map(|mount| &mount.target);
        let shown = self.identity.root.iter().chain(mounts);
        shown.map(|place| place.sink.to_string()).collect()
    }

    /// The identity, if everything that was said makes sense and `sinks` has what it shows.
    ///
    /// # Errors
    /// What does not, for the log.
    pub fn finish(mut self, sinks: &[String]) -> Result<Identity, String> {
        let mounts = self.identity.mounts.iter().map(|mount| &mount.target);
        let shown: Vec<&Location> = self.identity.root.iter().chain(mounts).collect();
        let shows_nothing = shown.is_empty();
        let unknown = shown
            .iter()
            .find(|place| !sinks.iter().any(|sink| **sink == *place.sink))
            .map(|place| format!("there is no sink {:?}", place.sink));
        let counts = self.identity.root.is_some() || !self.identity.quota.is_limited();
        self.check(!shows_nothing, || "it has no root and no mount".to_owned());
        self.check(counts, || {
            "it has a quota of its root, and no root".to_owned()
        });
        if let Some(unknown) = unknown {
            self.check(false, || unknown);
        }
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(Identity {
                rules: Rules::new(self.rules),
                ..self.identity
            }),
        }
    }

    /// Keeps the first thing that is wrong.
    fn check(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds && self.fault.is_none() {
            self.fault = Some(fault());
        }
    }

    /// One line of bounded length.
    fn text(&mut self, what: &str, text: String) -> String {
        let fits = text.len() <= MAX_TEXT && !text.contains(char::is_control);
        self.check(fits, || {
            format!("its {what} is too long or holds a control character")
        });
        text
    }

    fn rule(&mut self, permit: bool, pattern: &str, what: Flags) {
        self.check(self.rules.len() < MAX_RULES, || {
            format!("it has more than {MAX_RULES} rules")
        });
        if self.fault.is_some() {
            return;
        }
        match pattern.parse() {
            Ok(pattern) => self.rules.push(Rule {
                permit,
                pattern,
                operations: operations(what),
            }),
            Err(error) => self.check(false, || format!("its rule {pattern:?}: {error}")),
        }
    }
}

/// The operations that the flags stand for.
pub fn operations(flags: Flags) -> crate::identity::Operations {
    let names = [
        (Flags::BROWSE, Operation::Browse),
        (Flags::STAT, Operation::Stat),
        (Flags::CHANGE_DIRECTORY, Operation::ChangeDirectory),
        (Flags::DOWNLOAD, Operation::Download),
        (Flags::UPLOAD, Operation::Upload),
        (Flags::OVERWRITE, Operation::Overwrite),
        (Flags::APPEND, Operation::Append),
        (Flags::DELETE, Operation::Delete),
        (Flags::RENAME, Operation::Rename),
        (Flags::MAKE_DIRECTORY, Operation::MakeDirectory),
        (Flags::REMOVE_DIRECTORY, Operation::RemoveDirectory),
        (Flags::SET_TIME, Operation::SetTime),
        (Flags::SET_MODE, Operation::SetMode),
        (Flags::CHECKSUM, Operation::Checksum),
        (Flags::COPY, Operation::Copy),
        (Flags::OTHER, Operation::Other),
    ];
    names
        .into_iter()
        .filter_map(|(flag, operation)| flags.contains(flag).then_some(operation))
        .collect()
}

impl InstanceState {
    fn grant(&mut self, grant: &Resource<GrantDraft>) -> wasmtime::Result<&mut GrantDraft> {
        Ok(self.table.get_mut(grant)?)
    }
}

impl Host for InstanceState {}

impl HostGrant for InstanceState {
    fn new(&mut self, principal: String) -> wasmtime::Result<Resource<GrantDraft>> {
        Ok(self.table.push(GrantDraft::new(principal))?)
    }

    fn set_root(
        &mut self,
        grant: Resource<GrantDraft>,
        sink: String,
        prefix: String,
    ) -> wasmtime::Result<()> {
        let grant = self.grant(&grant)?;
        match Key::parse(&prefix) {
            Ok(prefix) => grant.identity.root = Some(Location::new(sink, prefix)),
            Err(error) => grant.check(false, || format!("its root: {error}")),
        }
        Ok(())
    }

    fn add_mount(
        &mut self,
        grant: Resource<GrantDraft>,
        directory: String,
        sink: String,
        prefix: String,
    ) -> wasmtime::Result<()> {
        let grant = self.grant(&grant)?;
        let room = grant.identity.mounts.len() < MAX_MOUNTS;
        grant.check(room, || format!("it has more than {MAX_MOUNTS} mounts"));
        let fault = match (VirtualPath::parse(&directory), Key::parse(&prefix)) {
            (Ok(directory), Ok(prefix)) if room => {
                let target = Location::new(sink, prefix);
                grant.identity.mounts.push(GrantMount { directory, target });
                return Ok(());
            }
            (Err(error), _) => format!("its mount {directory:?}: {error}"),
            (_, Err(error)) => format!("its mount {directory:?}: {error}"),
            _ => return Ok(()),
        };
        grant.check(false, || fault);
        Ok(())
    }

    fn set_home(&mut self, grant: Resource<GrantDraft>, directory: String) -> wasmtime::Result<()> {
        let grant = self.grant(&grant)?;
        match VirtualPath::parse(&directory) {
            Ok(home) => grant.identity.home = home,
            Err(error) => grant.check(false, || format!("its home {directory:?}: {error}")),
        }
        Ok(())
    }

    fn allow(
        &mut self,
        grant: Resource<GrantDraft>,
        pattern: String,
        what: Flags,
    ) -> wasmtime::Result<()> {
        self.grant(&grant)?.rule(true, &pattern, what);
        Ok(())
    }

    fn forbid(
        &mut self,
        grant: Resource<GrantDraft>,
        pattern: String,
        what: Flags,
    ) -> wasmtime::Result<()> {
        self.grant(&grant)?.rule(false, &pattern, what);
        Ok(())
    }

    fn set_quota(
        &mut self,
        grant: Resource<GrantDraft>,
        bytes: Option<u64>,
        files: Option<u64>,
    ) -> wasmtime::Result<()> {
        self.grant(&grant)?.identity.quota = Quota { bytes, files };
        Ok(())
    }

    fn set_bandwidth(
        &mut self,
        grant: Resource<GrantDraft>,
        upload: Option<u64>,
        download: Option<u64>,
    ) -> wasmtime::Result<()> {
        let grant = self.grant(&grant)?;
        let moves = upload != Some(0) && download != Some(0);
        grant.check(moves, || "its bandwidth is 0".to_owned());
        grant.identity.bandwidth = Bandwidth { upload, download };
        Ok(())
    }

    fn set_max_sessions(
        &mut self,
        grant: Resource<GrantDraft>,
        count: u32,
    ) -> wasmtime::Result<()> {
        self.grant(&grant)?.identity.max_sessions = Some(count);
        Ok(())
    }

    fn set_max_transfers(
        &mut self,
        grant: Resource<GrantDraft>,
        count: u32,
    ) -> wasmtime::Result<()> {
        self.grant(&grant)?.identity.max_transfers = Some(count);
        Ok(())
    }

    fn set_max_upload_size(
        &mut self,
        grant: Resource<GrantDraft>,
        bytes: u64,
    ) -> wasmtime::Result<()> {
        self.grant(&grant)?.identity.max_upload_size = Some(bytes);
        Ok(())
    }

    fn set_idle_timeout(
        &mut self,
        grant: Resource<GrantDraft>,
        seconds: u32,
    ) -> wasmtime::Result<()> {
        let grant = self.grant(&grant)?;
        grant.check(seconds > 0, || "its idle time-out is 0".to_owned());
        grant.identity.idle_timeout = Some(Duration::from_secs(seconds.into()));
        Ok(())
    }

    fn set_revalidate_every(
        &mut self,
        grant: Resource<GrantDraft>,
        seconds: u32,
    ) -> wasmtime::Result<()> {
        let grant = self.grant(&grant)?;
        grant.check(seconds > 0, || "it revalidates every 0 seconds".to_owned());
        grant.identity.revalidate_every = Some(Duration::from_secs(seconds.into()));
        Ok(())
    }

    fn set_expires_at(
        &mut self,
        grant: Resource<GrantDraft>,
        unix_seconds: u64,
    ) -> wasmtime::Result<()> {
        let grant = self.grant(&grant)?;
        let expires_at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(unix_seconds));
        grant.check(expires_at.is_some(), || {
            "it expires beyond all time".to_owned()
        });
        grant.identity.expires_at = expires_at;
        Ok(())
    }

    fn add_group(&mut self, grant: Resource<GrantDraft>, name: String) -> wasmtime::Result<()> {
        let grant = self.grant(&grant)?;
        let name = grant.text("group", name);
        let room = grant.identity.groups.len() < MAX_LABELS;
        grant.check(room, || format!("it has more than {MAX_LABELS} groups"));
        if room {
            grant.identity.groups.push(name);
        }
        Ok(())
    }

    fn set_attribute(
        &mut self,
        grant: Resource<GrantDraft>,
        name: String,
        value: String,
    ) -> wasmtime::Result<()> {
        let grant = self.grant(&grant)?;
        let (name, value) = (
            grant.text("attribute", name),
            grant.text("attribute", value),
        );
        let room = grant.identity.attributes.len() < MAX_LABELS;
        grant.check(room, || format!("it has more than {MAX_LABELS} attributes"));
        if room {
            grant.identity.attributes.insert(name, value);
        }
        Ok(())
    }

    fn set_welcome(&mut self, grant: Resource<GrantDraft>, text: String) -> wasmtime::Result<()> {
        let grant = self.grant(&grant)?;
        grant.identity.welcome = Some(super::super::text::one_line(&text));
        Ok(())
    }

    fn drop(&mut self, grant: Resource<GrantDraft>) -> wasmtime::Result<()> {
        self.table.delete(grant)?;
        Ok(())
    }
}
