use std::time::{Duration, Instant};

use crate::event::{Opened, Standby};
use crate::proto::mesosbridge::v1::{Resume, SessionEvent, session_event};

const DEFAULT_PROGRESS_INTERVAL: Duration = Duration::from_secs(15);

/// The state of the current stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Phase {
    /// It has brought nothing yet.
    Opening,
    /// The scheduler waits as standby.
    Waiting,
    /// It brought a promotion, which counts once the bridge has taken the confirmation.
    Confirming,
    Active,
}

/// How far the stream was read.
pub(crate) struct Progress {
    pub(crate) phase: Phase,
    /// As in `Active`.
    pub(crate) term: u64,
    /// Where a broken stream is taken up again. None until a snapshot was complete: before that its rest would be lost.
    pub(crate) resume: Option<Resume>,
    attachment_id: String,
    /// Sequence of the last event received: where the next one shows a gap.
    last: u64,
    pub(crate) interval: Duration,
    pub(crate) alive: Instant,
    /// In a row, since the last stream that was opened.
    pub(crate) failures: u32,
    /// Where there was a bridge once, it is the bridge that is away.
    pub(crate) found: bool,
    /// The last attempt failed for its token.
    pub(crate) token_refused: bool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            phase: Phase::Opening,
            term: 0,
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

impl Progress {
    /// Keeps the position to resume at: the promotion may continue there.
    pub(crate) fn wait(&mut self, standby: &Standby) {
        self.phase = Phase::Waiting;
        self.failures = 0;
        self.expect(standby.progress_interval);
    }

    fn expect(&mut self, interval: Duration) {
        if !interval.is_zero() {
            self.interval = interval;
        }
    }

    pub(crate) fn open(&mut self, opened: &Opened) {
        self.phase = Phase::Active;
        self.attachment_id.clone_from(&opened.attachment_id);
        self.expect(opened.progress_interval);
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
    pub(crate) fn advance(&mut self, event: &SessionEvent) -> u64 {
        let missing = event.sequence.saturating_sub(self.last).saturating_sub(1);
        self.last = event.sequence;
        let complete = matches!(&event.event, Some(session_event::Event::Progress(p)) if p.snapshot_end);
        if (self.resume.is_some() || complete) && !event.fragment {
            self.resume = Some(Resume { attachment_id: self.attachment_id.clone(), after_sequence: event.sequence });
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Event;
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
}
