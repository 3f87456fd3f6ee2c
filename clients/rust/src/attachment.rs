use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Streaming};

use crate::acknowledger::Acknowledger;
use crate::backoff::Backoff;
use crate::bridges::Bridges;
use crate::event::{Detached, Gap, Opened};
use crate::notices::Notices;
use crate::proto::mesosbridge::v1::{Resume, SessionEvent, SubscribeRequest, SubscribeResponse, session_event};
use crate::{Error, Event};

/// `Opened` comes at once from a bridge that is alive.
const OPEN_TIMEOUT: Duration = Duration::from_secs(15);
/// So many intervals without any event, and the stream counts as broken.
const MISSED_PROGRESS: u32 = 3;
const DEFAULT_PROGRESS_INTERVAL: Duration = Duration::from_secs(15);
/// A stream that lived that long was a good one: the next wait starts small again.
const GOOD_STREAM: Duration = Duration::from_secs(5);

/// Where the attachment stands.
#[derive(Clone, Debug)]
pub(crate) enum State {
    Detached,
    /// With its id.
    Attached(String),
    /// For good: regularly, or by an error that a new attachment can't fix.
    Ended(Option<Error>),
}

/// The attachment's id, once there is one other than `previous`.
pub(crate) async fn ready(state: &watch::Receiver<State>, previous: Option<&str>) -> Result<String, Error> {
    let is_settled = |state: &State| match state {
        State::Detached => false,
        State::Attached(id) => Some(id.as_str()) != previous,
        State::Ended(_) => true,
    };
    let ended = || Error::new(Code::Cancelled, "", "the session has ended");
    match state.clone().wait_for(is_settled).await.as_deref() {
        Ok(State::Attached(id)) => Ok(id.clone()),
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

/// How far the stream was read.
pub(crate) struct Progress {
    /// Where a broken stream is taken up again. None until a snapshot was complete: before that its rest would be lost.
    resume: Option<Resume>,
    attachment_id: String,
    /// Sequence of the last event received: where the next one shows a gap.
    last: u64,
    interval: Duration,
    alive: Instant,
    /// In a row, since the last stream that was opened.
    failures: u32,
    /// Where there was a bridge once, it is the bridge that is away.
    found: bool,
    /// The last attempt failed for its token.
    token_refused: bool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            resume: None,
            attachment_id: String::new(),
            last: 0,
            interval: DEFAULT_PROGRESS_INTERVAL,
            alive: Instant::now(),
            failures: 0,
            found: false,
            token_refused: false,
        }
    }
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
            let was_open = matches!(*self.state.borrow(), State::Attached(_));
            if was_open {
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
            let patience = self.give_up_after.unwrap_or(Duration::MAX);
            if !(error.is_retryable() || has_fresh_token) || self.progress.alive.elapsed() > patience {
                return Some(error);
            }
            self.wait_to_retry(error, has_fresh_token).await;
        }
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
        let request = SubscribeRequest { resume: self.progress.resume.clone(), ..self.request.clone() };
        let mut client = self.bridges.client();
        let opening = timeout(OPEN_TIMEOUT, client.subscribe(request));
        let mut stream = opening.await.map_err(|_| silent(OPEN_TIMEOUT))??.into_inner();
        let mut patience = OPEN_TIMEOUT;
        while let Some(response) = next(&mut stream, patience).await? {
            for event in response.events {
                self.take(event).await;
            }
            patience = MISSED_PROGRESS * self.progress.interval;
        }
        Ok(())
    }

    async fn take(&mut self, event: SessionEvent) {
        if let Some(session_event::Event::Opened(_)) = event.event {
            if let Some(Event::Opened(mut opened)) = Event::of(event) {
                opened.failures = std::mem::take(&mut self.progress.failures);
                (self.progress.found, self.progress.token_refused) = (true, false);
                self.notices.opened(&opened);
                self.progress.open(&opened);
                let id = opened.attachment_id.clone();
                self.state.send_replace(State::Attached(id));
                self.delivery.deliver(Event::Opened(opened)).await;
            }
            return;
        }
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

impl Progress {
    fn open(&mut self, opened: &Opened) {
        self.attachment_id.clone_from(&opened.attachment_id);
        if !opened.progress_interval.is_zero() {
            self.interval = opened.progress_interval;
        }
        if opened.resumed
            && let Some(resume) = &mut self.resume
        {
            resume.attachment_id.clone_from(&opened.attachment_id);
        } else {
            self.resume = None;
            self.last = opened.stamp.sequence;
        }
    }

    /// Notes an event, and gives how many are missing before it. Pieces of an event count only with the last one: a
    /// resumption needs them all.
    fn advance(&mut self, event: &SessionEvent) -> u64 {
        let missing = event.sequence.saturating_sub(self.last).saturating_sub(1);
        self.last = event.sequence;
        let complete = matches!(&event.event, Some(session_event::Event::Progress(p)) if p.snapshot_end);
        if (self.resume.is_some() || complete) && !event.fragment {
            self.resume = Some(Resume { attachment_id: self.attachment_id.clone(), after_sequence: event.sequence });
        }
        missing
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::mesosbridge::v1 as bridge;

    fn opened(id: &str, sequence: u64, resumed: bool) -> Opened {
        let event = bridge::SessionEvent {
            sequence,
            event: Some(session_event::Event::Opened(bridge::Opened {
                attachment_id: id.to_owned(),
                resumed,
                ..Default::default()
            })),
            ..Default::default()
        };
        match Event::of(event) {
            Some(Event::Opened(opened)) => opened,
            other => panic!("{other:?}"),
        }
    }

    fn event(sequence: u64, snapshot_end: bool, fragment: bool) -> SessionEvent {
        SessionEvent {
            sequence,
            fragment,
            event: Some(session_event::Event::Progress(bridge::Progress { snapshot_end })),
            ..Default::default()
        }
    }

    fn resumes_after(progress: &Progress) -> Option<(&str, u64)> {
        let resume = progress.resume.as_ref()?;
        Some((&resume.attachment_id, resume.after_sequence))
    }

    #[test]
    fn a_stream_that_broke_in_its_snapshot_is_not_resumed() {
        let mut progress = Progress::default();
        progress.open(&opened("a", 5, false));
        assert_eq!(progress.advance(&event(5, false, false)), 0);
        assert_eq!(resumes_after(&progress), None);
        progress.advance(&event(5, true, false));
        assert_eq!(resumes_after(&progress), Some(("a", 5)));
    }

    #[test]
    fn resumes_after_the_last_whole_event() {
        let mut progress = Progress::default();
        progress.open(&opened("a", 0, false));
        progress.advance(&event(0, true, false));
        progress.advance(&event(1, false, false));
        progress.advance(&event(2, false, true));
        assert_eq!(resumes_after(&progress), Some(("a", 1)));
        progress.open(&opened("b", 2, true));
        assert_eq!(resumes_after(&progress), Some(("b", 1)));
        progress.open(&opened("c", 9, false));
        assert_eq!(resumes_after(&progress), None);
    }

    #[test]
    fn sees_what_is_missing() {
        let mut progress = Progress::default();
        progress.open(&opened("a", 3, false));
        assert_eq!(progress.advance(&event(3, true, false)), 0);
        assert_eq!(progress.advance(&event(4, false, false)), 0);
        assert_eq!(progress.advance(&event(8, false, false)), 3);
    }

    #[tokio::test]
    async fn waits_for_an_attachment_other_than_the_previous_one() {
        let (sender, receiver) = watch::channel(State::Attached("a".to_owned()));
        assert_eq!(ready(&receiver, None).await.unwrap(), "a");
        let waiting = ready(&receiver, Some("a"));
        let change = async {
            sender.send_replace(State::Detached);
            tokio::task::yield_now().await;
            sender.send_replace(State::Attached("b".to_owned()));
        };
        assert_eq!(tokio::join!(waiting, change).0.unwrap(), "b");
        sender.send_replace(State::Ended(Some(Error::new(Code::Aborted, "ATTACHMENT_SUPERSEDED", ""))));
        assert_eq!(ready(&receiver, None).await.unwrap_err().reason(), "ATTACHMENT_SUPERSEDED");
    }
}
