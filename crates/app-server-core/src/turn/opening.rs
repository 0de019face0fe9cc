//! What is done about the user's input before the model sees it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::value::RawValue;

use super::{TurnContext, TurnInput, text_message};
use crate::{hooks, skills};

impl TurnContext {
    /// Takes input, and what it brings with it: the texts it names and what hooks add, in messages of their own. A hook may
    /// forbid it.
    pub(super) async fn take_opened(self: &Arc<Self>, input: TurnInput) {
        let opened = hooks::before_input(self, &input).await;
        self.tell_model(&of_hooks(&opened.before));
        let Some(behind) = opened.behind else { return };
        let told = told(self, &input).await;
        self.take_input(input);
        self.hooks.has_input.store(true, Ordering::Release);
        self.tell_model(&told);
        self.tell_model(&of_hooks(&behind));
    }

    fn tell_model(&self, messages: &[Box<RawValue>]) {
        if messages.is_empty() {
            return;
        }
        let mut conversation = self.conversation.lock();
        for message in messages {
            self.record(&mut conversation, message);
        }
        conversation.flush();
    }
}

/// What hooks have for the model.
fn of_hooks(texts: &[String]) -> Vec<Box<RawValue>> {
    texts.iter().map(|text| text_message("developer", text)).collect()
}

/// The messages that follow the user's.
async fn told(context: &Arc<TurnContext>, input: &TurnInput) -> Vec<Box<RawValue>> {
    skills::asked_for(context, &input.content).await
}
