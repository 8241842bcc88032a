//! `wharf events`: what plugins have not taken yet, and what they will not be given any more.

mod query;
mod render;

use std::sync::Arc;

use clap::{Args, Subcommand};

use super::ConfigDirectory;
use super::status::on_a_runtime;
use crate::admin::client::{AdminClient, AskError};
use crate::admin::events::Revised;
use crate::config::{Config, Durability, Events};
use crate::event::Kind;
use crate::outbox::{Entry, FILE_NAME, Filter, MAX_LISTED, Outbox, Page, Selection};

/// What to do with the outbox.
#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// List what plugins have not taken, oldest first
    List {
        #[command(flatten)]
        wanted: Wanted,
        /// At most so many
        #[arg(long, default_value_t = 100, value_name = "COUNT")]
        limit: usize,
        /// Print JSON, one entry in a line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        directory: ConfigDirectory,
    },
    /// Show one event whole, and how far each plugin is with it
    Show {
        /// Its number in the list
        number: u64,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        directory: ConfigDirectory,
    },
    /// Have events delivered now, dead letters as if they had never been tried
    Retry(Change),
    /// Forget events: they are never delivered
    Drop(Change),
}

/// What is listed or changed.
#[derive(Clone, Debug, Args)]
pub struct Wanted {
    /// Only dead letters: what was given up
    #[arg(long)]
    dead: bool,
    /// Only what this plugin has before it
    #[arg(long, value_name = "NAME")]
    plugin: Option<String>,
    /// Only events of this kind, such as upload
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<Kind>,
}

/// Which events are changed.
#[derive(Debug, Args)]
pub struct Change {
    /// The numbers of the events in the list
    #[arg(required_unless_present = "all", conflicts_with = "all", num_args = 1..=MAX_LISTED)]
    numbers: Vec<u64>,
    /// All that are wanted
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    directory: ConfigDirectory,
}

fn kind(name: &str) -> Result<Kind, String> {
    Kind::named(name).ok_or_else(|| {
        let names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        format!("the kinds are {}", names.join(", "))
    })
}

impl Wanted {
    fn filter(&self) -> Filter {
        Filter {
            plugin: self.plugin.clone(),
            kind: self.kind,
            dead: self.dead.then_some(true),
        }
    }
}

impl EventsCommand {
    /// Does it.
    pub fn run(&self) -> anyhow::Result<()> {
        match self {
            Self::List {
                wanted,
                limit,
                json,
                directory,
            } => list(&OutboxDoor::find(directory)?, wanted, *limit, *json),
            Self::Show {
                number,
                json,
                directory,
            } => show(&OutboxDoor::find(directory)?, *number, *json),
            Self::Retry(change) => {
                let entries = OutboxDoor::find(&change.directory)?.retry(&change.selection())?;
                println!("{entries} retried");
                Ok(())
            }
            Self::Drop(change) => {
                let entries = OutboxDoor::find(&change.directory)?.discard(&change.selection())?;
                println!("{entries} dropped");
                Ok(())
            }
        }
    }
}

impl Change {
    fn selection(&self) -> Selection {
        Selection {
            numbers: (!self.all).then(|| self.numbers.clone()),
            filter: self.wanted.filter(),
        }
    }
}

fn list(outbox: &OutboxDoor, wanted: &Wanted, limit: usize, json: bool) -> anyhow::Result<()> {
    let (mut after, mut left) = (None, limit);
    while left > 0 {
        let Page { entries, next } = outbox.list(&wanted.filter(), after, left.min(MAX_LISTED))?;
        left = left.saturating_sub(entries.len());
        for entry in &entries {
            match json {
                true => println!("{}", serde_json::to_string(entry)?),
                false => println!("{}", render::line(entry)),
            }
        }
        after = next;
        if next.is_none() {
            break;
        }
    }
    Ok(())
}

fn show(outbox: &OutboxDoor, number: u64, json: bool) -> anyhow::Result<()> {
    let entries = outbox.show(number)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&entries)?);
    } else {
        print!("{}", render::whole(&entries)?);
    }
    Ok(())
}

/// The outbox, through the host that runs, or its file where none does.
enum OutboxDoor {
    Host(AdminClient),
    File(Arc<Outbox>),
    /// No host runs, and none ever kept an event.
    Nothing,
}

impl OutboxDoor {
    fn find(directory: &ConfigDirectory) -> anyhow::Result<Self> {
        let state_dir = Config::state_dir(&directory.config)?;
        let client = AdminClient::new(&state_dir);
        match on_a_runtime(client.text("/healthz"))? {
            Ok(_) => return Ok(Self::Host(client)),
            Err(AskError::NoHost(_)) => {}
            Err(error) => return Err(error.into()),
        }
        if !state_dir.join(FILE_NAME).try_exists()? {
            return Ok(Self::Nothing);
        }
        // What is changed by hand may take as long as a disk does.
        let outbox = Outbox::open(&state_dir, Durability::Fsync, &Events::default())?;
        Ok(Self::File(outbox))
    }

    fn list(&self, filter: &Filter, after: Option<u64>, limit: usize) -> anyhow::Result<Page> {
        Ok(match self {
            Self::Host(client) => {
                let query = query::encoded(filter, after, limit);
                let path = format!("/api/v1/events?{query}");
                on_a_runtime(client.get(&path))??
            }
            Self::File(outbox) => outbox.list(filter, after, limit)?,
            Self::Nothing => Page::default(),
        })
    }

    fn show(&self, number: u64) -> anyhow::Result<Vec<Entry>> {
        let entries = match self {
            Self::Host(client) => on_a_runtime(client.get(&format!("/api/v1/events/{number}")))??,
            Self::File(outbox) => outbox.show(number)?,
            Self::Nothing => Vec::new(),
        };
        anyhow::ensure!(!entries.is_empty(), "there is no event {number}");
        Ok(entries)
    }

    fn retry(&self, selection: &Selection) -> anyhow::Result<u64> {
        Ok(match self {
            Self::Host(client) => {
                let revised = client.post::<Revised>("/api/v1/events/retry", selection);
                on_a_runtime(revised)??.revised
            }
            Self::File(outbox) => outbox.retry(selection)?,
            Self::Nothing => 0,
        })
    }

    fn discard(&self, selection: &Selection) -> anyhow::Result<u64> {
        Ok(match self {
            Self::Host(client) => {
                let revised = client.post::<Revised>("/api/v1/events/drop", selection);
                on_a_runtime(revised)??.revised
            }
            Self::File(outbox) => outbox.drop_events(selection)?,
            Self::Nothing => 0,
        })
    }
}

impl Drop for OutboxDoor {
    fn drop(&mut self) {
        if let Self::File(outbox) = self {
            outbox.close();
        }
    }
}
