//! A client for tests of parts that hardly need one.

use super::*;

/// Reads everything at once and says nothing.
pub(crate) struct Silent;

impl Host for Silent {
    fn notify(&self, _: ServerNotification) {}

    fn ask(&self, _: &'static str, _: &RawValue) -> Question {
        unreachable!("nobody is there to answer")
    }

    fn is_congested(&self) -> bool {
        false
    }

    fn drained(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }

    fn thread_idle(&self, _: Uuid) {}

    fn hand_over(&self, _: Uuid, _: ThreadOp) {}
}
