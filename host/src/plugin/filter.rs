//! The `listing-filter` role: what a listing shows, a page at a time.

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::Store;
use wharf_protocol::listing::{Entry, EntryKind};
use wharf_protocol::path::VirtualPath;
use wharf_protocol::timestamp::Timestamp;

use super::bindings::imports::wharf::plugin::types;
use super::bindings::listing_filter::exports::wharf::plugin::listing_filter as wit;
use super::call::Plugin;
use super::facts::SessionFacts;
use super::fault::CallError;
use super::instance::{InstanceState, PluginInstance};
use super::refusal::Refusal;

/// Entries of one page: a call costs microseconds, and so does each entry.
pub const PAGE_ENTRIES: usize = 256;

/// Entries that may take a page's place.
const MAX_SHAPED: usize = 4 * PAGE_ENTRIES;

impl Plugin {
    /// What takes the place of a page of the listing of `directory`.
    ///
    /// # Errors
    /// It has no answer, or one that cannot be shown. The listing ends then: what it would have
    /// hidden is not known.
    pub async fn shape(
        &self,
        session: &Arc<SessionFacts>,
        directory: &VirtualPath,
        page: Vec<Entry>,
        last: bool,
    ) -> Result<Vec<Entry>, Refusal> {
        let shown = page.iter().map(to_guest).collect();
        let answer = self.ask(Arc::clone(session), directory, shown, last).await;
        let shaped = answer.and_then(|shaped| {
            from_guest(page, shaped).map_err(|fault| self.at_fault("shape", fault))
        });
        shaped.map_err(|cause| Refusal::undecided(self, &cause))
    }

    async fn ask(
        &self,
        session: Arc<SessionFacts>,
        directory: &VirtualPath,
        page: Vec<types::Entry>,
        last: bool,
    ) -> Result<Vec<types::Entry>, CallError> {
        let directory = directory.as_str().to_owned();
        let shaped = self.call("shape", session, move |instance, client| {
            Box::pin(async move {
                if let Some(shape) = &instance.direct.shape {
                    let question = (client, directory, page, last);
                    return Ok(shape.call(&mut instance.store, question)?.0);
                }
                let (guest, store) = guest(instance)?;
                guest
                    .call_shape(store, client, &directory, &page, last)
                    .await
            })
        });
        Ok(shaped.await??)
    }
}

fn guest(
    instance: &mut PluginInstance,
) -> wasmtime::Result<(&wit::Guest, &mut Store<InstanceState>)> {
    let PluginInstance { exports, store, .. } = instance;
    let role = exports
        .listing_filter
        .as_ref()
        .ok_or_else(|| wasmtime::format_err!("no listing filter"))?;
    Ok((role.wharf_plugin_listing_filter(), store))
}

fn to_guest(entry: &Entry) -> types::Entry {
    types::Entry {
        name: entry.name().to_owned(),
        kind: match entry.kind {
            EntryKind::File => types::EntryKind::File,
            EntryKind::Directory => types::EntryKind::Directory,
            EntryKind::Symlink => types::EntryKind::Other,
        },
        size: entry.size,
        modified_ms: entry.modified.and_then(milliseconds),
    }
}

/// The entries as the filter wants them. What it was not shown of an entry, such as the permission
/// bits, stays with the name.
fn from_guest(page: Vec<Entry>, shaped: Vec<types::Entry>) -> Result<Vec<Entry>, CallError> {
    if shaped.len() > MAX_SHAPED {
        return Err(CallError::Nonsense(format!(
            "it puts more than {MAX_SHAPED} entries for a page"
        )));
    }
    let mut known: HashMap<String, Entry> = page
        .into_iter()
        .map(|entry| (entry.name().to_owned(), entry))
        .collect();
    let entry = |shaped: types::Entry| {
        let kind = match shaped.kind {
            types::EntryKind::File => EntryKind::File,
            types::EntryKind::Directory => EntryKind::Directory,
            types::EntryKind::Other => EntryKind::Symlink,
        };
        let known = known.remove(&shaped.name);
        let kept = known.filter(|known| known.kind == kind);
        let mut entry = match kept {
            Some(known) => known,
            None => new(&shaped.name, kind)?,
        };
        entry.size = shaped.size;
        if entry.modified.and_then(milliseconds) != shaped.modified_ms {
            entry.modified = shaped.modified_ms.map(timestamp);
        }
        Ok(entry)
    };
    shaped.into_iter().map(entry).collect()
}

fn new(name: &str, kind: EntryKind) -> Result<Entry, CallError> {
    let listable = name != "/" && name.len() <= MAX_NAME && !name.contains(char::is_control);
    let entry = listable.then(|| Entry::new(name, kind)).flatten();
    entry.ok_or_else(|| {
        let shown: String = name.chars().take(100).collect();
        CallError::Nonsense(format!("no entry can be called {shown:?}"))
    })
}

/// Of a name, in bytes: as much as a file system takes.
const MAX_NAME: usize = 255;

/// Since 1970; none before that.
fn milliseconds(time: Timestamp) -> Option<u64> {
    let seconds = u64::try_from(time.unix_seconds()).ok()?;
    seconds
        .checked_mul(1000)?
        .checked_add(u64::from(time.nanoseconds() / 1_000_000))
}

fn timestamp(milliseconds: u64) -> Timestamp {
    let seconds = i64::try_from(milliseconds / 1000).unwrap_or(i64::MAX);
    // Below 1000, so that it fits.
    let rest = u32::try_from(milliseconds % 1000).unwrap_or(0);
    Timestamp::from_unix(seconds, rest * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaped(name: &str, kind: types::EntryKind) -> types::Entry {
        types::Entry {
            name: name.to_owned(),
            kind,
            size: 7,
            modified_ms: Some(1_500),
        }
    }

    #[test]
    fn what_a_filter_returns_is_shown_if_it_can_be() {
        let long = "n".repeat(256);
        for (name, shown) in [
            ("a", true),
            ("é ü", true),
            ("...", true),
            ("", false),
            (".", false),
            ("..", false),
            ("/", false),
            ("a/b", false),
            ("a\r\nb", false),
            ("a\u{1b}[2J", false),
            (long.as_str(), false),
        ] {
            let entries = vec![shaped(name, types::EntryKind::File)];
            assert_eq!(from_guest(Vec::new(), entries).is_ok(), shown, "{name:?}");
        }
        let many = vec![shaped("a", types::EntryKind::File); MAX_SHAPED + 1];
        assert!(from_guest(Vec::new(), many).is_err());
    }

    #[test]
    fn an_entry_keeps_what_the_filter_was_not_shown() {
        let mut there = Entry::new("a", EntryKind::File).unwrap();
        there.mode = Some(0o640);
        there.modified = Some(Timestamp::from_unix(1, 500_000_001));
        let kept = from_guest(
            vec![there.clone()],
            vec![shaped("a", types::EntryKind::File)],
        );
        there.size = 7;
        assert_eq!(kept.unwrap(), [there.clone()]);
        let other = from_guest(vec![there], vec![shaped("a", types::EntryKind::Directory)]);
        assert_eq!(other.unwrap()[0].mode, None);
    }

    #[test]
    fn times_survive_the_way_there_and_back() {
        for milliseconds_in in [0, 1, 999, 1_000, 1_700_000_000_123] {
            assert_eq!(
                milliseconds(timestamp(milliseconds_in)),
                Some(milliseconds_in)
            );
        }
        assert_eq!(milliseconds(Timestamp::from_unix(-1, 0)), None);
    }
}
