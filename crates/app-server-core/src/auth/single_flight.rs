//! One piece of work at a time, and one outcome for all who asked for the same meanwhile.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

/// Lets one caller work while the others wait for what comes of it. `K` is what is asked for.
#[derive(Debug)]
pub(crate) struct SingleFlight<K, T> {
    finished: AtomicU64,
    last: Mutex<Option<(K, T)>>,
}

impl<K, T> Default for SingleFlight<K, T> {
    fn default() -> Self {
        Self { finished: AtomicU64::new(0), last: Mutex::new(None) }
    }
}

impl<K: PartialEq, T: Clone> SingleFlight<K, T> {
    /// Does the work, unless somebody else's for the same key ended while we waited for our turn: then that outcome is
    /// ours as well.
    pub(crate) async fn run(&self, key: K, work: impl Future<Output = T>) -> T {
        let seen = self.finished.load(Ordering::Acquire);
        let mut last = self.last.lock().await;
        if self.finished.load(Ordering::Acquire) != seen
            && let Some((_, outcome)) = last.as_ref().filter(|(other, _)| *other == key)
        {
            return outcome.clone();
        }
        let outcome = work.await;
        *last = Some((key, outcome.clone()));
        self.finished.fetch_add(1, Ordering::Release);
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn those_who_wait_for_the_same_share_the_outcome_and_those_who_come_later_do_not() {
        let flight = Arc::new(SingleFlight::default());
        let runs = Arc::new(AtomicU64::new(0));
        let work = |key: &'static str| {
            let (flight, runs) = (Arc::clone(&flight), Arc::clone(&runs));
            async move {
                let work = async {
                    tokio::task::yield_now().await;
                    runs.fetch_add(1, Ordering::Relaxed) + 1
                };
                flight.run(key, work).await
            }
        };
        let (a, b, c, other) = tokio::join!(work("token"), work("token"), work("token"), work("another"));
        assert_eq!((a, b, c, other), (1, 1, 1, 2));
        assert_eq!(work("another").await, 3);
    }
}
