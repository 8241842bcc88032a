//! Tables of strangers' doings have a bound: what counts least makes room.

use std::collections::HashMap;
use std::hash::Hash;

/// Makes room for one more in `entries`, of which there are at most `capacity`: forgets what is
/// `over`, and then, where that is not enough, an eighth by the lowest `rank`. So many at a time
/// keep the cost of each small while a flood lasts.
pub(super) fn make_room<K: Eq + Hash, V, R: Ord + Copy>(
    entries: &mut HashMap<K, V>,
    capacity: usize,
    over: impl Fn(&V) -> bool,
    rank: impl Fn(&V) -> R,
) {
    if entries.len() < capacity {
        return;
    }
    entries.retain(|_, value| !over(value));
    let kept = capacity / 8 * 7;
    if entries.len() <= kept {
        return;
    }
    let mut ranks: Vec<R> = entries.values().map(&rank).collect();
    let surplus = ranks.len() - kept;
    let (_, &mut lowest_kept, _) = ranks.select_nth_unstable(surplus);
    let mut forgotten = 0;
    entries.retain(|_, value| {
        let forget = rank(value) <= lowest_kept && forgotten < surplus;
        forgotten += usize::from(forget);
        !forget
    });
}
