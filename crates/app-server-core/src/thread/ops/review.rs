//! `review/start`: reviews changes, as a turn of the thread or of a fork of it.

use std::fmt;
use std::sync::Arc;

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    ModeKind, ReviewDelivery, ReviewStartParams, ReviewStartResponse, ReviewTarget, ThreadForkParams,
    ThreadItem, ThreadItemKind, ThreadStartedNotification, Turn, UserInput,
};
use uuid::Uuid;

use super::Forked;
use crate::clock::now_s;
use crate::error::CoreError;
use crate::host::Reply;
use crate::review;
use crate::secrets::Secrets;
use crate::thread::ThreadOp;
use crate::thread::actor::Actor;
use crate::thread::loaded::{Loaded, Prepared};
use crate::thread::settings::Settings;
use crate::turn::{
    self, Conversation, Review, ReviewForm, SharedConversation, TurnContext, Work, merge_base,
};

/// A review that is asked for.
struct Wanted {
    target: ReviewTarget,
    form: ReviewForm,
}

/// What the fork is made of in which a review runs, and the review.
pub struct DetachedReview {
    forked: Forked,
    /// What the source runs with; its file does not tell all of it.
    settings: Settings,
    wanted: Wanted,
}

impl fmt::Debug for DetachedReview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DetachedReview").field("forked", &self.forked).finish_non_exhaustive()
    }
}

impl Actor {
    pub(in crate::thread) async fn review(
        &mut self,
        params: ReviewStartParams,
        reply: Reply<ReviewStartResponse>,
    ) {
        let is_detached = params.delivery == Some(Some(ReviewDelivery::Detached));
        let wanted = match Wanted::new(params, &self.services.secrets()) {
            Ok(wanted) => wanted,
            Err(error) => return reply.send(Err(error)),
        };
        if is_detached {
            return match self.detached(wanted).await {
                Ok(review) => {
                    let op = ThreadOp::BeginReview(Box::new(review), reply);
                    self.services.host.hand_over(Uuid::now_v7(), op);
                }
                Err(error) => reply.send(Err(error)),
            };
        }
        match self.live() {
            Ok(loaded) => loaded.start_review(wanted, reply).await,
            Err(error) => reply.send(Err(error)),
        }
    }

    /// Of the thread whose work is reviewed: finds out what the fork is made of.
    async fn detached(&mut self, wanted: Wanted) -> Result<DetachedReview, CoreError> {
        let settings = self.live()?.settings.clone();
        let params = ThreadForkParams {
            thread_id: self.id.to_string(),
            cwd: Some(settings.cwd.to_string_lossy().into_owned()),
            model: Some(settings.model.clone()),
            model_provider: Some(settings.provider.id.clone()),
            exclude_turns: true,
            ..ThreadForkParams::default()
        };
        Ok(DetachedReview { forked: self.forked(params).await?, settings, wanted })
    }

    /// Of the new thread: becomes the fork and runs the review.
    pub(in crate::thread) async fn begin_review(
        &mut self,
        review: DetachedReview,
        reply: Reply<ReviewStartResponse>,
    ) {
        let DetachedReview { forked, settings, wanted } = review;
        let mut loaded = match self.copy_of(forked).await {
            Ok((loaded, _)) => loaded,
            Err(error) => return reply.send(Err(error)),
        };
        loaded.settings = settings;
        let thread = loaded.thread();
        self.keep(loaded);
        // Before the answer: whoever reads the answer knows the thread then.
        self.services.host.notify(ServerNotification::ThreadStarted(ThreadStartedNotification { thread }));
        match self.live() {
            Ok(loaded) => loaded.start_review(wanted, reply).await,
            Err(error) => reply.send(Err(error)),
        }
    }
}

impl Wanted {
    /// Reads the request.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] for a target that says nothing.
    fn new(params: ReviewStartParams, secrets: &Secrets) -> Result<Self, CoreError> {
        let mut target = review::check(params.target).map_err(CoreError::Invalid)?;
        if let ReviewTarget::Custom { instructions } = &mut target {
            // As with all of the user's words: they are stored and sent.
            *instructions = secrets.mask(instructions).into_owned();
        }
        // Who knows of `delivery` is a client of today, even if it has nothing to say of it.
        let form = match params.delivery {
            Some(_) => ReviewForm::Today,
            None => ReviewForm::First { appends: params.append_to_original_thread == Some(true) },
        };
        Ok(Wanted { target, form })
    }
}

impl Loaded {
    async fn start_review(&mut self, wanted: Wanted, reply: Reply<ReviewStartResponse>) {
        self.subscribe();
        if let Some(running) = &self.running {
            if !running.context.cancel.is_cancelled() {
                let message = "cannot begin a review while a turn is in progress";
                return reply.send(Err(CoreError::Invalid(message.to_owned())));
            }
            // It is ending: this one comes after it.
            self.join_turn().await;
        }
        let Wanted { target, form } = wanted;
        let request = self.review_request(&target).await;
        let (turn, context) = self.prepare_review();
        // Whatever happens once it is answered, the thread can be read and has the turn.
        if let Err(error) = turn::store_start(&context) {
            return reply.send(Err(error));
        }
        let label = match form {
            ReviewForm::Today => review::label(&target),
            ReviewForm::First { .. } => review::sentence(&target),
        };
        let shown = Turn { items: vec![label_item(&turn.id, label)], ..turn.clone() };
        let review_thread_id = self.shared.id().to_owned();
        reply.send(Ok(ReviewStartResponse { review_thread_id, turn: shown.clone() }));
        if self.preview.is_empty() {
            self.preview.clone_from(&request);
        }
        self.recency_at = now_s();
        let review =
            Review { target, form, request, settings: self.settings.clone(), raw_events: self.raw_events };
        let turn = if form == ReviewForm::Today { turn } else { shown };
        self.begin_turn(turn, context, Work::Review(Box::new(review)));
        if let Some(running) = &mut self.running {
            running.turn.items.clear();
        }
    }

    /// What the reviewer is asked. It is made before anything is told, because the thread's preview shows it.
    async fn review_request(&self, target: &ReviewTarget) -> String {
        let base = match review::base_of(target) {
            // Its context only lends its settings.
            Some(branch) => merge_base(&Arc::new(self.prepare_turn(None).context), branch).await,
            None => None,
        };
        review::request(target, base.as_deref())
    }

    /// Puts together a turn whose model is a reviewer.
    fn prepare_review(&self) -> (Turn, TurnContext) {
        let Prepared { turn, context } = self.prepare_turn(None);
        let mut settings = self.settings.clone();
        if let Some(model) = &settings.config.review_model {
            settings.model.clone_from(model);
        }
        settings.base_instructions = review::INSTRUCTIONS.into();
        settings.mode = ModeKind::Default;
        settings.mode_instructions = None;
        let secrets = self.shared.services.known_secrets();
        let conversation = Conversation::within(self.shared.conversation.clone(), secrets);
        let context = TurnContext {
            conversation: SharedConversation::new(conversation),
            model_info: settings.model_info(&self.shared.services.models),
            settings,
            // The items of its model are of another conversation than the thread's.
            raw_events: false,
            ..context
        };
        (turn, context)
    }
}

/// The item that says what is reviewed. It is shown with the turn only, and is no item of the thread.
fn label_item(turn_id: &str, text: String) -> ThreadItem {
    let content = vec![UserInput::Text { text, text_elements: Vec::new() }];
    let kind = ThreadItemKind::UserMessage { id: turn_id.to_owned(), client_id: None, content };
    ThreadItem { kind, started_at_ms: None, completed_at_ms: None }
}
