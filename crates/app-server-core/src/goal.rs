//! What a thread works towards: an objective that is pursued turn after turn until it is reached, rests, or has used up
//! its budget. Holds the rules of it and tells of each change; when a turn begins is the thread's business.

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    ThreadGoal, ThreadGoalStatus, ThreadGoalUpdatedNotification, TokenUsageBreakdown,
};
use serde::{Deserialize, Serialize};

use crate::clock::now_ms;
use crate::error::CoreError;
use crate::thread::ThreadShared;
use crate::turn::{Conversation, TurnContext, text_message};

/// Turns in a row that began by themselves and in which the model used no tool; then it is taken to be stuck.
const IDLE_TURNS: u32 = 3;

/// The goal of a thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Goal {
    objective: String,
    status: ThreadGoalStatus,
    token_budget: Option<i64>,
    tokens_used: i64,
    time_used_ms: i64,
    /// Unix milliseconds, as are those below.
    created_at: i64,
    updated_at: i64,
    /// Since when time counts: while a turn runs and the goal is active.
    clock: Option<i64>,
    /// A turn should begin by itself.
    is_due: bool,
    /// The running turn began by itself.
    is_continuation: bool,
    idle_turns: u32,
    /// The budget was reached in the running turn, in which the model has not been told yet.
    owes_notice: bool,
    /// Something was spent since it was last told of.
    is_untold: bool,
}

/// What is to be changed of a goal; what is `None` stays.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) objective: Option<String>,
    pub(crate) status: Option<ThreadGoalStatus>,
    pub(crate) token_budget: Option<i64>,
}

/// The end of a turn, as a goal sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TurnEnded {
    Completed {
        used_tools: bool,
    },
    Interrupted,
    /// By a limit of the account, or by anything else.
    Failed {
        by_limit: bool,
    },
}

impl Goal {
    fn new(objective: String, now_ms: i64) -> Self {
        Goal {
            objective,
            status: ThreadGoalStatus::Active,
            token_budget: None,
            tokens_used: 0,
            time_used_ms: 0,
            created_at: now_ms,
            updated_at: now_ms,
            clock: None,
            is_due: false,
            is_continuation: false,
            idle_turns: 0,
            owes_notice: false,
            is_untold: false,
        }
    }

    /// Makes the change on the goal there is, or begins one.
    ///
    /// # Errors
    /// When the objective is blank, the budget is none, or there is no goal to change.
    pub(crate) fn changed(
        known: Option<&Goal>,
        thread_id: &str,
        change: Change,
        now_ms: i64,
    ) -> Result<Goal, CoreError> {
        let objective = change.objective.map(|objective| objective.trim().to_owned());
        if objective.as_ref().is_some_and(String::is_empty) {
            return Err(CoreError::Invalid("goal objective must not be empty".to_owned()));
        }
        if change.token_budget.is_some_and(|budget| budget <= 0) {
            return Err(CoreError::Invalid("goal budgets must be positive when provided".to_owned()));
        }
        let mut goal = match (known, objective) {
            (None, None) => return Err(CoreError::Invalid(format!("thread {thread_id} has no goal"))),
            // The same words again do not begin it anew, unless it was over.
            (Some(known), Some(objective))
                if known.objective == objective && known.status != ThreadGoalStatus::Complete =>
            {
                known.clone()
            }
            (Some(known), None) => known.clone(),
            (known, Some(objective)) => Goal {
                token_budget: known.and_then(|known| known.token_budget),
                clock: known.and_then(|known| known.clock),
                is_continuation: known.is_some_and(|known| known.is_continuation),
                ..Goal::new(objective, now_ms)
            },
        };
        let had_budget = goal.has_budget();
        goal.token_budget = change.token_budget.or(goal.token_budget);
        if let Some(status) = change.status {
            goal.set_status(status, now_ms);
            goal.idle_turns = 0;
        } else if goal.status == ThreadGoalStatus::BudgetLimited && !had_budget {
            // A larger budget is asked for to go on.
            goal.set_status(ThreadGoalStatus::Active, now_ms);
        }
        if !goal.has_budget() {
            goal.exhaust(now_ms);
        }
        goal.is_due = goal.is_active();
        goal.updated_at = now_ms;
        Ok(goal)
    }

    pub(crate) fn is_active(&self) -> bool {
        self.status == ThreadGoalStatus::Active
    }

    /// Whether an idle thread should begin a turn.
    pub(crate) fn is_due(&self) -> bool {
        self.is_due && self.is_active()
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.status == ThreadGoalStatus::Complete
    }

    /// What is left of the budget, if there is one.
    pub(crate) fn tokens_left(&self) -> Option<i64> {
        self.token_budget.map(|budget| (budget - self.tokens_used).max(0))
    }

    fn has_budget(&self) -> bool {
        self.tokens_left() != Some(0)
    }

    fn exhaust(&mut self, now_ms: i64) {
        if self.is_active() {
            self.set_status(ThreadGoalStatus::BudgetLimited, now_ms);
        }
    }

    pub(crate) fn set_status(&mut self, status: ThreadGoalStatus, now_ms: i64) {
        let has_clock = self.clock.is_some();
        self.stop_clock(now_ms);
        self.status = status;
        if has_clock && self.is_active() {
            self.clock = Some(now_ms);
        }
    }

    /// A turn has begun, or one runs while the goal becomes active.
    pub(crate) fn start_clock(&mut self, now_ms: i64) {
        if self.is_active() {
            self.clock.get_or_insert(now_ms);
        }
    }

    fn stop_clock(&mut self, now_ms: i64) {
        if let Some(since) = self.clock.take() {
            self.time_used_ms += (now_ms - since).max(0);
        }
    }

    /// Counts what a response took. What comes from the provider's cache is not counted.
    fn spend(&mut self, usage: &TokenUsageBreakdown, now_ms: i64) {
        if !self.is_active() {
            return;
        }
        let tokens = (usage.input_tokens - usage.cached_input_tokens).max(0) + usage.output_tokens;
        self.tokens_used = self.tokens_used.saturating_add(tokens);
        self.is_untold = true;
        if !self.has_budget() {
            self.exhaust(now_ms);
            self.owes_notice = true;
        }
    }

    /// A turn begins by itself: returns what the model is told in it.
    fn continuation(&mut self) -> String {
        self.is_due = false;
        self.is_continuation = true;
        include_str!("prompts/goal.md")
            .trim_end()
            .replace("{spent}", &self.spent())
            .replace("{objective}", &self.objective)
    }

    /// What the model is told once the budget is used up.
    fn notice(&mut self) -> Option<String> {
        std::mem::take(&mut self.owes_notice)
            .then(|| include_str!("prompts/goal_budget.md").trim_end().replace("{spent}", &self.spent()))
    }

    fn turn_ended(&mut self, end: TurnEnded, now_ms: i64) {
        self.stop_clock(now_ms);
        self.owes_notice = false;
        let is_continuation = std::mem::take(&mut self.is_continuation);
        if !self.is_active() {
            return;
        }
        match end {
            TurnEnded::Completed { used_tools } => {
                self.idle_turns = if is_continuation && !used_tools { self.idle_turns + 1 } else { 0 };
                if self.idle_turns >= IDLE_TURNS {
                    self.idle_turns = 0;
                    self.status = ThreadGoalStatus::Blocked;
                }
                self.is_due = true;
            }
            TurnEnded::Interrupted => self.status = ThreadGoalStatus::Paused,
            TurnEnded::Failed { by_limit: true } => self.status = ThreadGoalStatus::UsageLimited,
            TurnEnded::Failed { by_limit: false } => self.status = ThreadGoalStatus::Blocked,
        }
    }

    /// In words.
    pub(crate) fn spent(&self) -> String {
        let seconds = self.time_used_ms / 1000;
        match self.token_budget {
            Some(budget) => format!("{} of {budget} tokens, {seconds} seconds", self.tokens_used),
            None => format!("{} tokens, {seconds} seconds", self.tokens_used),
        }
    }

    /// The goal as the wire shows it.
    pub(crate) fn wire(&self, thread_id: &str) -> ThreadGoal {
        ThreadGoal {
            created_at: self.created_at / 1000,
            objective: self.objective.clone(),
            status: self.status,
            thread_id: thread_id.to_owned(),
            time_used_seconds: self.time_used_ms / 1000,
            token_budget: self.token_budget,
            tokens_used: self.tokens_used,
            updated_at: self.updated_at / 1000,
        }
    }

    /// Reads the event that [`record`] writes. A file holds those of the thread it was forked from as well, and a fork
    /// has no goal of its own. Returns `None` where the event says nothing of this thread.
    pub(crate) fn read(payload: &str, thread_id: &str) -> Option<Option<Goal>> {
        #[derive(Deserialize)]
        struct Event {
            thread_id: String,
            goal: Option<ThreadGoal>,
        }
        let Event { thread_id: of, goal } = serde_json::from_str(payload).ok()?;
        if of != thread_id {
            return None;
        }
        Some(goal.map(|goal| Goal {
            status: goal.status,
            token_budget: goal.token_budget,
            tokens_used: goal.tokens_used,
            time_used_ms: goal.time_used_seconds.saturating_mul(1000),
            created_at: goal.created_at.saturating_mul(1000),
            updated_at: goal.updated_at.saturating_mul(1000),
            is_due: true,
            ..Goal::new(goal.objective, 0)
        }))
    }
}

/// Adds the line of the goal as it is now, or of there being none any more.
pub(crate) fn record(conversation: &mut Conversation, thread_id: &str, turn_id: Option<&str>) {
    #[derive(Serialize)]
    struct Updated<'a> {
        thread_id: &'a str,
        turn_id: Option<&'a str>,
        goal: Option<ThreadGoal>,
    }
    let goal = conversation.goal.as_ref().map(|goal| goal.wire(thread_id));
    conversation.event("thread_goal_updated", &Updated { thread_id, turn_id, goal });
}

/// Tells of the goal as it is now.
pub(crate) fn tell(shared: &ThreadShared, conversation: &Conversation, turn_id: Option<&str>) {
    let Some(goal) = &conversation.goal else { return };
    shared.listener.notify(ServerNotification::ThreadGoalUpdated(ThreadGoalUpdatedNotification {
        goal: goal.wire(shared.id()),
        thread_id: shared.id().to_owned(),
        turn_id: turn_id.map(str::to_owned),
    }));
}

/// Changes the goal, if there is one. What shows is recorded and told.
pub(crate) fn update(
    shared: &ThreadShared,
    conversation: &mut Conversation,
    turn_id: &str,
    change: impl FnOnce(&mut Goal, i64),
) {
    let now = now_ms();
    let Some(goal) = &mut conversation.goal else { return };
    let before = goal.wire(shared.id());
    change(goal, now);
    if std::mem::take(&mut goal.is_untold) || goal.wire(shared.id()) != before {
        goal.updated_at = now;
        record(conversation, shared.id(), Some(turn_id));
        conversation.flush();
        tell(shared, conversation, Some(turn_id));
    }
}

/// Counts what a response of a turn took. It is told with the end of the turn, or when it uses up the budget.
pub(crate) fn spend(context: &TurnContext, conversation: &mut Conversation, usage: &TokenUsageBreakdown) {
    let Some(goal) = &mut conversation.goal else { return };
    goal.spend(usage, now_ms());
    if goal.owes_notice && std::mem::take(&mut goal.is_untold) {
        record(conversation, context.thread.id(), Some(&context.turn_id));
        conversation.flush();
        tell(&context.thread, conversation, Some(&context.turn_id));
    }
}

/// Tells the model of a running turn that the budget is used up, once.
pub(crate) fn remind(context: &TurnContext, conversation: &mut Conversation) {
    if let Some(text) = conversation.goal.as_mut().and_then(Goal::notice) {
        context.record(conversation, &text_message("user", &text));
    }
}

/// Begins a turn of the goal's own: returns what the model is told in it.
pub(crate) fn continuation(conversation: &mut Conversation) -> Option<String> {
    conversation.goal.as_mut().map(Goal::continuation)
}

/// Takes in the end of a turn.
pub(crate) fn turn_ended(
    shared: &ThreadShared,
    conversation: &mut Conversation,
    turn_id: &str,
    end: TurnEnded,
) {
    update(shared, conversation, turn_id, |goal, now| goal.turn_ended(end, now));
}

#[cfg(test)]
mod tests {
    use ThreadGoalStatus::{Active, Blocked, BudgetLimited, Complete, Paused, UsageLimited};

    use super::*;

    const THREAD: &str = "0199a213-81c0-7800-8aa1-bbab2a035a53";

    fn set(known: Option<&Goal>, change: Change) -> Result<Goal, String> {
        Goal::changed(known, THREAD, change, 1_000).map_err(|error| error.to_string())
    }

    fn objective(text: &str) -> Change {
        Change { objective: Some(text.to_owned()), ..Change::default() }
    }

    fn status(status: ThreadGoalStatus) -> Change {
        Change { status: Some(status), ..Change::default() }
    }

    fn budget(tokens: i64) -> Change {
        Change { token_budget: Some(tokens), ..Change::default() }
    }

    fn goal() -> Goal {
        set(None, objective(" ship it ")).unwrap()
    }

    fn usage(input_tokens: i64, cached_input_tokens: i64, output_tokens: i64) -> TokenUsageBreakdown {
        TokenUsageBreakdown {
            input_tokens,
            cached_input_tokens,
            output_tokens,
            ..TokenUsageBreakdown::default()
        }
    }

    #[test]
    fn a_goal_is_set_and_changed_in_parts() {
        let goal = goal();
        assert_eq!((goal.objective.as_str(), goal.status, goal.is_due()), ("ship it", Active, true));
        let goal = set(Some(&goal), status(Paused)).unwrap();
        assert!(!goal.is_due());
        let goal = set(Some(&goal), budget(10)).unwrap();
        assert_eq!((goal.status, goal.tokens_left()), (Paused, Some(10)));
        let same = set(Some(&goal), objective("ship it")).unwrap();
        assert_eq!(same.status, Paused);
        let other = set(Some(&goal), objective("ship that")).unwrap();
        assert_eq!((other.status, other.tokens_left()), (Active, Some(10)));
    }

    #[test]
    fn what_is_no_goal_is_refused() {
        let refused = |known: Option<&Goal>, change: Change| set(known, change).unwrap_err();
        assert_eq!(refused(None, objective(" \n")), "goal objective must not be empty");
        assert_eq!(refused(Some(&goal()), budget(0)), "goal budgets must be positive when provided");
        assert_eq!(refused(None, status(Active)), format!("thread {THREAD} has no goal"));
    }

    #[test]
    fn an_objective_after_the_end_begins_anew() {
        let mut done = goal();
        done.spend(&usage(10, 0, 5), 0);
        done.set_status(Complete, 0);
        let again = set(Some(&done), objective("ship it")).unwrap();
        assert_eq!((again.status, again.tokens_used), (Active, 0));
        // Its counters stay as long as it is the same.
        let mut active = goal();
        active.spend(&usage(10, 0, 5), 0);
        assert_eq!(set(Some(&active), objective("ship it")).unwrap().tokens_used, 15);
    }

    #[test]
    fn the_budget_ends_it_and_a_larger_one_goes_on() {
        let mut goal = set(Some(&goal()), budget(20)).unwrap();
        goal.spend(&usage(100, 90, 5), 0);
        assert_eq!((goal.status, goal.tokens_left(), goal.notice()), (Active, Some(5), None));
        goal.spend(&usage(10, 0, 5), 0);
        assert_eq!((goal.status, goal.tokens_left()), (BudgetLimited, Some(0)));
        assert!(goal.notice().unwrap().contains("30 of 20 tokens"));
        assert_eq!(goal.notice(), None);
        // What is used while it rests does not count.
        goal.spend(&usage(10, 0, 5), 0);
        assert_eq!(goal.tokens_used, 30);
        assert_eq!(set(Some(&goal), status(Active)).unwrap().status, BudgetLimited);
        assert_eq!(set(Some(&goal), budget(25)).unwrap().status, BudgetLimited);
        let more = set(Some(&goal), budget(50)).unwrap();
        assert_eq!((more.status, more.is_due()), (Active, true));
    }

    #[test]
    fn time_counts_while_a_turn_runs_and_the_goal_is_active() {
        let mut goal = goal();
        goal.start_clock(1_000);
        goal.set_status(Paused, 3_000);
        goal.turn_ended(TurnEnded::Completed { used_tools: true }, 9_000);
        assert_eq!(goal.time_used_ms, 2_000);
        goal.start_clock(10_000);
        assert_eq!(goal.clock, None);
        goal.set_status(Active, 10_000);
        goal.start_clock(10_000);
        goal.turn_ended(TurnEnded::Completed { used_tools: true }, 11_000);
        assert_eq!((goal.time_used_ms, goal.wire(THREAD).time_used_seconds), (3_000, 3));
    }

    #[test]
    fn the_end_of_a_turn_says_how_it_goes_on() {
        let after = |end: TurnEnded| {
            let mut goal = goal();
            goal.continuation();
            goal.turn_ended(end, 0);
            (goal.status, goal.is_due())
        };
        assert_eq!(after(TurnEnded::Completed { used_tools: true }), (Active, true));
        assert_eq!(after(TurnEnded::Interrupted), (Paused, false));
        assert_eq!(after(TurnEnded::Failed { by_limit: true }), (UsageLimited, false));
        assert_eq!(after(TurnEnded::Failed { by_limit: false }), (Blocked, false));
    }

    #[test]
    fn a_model_that_only_talks_is_stuck() {
        let mut goal = goal();
        let mut turn = |is_continuation: bool, used_tools: bool| {
            if is_continuation {
                assert!(goal.continuation().contains("\nship it\n"));
            }
            goal.turn_ended(TurnEnded::Completed { used_tools }, 0);
            goal.status
        };
        assert_eq!([turn(true, false), turn(true, false), turn(true, true)], [Active; 3]);
        assert_eq!([turn(true, false), turn(true, false), turn(false, false)], [Active; 3]);
        assert_eq!([turn(true, false), turn(true, false), turn(true, false)], [Active, Active, Blocked]);
    }

    #[test]
    fn a_recorded_goal_comes_back_to_its_own_thread() {
        let mut goal = set(Some(&goal()), budget(100)).unwrap();
        goal.spend(&usage(10, 0, 5), 0);
        let payload = serde_json::json!({"type": "thread_goal_updated", "thread_id": THREAD, "goal": goal.wire(THREAD)});
        let read = Goal::read(&payload.to_string(), THREAD).unwrap().unwrap();
        assert_eq!(read.wire(THREAD), goal.wire(THREAD));
        assert!(read.is_due());
        assert_eq!(Goal::read(&payload.to_string(), "another"), None);
        let cleared = format!(r#"{{"thread_id":"{THREAD}","goal":null}}"#);
        assert_eq!(Goal::read(&cleared, THREAD), Some(None));
        assert_eq!(Goal::read("{}", THREAD), None);
    }
}
