use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_stream::Stream;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::acknowledger::{Acknowledger, MAX_OWED};
use crate::attachment::{Attachment, Delivery, State};
use crate::attempt::{Caller, Client, new_request_id};
use crate::backoff::Backoff;
use crate::bridges::Bridges;
use crate::event::AcknowledgementRefused;
use crate::notices::Notices;
use crate::progress::Progress;
use crate::proto::mesosbridge::v1::CallHeader;
use crate::{Error, Event, Options};

/// How long `close` tries to send what acknowledgements are owed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A framework's scheduler, driven through the bridge: all that it can ask for. Copies drive the same framework. It ends
/// with [`close`](Scheduler::close), or when the last copy and the [`Events`] are dropped.
#[derive(Clone)]
pub struct Scheduler {
    shared: Arc<Shared>,
}

struct Shared {
    caller: Arc<Caller>,
    acknowledger: Arc<Acknowledger>,
    /// Cancelled when nothing of it runs any more.
    done: CancellationToken,
    _on_drop: DropGuard,
}

/// The events of a framework, in order: [`next`](Events::next), or as a `Stream`.
///
/// An update counts as handled, and is acknowledged, when the next event is asked for: the one at which a loop is left is
/// not. The last item is the error that a new attachment can't fix; there is none if the session ended regularly: after
/// `close`, `teardown`, `close_session` or `hand_over`.
pub struct Events {
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Event>,
    acknowledge: bool,
    /// Acknowledgement of the update that the consumer has.
    unhandled: Option<String>,
    /// Set while too many acknowledgements are owed.
    room: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    ended: bool,
}

/// Attaches to a session of the bridge, and again whenever the stream breaks. It fails only for options that can't be:
/// whether there is a bridge shows in the events.
///
/// # Panics
///
/// Outside of a tokio runtime.
pub fn connect(options: Options) -> Result<(Scheduler, Events), Error> {
    options.check()?;
    let bridges = Arc::new(Bridges::new(&options)?);
    let lifetime = CancellationToken::new();
    let acknowledger = Arc::new(Acknowledger::default());
    let (queue, events) = mpsc::channel(options.max_buffered.max(1));
    let delivery = Delivery { queue, acknowledger: acknowledger.clone(), lifetime: lifetime.clone() };
    let (state, attached) = watch::channel(State::Detached);
    let attachment = Attachment {
        bridges: bridges.clone(),
        request: options.request(),
        backoff: Backoff::new(options.backoff_initial, options.backoff_max),
        give_up_after: options.give_up_after,
        delivery: delivery.clone(),
        state,
        progress: Progress::default(),
        notices: Notices::new(options.log, options.suppressed_roles.is_empty()),
    };
    let caller = Arc::new(Caller {
        bridges,
        framework_name: options.framework_name,
        attachment: attached,
        term: AtomicU64::new(0),
        timeout: options.call_timeout,
        lifetime: lifetime.clone(),
    });
    let shared = Arc::new(Shared {
        caller: caller.clone(),
        acknowledger,
        done: CancellationToken::new(),
        _on_drop: lifetime.drop_guard(),
    });
    tokio::spawn(run(attachment, delivery, caller, shared.done.clone()));
    let events = Events {
        shared: shared.clone(),
        queue: events,
        acknowledge: !options.manual_acknowledge,
        unhandled: None,
        room: None,
        ended: false,
    };
    Ok((Scheduler { shared }, events))
}

async fn run(attachment: Attachment, delivery: Delivery, caller: Arc<Caller>, done: CancellationToken) {
    let end = delivery.lifetime.clone();
    let attached = async {
        attachment.run().await;
        // What is still owed can't be sent any more; the bridge's next snapshot brings those updates again.
        end.cancel();
    };
    let send = |tokens| caller.acknowledge(tokens);
    let refused = |ack_token, error| {
        let delivery = delivery.clone();
        let event = AcknowledgementRefused { ack_token, error };
        async move { delivery.deliver(Event::AcknowledgementRefused(event)).await }
    };
    tokio::join!(attached, delivery.acknowledger.run(&end, send, refused));
    done.cancel();
}

impl Scheduler {
    pub(crate) fn caller(&self) -> &Caller {
        &self.shared.caller
    }

    /// True while the stream to the bridge stands. False while the scheduler waits as standby.
    pub fn is_attached(&self) -> bool {
        matches!(*self.caller().attachment.borrow(), State::Attached(_))
    }

    /// How many acknowledgements the bridge has not confirmed yet.
    pub fn owed_acknowledgements(&self) -> usize {
        self.shared.acknowledger.owed()
    }

    /// The generated client, for what this library has no method for, such as `Calls`.
    pub fn client(&self) -> Client {
        self.caller().bridges.client()
    }

    /// The header of a call made with [`client`](Scheduler::client), once there is an attachment.
    pub async fn header(&self) -> Result<CallHeader, Error> {
        let caller = self.caller();
        Ok(CallHeader {
            framework_name: caller.framework_name.clone(),
            attachment_id: crate::attachment::ready(&caller.attachment, None).await?.id,
            request_id: new_request_id(),
        })
    }

    /// Detaches: the session and its tasks continue for the lease. First it sends the pending acknowledgements, for at
    /// most 5 s.
    pub async fn close(&self) {
        let shared = &self.shared;
        tokio::select! {
            _ = timeout(CLOSE_TIMEOUT, shared.acknowledger.fewer_than(1)) => {}
            () = shared.done.cancelled() => {}
        }
        self.caller().lifetime.cancel();
        shared.done.cancelled().await;
    }
}

impl Events {
    /// The next event. The one before counts as handled from now on.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Says that the last event is handled, for who leaves the loop at it.
    pub fn handled(&mut self) {
        if let Some(token) = self.unhandled.take() {
            self.shared.acknowledger.handled(token, self.acknowledge);
        }
    }

    fn end(&mut self) -> Option<Result<Event, Error>> {
        let was_ended = std::mem::replace(&mut self.ended, true);
        match &*self.shared.caller.attachment.borrow() {
            State::Ended(Some(error)) if !was_ended => Some(Err(error.clone())),
            _ => None,
        }
    }
}

impl Stream for Events {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.handled();
        if self.room.is_none() && self.shared.acknowledger.owed() >= MAX_OWED {
            let Shared { acknowledger, done, .. } = &*self.shared;
            let (acknowledger, done) = (acknowledger.clone(), done.clone());
            self.room = Some(Box::pin(async move {
                tokio::select! {
                    () = acknowledger.fewer_than(MAX_OWED) => {}
                    () = done.cancelled() => {}
                }
            }));
        }
        if let Some(room) = &mut self.room {
            ready!(room.as_mut().poll(cx));
            self.room = None;
        }
        let Some(event) = ready!(self.queue.poll_recv(cx)) else {
            return Poll::Ready(self.end());
        };
        if let Event::Opened(opened) = &event {
            self.shared.caller.term.store(opened.term, Ordering::Relaxed);
        }
        self.unhandled = event.ack_token().map(ToOwned::to_owned);
        Poll::Ready(Some(Ok(event)))
    }
}
