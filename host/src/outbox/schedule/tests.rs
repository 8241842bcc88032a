//! Orders of delivery, played through with a clock of their own.

use std::collections::BTreeSet;

use super::*;

const PATIENCE: Patience = Patience {
    attempts: 4,
    first: Duration::from_secs(1),
    longest: Duration::from_secs(60),
};

fn row(number: u64, session: u64) -> Row {
    Row {
        number,
        attempts: 0,
        bytes: 500,
        session: format!("s{session}"),
    }
}

/// A plugin that is played: what it was given when, and what it refuses.
struct Play {
    schedule: Schedule,
    rows: Vec<Row>,
    now: Instant,
    begun: Instant,
    calls: Vec<(Duration, Vec<u64>)>,
    taken: Vec<u64>,
    given_up: Vec<u64>,
}

impl Play {
    fn new(rows: impl IntoIterator<Item = Row>) -> Self {
        let now = Instant::now();
        Self {
            schedule: Schedule::new(PATIENCE),
            rows: rows.into_iter().collect(),
            now,
            begun: now,
            calls: Vec::new(),
            taken: Vec::new(),
            given_up: Vec::new(),
        }
    }

    /// Until there is nothing left to do; `takes` says whether a batch is taken.
    fn run(&mut self, mut takes: impl FnMut(Duration, &[u64]) -> bool) {
        for _ in 0..100_000 {
            let more = self
                .rows
                .last()
                .is_some_and(|row| row.number >= self.schedule.next);
            match self.schedule.step(self.now, more) {
                Step::Look(from) => {
                    let rows = self.rows.iter().filter(|row| row.number >= from);
                    let rows = rows.take(MAX_LOOKED_AT).cloned().collect();
                    self.schedule.look(rows, self.now);
                }
                Step::Give(batch) => {
                    let (elapsed, numbers) = (self.now - self.begun, batch.numbers());
                    self.calls.push((elapsed, numbers.clone()));
                    if takes(elapsed, &numbers) {
                        self.schedule.taken(&batch, self.now);
                        self.taken.extend(numbers);
                    } else if let Verdict::GiveUp(number) = self.schedule.failed(batch, self.now) {
                        self.given_up.push(number);
                    }
                }
                Step::Wait(Some(until)) => {
                    assert!(until > self.now, "it would wait for what is past");
                    self.now = until;
                }
                Step::Wait(None) => return,
            }
        }
        panic!("it never ends");
    }

    /// Each event went one way, and those of a session in their order.
    fn check(&self) {
        let all: BTreeSet<_> = self.taken.iter().chain(&self.given_up).copied().collect();
        assert_eq!(
            all.len(),
            self.taken.len() + self.given_up.len(),
            "something went twice"
        );
        assert_eq!(
            all,
            self.rows.iter().map(|row| row.number).collect(),
            "something is missing"
        );
        let session = |number: u64| {
            let row = self.rows.iter().find(|row| row.number == number);
            row.unwrap().session.clone()
        };
        let mut last = BTreeMap::new();
        for number in &self.taken {
            let before = last.insert(session(*number), *number);
            assert!(before < Some(*number), "{number} came behind {before:?}");
        }
        assert!(self.schedule.lanes.is_empty() && self.schedule.due.is_empty());
    }
}

#[test]
fn what_is_taken_goes_in_whole_batches() {
    let mut play = Play::new((0..1000).map(|number| row(number, number % 7)));
    play.run(|_, _| true);
    play.check();
    assert_eq!(play.calls.len(), 4);
    assert_eq!(play.calls[0].1, (0..256).collect::<Vec<_>>());
}

#[test]
fn a_batch_is_bounded_in_bytes_and_takes_an_event_of_any_size() {
    let large = |number| Row {
        bytes: 2_000_000,
        ..row(number, number)
    };
    let mut play = Play::new((0..3).map(large));
    play.run(|_, _| true);
    play.check();
    assert_eq!(play.calls.len(), 3);
}

#[test]
fn one_event_at_fault_holds_up_its_own_session_alone() {
    let mut play = Play::new((0..600).map(|number| row(number, number % 5)));
    play.run(|_, numbers| !numbers.contains(&7));
    play.check();
    assert_eq!(play.given_up, [7]);
    let alone: Vec<_> = play
        .calls
        .iter()
        .filter(|(_, given)| *given == [7])
        .collect();
    // Once in its batch and three times alone, each time later.
    assert_eq!(alone.len(), 3);
    let at = |number: u64| {
        let last = play
            .calls
            .iter()
            .rfind(|(_, given)| given.contains(&number));
        last.unwrap().0
    };
    let others = (0..600)
        .filter(|number| number % 5 != 7 % 5)
        .map(at)
        .max()
        .unwrap();
    assert!(
        others < Duration::from_secs(2),
        "others waited for {others:?}"
    );
    assert!(at(12) > at(7), "12 overtook 7");
}

#[test]
fn delays_grow_and_have_a_bound() {
    for (failures, longest) in [(1, 1), (2, 2), (5, 16), (6, 32), (7, 60), (400, 60)] {
        for _ in 0..100 {
            let delay = PATIENCE.delay(failures);
            let longest = Duration::from_secs(longest);
            assert!(
                delay <= longest && delay >= longest.mul_f64(0.75),
                "{failures}: {delay:?}"
            );
        }
    }
}

#[test]
fn a_back_end_that_is_down_is_not_stormed_and_loses_nothing() {
    let mut play = Play::new((0..20_000).map(|number| row(number, number / 3)));
    let outage = Duration::from_secs(20);
    play.run(|elapsed, _| elapsed > outage);
    play.check();
    assert!(play.given_up.is_empty(), "{:?}", play.given_up);
    let failed = play.calls.iter().filter(|(at, _)| *at <= outage).count();
    assert!(failed < 30, "{failed} calls in vain");
}

#[test]
fn attempts_of_an_earlier_run_count() {
    let tried = |number| Row {
        attempts: 3,
        ..row(number, 0)
    };
    let mut play = Play::new([tried(0), tried(1), row(2, 0), row(3, 1)]);
    play.run(|_, numbers| !numbers.contains(&0));
    play.check();
    assert_eq!(play.given_up, [0]);
    let calls: Vec<_> = play.calls.into_iter().map(|(_, numbers)| numbers).collect();
    assert_eq!(calls, [vec![0], vec![3], vec![1], vec![2]]);
}

#[test]
fn whatever_fails_nothing_is_lost_or_overtaken() {
    for round in 0..200 {
        let sessions = 1 + rand::random::<u64>() % 20;
        let rows = (0..1500).map(|number| row(number, rand::random::<u64>() % sessions));
        let mut play = Play::new(rows);
        let poison: BTreeSet<u64> = (0..round % 7)
            .map(|_| rand::random::<u64>() % 1500)
            .collect();
        play.run(|_, numbers| {
            !numbers.iter().any(|number| poison.contains(number))
                && rand::random::<u64>() % 10 > round % 4
        });
        play.check();
        assert!(poison.iter().all(|number| play.given_up.contains(number)));
    }
}
