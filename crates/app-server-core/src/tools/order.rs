//! Which calls of one response may run side by side, and which wait for those before them.

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The calls of one response so far, in their order.
#[derive(Default)]
pub(crate) struct Order {
    /// The last call that must have everything to itself.
    exclusive: Option<CancellationToken>,
    /// The calls after it.
    shared: Vec<CancellationToken>,
}

/// A call's place among the others. Dropping it lets those go on that wait for it.
pub(crate) struct Place {
    before: Vec<CancellationToken>,
    _done: DropGuard,
}

impl Order {
    /// Gives the next call its place.
    pub(crate) fn next(&mut self, is_shared: bool) -> Place {
        let done = CancellationToken::new();
        let mut before: Vec<CancellationToken> = self.exclusive.iter().cloned().collect();
        if is_shared {
            self.shared.push(done.clone());
        } else {
            before.append(&mut self.shared);
            self.exclusive = Some(done.clone());
        }
        Place { before, _done: done.drop_guard() }
    }
}

impl Place {
    /// Waits until it is this call's turn and there is a slot for it, which it keeps until what is returned is dropped.
    pub(crate) async fn reached<'a>(&self, slots: &'a Semaphore) -> Option<SemaphorePermit<'a>> {
        for call in &self.before {
            call.cancelled().await;
        }
        // Nobody closes it.
        slots.acquire().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may_run(place: &Place) -> bool {
        place.before.iter().all(CancellationToken::is_cancelled)
    }

    #[test]
    fn exclusive_calls_keep_their_order_and_shared_ones_run_together() {
        let mut order = Order::default();
        let [a, b] = [order.next(true), order.next(true)];
        let patch = order.next(false);
        let [c, d] = [order.next(true), order.next(true)];
        let last = order.next(false);
        assert!(may_run(&a) && may_run(&b) && !may_run(&patch) && !may_run(&c));
        drop(a);
        assert!(!may_run(&patch));
        drop(b);
        assert!(may_run(&patch) && !may_run(&c) && !may_run(&last));
        drop(patch);
        assert!(may_run(&c) && may_run(&d) && !may_run(&last));
        drop((c, d));
        assert!(may_run(&last));
    }
}
