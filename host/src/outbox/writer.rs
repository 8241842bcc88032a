//! The one thread that writes to the outbox.
//!
//! It takes whatever was ordered while it wrote the last time and does all of it in one
//! transaction, so that many uploads that end at once share what one costs.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, info};

use super::error::{NotStored, StoreError};
use super::store::Store;
use super::tables::{Level, Tables};

/// Orders that wait for the writer, each an event or two: a burst of ten thousand clients that log
/// in at once. Whoever can wait waits beyond it.
const MAX_WAITING: usize = 16 * 1024;

/// Orders done in one transaction: more would save nothing and let the first one wait.
const MAX_GROUP: usize = 1024;

/// What is to be told when the transaction is durable.
type Tell = Box<dyn FnOnce() + Send>;

/// Something to be written.
type Work = Box<dyn FnOnce(&mut Tables<'_>) -> Result<Tell, StoreError> + Send>;

/// Takes orders for the writer, until it is closed.
pub(super) struct Orders(RwLock<Option<mpsc::Sender<Work>>>);

/// What the writer tells everybody.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written {
    /// Counts transactions.
    pub(super) transactions: u64,
    /// How much there is after the last one.
    pub(super) level: Level,
    /// Whether the last transaction failed.
    pub(super) failed: bool,
}

/// `work`, whose outcome is given to `tell` once it is durable; where it fails, both are dropped.
fn telling<T: Send + 'static>(
    work: impl FnOnce(&mut Tables<'_>) -> Result<T, StoreError> + Send + 'static,
    tell: impl FnOnce(T) + Send + 'static,
) -> Work {
    Box::new(move |tables| {
        let value = work(tables)?;
        Ok(Box::new(move || tell(value)))
    })
}

/// `work`, and where its outcome is told once it is durable; where it fails, nothing is.
fn order<T: Send + 'static>(
    work: impl FnOnce(&mut Tables<'_>) -> Result<T, StoreError> + Send + 'static,
) -> (Work, oneshot::Receiver<T>) {
    let (sender, receiver) = oneshot::channel();
    let tell = move |value| {
        // Whoever asked may be gone.
        let _ = sender.send(value);
    };
    (telling(work, tell), receiver)
}

impl Orders {
    /// Has `work` done and waits until it is durable. Only where blocking is allowed.
    pub(super) fn write_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tables<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, NotStored> {
        let (work, done) = order(work);
        self.sender()?.blocking_send(work).map_err(|_| NotStored)?;
        done.blocking_recv().map_err(|_| NotStored)
    }

    /// Has `work` done and waits until it is durable.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tables<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, NotStored> {
        let (work, done) = order(work);
        self.sender()?.send(work).await.map_err(|_| NotStored)?;
        done.await.map_err(|_| NotStored)
    }

    /// Has `work` done and waits for nothing; its outcome is given to `tell` once it is durable.
    ///
    /// # Errors
    /// Too much waits already.
    pub(super) fn write_later<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tables<'_>) -> Result<T, StoreError> + Send + 'static,
        tell: impl FnOnce(T) + Send + 'static,
    ) -> Result<(), NotStored> {
        let sent = self.sender()?.try_send(telling(work, tell));
        sent.map_err(|_| NotStored)
    }

    /// Takes no more orders, so that the writer ends behind those that it has.
    pub(super) fn close(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn sender(&self) -> Result<mpsc::Sender<Work>, NotStored> {
        let sender = self.0.read().unwrap_or_else(PoisonError::into_inner);
        sender.clone().ok_or(NotStored)
    }
}

/// Starts the writer. It ends, and closes the store, when it cannot be given orders any more.
pub(super) fn start(
    store: Arc<Store>,
) -> Result<(Orders, watch::Receiver<Written>, JoinHandle<()>), StoreError> {
    let names = store.names()?;
    let level = store.read(|tables| tables.level())?;
    let written = Written {
        transactions: 0,
        level,
        failed: false,
    };
    let (told, watched) = watch::channel(written);
    let (orders, ordered) = mpsc::channel(MAX_WAITING);
    let thread = thread::Builder::new()
        .name("wharf-outbox".to_owned())
        .spawn(move || run(&store, names, ordered, &told))
        .map_err(redb::StorageError::Io)?;
    Ok((Orders(RwLock::new(Some(orders))), watched, thread))
}

fn run(
    store: &Store,
    mut names: BTreeSet<String>,
    mut orders: mpsc::Receiver<Work>,
    told: &watch::Sender<Written>,
) {
    let mut group = Vec::with_capacity(MAX_GROUP);
    let mut failed = false;
    while orders.blocking_recv_many(&mut group, MAX_GROUP) > 0 {
        // On an error the orders are dropped, by which those who wait hear of it.
        let group = std::mem::take(&mut group);
        let attempt = AssertUnwindSafe(|| {
            if failed {
                store.reopen()?;
                info!("the outbox is open again");
            }
            write(store, &mut names, group)
        });
        // What a panic left behind is not used again: the database is opened anew.
        let outcome = catch_unwind(attempt).unwrap_or(Err(StoreError::Panicked));
        failed = outcome.is_err();
        match outcome {
            Ok((tell, level)) => {
                told.send_modify(|written| {
                    written.transactions += 1;
                    written.level = level;
                    written.failed = false;
                });
                tell.into_iter().for_each(|tell| tell());
            }
            Err(error) => {
                error!(
                    error = &error as &dyn std::error::Error,
                    "the outbox failed"
                );
                told.send_modify(|written| written.failed = true);
            }
        }
    }
    store.close();
}

/// Does all orders of `group` in one transaction.
fn write(
    store: &Store,
    names: &mut BTreeSet<String>,
    group: Vec<Work>,
) -> Result<(Vec<Tell>, Level), StoreError> {
    store.write(names, |tables| {
        let tell = group
            .into_iter()
            .map(|work| work(tables))
            .collect::<Result<Vec<_>, _>>()?;
        Ok((tell, tables.level()?))
    })
}
