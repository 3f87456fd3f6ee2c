use std::time::Duration;

/// Exponential backoff with full jitter: each wait is random between 0 and a bound that doubles.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    initial: Duration,
    max: Duration,
    attempts: u32,
}

impl Backoff {
    pub(crate) fn new(initial: Duration, max: Duration) -> Self {
        Self { initial, max, attempts: 0 }
    }

    pub(crate) fn next(&mut self) -> Duration {
        let factor = 1 << self.attempts.min(20);
        self.attempts += 1;
        self.initial.saturating_mul(factor).min(self.max).mul_f64(fastrand::f64())
    }

    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_stay_under_a_bound_that_doubles_up_to_the_largest() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(15));
        for bound in [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000] {
            assert!(backoff.next() <= Duration::from_millis(bound));
        }
        for _ in 0..1000 {
            assert!(backoff.next() <= Duration::from_secs(15));
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(100));
    }

    #[test]
    fn waits_differ() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(1));
        let first = backoff.next();
        assert!((0..20).any(|_| backoff.next() != first));
    }
}
