//! State that outlives the host, is bounded, and is seen by its plugin alone.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// A clock that is turned by hand, in milliseconds.
#[derive(Clone, Default)]
struct Hands(Arc<AtomicU64>);

impl Hands {
    fn clock(&self) -> Clock {
        let hands = Arc::clone(&self.0);
        Arc::new(move || hands.load(Ordering::SeqCst))
    }

    fn pass(&self, milliseconds: u64) {
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

fn store(hands: &Hands) -> Arc<StateStore> {
    let backend = redb::backends::InMemoryBackend::new();
    let database = Database::builder().create_with_backend(backend).unwrap();
    Arc::new(StateStore::start(database, hands.clock()).unwrap())
}

fn space(max_bytes: u64) -> StateSpace {
    StateSpace::new(store(&Hands::default()), "a", max_bytes)
}

fn key(name: &str) -> String {
    name.to_owned()
}

#[tokio::test]
async fn what_is_set_is_there_and_belongs_to_one_plugin() {
    let store = store(&Hands::default());
    let one = StateSpace::new(Arc::clone(&store), "one", 1000);
    let other = StateSpace::new(store, "other", 1000);
    one.set(key("k"), b"v".to_vec(), None).await.unwrap();
    assert_eq!(one.get("k").unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(other.get("k").unwrap(), None);
    other.remove(key("k")).await.unwrap();
    assert!(
        !other
            .swap(key("k"), Some(b"v".to_vec()), vec![])
            .await
            .unwrap()
    );
    assert_eq!(other.increment(key("k"), 5, None).await.unwrap(), 5);
    assert_eq!(one.get("k").unwrap().as_deref(), Some(&b"v"[..]));
    one.remove(key("k")).await.unwrap();
    one.remove(key("k")).await.unwrap();
    assert_eq!(one.get("k").unwrap(), None);
    assert_eq!(other.get("k").unwrap().as_deref(), Some(&b"5"[..]));
}

#[tokio::test]
async fn keys_and_values_count_exactly() {
    let space = space(10);
    space.set(key("ab"), vec![0; 8], None).await.unwrap();
    let full = Err(StateError::Quota);
    assert_eq!(space.set(key("c"), vec![], None).await, full);
    assert_eq!(space.set(key("ab"), vec![0; 9], None).await, full);
    assert_eq!(
        space.get("ab").unwrap(),
        Some(vec![0; 8]),
        "it is as it was"
    );
    space.set(key("ab"), vec![1; 8], None).await.unwrap();
    space.set(key("ab"), vec![1; 4], None).await.unwrap();
    space.set(key("cd"), vec![2; 2], None).await.unwrap();
    assert_eq!(
        space.increment(key("e"), 1, None).await,
        Err(StateError::Quota)
    );
    space.remove(key("cd")).await.unwrap();
    assert_eq!(space.increment(key("e"), 999, None).await, Ok(999));
    let sum = space.increment(key("e"), 1, None).await;
    assert_eq!(sum, Err(StateError::Quota), "1000 is longer than 999");
}

#[tokio::test]
async fn keys_and_values_have_a_length() {
    let space = space(1 << 30);
    let long = "k".repeat(MAX_KEY + 1);
    let large = vec![0; MAX_VALUE + 1];
    let refused = StateError::TooLarge;
    assert_eq!(
        space.set(long.clone(), vec![], None).await,
        Err(refused.clone())
    );
    assert_eq!(
        space.set(key("k"), large.clone(), None).await,
        Err(refused.clone())
    );
    assert_eq!(
        space.increment(long.clone(), 1, None).await,
        Err(refused.clone())
    );
    assert_eq!(space.swap(long, None, vec![]).await, Err(refused.clone()));
    assert_eq!(space.swap(key("k"), None, large).await, Err(refused));
    let edge = ("k".repeat(MAX_KEY), vec![0; MAX_VALUE]);
    space.set(edge.0, edge.1, None).await.unwrap();
}

#[tokio::test]
async fn what_has_expired_is_gone_at_once_and_makes_room() {
    let hands = Hands::default();
    let space = StateSpace::new(store(&hands), "a", 20);
    for name in ["a", "b", "c", "d"] {
        space.set(key(name), vec![0; 4], Some(10)).await.unwrap();
    }
    assert_eq!(
        space.set(key("e"), vec![0; 4], None).await,
        Err(StateError::Quota)
    );
    hands.pass(9_999);
    assert!(space.get("a").unwrap().is_some());
    hands.pass(1);
    assert_eq!(space.get("a").unwrap(), None);
    space.set(key("e"), vec![0; 19], None).await.unwrap();
    assert_eq!(
        space.set(key("f"), vec![], None).await,
        Err(StateError::Quota)
    );
    hands.pass(1 << 40);
    assert!(space.get("e").unwrap().is_some(), "it has no time to live");
}

#[tokio::test]
async fn a_time_to_live_is_replaced_by_set_and_kept_by_the_others() {
    let hands = Hands::default();
    let space = StateSpace::new(store(&hands), "a", 1000);
    space.increment(key("count"), 1, Some(10)).await.unwrap();
    space
        .set(key("set"), b"1".to_vec(), Some(10))
        .await
        .unwrap();
    space
        .set(key("swapped"), b"1".to_vec(), Some(10))
        .await
        .unwrap();
    hands.pass(5_000);
    assert_eq!(space.increment(key("count"), 1, Some(10)).await, Ok(2));
    space
        .set(key("set"), b"2".to_vec(), Some(10))
        .await
        .unwrap();
    let swapped = space.swap(key("swapped"), Some(b"1".to_vec()), b"2".to_vec());
    assert_eq!(swapped.await, Ok(true));
    hands.pass(5_000);
    assert_eq!(space.get("count").unwrap(), None);
    assert_eq!(space.get("swapped").unwrap(), None);
    assert!(space.get("set").unwrap().is_some());
    assert_eq!(space.increment(key("count"), 1, Some(10)).await, Ok(1));
    let swapped = space.swap(key("swapped"), None, b"3".to_vec());
    assert_eq!(swapped.await, Ok(true));
}

#[tokio::test]
async fn only_whole_numbers_are_counted() {
    let space = space(1000);
    space.set(key("text"), b"one".to_vec(), None).await.unwrap();
    space
        .set(key("max"), i64::MAX.to_string().into(), None)
        .await
        .unwrap();
    for name in ["text", "max"] {
        let counted = space.increment(key(name), 1, None).await;
        assert_eq!(counted, Err(StateError::NoNumber), "{name}");
    }
    assert_eq!(space.increment(key("down"), -7, None).await, Ok(-7));
    assert_eq!(space.increment(key("down"), 5, None).await, Ok(-2));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_lose_nothing() {
    let space = space(1000);
    let counting = (0..64).map(|_| {
        let space = space.clone();
        tokio::spawn(async move {
            for _ in 0..16 {
                space.increment(key("count"), 1, None).await.unwrap();
            }
            space
                .swap(key("first"), None, b"me".to_vec())
                .await
                .unwrap()
        })
    });
    let mut winners = 0;
    for task in counting.collect::<Vec<_>>() {
        winners += u32::from(task.await.unwrap());
    }
    assert_eq!(winners, 1);
    assert_eq!(space.get("count").unwrap().as_deref(), Some(&b"1024"[..]));
}

#[tokio::test]
async fn it_survives_the_process_with_its_count() {
    for durability in [Durability::Os, Durability::Fsync] {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("state.redb");
        let store = Arc::new(StateStore::open(&file, durability).unwrap());
        let space = StateSpace::new(store, "a", 10);
        space.set(key("k"), vec![7; 8], None).await.unwrap();
        // As kill -9 leaves it: answered, and not closed.
        let crashed = directory.path().join("crashed.redb");
        std::fs::copy(&file, &crashed).unwrap();
        drop(space);
        for file in [file, crashed] {
            let store = Arc::new(StateStore::open(&file, durability).unwrap());
            let space = StateSpace::new(store, "a", 10);
            assert_eq!(space.get("k").unwrap(), Some(vec![7; 8]));
            let more = space.set(key("l"), vec![7; 1], None).await;
            assert_eq!(more, Err(StateError::Quota));
            space.set(key("l"), vec![], None).await.unwrap();
        }
    }
}
