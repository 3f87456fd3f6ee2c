use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};

use crate::event::Opened;
use crate::{Error, Event};

/// Offers come within one or two of Mesos's allocation intervals, of 1 s each.
const WAIT_FOR_OFFERS: Duration = Duration::from_secs(5);

/// What a scheduler says of its own accord: once what it waits for, not with each try.
pub(crate) struct Notices {
    log: fn(&str),
    wants_offers: bool,
    has_said_it_waits: Arc<AtomicBool>,
    is_lost: bool,
    is_linked: Arc<AtomicBool>,
    /// Runs until offers come.
    waiting: Option<DropGuard>,
}

impl Notices {
    pub(crate) fn new(log: fn(&str), wants_offers: bool) -> Self {
        let (has_said_it_waits, is_linked) = Default::default();
        Self { log, wants_offers, has_said_it_waits, is_lost: false, is_linked, waiting: None }
    }

    /// An attempt to attach failed, and another one follows.
    pub(crate) fn failed(&mut self, error: &Error) {
        if !self.is_lost {
            (self.log)(&format!("not attached to the bridge: {error}; trying again"));
        }
        self.is_lost = true;
        self.waiting = None;
    }

    pub(crate) fn opened(&mut self, opened: &Opened) {
        if std::mem::take(&mut self.is_lost) {
            (self.log)("attached to the bridge");
        }
        self.is_linked.store(opened.linked, Ordering::Relaxed);
        if self.wants_offers && !self.has_said_it_waits.load(Ordering::Relaxed) {
            self.waiting = Some(self.wait_for_offers().drop_guard());
        }
    }

    /// The scheduler waits for its promotion.
    pub(crate) fn stands_by(&mut self) {
        self.is_lost = false;
        (self.log)("on standby: another scheduler of the framework may be active");
    }

    pub(crate) fn seen(&mut self, event: &Event) {
        match event {
            Event::LinkChanged(change) => self.is_linked.store(change.linked, Ordering::Relaxed),
            Event::Offers(_) | Event::Update(_) => {
                self.wants_offers = false;
                self.waiting = None;
            }
            _ => {}
        }
    }

    fn wait_for_offers(&mut self) -> CancellationToken {
        let came = CancellationToken::new();
        let (log, is_linked, until) = (self.log, self.is_linked.clone(), came.clone());
        let has_said_it_waits = self.has_said_it_waits.clone();
        tokio::spawn(async move {
            if tokio::time::timeout(WAIT_FOR_OFFERS, until.cancelled()).await.is_err() {
                let linked = is_linked.load(Ordering::Relaxed);
                let what = if linked { "offers" } else { "a Mesos master, which the bridge does not have yet" };
                has_said_it_waits.store(true, Ordering::Relaxed);
                log(&format!("attached to the bridge, and waiting for {what}"));
            }
        });
        came
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::proto::mesosbridge::v1::{self as bridge, session_event};
    use tonic::Code;

    fn opened() -> Opened {
        let opened = bridge::Opened { link_state: bridge::LinkState::Connected.into(), ..Default::default() };
        let event = bridge::SessionEvent { event: Some(session_event::Event::Opened(opened)), ..Default::default() };
        match Event::of(event) {
            Some(Event::Opened(opened)) => opened,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn says_once_what_it_waits_for() {
        static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let mut notices = Notices::new(|text| SAID.lock().unwrap().push(text.to_owned()), true);
        let away = Error::new(Code::Unavailable, "", "away");
        for _ in 0..3 {
            notices.failed(&away);
        }
        notices.opened(&opened());
        tokio::time::sleep(2 * WAIT_FOR_OFFERS).await;
        notices.failed(&away);
        notices.opened(&opened());
        tokio::time::sleep(2 * WAIT_FOR_OFFERS).await;
        let said = ["not attached to the bridge: away; trying again", "attached to the bridge"];
        let waits = "attached to the bridge, and waiting for offers";
        assert_eq!(*SAID.lock().unwrap(), [said[0], said[1], waits, said[0], said[1]]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_standby_says_that_it_waits_and_after_its_promotion_what_for() {
        static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let mut notices = Notices::new(|text| SAID.lock().unwrap().push(text.to_owned()), true);
        for _ in 0..2 {
            notices.failed(&Error::new(Code::Unavailable, "", "away"));
            notices.stands_by();
        }
        tokio::time::sleep(2 * WAIT_FOR_OFFERS).await;
        notices.opened(&opened());
        tokio::time::sleep(2 * WAIT_FOR_OFFERS).await;
        let lost = "not attached to the bridge: away; trying again";
        let standby = "on standby: another scheduler of the framework may be active";
        let waits = "attached to the bridge, and waiting for offers";
        assert_eq!(*SAID.lock().unwrap(), [lost, standby, lost, standby, waits]);
    }
}
