//! Stops asking a plugin that keeps failing, and tries now and then whether it has recovered.
//!
//! A plugin keeps failing when it fails more often than it answers. One client whose file makes it
//! trap must not have it taken from all the others, whom it serves well.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many faults within the window are no accident any more.
const FAULTS: usize = 5;
/// What fails this often within the window is paused, however often it answers.
const FAULTS_MAX: usize = 1000;
/// How long a fault is held against a plugin.
const WINDOW: Duration = Duration::from_secs(30);
/// The first pause: what fails for a moment only is back before most clients have tried again.
const PAUSE_FIRST: Duration = Duration::from_secs(5);
/// The longest pause: how late a recovery may be noticed.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// A fault that is held against a plugin.
#[derive(Clone, Copy, Debug)]
struct Held {
    at: Instant,
    /// How many answers there had been.
    answers: usize,
}

/// Whether calls go through, and what led to that. It knows no clock.
#[derive(Debug)]
enum Circuit {
    /// They do. The latest faults, oldest first.
    Closed(VecDeque<Held>),
    /// They do not.
    Open { until: Instant, pause: Duration },
    /// One does, and shows whether the others may. After how long a pause.
    HalfOpen { pause: Duration },
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Admission {
    /// It goes through.
    Ordinary,
    /// It goes through and is the one that decides.
    Probe,
    /// It does not, for so long.
    Refused(Duration),
}

impl Circuit {
    fn admit(&mut self, now: Instant) -> Admission {
        match *self {
            Self::Closed(_) => Admission::Ordinary,
            Self::Open { until, pause } if until <= now => {
                *self = Self::HalfOpen { pause };
                Admission::Probe
            }
            Self::Open { until, .. } => Admission::Refused(until - now),
            // How long the probe takes nobody knows.
            Self::HalfOpen { .. } => Admission::Refused(Duration::ZERO),
        }
    }

    /// A call failed through the plugin's fault, after so many `answers` since it was suspected.
    /// Returns the pause that begins, if one does.
    fn fault(&mut self, probe: bool, answers: usize, now: Instant) -> Option<Duration> {
        let pause = match self {
            Self::Closed(faults) => {
                faults.retain(|fault| now.duration_since(fault.at) < WINDOW);
                faults.push_back(Held { at: now, answers });
                let before = faults.front().map_or(answers, |first| first.answers);
                let keeps_failing =
                    faults.len() > answers.wrapping_sub(before) || faults.len() >= FAULTS_MAX;
                if faults.len() < FAULTS || !keeps_failing {
                    return None;
                }
                PAUSE_FIRST
            }
            Self::HalfOpen { pause } if probe => (*pause * 2).min(PAUSE_MAX),
            // A call that began before the pause did.
            Self::Open { .. } | Self::HalfOpen { .. } => return None,
        };
        let until = now + pause;
        *self = Self::Open { until, pause };
        Some(pause)
    }

    /// The probe succeeded.
    fn recover(&mut self) {
        *self = Self::Closed(VecDeque::new());
    }

    /// The probe ended without a result: the next call is one.
    fn give_up(&mut self, now: Instant) {
        if let Self::HalfOpen { pause } = *self {
            *self = Self::Open { until: now, pause };
        }
    }
}

/// The circuit of one plugin, for calls from many threads.
#[derive(Debug)]
pub struct Breaker {
    circuit: Mutex<Circuit>,
    /// Whether it is closed: read before every call, so that the lock is left alone.
    closed: AtomicBool,
    /// Whether a fault is held against the plugin: answers are counted only then.
    suspected: AtomicBool,
    /// Answers that were counted.
    answers: AtomicUsize,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            circuit: Mutex::new(Circuit::Closed(VecDeque::new())),
            closed: AtomicBool::new(true),
            suspected: AtomicBool::new(false),
            answers: AtomicUsize::new(0),
        }
    }
}

impl Breaker {
    /// Lets a call through, or says for how long none gets through.
    pub fn admit(&self) -> Result<Admitted<'_>, Duration> {
        let mut admission = Admission::Ordinary;
        if !self.closed.load(Ordering::Acquire) {
            admission = self.lock().admit(Instant::now());
        }
        match admission {
            Admission::Ordinary => Ok(Admitted {
                breaker: self,
                probe: false,
            }),
            Admission::Probe => Ok(Admitted {
                breaker: self,
                probe: true,
            }),
            Admission::Refused(left) => Err(left),
        }
    }

    /// What an operator calls its state.
    pub fn state(&self) -> &'static str {
        match *self.lock() {
            Circuit::Closed(_) => "closed",
            Circuit::Open { .. } => "open",
            Circuit::HalfOpen { .. } => "half-open",
        }
    }

    /// For how long no call gets through, if none does.
    pub fn pause(&self) -> Option<Duration> {
        match *self.lock() {
            Circuit::Open { until, .. } => until.checked_duration_since(Instant::now()),
            Circuit::Closed(_) | Circuit::HalfOpen { .. } => None,
        }
    }

    /// Holds a fault against the plugin that was noticed when its call had ended. Returns the pause
    /// that begins with it, if one does.
    pub fn fault(&self) -> Option<Duration> {
        self.fault_of(false)
    }

    /// Forgets all faults.
    #[cfg(test)]
    pub fn reset(&self) {
        self.lock().recover();
        self.closed.store(true, Ordering::Release);
    }

    /// Lets the next call be a probe.
    #[cfg(test)]
    pub fn end_pause(&self) {
        let (until, pause) = (Instant::now(), PAUSE_FIRST);
        *self.lock() = Circuit::Open { until, pause };
    }

    fn fault_of(&self, probe: bool) -> Option<Duration> {
        let mut circuit = self.lock();
        let answers = self.answers.load(Ordering::Relaxed);
        let pause = circuit.fault(probe, answers, Instant::now());
        self.suspected.store(true, Ordering::Relaxed);
        self.closed
            .store(matches!(*circuit, Circuit::Closed(_)), Ordering::Release);
        pause
    }

    fn lock(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that was let through.
#[derive(Debug)]
pub struct Admitted<'b> {
    breaker: &'b Breaker,
    probe: bool,
}

impl Admitted<'_> {
    /// The plugin has answered. Returns whether that ended a pause.
    pub fn succeeded(mut self) -> bool {
        if !std::mem::take(&mut self.probe) {
            if self.breaker.suspected.load(Ordering::Relaxed) {
                self.breaker.answers.fetch_add(1, Ordering::Relaxed);
            }
            return false;
        }
        let mut circuit = self.breaker.lock();
        circuit.recover();
        self.breaker.suspected.store(false, Ordering::Relaxed);
        self.breaker.closed.store(true, Ordering::Release);
        true
    }

    /// The plugin was at fault. Returns the pause that begins with it, if one does.
    pub fn faulted(mut self) -> Option<Duration> {
        let probe = std::mem::take(&mut self.probe);
        self.breaker.fault_of(probe)
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        // Whoever waited for the answer went away, or it was nobody's fault.
        if self.probe {
            self.breaker.lock().give_up(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens, at which second, and what comes of it.
    enum Step {
        Call(u64, Admission),
        Fault(u64, Option<u64>),
        ProbeFault(u64, Option<u64>),
        Recovered,
        GivenUp(u64),
    }
    use Step::*;

    #[track_caller]
    fn play(steps: &[Step]) {
        let start = Instant::now();
        let at = |seconds: &u64| start + Duration::from_secs(*seconds);
        let pause = |seconds: &Option<u64>| seconds.map(Duration::from_secs);
        let mut circuit = Circuit::Closed(VecDeque::new());
        for (index, step) in steps.iter().enumerate() {
            match step {
                Call(now, expected) => assert_eq!(circuit.admit(at(now)), *expected, "{index}"),
                Fault(now, expected) => {
                    assert_eq!(circuit.fault(false, 0, at(now)), pause(expected), "{index}");
                }
                ProbeFault(now, expected) => {
                    assert_eq!(circuit.fault(true, 0, at(now)), pause(expected), "{index}");
                }
                Recovered => circuit.recover(),
                GivenUp(now) => circuit.give_up(at(now)),
            }
        }
    }

    const ORDINARY: Admission = Admission::Ordinary;
    const PROBE: Admission = Admission::Probe;
    const fn refused(seconds: u64) -> Admission {
        Admission::Refused(Duration::from_secs(seconds))
    }

    #[test]
    fn five_faults_in_a_row_open_it() {
        play(&[
            Fault(0, None),
            Fault(1, None),
            Fault(2, None),
            Fault(3, None),
            Call(3, ORDINARY),
            Fault(4, Some(5)),
            Call(4, refused(5)),
            Call(8, refused(1)),
            Call(9, PROBE),
            Call(9, refused(0)),
        ]);
    }

    #[test]
    fn a_plugin_that_answers_more_often_than_it_fails_is_asked_on() {
        let breaker = Breaker::default();
        for _ in 0..10 * FAULTS {
            breaker.admit().unwrap().faulted();
            breaker.admit().unwrap().succeeded();
            breaker.admit().unwrap().succeeded();
        }
        assert_eq!(breaker.state(), "closed");
        while breaker.state() == "closed" {
            breaker.admit().unwrap().faulted();
        }
    }

    #[test]
    fn answers_from_before_the_window_do_not_count() {
        let start = Instant::now();
        let mut circuit = Circuit::Closed(VecDeque::new());
        // For an hour one call in a thousand fails, always before the last fault is forgotten.
        let last = 3600 / 20;
        for fault in 0..=last {
            let at = start + Duration::from_secs(20 * fault);
            assert_eq!(circuit.fault(false, 1000 * fault as usize, at), None);
        }
        // Then all do.
        let broken = start + Duration::from_secs(20 * last + 11);
        let mut faults = (0..FAULTS).map(|_| circuit.fault(false, 1000 * last as usize, broken));
        assert!(faults.any(|pause| pause == Some(PAUSE_FIRST)));
    }

    #[test]
    fn old_faults_are_forgotten() {
        play(&[
            Fault(0, None),
            Fault(1, None),
            Fault(2, None),
            Fault(3, None),
            Fault(30, None),
            Fault(40, None),
            Fault(41, None),
            Fault(42, None),
            Fault(43, Some(5)),
        ]);
    }

    #[test]
    fn a_pause_doubles_up_to_a_minute_and_ends_with_a_success() {
        let five = |steps: &mut Vec<Step>, at| {
            steps.extend((0..4).map(|_| Fault(at, None)));
            steps.push(Fault(at, Some(5)));
        };
        let mut steps = Vec::new();
        five(&mut steps, 0);
        let mut now = 5;
        for pause in [10, 20, 40, 60, 60] {
            steps.extend([Call(now, PROBE), ProbeFault(now, Some(pause))]);
            now += pause;
        }
        steps.extend([Call(now, PROBE), Recovered, Call(now, ORDINARY)]);
        five(&mut steps, now);
        play(&steps);
    }

    #[test]
    fn what_began_before_a_pause_changes_nothing() {
        play(&[
            Fault(0, None),
            Fault(0, None),
            Fault(0, None),
            Fault(0, None),
            Fault(0, Some(5)),
            Fault(1, None),
            Call(5, PROBE),
            Fault(5, None),
            ProbeFault(5, Some(10)),
        ]);
    }

    #[test]
    fn a_probe_that_nobody_waits_for_is_made_again() {
        play(&[
            Fault(0, None),
            Fault(0, None),
            Fault(0, None),
            Fault(0, None),
            Fault(0, Some(5)),
            Call(5, PROBE),
            GivenUp(6),
            Call(6, PROBE),
            ProbeFault(6, Some(10)),
        ]);
    }

    #[test]
    fn calls_find_it_open_until_a_probe_succeeds() {
        let breaker = Breaker::default();
        for _ in 0..FAULTS {
            assert_eq!(breaker.state(), "closed");
            breaker.admit().unwrap().faulted();
        }
        assert_eq!(breaker.state(), "open");
        assert!(breaker.admit().is_err());
        breaker.end_pause();
        drop(breaker.admit().unwrap());
        let probe = breaker.admit().unwrap();
        assert_eq!(breaker.state(), "half-open");
        assert!(breaker.admit().is_err(), "one at a time");
        assert!(probe.succeeded());
        assert_eq!(breaker.state(), "closed");
        assert!(!breaker.admit().unwrap().succeeded());
    }
}
