//! What is done when the model asks for nothing more, and when a turn is over.

use std::sync::Arc;

use app_server_protocol::v2::ThreadItem;

use super::{TurnContext, TurnEnd, TurnOutcome};
use crate::{hooks, notify};

/// Whether the model is asked again although it called for nothing: there is something new for it to read. Its last
/// message is the one that would end the turn.
pub(super) async fn goes_on(context: &Arc<TurnContext>, last_message: Option<&ThreadItem>) -> bool {
    // The turn goes on anyway when there is more input.
    context.pending.is_empty() && hooks::before_end(context, last_message).await
}

/// What follows a turn, before its end is told. `asks_model` is false for a turn that the model may have no part in.
pub(super) async fn after_end(context: &Arc<TurnContext>, asks_model: bool, outcome: &TurnOutcome) {
    if matches!(outcome.end, TurnEnd::Interrupted) {
        hooks::turn_interrupted(context);
    }
    if asks_model || outcome.last_message.is_some() {
        notify::turn_ended(context, outcome);
    }
}
