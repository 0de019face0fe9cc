//! Commands that run on beside the turn that started them, by the number the model knows them by (tools specification
//! 5.5). The client can list them and end them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use app_server_protocol::v2::ThreadBackgroundTerminal;
use tokio_util::sync::CancellationToken;

use super::item::CommandEnd;
use super::{CommandItem, Ended, ItemOutput, Session};

/// Terminals of a thread that may be open. One more ends an old one.
const MAX_OPEN: usize = 64;
/// From here on the model is told to close some.
pub(crate) const MANY_OPEN: usize = 60;
/// The newest are never ended to make room.
const PROTECTED: usize = 8;

/// Numbers given out before they come again: half of those there are, so that drawing one stays quick.
const MAX_NUMBERS: usize = 50_000;

/// The terminals of a thread. The lock is held for a look or a change of the table.
#[derive(Default)]
pub(crate) struct Terminals {
    open: Mutex<HashMap<i32, Arc<Terminal>>>,
    /// Numbers that have been given out.
    numbers: Mutex<HashSet<i32>>,
}

/// One command that runs on.
pub(crate) struct Terminal {
    pub(crate) number: i32,
    /// Its item, completed when the command ends.
    pub(crate) item: CommandItem,
    pub(crate) session: Session,
    /// The line the model gave.
    line: String,
    is_tty: bool,
    output: Arc<ItemOutput>,
    begun: Instant,
    last_used: Mutex<Instant>,
    /// Cancelled when the item is completed.
    settled: CancellationToken,
}

impl Terminal {
    pub(crate) fn new(
        number: i32,
        item: CommandItem,
        session: Session,
        output: Arc<ItemOutput>,
        line: String,
        is_tty: bool,
        begun: Instant,
    ) -> Self {
        Terminal {
            number,
            item,
            session,
            line,
            is_tty,
            output,
            begun,
            last_used: Mutex::new(Instant::now()),
            settled: CancellationToken::new(),
        }
    }

    /// Whether it takes input.
    pub(crate) fn is_tty(&self) -> bool {
        self.is_tty
    }

    /// The turn that started it.
    pub(crate) fn turn_id(&self) -> &str {
        &self.output.context().turn_id
    }

    /// Completes the item when the command ends, whenever that is.
    async fn settle(self: Arc<Self>) {
        let ended = self.session.wait(None).await;
        let context = self.output.context();
        let duration_ms = i64::try_from(self.begun.elapsed().as_millis()).ok();
        let exit_code = ended.as_ref().map(Ended::exit_code);
        let end = CommandEnd { output: Some(self.output.text()), exit_code, duration_ms };
        let mut conversation = context.conversation.lock();
        context.completed(&mut conversation, self.item.ended(end), self.item.started_at_ms, None);
        drop(conversation);
        self.settled.cancel();
    }

    /// Waits until the item is completed.
    pub(crate) async fn settled(&self) {
        self.settled.cancelled().await;
    }

    fn touch(&self) {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

impl Terminals {
    /// Gives out a number nobody has had. When all are used up, numbers come again.
    pub(crate) fn number(&self) -> i32 {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        if numbers.len() >= MAX_NUMBERS {
            numbers.clear();
        }
        loop {
            let number = fastrand::i32(1000..=99_999);
            if numbers.insert(number) {
                return number;
            }
        }
    }

    /// Takes a command that runs on. Returns how many are open now; the one that had to go is killed.
    pub(crate) fn add(&self, terminal: Arc<Terminal>) -> usize {
        let mut open = self.open();
        if open.len() >= MAX_OPEN
            && let Some(number) = Self::to_evict(&open)
            && let Some(evicted) = open.remove(&number)
        {
            evicted.session.start_kill();
        }
        open.insert(terminal.number, Arc::clone(&terminal));
        let count = open.len();
        drop(open);
        tokio::spawn(terminal.settle());
        count
    }

    /// The least recently used that has ended, else the least recently used; the newest stay.
    fn to_evict(open: &HashMap<i32, Arc<Terminal>>) -> Option<i32> {
        let mut by_age: Vec<&Arc<Terminal>> = open.values().collect();
        by_age.sort_by_key(|terminal| *terminal.last_used.lock().unwrap_or_else(PoisonError::into_inner));
        let old = &by_age[..by_age.len().saturating_sub(PROTECTED)];
        let ended = old.iter().find(|terminal| terminal.session.ended().is_some());
        ended.or(old.first()).map(|terminal| terminal.number)
    }

    /// The terminal of a number.
    pub(crate) fn get(&self, number: i32) -> Option<Arc<Terminal>> {
        let terminal = self.open().get(&number).cloned();
        if let Some(terminal) = &terminal {
            terminal.touch();
        }
        terminal
    }

    /// Forgets a terminal whose end the model has been told.
    pub(crate) fn remove(&self, number: i32) {
        self.open().remove(&number);
    }

    /// Those that still run, oldest first.
    pub(crate) fn running(&self) -> Vec<ThreadBackgroundTerminal> {
        let mut running: Vec<Arc<Terminal>> =
            self.open().values().filter(|terminal| terminal.session.ended().is_none()).cloned().collect();
        running.sort_by_key(|terminal| terminal.begun);
        let shown = |terminal: Arc<Terminal>| ThreadBackgroundTerminal {
            command: terminal.line.clone(),
            cpu_percent: None,
            cwd: terminal.item.cwd.clone(),
            item_id: terminal.item.id.clone(),
            // What is known is the supervisor, not the command.
            os_pid: None,
            process_id: terminal.number.to_string(),
            rss_kb: None,
        };
        running.into_iter().map(shown).collect()
    }

    /// Ends the running terminals that are meant and waits until their items are completed; returns whether there were
    /// any.
    pub(crate) async fn end(&self, is_meant: impl Fn(&Terminal) -> bool) -> bool {
        let meant: Vec<Arc<Terminal>> = self
            .open()
            .values()
            .filter(|terminal| terminal.session.ended().is_none() && is_meant(terminal))
            .cloned()
            .collect();
        meant.iter().for_each(|terminal| terminal.session.start_kill());
        for terminal in &meant {
            terminal.settled().await;
        }
        !meant.is_empty()
    }

    /// Ends all of them: the thread is unloaded. Until then a terminal holds on to its thread.
    pub(crate) async fn close(&self) {
        self.end(|_| true).await;
        self.open().clear();
    }

    fn open(&self) -> MutexGuard<'_, HashMap<i32, Arc<Terminal>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
