//! A thread for every question to the keyring. The libraries that ask it have runtimes of their own, which must not run
//! inside ours, and a locked keyring answers when its owner has typed a password, which may be never.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use crate::auth::storage::StorageError;

/// How long a keyring may take to answer.
const LIMIT: Duration = Duration::from_secs(10);

/// The one who waits for the answer.
pub(super) struct Asker<T> {
    words: SyncSender<Word<T>>,
}

enum Word<T> {
    DoYouWait,
    Answer(Result<T, StorageError>),
}

impl<T> Asker<T> {
    /// Says whether the answer is still awaited.
    pub(super) fn waits(&self) -> bool {
        self.words.send(Word::DoYouWait).is_ok()
    }
}

/// Asks the keyring, up to a limit of time. After that the question stays with its thread.
pub(super) fn ask<T: Send + 'static>(
    question: impl FnOnce(&Asker<T>) -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    ask_within(LIMIT, question)
}

fn ask_within<T: Send + 'static>(
    limit: Duration,
    question: impl FnOnce(&Asker<T>) -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    // Without room: a word is heard, or whoever says it learns that nobody listens.
    let (words, heard) = sync_channel(0);
    let work = move || {
        let asker = Asker { words };
        let answer = question(&asker);
        // Nobody may want to know any more.
        let _ = asker.words.send(Word::Answer(answer));
    };
    let thread = Builder::new().name("keyring".to_owned()).spawn(work);
    thread.map_err(|error| failed(format!("no thread to ask it: {error}")))?;
    let begun = Instant::now();
    loop {
        match heard.recv_timeout(limit.saturating_sub(begun.elapsed())) {
            Ok(Word::Answer(answer)) => return answer,
            Ok(Word::DoYouWait) => {}
            Err(RecvTimeoutError::Timeout) => {
                return Err(failed(format!("no answer within {} s: is it locked?", limit.as_secs())));
            }
            Err(RecvTimeoutError::Disconnected) => return Err(failed("it broke down".to_owned())),
        }
    }
}

fn failed(reason: String) -> StorageError {
    StorageError::Keyring { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_through() {
        assert_eq!(ask(|asker| Ok((asker.waits(), asker.waits()))).unwrap(), (true, true));
        assert!(matches!(ask::<()>(|_| Err(StorageError::Lost)), Err(StorageError::Lost)));
    }

    #[test]
    fn an_asker_gives_up_and_the_thread_learns_it() {
        let (release, held) = sync_channel::<()>(0);
        let (tell, told) = sync_channel(1);
        let answer = ask_within::<()>(Duration::from_millis(1), move |asker| {
            held.recv().unwrap();
            tell.send(asker.waits()).unwrap();
            Ok(())
        });
        assert!(matches!(answer, Err(StorageError::Keyring { .. })), "{answer:?}");
        release.send(()).unwrap();
        assert!(!told.recv().unwrap());
    }

    #[test]
    fn a_panic_is_an_error() {
        let answer = ask::<()>(|_| panic!("a bug of a library"));
        assert!(matches!(answer, Err(StorageError::Keyring { .. })), "{answer:?}");
    }
}
