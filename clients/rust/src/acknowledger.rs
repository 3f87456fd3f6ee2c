use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::Error;

/// The bridge takes 10,000 at once; smaller batches come back sooner.
const MAX_BATCH: usize = 1_000;
/// Above this many owed acknowledgements the consumer waits.
pub(crate) const MAX_OWED: usize = 10_000;
const RETRY: Duration = Duration::from_millis(250);

/// Keeps the order of acknowledgements, and knows which updates are with the consumer.
#[derive(Default)]
pub(crate) struct Acknowledger {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// In the order in which they were added.
    owed: VecDeque<String>,
    /// The same, and those of updates that wait for the consumer or are with it.
    known: HashSet<String>,
}

impl Acknowledger {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Notes that an update goes to the consumer. False when it is there already, or its acknowledgement is on its way: a
    /// snapshot repeats what it does not know to be handled.
    pub(crate) fn receive(&self, ack_token: &str) -> bool {
        self.state().known.insert(ack_token.to_owned())
    }

    /// Notes that the consumer has handled an update, and acknowledges it if so wanted.
    pub(crate) fn handled(&self, ack_token: String, acknowledge: bool) {
        let mut state = self.state();
        if acknowledge {
            state.owed.push_back(ack_token);
        } else {
            state.known.remove(&ack_token);
        }
        drop(state);
        self.changed.notify_waiters();
    }

    pub(crate) fn owed(&self) -> usize {
        self.state().owed.len()
    }

    /// Waits until fewer than `limit` are owed.
    pub(crate) async fn fewer_than(&self, limit: usize) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.owed() < limit {
                return;
            }
            changed.await;
        }
    }

    /// Sends in batches until `end`: while one is on its way the next fills up. What fails is sent again until the bridge
    /// takes it or refuses it.
    pub(crate) async fn run<S, R>(
        &self,
        end: &CancellationToken,
        send: impl Fn(Vec<String>) -> S,
        refused: impl Fn(String, Error) -> R,
    ) where
        S: Future<Output = Result<(), Error>>,
        R: Future<Output = ()>,
    {
        let mut size = MAX_BATCH;
        while !end.is_cancelled() {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let batch: Vec<String> = self.state().owed.iter().take(size).cloned().collect();
            if batch.is_empty() {
                tokio::select! {
                    () = changed => {}
                    () = end.cancelled() => {}
                }
                continue;
            }
            let count = batch.len();
            match send(batch).await {
                Ok(()) => {
                    self.forget(count);
                }
                Err(_) if end.is_cancelled() => return,
                Err(error) if error.is_retryable() || error.is_outcome_unknown() => {
                    tokio::select! {
                        () = tokio::time::sleep(RETRY) => {}
                        () = end.cancelled() => {}
                    }
                }
                // After a refusal each token goes alone, to find the bad one.
                Err(_) if count > 1 => size = 1,
                Err(error) => {
                    for token in self.forget(1) {
                        refused(token, error.clone()).await;
                    }
                    size = MAX_BATCH;
                }
            }
        }
    }

    fn forget(&self, count: usize) -> Vec<String> {
        let mut state = self.state();
        let tokens: Vec<String> = state.owed.drain(..count).collect();
        for token in &tokens {
            state.known.remove(token);
        }
        drop(state);
        self.changed.notify_waiters();
        tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;

    /// Runs an acknowledger whose bridge answers as `answer` says, until nothing is owed. Gives the batches and what was
    /// refused.
    async fn run(
        tokens: &[&str],
        answer: impl Fn(usize, &[String]) -> Result<(), Error>,
    ) -> (Vec<Vec<String>>, Vec<String>) {
        let acknowledger = Acknowledger::default();
        for token in tokens {
            assert!(acknowledger.receive(token));
            acknowledger.handled((*token).to_owned(), true);
        }
        let batches = Mutex::new(Vec::new());
        let refused = Mutex::new(Vec::new());
        let end = CancellationToken::new();
        let send = |batch: Vec<String>| {
            let answer = answer(batches.lock().unwrap().len(), &batch);
            batches.lock().unwrap().push(batch);
            async move { answer }
        };
        let on_refused = |token, _| {
            refused.lock().unwrap().push(token);
            std::future::ready(())
        };
        tokio::join!(acknowledger.run(&end, send, on_refused), async {
            acknowledger.fewer_than(1).await;
            end.cancel();
        });
        (batches.into_inner().unwrap(), refused.into_inner().unwrap())
    }

    #[tokio::test]
    async fn sends_in_order_and_in_one_batch() {
        let (batches, refused) = run(&["a", "b", "c"], |_, _| Ok(())).await;
        assert_eq!((batches, refused), (vec![vec!["a".into(), "b".into(), "c".into()]], vec![]));
    }

    #[tokio::test(start_paused = true)]
    async fn sends_again_what_the_bridge_could_not_take() {
        let no_master = |n, _: &[String]| match n {
            0 => Err(Error::new(Code::Unavailable, "NO_MASTER", "")),
            1 => Err(Error::new(Code::Unavailable, "OUTCOME_UNKNOWN", "")),
            _ => Ok(()),
        };
        let (batches, refused) = run(&["a"], no_master).await;
        assert_eq!((batches.len(), refused.len()), (3, 0));
    }

    #[tokio::test]
    async fn finds_the_one_that_is_refused() {
        let bad = |_, batch: &[String]| match batch.iter().any(|token| token == "b") {
            true => Err(Error::new(Code::InvalidArgument, "INVALID_FIELD", "")),
            false => Ok(()),
        };
        let (batches, refused) = run(&["a", "b", "c"], bad).await;
        assert_eq!(refused, ["b"]);
        assert_eq!(batches.concat().iter().filter(|token| *token == "c").count(), 2);
    }

    #[tokio::test]
    async fn an_update_comes_once_until_it_is_acknowledged() {
        let acknowledger = Acknowledger::default();
        assert!(acknowledger.receive("a"));
        assert!(!acknowledger.receive("a"));
        acknowledger.handled("a".to_owned(), true);
        assert!(!acknowledger.receive("a"));
        acknowledger.forget(1);
        assert!(acknowledger.receive("a"));
        acknowledger.handled("a".to_owned(), false);
        assert!(acknowledger.receive("a"));
        assert_eq!(acknowledger.owed(), 0);
    }
}
