//! What operators see of the outbox, and what they can do to it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Outbox;
use super::delivery::now_ms;
use super::error::{NotStored, StoreError};
use super::snapshot::{Snapshot, known_names};
use super::tables::Tables;
use crate::event::{Event, Kind};

/// Entries of one list: as many as a page should show, whatever was asked for.
pub const MAX_LISTED: usize = 1000;

/// What is to be listed or changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Filter {
    /// Only what this plugin has before it.
    pub plugin: Option<String>,
    /// Only events of this kind.
    pub kind: Option<Kind>,
    /// Only dead letters, or only what still waits.
    pub dead: Option<bool>,
}

/// One event that one plugin has not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// The number of the event in the outbox.
    pub number: u64,
    /// The plugin.
    pub plugin: String,
    /// How often it was tried in vain.
    pub attempts: u32,
    /// Whether it is tried again.
    pub state: State,
    /// What happened.
    pub event: Event,
}

/// Whether an event is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is.
    Waiting,
    /// It is not, unless an operator says so.
    Dead {
        /// When it was given up, in milliseconds since 1970 in UTC.
        at_ms: u64,
        /// Why.
        cause: String,
    },
}

/// How much one plugin has before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Backlog {
    /// The plugin, which need not be loaded.
    pub plugin: String,
    /// Events that wait for it.
    pub waiting: u64,
    /// Events that were given up.
    pub dead: u64,
}

/// A part of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Page {
    /// In the order of the outbox.
    pub entries: Vec<Entry>,
    /// Where the next part begins: behind this number. None at the end.
    pub next: Option<u64>,
}

/// What is to be retried or dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Selection {
    /// Only these events; all where it is missing. At most [`MAX_LISTED`] are looked at.
    pub numbers: Option<Vec<u64>>,
    /// And only what this lets through.
    pub filter: Filter,
}

impl Filter {
    fn lets_through(&self, event: &Event) -> bool {
        self.kind.is_none_or(|kind| kind == event.kind)
    }

    /// The plugins that it lets through.
    fn names(&self, tables: &Snapshot) -> Result<Vec<String>, StoreError> {
        let names = known_names(tables)?.into_iter();
        let wanted = |name: &String| self.plugin.as_ref().is_none_or(|plugin| plugin == name);
        Ok(names.filter(wanted).collect())
    }
}

impl Outbox {
    /// What is kept, from behind the number `after` on, about `limit` entries of it. It blocks.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub fn list(
        &self,
        filter: &Filter,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let (from, limit) = (
            after.map_or(0, |after| after + 1),
            limit.clamp(1, MAX_LISTED),
        );
        self.store.read(|tables| {
            let mut entries = Vec::new();
            for name in filter.names(tables)? {
                entries.extend(first_entries(tables, filter, &name, from, limit)?);
            }
            entries.sort_by(|a: &Entry, b| (a.number, &a.plugin).cmp(&(b.number, &b.plugin)));
            // A page never ends between two plugins' entries for one event.
            let last = entries.get(limit - 1).map(|entry| entry.number);
            let before = entries.len();
            if let Some(last) = last {
                entries.retain(|entry| entry.number <= last);
            }
            let cut = entries.len() < before || last.is_some();
            Ok(Page {
                entries,
                next: last.filter(|_| cut),
            })
        })
    }

    /// What is kept of the event `number`, one entry for each plugin. It blocks.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub fn show(&self, number: u64) -> Result<Vec<Entry>, StoreError> {
        let filter = Filter::default();
        self.store.read(|tables| {
            let mut entries = Vec::new();
            for name in filter.names(tables)? {
                let first = first_entries(tables, &filter, &name, number, 1)?;
                entries.extend(first.into_iter().filter(|entry| entry.number == number));
            }
            Ok(entries)
        })
    }

    /// Has what `selection` names delivered now, dead letters as if they had never been tried; says
    /// how much that is. It blocks.
    ///
    /// # Errors
    /// The log says why.
    pub fn retry(&self, selection: &Selection) -> Result<u64, NotStored> {
        self.revise(selection, |tables, entry| match entry.state {
            State::Waiting => Ok(true),
            State::Dead { .. } => tables.revive(&entry.plugin, entry.number),
        })
    }

    /// Forgets what `selection` names, and says how much that is. It blocks.
    ///
    /// # Errors
    /// The log says why.
    pub fn drop_events(&self, selection: &Selection) -> Result<u64, NotStored> {
        self.revise(selection, |tables, entry| {
            tables.forget(&entry.plugin, entry.number)
        })
    }

    /// Does `change` to all that `selection` names, page by page, so that uploads need not wait
    /// long, and has the plugins look at their deliveries again.
    fn revise(
        &self,
        selection: &Selection,
        change: fn(&mut Tables<'_>, &Entry) -> Result<bool, StoreError>,
    ) -> Result<u64, NotStored> {
        let mut revised = 0;
        let mut after = None;
        let mut numbers = selection.numbers.iter().flatten().take(MAX_LISTED);
        loop {
            let page = match (&selection.numbers, numbers.next()) {
                (Some(_), None) => break,
                (Some(_), Some(number)) => self.show(*number).map(|entries| Page {
                    entries,
                    next: Some(*number),
                }),
                (None, _) => self.list(&selection.filter, after, MAX_LISTED),
            };
            let page = page.map_err(|error| {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "events cannot be read"
                );
                NotStored
            })?;
            let (filter, next) = (selection.filter.clone(), page.next);
            revised += self.orders.write_blocking(move |tables| {
                let mut changed = 0;
                for entry in page.entries.iter().filter(|entry| entry.is_of(&filter)) {
                    changed += u64::from(change(tables, entry)?);
                }
                Ok(changed)
            })?;
            after = next;
            if next.is_none() {
                break;
            }
        }
        self.revised.send_modify(|revision| *revision += 1);
        Ok(revised)
    }

    /// How much each plugin has before it, those included that are not loaded. It blocks, and
    /// counts.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub fn backlogs(&self) -> Result<Vec<Backlog>, StoreError> {
        self.store.read(|tables| {
            let names = known_names(tables)?.into_iter();
            names
                .map(|plugin| {
                    Ok(Backlog {
                        waiting: tables.waiting_count(&plugin)?,
                        dead: tables.dead_count(&plugin)?,
                        plugin,
                    })
                })
                .collect()
        })
    }

    /// How many events are kept, dead letters included.
    pub fn depth(&self) -> u64 {
        self.level().events
    }

    /// How many dead letters there are. It blocks.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub fn dead_letters(&self) -> Result<u64, StoreError> {
        self.store.read(Snapshot::dead)
    }

    /// How long ago the oldest event happened that waits to be delivered; none where none waits. It
    /// blocks.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub fn oldest_age(&self) -> Result<Option<Duration>, StoreError> {
        let at_ms = self.store.read(|tables| {
            let mut oldest: Option<u64> = None;
            for name in known_names(tables)? {
                let first = tables.rows(&name, 0, 1)?;
                let event = first.first().map(|row| tables.event(row.number));
                let at_ms = event.transpose()?.flatten().map(|event| event.at_ms);
                oldest = oldest.into_iter().chain(at_ms).min();
            }
            Ok(oldest)
        })?;
        Ok(at_ms.map(|at_ms| Duration::from_millis(now_ms().saturating_sub(at_ms))))
    }
}

impl Entry {
    fn is_of(&self, filter: &Filter) -> bool {
        let is_dead = matches!(self.state, State::Dead { .. });
        filter.lets_through(&self.event)
            && filter.dead.is_none_or(|dead| dead == is_dead)
            && filter
                .plugin
                .as_ref()
                .is_none_or(|plugin| *plugin == self.plugin)
    }
}

/// The first entries of the plugin `name` from the number `from` on that `filter` lets through.
fn first_entries(
    tables: &Snapshot,
    filter: &Filter,
    name: &str,
    from: u64,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    for is_dead in [false, true] {
        if filter.dead.is_some_and(|dead| dead != is_dead) {
            continue;
        }
        let found: Box<dyn Iterator<Item = Result<Entry, StoreError>>> = match is_dead {
            false => Box::new(tables.waiting_entries(name, from)?),
            true => Box::new(tables.dead_entries(name, from)?),
        };
        let wanted = found.filter(|entry| match entry {
            Ok(entry) => filter.lets_through(&entry.event),
            Err(_) => true,
        });
        let wanted: Vec<_> = wanted.take(limit).collect::<Result<_, _>>()?;
        entries.extend(wanted);
    }
    Ok(entries)
}
