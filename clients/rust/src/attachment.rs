use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Streaming};

use crate::acknowledger::Acknowledger;
use crate::backoff::Backoff;
use crate::bridges::Bridges;
use crate::event::{Detached, Gap, Opened, Standby};
use crate::notices::Notices;
use crate::progress::{Phase, Progress};
use crate::proto::mesosbridge::v1::{
    self as bridge, AttachmentRole, CallHeader, ConfirmPromotionRequest, SessionEvent, SubscribeMode, SubscribeRequest,
    SubscribeResponse, session_event,
};
use crate::{Error, Event, reason};

/// `Opened` comes at once from a bridge that is alive.
const OPEN_TIMEOUT: Duration = Duration::from_secs(15);
/// So many intervals without any event, and the stream counts as broken.
const MISSED_PROGRESS: u32 = 3;
/// A stream that lived that long was a good one: the next wait starts small again.
const GOOD_STREAM: Duration = Duration::from_secs(5);
/// A promotion that is not confirmed within 2 s may be another scheduler's already: the answer says so.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(15);

/// An attachment whose calls the bridge accepts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Active {
    pub(crate) id: String,
    /// Grows whenever another scheduler of the framework may have been active before. Always 0 without standby.
    pub(crate) term: u64,
}

/// Where the attachment stands.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// A standby that waits is detached too.
    Detached,
    Attached(Active),
    /// For good: regularly, or by an error that a new attachment can't fix.
    Ended(Option<Error>),
}

/// The attachment, once there is one other than `previous`.
pub(crate) async fn ready(state: &watch::Receiver<State>, previous: Option<&str>) -> Result<Active, Error> {
    let is_settled = |state: &State| match state {
        State::Detached => false,
        State::Attached(active) => Some(active.id.as_str()) != previous,
        State::Ended(_) => true,
    };
    let ended = || Error::new(Code::Cancelled, "", "the session has ended");
    match state.clone().wait_for(is_settled).await.as_deref() {
        Ok(State::Attached(active)) => Ok(active.clone()),
        Ok(State::Ended(Some(error))) => Err(error.clone()),
        _ => Err(ended()),
    }
}

/// Hands events to the consumer.
#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) queue: mpsc::Sender<Event>,
    pub(crate) acknowledger: Arc<Acknowledger>,
    pub(crate) lifetime: CancellationToken,
}

impl Delivery {
    /// Returns when the next event may come.
    pub(crate) async fn deliver(&self, event: Event) {
        if let Some(token) = event.ack_token()
            && !self.acknowledger.receive(token)
        {
            return;
        }
        tokio::select! {
            // Fails if no one listens any more: calls may still continue.
            _ = self.queue.send(event) => {}
            () = self.lifetime.cancelled() => {}
        }
    }
}

/// Keeps one Subscribe stream open: attaches, watches it, and attaches again after it broke.
pub(crate) struct Attachment {
    pub(crate) bridges: Arc<Bridges>,
    pub(crate) request: SubscribeRequest,
    pub(crate) backoff: Backoff,
    pub(crate) give_up_after: Option<Duration>,
    pub(crate) delivery: Delivery,
    pub(crate) state: watch::Sender<State>,
    pub(crate) progress: Progress,
    pub(crate) notices: Notices,
}

impl Attachment {
    /// Runs until the session ends, or the scheduler's lifetime does.
    pub(crate) async fn run(mut self) {
        let lifetime = self.delivery.lifetime.clone();
        let end = tokio::select! {
            end = self.attach_again_and_again() => end,
            () = lifetime.cancelled() => None,
        };
        self.state.send_replace(State::Ended(end));
    }

    async fn attach_again_and_again(&mut self) -> Option<Error> {
        loop {
            let started = Instant::now();
            let result = self.read_stream().await;
            if self.progress.phase != Phase::Opening {
                self.progress.alive = Instant::now();
                if started.elapsed() > GOOD_STREAM {
                    self.backoff.reset();
                    self.bridges.served();
                }
            }
            let mut error = result.err()?;
            self.state.send_replace(State::Detached);
            if !self.progress.found {
                error = self.bridges.explained(error).await;
            }
            let has_fresh_token = self.has_fresh_token(&error);
            let may_try_again = error.is_retryable() || has_fresh_token || self.takes_its_turn(&error);
            let patience = self.give_up_after.unwrap_or(Duration::MAX);
            if !may_try_again || self.progress.alive.elapsed() > patience {
                return Some(error);
            }
            self.wait_to_retry(error, has_fresh_token).await;
        }
    }

    fn is_standby(&self) -> bool {
        self.request.mode() == SubscribeMode::Standby
    }

    /// True for errors that would end any other scheduler. A standby waits until the framework is free again.
    fn takes_its_turn(&self, error: &Error) -> bool {
        self.is_standby() && is_lost_to_another(self.progress.phase, error)
    }

    /// True once after each stream that opened, for a token that was refused, if the next one may be another.
    fn has_fresh_token(&mut self, error: &Error) -> bool {
        let refused = error.code() == Code::Unauthenticated;
        !std::mem::replace(&mut self.progress.token_refused, refused) && refused && self.bridges.gives_fresh_tokens()
    }

    async fn wait_to_retry(&mut self, error: Error, has_fresh_token: bool) {
        self.notices.failed(&error);
        let retry_in = if self.bridges.failed(&error) || has_fresh_token {
            Duration::ZERO
        } else {
            self.backoff.next().max(error.retry_delay().unwrap_or_default())
        };
        self.progress.failures += 1;
        let attempt = self.progress.failures;
        self.delivery.deliver(Event::Detached(Detached { error, attempt, retry_in })).await;
        tokio::time::sleep(retry_in).await;
    }

    /// Reads one stream to its end. It is Ok when the bridge ended it in order.
    async fn read_stream(&mut self) -> Result<(), Error> {
        self.progress.phase = Phase::Opening;
        let request = SubscribeRequest { resume: self.progress.resume.clone(), ..self.request.clone() };
        let mut client = self.bridges.client();
        let opening = timeout(OPEN_TIMEOUT, client.subscribe(request));
        let mut stream = opening.await.map_err(|_| silent(OPEN_TIMEOUT))??.into_inner();
        let mut patience = OPEN_TIMEOUT;
        while let Some(response) = next(&mut stream, patience).await? {
            for event in response.events {
                self.take(event).await?;
            }
            patience = MISSED_PROGRESS * self.progress.interval;
        }
        Ok(())
    }

    /// Takes an event of the stream. It fails if the stream has to be given up.
    async fn take(&mut self, event: SessionEvent) -> Result<(), Error> {
        match &event.event {
            Some(session_event::Event::Opened(opened)) => {
                (self.progress.found, self.progress.token_refused) = (true, false);
                self.check_role(opened.role())?;
            }
            Some(session_event::Event::Promoted(bridge::Promoted { opened: Some(opened) })) => {
                self.confirm(opened.attachment_id.clone()).await?;
            }
            // A sign of life: the session's events are those of the active scheduler.
            _ if self.progress.phase == Phase::Waiting => return Ok(()),
            _ => {
                self.pass_on(event).await;
                return Ok(());
            }
        }
        match Event::of(event) {
            Some(Event::Opened(opened)) => self.open(opened).await,
            Some(Event::Standby(standby)) => self.stand_by(standby).await,
            _ => {}
        }
        Ok(())
    }

    /// Fails on an older bridge, which has thrown the active scheduler out: each further try would do so again.
    fn check_role(&self, role: AttachmentRole) -> Result<(), Error> {
        if self.is_standby() && role == AttachmentRole::Unspecified {
            let text = "the bridge does not know standby schedulers: update the bridge, or attach without standby";
            return Err(Error::new(Code::Unimplemented, "", text));
        }
        Ok(())
    }

    /// Confirms a promotion. It fails if another scheduler was promoted meanwhile.
    async fn confirm(&mut self, attachment_id: String) -> Result<(), Error> {
        self.progress.phase = Phase::Confirming;
        let framework_name = self.request.framework_name.clone();
        let header = Some(CallHeader { framework_name, attachment_id, request_id: String::new() });
        let mut client = self.bridges.client();
        let confirming = timeout(CONFIRM_TIMEOUT, client.confirm_promotion(ConfirmPromotionRequest { header }));
        confirming.await.map_err(|_| unconfirmed())??;
        Ok(())
    }

    /// The scheduler is active.
    async fn open(&mut self, mut opened: Opened) {
        opened.failures = std::mem::take(&mut self.progress.failures);
        self.notices.opened(&opened);
        self.progress.open(&opened);
        if self.is_standby() && !opened.resumed {
            self.progress.term += 1;
        }
        opened.term = self.progress.term;
        let active = Active { id: opened.attachment_id.clone(), term: opened.term };
        self.state.send_replace(State::Attached(active));
        self.delivery.deliver(Event::Opened(opened)).await;
    }

    async fn stand_by(&mut self, standby: Standby) {
        self.notices.stands_by();
        self.progress.wait(&standby);
        self.delivery.deliver(Event::Standby(standby)).await;
    }

    async fn pass_on(&mut self, event: SessionEvent) {
        let missing = self.progress.advance(&event);
        if missing > 0 {
            self.delivery.deliver(Event::Gap(Gap { missing })).await;
        }
        if let Some(seen) = Event::of(event) {
            self.notices.seen(&seen);
            self.delivery.deliver(seen).await;
        }
    }
}

/// The next response. When none comes in time, the stream counts as broken.
async fn next(
    stream: &mut Streaming<SubscribeResponse>,
    patience: Duration,
) -> Result<Option<SubscribeResponse>, Error> {
    let response = timeout(patience, stream.message()).await;
    Ok(response.map_err(|_| silent(patience))??)
}

fn silent(patience: Duration) -> Error {
    let text = format!("no sign of life from the bridge for {} s", patience.as_secs());
    Error::new(Code::Unavailable, "", text)
}

fn unconfirmed() -> Error {
    let text = format!("no answer to the confirmation of a promotion for {} s", CONFIRM_TIMEOUT.as_secs());
    Error::new(Code::DeadlineExceeded, "", text)
}

/// True if the stream was given up because another scheduler has the framework, or may have it.
fn is_lost_to_another(phase: Phase, error: &Error) -> bool {
    // The attachment of a promotion that came too late may be forgotten by now.
    error.reason() == reason::ATTACHMENT_SUPERSEDED || phase == Phase::Confirming && error.is_stale()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn active(id: &str) -> Active {
        Active { id: id.to_owned(), term: 1 }
    }

    #[test]
    fn a_promotion_that_came_to_nothing_and_a_stream_that_was_superseded_are_lost_to_another() {
        for reason in ["ATTACHMENT_SUPERSEDED", "NOT_ATTACHED", "NOT_ACTIVE", "FRAMEWORK_NOT_FOUND"] {
            let error = Error::new(Code::FailedPrecondition, reason, "");
            assert!(is_lost_to_another(Phase::Confirming, &error), "{reason}");
            for phase in [Phase::Opening, Phase::Waiting, Phase::Active] {
                assert_eq!(is_lost_to_another(phase, &error), reason == "ATTACHMENT_SUPERSEDED", "{phase:?} {reason}");
            }
        }
        let denied = Error::new(Code::PermissionDenied, "PERMISSION_DENIED", "");
        assert!(!is_lost_to_another(Phase::Confirming, &denied));
    }

    #[tokio::test]
    async fn waits_for_an_attachment_other_than_the_previous_one() {
        let (sender, receiver) = watch::channel(State::Attached(active("a")));
        assert_eq!(ready(&receiver, None).await.unwrap(), active("a"));
        let waiting = ready(&receiver, Some("a"));
        let change = async {
            sender.send_replace(State::Detached);
            tokio::task::yield_now().await;
            sender.send_replace(State::Attached(active("b")));
        };
        assert_eq!(tokio::join!(waiting, change).0.unwrap(), active("b"));
        sender.send_replace(State::Ended(Some(Error::new(Code::Aborted, "ATTACHMENT_SUPERSEDED", ""))));
        assert_eq!(ready(&receiver, None).await.unwrap_err().reason(), "ATTACHMENT_SUPERSEDED");
    }
}
