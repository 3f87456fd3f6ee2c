use std::time::Duration;

use prost_types::Timestamp;

use crate::Error;
use crate::proto::mesos::v1::scheduler::{self, event::Type};
use crate::proto::mesos::v1::{
    FrameworkId, FrameworkInfo, InverseOffer, MasterInfo, Offer, OperationStatus, TaskStatus,
};
use crate::proto::mesosbridge::v1::{self as bridge, AttachmentRole, LinkState, OpenTask, session_event};

/// What a scheduler sees. Kinds may be added: have an arm for those that you don't know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The attachment stands.
    Opened(Opened),
    /// The scheduler waits while another one may be active. Only with `Options::standby`.
    Standby(Standby),
    /// The bridge subscribed to a master.
    Subscribed(Subscribed),
    /// Offers.
    Offers(Offers),
    /// An offer is void.
    Rescind(Rescind),
    /// Inverse offers (maintenance).
    InverseOffers(InverseOffers),
    /// An inverse offer is void.
    RescindInverseOffer(RescindInverseOffer),
    /// The state of a task. It may come more than once.
    Update(Update),
    /// The state of an operation.
    OperationUpdate(OperationUpdate),
    /// Bytes from an executor.
    Message(Message),
    /// An agent is lost, or an executor has ended.
    Failure(Failure),
    /// Mesos's own ERROR. The stream ends after it.
    MesosError(MesosError),
    /// The master was lost, found or changed.
    LinkChanged(LinkChanged),
    /// Tasks of the framework: part of the snapshot.
    Tasks(Tasks),
    /// All that was open when it attached has been handed out.
    SnapshotEnd(SnapshotEnd),
    /// The stream broke, or could not be opened.
    Detached(Detached),
    /// Events are missing.
    Gap(Gap),
    /// The bridge refused an acknowledgement for good.
    AcknowledgementRefused(AcknowledgementRefused),
}

/// What all events of the session have.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stamp {
    /// Contiguous within a session as long as the bridge runs. Snapshot events repeat the last live one.
    pub sequence: u64,
    /// When the bridge received or made it.
    pub receive_time: Option<Timestamp>,
    /// Set when an acknowledgement is owed. It is sent once the next event is asked for.
    pub ack_token: Option<String>,
}

/// The attachment stands. With `resumed`, what was missed follows; else forget all offers: a snapshot follows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Opened {
    /// What all events have.
    pub stamp: Stamp,
    /// Names the attachment.
    pub attachment_id: String,
    /// The id of the framework: the bridge always sends it.
    pub framework_id: Option<String>,
    /// Whether it continues where the stream broke.
    pub resumed: bool,
    /// How long the session outlives its client.
    pub lease: Duration,
    /// As sent to Mesos, with the bridge's defaults filled in.
    pub framework_info: Option<FrameworkInfo>,
    /// The fields of it that the bridge filled in.
    pub defaulted_fields: Vec<String>,
    /// Whether the bridge is subscribed to a master at this moment.
    pub linked: bool,
    /// How often the bridge gives a sign of life.
    pub progress_interval: Duration,
    /// How many tries failed since the attachment before; 0 for the first one at once.
    pub failures: u32,
    /// As in `Active`.
    pub(crate) term: u64,
}

/// The scheduler waits while another one of the framework may be active. Calls wait too. `Opened` follows once it is
/// active itself.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Standby {
    /// What all events have.
    pub stamp: Stamp,
    /// The id of the framework: the bridge always sends it.
    pub framework_id: Option<String>,
    /// Whether the bridge is subscribed to a master at this moment.
    pub linked: bool,
    pub(crate) progress_interval: Duration,
}

/// The bridge subscribed to a master. Offers from before are void.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Subscribed {
    /// What all events have.
    pub stamp: Stamp,
    /// The framework's id.
    pub framework_id: String,
    /// The master.
    pub master_info: Option<MasterInfo>,
}

/// Offers, handed out as they come.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Offers {
    /// What all events have.
    pub stamp: Stamp,
    /// One or more.
    pub offers: Vec<Offer>,
    /// True when more pieces of the same event of Mesos follow.
    pub fragment: bool,
}

/// An offer is void.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rescind {
    /// What all events have.
    pub stamp: Stamp,
    /// The offer's id.
    pub offer_id: String,
}

/// Inverse offers (maintenance).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InverseOffers {
    /// What all events have.
    pub stamp: Stamp,
    /// One or more.
    pub inverse_offers: Vec<InverseOffer>,
}

/// An inverse offer is void.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RescindInverseOffer {
    /// What all events have.
    pub stamp: Stamp,
    /// The inverse offer's id.
    pub inverse_offer_id: String,
}

/// The state of a task.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Update {
    /// What all events have.
    pub stamp: Stamp,
    /// As Mesos sent it.
    pub status: TaskStatus,
}

/// The state of an operation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OperationUpdate {
    /// What all events have.
    pub stamp: Stamp,
    /// As Mesos sent it.
    pub status: OperationStatus,
}

/// Bytes from an executor.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Message {
    /// What all events have.
    pub stamp: Stamp,
    /// Where the executor runs.
    pub agent_id: String,
    /// The executor.
    pub executor_id: String,
    /// What it sent.
    pub data: Vec<u8>,
}

/// An agent is lost, or an executor has ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// What all events have.
    pub stamp: Stamp,
    /// The agent.
    pub agent_id: Option<String>,
    /// The executor that has ended; none when the agent is lost.
    pub executor_id: Option<String>,
    /// The executor's raw wait status.
    pub status: Option<i32>,
}

/// Mesos's own ERROR.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MesosError {
    /// What all events have.
    pub stamp: Stamp,
    /// Mesos's text.
    pub message: String,
}

/// The master was lost, found or changed. Offers from before are void.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LinkChanged {
    /// What all events have.
    pub stamp: Stamp,
    /// False: the bridge looks for a master.
    pub linked: bool,
    /// For people.
    pub reason: String,
    /// As host:port.
    pub master: String,
}

/// Tasks that have not ended, or whose end is not acknowledged: part of the snapshot, before its offers. Several of these
/// events may come.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tasks {
    /// What all events have.
    pub stamp: Stamp,
    /// Each with the cookie of its launch. If one is `unconfirmed`, it is not known whether Mesos has it: an update will
    /// tell.
    pub tasks: Vec<OpenTask>,
}

/// All that was open when it attached has been handed out.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SnapshotEnd {
    /// What all events have.
    pub stamp: Stamp,
}

/// The stream broke, or could not be opened. The scheduler attaches again by itself.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Detached {
    /// Why.
    pub error: Error,
    /// 1 for the first failure in a row.
    pub attempt: u32,
    /// When it attaches again.
    pub retry_in: Duration,
}

/// Events are missing: reconcile what matters.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Gap {
    /// How many.
    pub missing: u64,
}

/// The bridge refused an acknowledgement for good. Mesos sends the update again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AcknowledgementRefused {
    /// Which.
    pub ack_token: String,
    /// Why.
    pub error: Error,
}

impl Event {
    /// Set when an acknowledgement is owed for it.
    pub fn ack_token(&self) -> Option<&str> {
        let (Self::Update(Update { stamp, .. }) | Self::OperationUpdate(OperationUpdate { stamp, .. })) = self else {
            return None;
        };
        stamp.ack_token.as_deref()
    }

    /// The event as a scheduler sees it; none for signs of life and for what this version does not know.
    pub(crate) fn of(event: bridge::SessionEvent) -> Option<Self> {
        let stamp = Stamp {
            sequence: event.sequence,
            receive_time: event.receive_time,
            ack_token: Some(event.ack_token).filter(|token| !token.is_empty()),
        };
        match event.event? {
            session_event::Event::Opened(opened) if opened.role() == AttachmentRole::Standby => {
                Some(Self::Standby(Standby::of(stamp, opened)))
            }
            session_event::Event::Opened(opened) => Some(Self::Opened(Opened::of(stamp, opened))),
            session_event::Event::Promoted(promoted) => Some(Self::Opened(Opened::of(stamp, promoted.opened?))),
            session_event::Event::Mesos(mesos) => Self::of_mesos(stamp, mesos, event.fragment),
            session_event::Event::Progress(progress) => {
                progress.snapshot_end.then_some(Self::SnapshotEnd(SnapshotEnd { stamp }))
            }
            session_event::Event::Tasks(open) => Some(Self::Tasks(Tasks { stamp, tasks: open.tasks })),
            session_event::Event::LinkChanged(changed) => Some(Self::LinkChanged(LinkChanged {
                stamp,
                linked: changed.state() == LinkState::Connected,
                reason: changed.reason,
                master: changed.master,
            })),
        }
    }

    fn of_mesos(stamp: Stamp, event: scheduler::Event, fragment: bool) -> Option<Self> {
        Some(match event.r#type() {
            Type::Subscribed => {
                let subscribed = event.subscribed?;
                Self::Subscribed(Subscribed {
                    stamp,
                    framework_id: subscribed.framework_id.value,
                    master_info: subscribed.master_info,
                })
            }
            Type::Offers => Self::Offers(Offers { stamp, offers: event.offers?.offers, fragment }),
            Type::Rescind => Self::Rescind(Rescind { stamp, offer_id: event.rescind?.offer_id.value }),
            Type::InverseOffers => {
                Self::InverseOffers(InverseOffers { stamp, inverse_offers: event.inverse_offers?.inverse_offers })
            }
            Type::RescindInverseOffer => Self::RescindInverseOffer(RescindInverseOffer {
                stamp,
                inverse_offer_id: event.rescind_inverse_offer?.inverse_offer_id.value,
            }),
            Type::Update => Self::Update(Update { stamp, status: event.update?.status }),
            Type::UpdateOperationStatus => {
                Self::OperationUpdate(OperationUpdate { stamp, status: event.update_operation_status?.status })
            }
            Type::Message => {
                let message = event.message?;
                Self::Message(Message {
                    stamp,
                    agent_id: message.agent_id.value,
                    executor_id: message.executor_id.value,
                    data: message.data,
                })
            }
            Type::Failure => {
                let failure = event.failure?;
                Self::Failure(Failure {
                    stamp,
                    agent_id: failure.agent_id.map(|id| id.value),
                    executor_id: failure.executor_id.map(|id| id.value),
                    status: failure.status,
                })
            }
            Type::Error => Self::MesosError(MesosError { stamp, message: event.error?.message }),
            _ => return None,
        })
    }
}

impl Opened {
    fn of(stamp: Stamp, opened: bridge::Opened) -> Self {
        let linked = opened.link_state() == LinkState::Connected;
        Self {
            stamp,
            attachment_id: opened.attachment_id,
            framework_id: framework_id(opened.framework_id),
            resumed: opened.resumed,
            lease: duration(opened.lease),
            framework_info: opened.framework_info,
            defaulted_fields: opened.defaulted_fields,
            linked,
            progress_interval: duration(opened.progress_interval),
            failures: 0,
            term: 0,
        }
    }
}

impl Standby {
    fn of(stamp: Stamp, opened: bridge::Opened) -> Self {
        Self {
            stamp,
            linked: opened.link_state() == LinkState::Connected,
            framework_id: framework_id(opened.framework_id),
            progress_interval: duration(opened.progress_interval),
        }
    }
}

fn framework_id(value: Option<FrameworkId>) -> Option<String> {
    value.map(|id| id.value).filter(|id| !id.is_empty())
}

fn duration(value: Option<prost_types::Duration>) -> Duration {
    value.and_then(|value| value.try_into().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::mesos::v1::{Offer, TaskState};

    fn session_event(event: session_event::Event, ack_token: &str) -> bridge::SessionEvent {
        bridge::SessionEvent { sequence: 7, ack_token: ack_token.to_owned(), event: Some(event), ..Default::default() }
    }

    fn mesos(kind: Type) -> scheduler::Event {
        scheduler::Event { r#type: Some(kind.into()), ..Default::default() }
    }

    #[test]
    fn an_update_owes_an_acknowledgement_if_the_bridge_says_so() {
        let status = TaskStatus { state: TaskState::TaskFinished.into(), ..Default::default() };
        let event = scheduler::Event { update: Some(scheduler::event::Update { status }), ..mesos(Type::Update) };
        let seen = |token| Event::of(session_event(session_event::Event::Mesos(event.clone()), token)).unwrap();
        assert_eq!(seen("t1").ack_token(), Some("t1"));
        assert_eq!(seen("").ack_token(), None);
    }

    #[test]
    fn offers_keep_their_order() {
        let offers = ["a", "b"].map(|hostname| Offer { hostname: hostname.to_owned(), ..Default::default() });
        let event = scheduler::Event {
            offers: Some(scheduler::event::Offers { offers: offers.into() }),
            ..mesos(Type::Offers)
        };
        let Some(Event::Offers(seen)) = Event::of(session_event(session_event::Event::Mesos(event), "")) else {
            panic!("offers should come as offers");
        };
        let names: Vec<_> = seen.offers.iter().map(|o| o.hostname.as_str()).collect();
        assert_eq!((names, seen.stamp.sequence), (vec!["a", "b"], 7));
    }

    #[test]
    fn what_is_not_known_and_signs_of_life_are_no_events() {
        let unknown = scheduler::Event { r#type: Some(99), ..Default::default() };
        assert!(Event::of(session_event(session_event::Event::Mesos(unknown), "")).is_none());
        assert!(Event::of(session_event(session_event::Event::Mesos(mesos(Type::Heartbeat)), "")).is_none());
        let progress = bridge::Progress { snapshot_end: false };
        assert!(Event::of(session_event(session_event::Event::Progress(progress), "")).is_none());
        assert!(Event::of(bridge::SessionEvent::default()).is_none());
    }
}
