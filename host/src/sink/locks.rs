//! The order of operations on the same keys within one host, which is the order in which they came.
//!
//! An operation has its targets and everything on the way to them for itself: one that is at work
//! in a directory keeps out who would remove or rename that directory, and nobody else there. It
//! waits for all before it whose targets are its own, or hold them, or are held by them. It takes
//! all of its targets at once and never more later, so none waits for one that came after it, and
//! there is no deadlock.
//!
//! Each session has one operation at a time, so no more wait than there may be connections.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::sink::Key;

/// The operations on one sink that are at work or wait.
#[derive(Clone, Debug, Default)]
pub struct Locks(Arc<Mutex<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    /// As they came.
    operations: VecDeque<Operation>,
    next: u64,
}

#[derive(Debug)]
struct Operation {
    number: u64,
    targets: Vec<Key>,
    /// How many of those before it have to end first.
    waits_for: usize,
    /// Tells it that it may begin.
    begin: Option<oneshot::Sender<()>>,
}

/// Keys that no other operation of this host changes as long as this value lives.
#[derive(Debug)]
pub struct Held {
    number: u64,
    locks: Locks,
}

impl Locks {
    /// Waits until `targets` may be changed. Who gives up waiting, by dropping the future, leaves
    /// the queue.
    pub async fn hold(&self, targets: &[&Key]) -> Held {
        let (held, begin) = self.enter(targets);
        // Of a sender that is kept until it has sent.
        let _ = begin.await;
        held
    }

    fn enter(&self, targets: &[&Key]) -> (Held, oneshot::Receiver<()>) {
        let mut queue = self.lock();
        let number = queue.next;
        queue.next += 1;
        let (begin, begun) = oneshot::channel();
        let mut operation = Operation {
            number,
            targets: targets.iter().copied().cloned().collect(),
            waits_for: 0,
            begin: Some(begin),
        };
        let before = queue.operations.iter();
        operation.waits_for = before.filter(|other| other.excludes(&operation)).count();
        operation.begin_if_free();
        queue.operations.push_back(operation);
        let locks = self.clone();
        (Held { number, locks }, begun)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Operation {
    fn excludes(&self, other: &Self) -> bool {
        let mut pairs = self
            .targets
            .iter()
            .flat_map(|target| other.targets.iter().map(move |it| (target, it)));
        pairs.any(|(one, other)| one == other || one.holds(other) || other.holds(one))
    }

    fn begin_if_free(&mut self) {
        if self.waits_for == 0
            && let Some(begin) = self.begin.take()
        {
            // Who no longer listens is about to leave the queue.
            let _ = begin.send(());
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut queue = self.locks.lock();
        let place = queue
            .operations
            .binary_search_by_key(&self.number, |operation| operation.number);
        let Ok(place) = place else { return };
        let Some(ended) = queue.operations.remove(place) else {
            return;
        };
        for later in queue.operations.range_mut(place..) {
            if ended.excludes(later) {
                later.waits_for -= 1;
                later.begin_if_free();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    fn key(text: &str) -> Key {
        Key::parse(text).unwrap()
    }

    enum Turn {
        Waiting(Pin<Box<dyn Future<Output = Held>>>),
        AtWork { _held: Held },
    }

    /// An operation of the model, and what the queue under test has made of it.
    struct Modelled {
        targets: Vec<Key>,
        turn: Turn,
    }

    fn poll(modelled: &mut Modelled) {
        if let Turn::Waiting(waiting) = &mut modelled.turn
            && let Poll::Ready(held) = waiting
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
        {
            modelled.turn = Turn::AtWork { _held: held };
        }
    }

    /// What may not be at work at once, in the words of the system whose order it is: a write lock
    /// on each target, a read lock on all above.
    fn collide(one: &[Key], other: &[Key]) -> bool {
        let above = |key: &Key| {
            let mut keys = Vec::new();
            let mut key = key.clone();
            while let Some((parent, _)) = key.split() {
                keys.push(parent.clone());
                key = parent;
            }
            keys
        };
        let writes_what_is_locked = |one: &[Key], other: &[Key]| {
            one.iter().any(|written| {
                other
                    .iter()
                    .any(|it| it == written || above(it).contains(written))
            })
        };
        writes_what_is_locked(one, other) || writes_what_is_locked(other, one)
    }

    #[test]
    fn whoever_collides_with_none_before_him_is_at_work_and_nobody_else_is() {
        const KEYS: [&str; 8] = ["a", "a/b", "a/b/c", "a/bc", "ab", "d", "d/e", ""];
        for seed in 0..200 {
            let mut random = StdRng::seed_from_u64(seed);
            let locks = Locks::default();
            let mut queue: Vec<Modelled> = Vec::new();
            for _ in 0..100 {
                if queue.is_empty() || random.random_bool(0.55) {
                    let count = random.random_range(1..=2);
                    let targets: Vec<_> = (0..count)
                        .map(|_| key(KEYS[random.random_range(0..KEYS.len())]))
                        .collect();
                    let (locks, wanted) = (locks.clone(), targets.clone());
                    let waiting =
                        async move { locks.hold(&wanted.iter().collect::<Vec<_>>()).await };
                    let turn = Turn::Waiting(Box::pin(waiting));
                    queue.push(Modelled { targets, turn });
                    // It stands in the queue from here on.
                    poll(queue.last_mut().unwrap());
                } else {
                    // Whether it is at work, or gives up waiting.
                    queue.remove(random.random_range(0..queue.len()));
                }
                queue.iter_mut().for_each(poll);
                for (place, modelled) in queue.iter().enumerate() {
                    let before = &queue[..place];
                    let is_free = !before
                        .iter()
                        .any(|it| collide(&it.targets, &modelled.targets));
                    let at_work = matches!(modelled.turn, Turn::AtWork { .. });
                    assert_eq!(at_work, is_free, "seed {seed}, place {place}");
                }
            }
            drop(queue);
            assert!(locks.lock().operations.is_empty());
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_of_many_gets_its_turn() {
        let locks = Locks::default();
        let (shared, counted) = (Arc::new(Mutex::new(0)), 200);
        let workers: Vec<_> = (0..counted)
            .map(|number| {
                let (locks, shared) = (locks.clone(), Arc::clone(&shared));
                tokio::spawn(async move {
                    let (own, common) = (key(&format!("a/{number}")), key("a"));
                    drop(locks.hold(&[&own]).await);
                    let _held = locks.hold(&[&common, &own]).await;
                    let before = *shared.lock().unwrap();
                    tokio::task::yield_now().await;
                    *shared.lock().unwrap() = before + 1;
                })
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
        assert_eq!(*shared.lock().unwrap(), counted);
    }
}
