use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::Error;
use crate::attachment::{Active, State, ready};
use crate::backoff::Backoff;
use crate::bridges::Bridges;
use crate::connection::Connection;
use crate::proto::mesosbridge::v1::CallHeader;
use crate::proto::mesosbridge::v1::scheduler_service_client::SchedulerServiceClient;
use crate::reason;

pub(crate) type Client = SchedulerServiceClient<Connection>;

/// Makes calls: waits for an attachment, and tries again where that is safe.
pub(crate) struct Caller {
    pub(crate) bridges: Arc<Bridges>,
    pub(crate) framework_name: String,
    pub(crate) attachment: watch::Receiver<State>,
    /// The term of the last `Opened` that the program has taken; 0 before the first one. The attachment may be in a later
    /// one already, while the program decides on offers of this one.
    pub(crate) term: AtomicU64,
    pub(crate) timeout: Duration,
    pub(crate) lifetime: CancellationToken,
}

/// Whether a call may be made twice, and whether it may be made after another scheduler was active.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Repeat {
    /// It does no harm whenever it is made.
    Safe,
    /// It may be made twice, by the scheduler alone that was active when it decided to.
    InTerm,
    /// The same, but Mesos must not get it twice.
    Never,
}

impl Caller {
    pub(crate) async fn call<F, T>(
        &self,
        repeat: Repeat,
        given: Option<&CallHeader>,
        send: impl Fn(Client, CallHeader) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Status>>,
    {
        self.invoke(&mut Attempt::new(self, given), repeat, send).await
    }

    /// For what ends the session: after a try that got no answer, finding the session ended means that it worked.
    pub(crate) async fn end<F>(&self, send: impl Fn(Client, CallHeader) -> F) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Status>>,
    {
        let mut attempt = Attempt::new(self, None);
        let result = self.invoke(&mut attempt, Repeat::Safe, send).await;
        let ended_well = matches!(*self.attachment.borrow(), State::Ended(None));
        if ended_well && attempt.tried { Ok(()) } else { result }
    }

    async fn invoke<F, T>(
        &self,
        attempt: &mut Attempt,
        repeat: Repeat,
        send: impl Fn(Client, CallHeader) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let closed = tokio::select! {
            biased;
            result = attempt.run(self, repeat, send) => return result,
            () = self.lifetime.cancelled() => true,
            () = tokio::time::sleep(self.timeout) => false,
        };
        Err(if closed {
            attempt.verdict(Error::new(Code::Cancelled, "", "the scheduler was closed"))
        } else {
            attempt.late()
        })
    }
}

/// One call, tried once or more.
struct Attempt {
    request_id: String,
    /// The program's term when the call began.
    term: u64,
    backoff: Backoff,
    /// The attachment whose call was refused: only another one can help.
    stale_id: Option<String>,
    /// True when a try has been sent.
    tried: bool,
    /// True when an earlier try, or the one under way, may have reached Mesos.
    maybe_sent: bool,
    /// What the last try that came to an end got.
    last: Option<Error>,
    token_refused: bool,
}

impl Attempt {
    fn new(caller: &Caller, given: Option<&CallHeader>) -> Self {
        let own = given.map(|header| header.request_id.clone());
        Self {
            request_id: own.filter(|id| !id.is_empty()).unwrap_or_else(new_request_id),
            term: caller.term.load(Ordering::Relaxed),
            backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(2)),
            stale_id: None,
            tried: false,
            maybe_sent: false,
            last: None,
            token_refused: false,
        }
    }

    async fn run<F, T>(
        &mut self,
        caller: &Caller,
        repeat: Repeat,
        send: impl Fn(Client, CallHeader) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Status>>,
    {
        loop {
            // Without an attachment, and none to come, nothing more can be tried.
            let Active { id: attachment_id, term } =
                ready(&caller.attachment, self.stale_id.as_deref()).await.map_err(|error| self.verdict(error))?;
            if repeat != Repeat::Safe && is_outdated(self.term, term) {
                return Err(self.verdict(outdated()));
            }
            let header = CallHeader {
                framework_name: caller.framework_name.clone(),
                attachment_id: attachment_id.clone(),
                request_id: self.request_id.clone(),
            };
            let sent_before = self.maybe_sent;
            (self.tried, self.maybe_sent) = (true, true);
            let error = match send(caller.bridges.client(), header).await {
                Ok(response) => return Ok(response),
                Err(status) => Error::from(status),
            };
            self.maybe_sent = sent_before || error.is_outcome_unknown();
            let unknown = repeat != Repeat::Never && error.reason() == reason::OUTCOME_UNKNOWN;
            if self.has_fresh_token(caller, &error) {
                continue;
            }
            if error.is_stale() {
                self.stale_id = Some(attachment_id);
            } else if !error.is_retryable() && !unknown {
                return Err(self.verdict(error));
            }
            if unknown {
                self.request_id = new_request_id();
            }
            let wait = self.backoff.next().max(error.retry_delay().unwrap_or_default());
            let is_stale = error.is_stale();
            self.last = Some(error);
            if !is_stale {
                tokio::time::sleep(wait).await;
            }
        }
    }

    /// True once, for a token that was refused, if the next one may be another.
    fn has_fresh_token(&mut self, caller: &Caller, error: &Error) -> bool {
        if error.code() != Code::Unauthenticated {
            return false;
        }
        !std::mem::replace(&mut self.token_refused, true) && caller.bridges.gives_fresh_tokens()
    }

    /// A clear refusal after a try that got no answer says nothing about that try.
    fn verdict(&self, error: Error) -> Error {
        if !self.maybe_sent || error.is_outcome_unknown() {
            return error;
        }
        let text = format!("an earlier try of this call got no answer, then: {}", error.message());
        Error::new(Code::Unavailable, reason::OUTCOME_UNKNOWN, text)
    }

    fn late(&self) -> Error {
        let why = self.last.as_ref().map_or(String::new(), |error| format!(": {error}"));
        // If no attempt can have reached Mesos, the reason says that nothing was sent.
        let reason = if self.maybe_sent { reason::OUTCOME_UNKNOWN } else { reason::NOT_SENT };
        Error::new(Code::DeadlineExceeded, reason, format!("no answer in time{why}"))
    }
}

/// True if a call that was decided on in one term must not be sent in another: a second scheduler may have decided the
/// same between them. What is decided before the first term may go out in that.
fn is_outdated(began: u64, now: u64) -> bool {
    now > began.max(1)
}

fn outdated() -> Error {
    let text = "another scheduler may have been active since this call began: look at the snapshot, and decide anew";
    Error::new(Code::FailedPrecondition, reason::ATTACHMENT_SUPERSEDED, text)
}

pub(crate) fn new_request_id() -> String {
    format!("{:032x}", fastrand::u128(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_outdated_in_a_later_term_but_not_in_the_first() {
        assert!(!is_outdated(0, 0) && !is_outdated(0, 1) && !is_outdated(1, 1) && !is_outdated(2, 2));
        assert!(is_outdated(0, 2) && is_outdated(1, 2) && is_outdated(2, 3));
        let error = outdated();
        assert!(!error.is_retryable() && !error.is_outcome_unknown());
    }
}
