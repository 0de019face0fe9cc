//! Requests that must be worked on one after the other, in the order they came (wire specification 1.7).

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// What requests of one lane are about: a family of methods, and what they name if that keeps them apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Lane {
    pub(crate) family: &'static str,
    pub(crate) name: String,
}

impl Lane {
    /// One lane for all requests of a family.
    pub(crate) fn of(family: &'static str) -> Self {
        Lane { family, name: String::new() }
    }
}

/// The lanes somebody is in.
#[derive(Default)]
pub(crate) struct Lanes(HashMap<Lane, Weak<Semaphore>>);

type Turn = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

impl Lanes {
    /// Takes a place at the end of the lane now; the future is ready when it is at the head. Whoever holds what it gives
    /// holds the lane.
    pub(crate) fn enter(
        &mut self,
        lane: Lane,
    ) -> impl Future<Output = Option<OwnedSemaphorePermit>> + Send + use<> {
        // As many as there are requests at work.
        self.0.retain(|_, waiting| waiting.strong_count() > 0);
        let semaphore = self.0.get(&lane).and_then(Weak::upgrade).unwrap_or_else(|| {
            let semaphore = Arc::new(Semaphore::new(1));
            self.0.insert(lane, Arc::downgrade(&semaphore));
            semaphore
        });
        let mut turn: Turn = Box::pin(semaphore.acquire_owned());
        // The semaphore is fair, and its queue is entered by polling.
        let polled = turn.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        async move {
            match polled {
                Poll::Ready(permit) => permit.ok(),
                // Nobody closes the semaphore.
                Poll::Pending => turn.await.ok(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn a_lane_is_passed_in_the_order_of_entering() {
        let mut lanes = Lanes::default();
        let lane = Lane { family: "family", name: "a".to_owned() };
        let first = lanes.enter(lane.clone());
        let second = lanes.enter(lane);
        let other = lanes.enter(Lane::of("family"));
        let mut second = pin!(second);
        assert!(other.await.is_some(), "lanes do not wait for each other");
        assert!(
            poll_once(second.as_mut()).is_pending(),
            "the first is still in it, though nobody has polled it"
        );
        drop(first.await);
        assert!(second.await.is_some());
        drop(lanes.enter(Lane::of("another")));
        assert_eq!(lanes.0.len(), 1, "lanes nobody is in are forgotten");
    }

    fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }
}
