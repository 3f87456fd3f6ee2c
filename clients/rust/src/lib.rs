#![doc = include_str!("../README.md")]

mod acknowledger;
mod attachment;
mod attempt;
mod backoff;
mod bridges;
mod calls;
mod connection;
mod connector;
mod error;
mod event;
mod notices;
mod options;
mod outcome;
mod progress;
mod proxy;
pub mod reason;
mod resources;
mod scheduler;
mod stranger;
mod tls;
mod token;

pub use connection::Connection;
pub use error::{Error, FieldViolation};
pub use event::{
    AcknowledgementRefused, Detached, Event, Failure, Gap, InverseOffers, LinkChanged, MesosError, Message, Offers,
    Opened, OperationUpdate, Rescind, RescindInverseOffer, SnapshotEnd, Stamp, Standby, Subscribed, Tasks, Update,
};
pub use options::Options;
pub use outcome::{Outcome, describe, outcome};
pub use resources::Pool;
pub use scheduler::{Events, Scheduler, connect};
pub use tls::{Pem, Tls};
pub use token::Token;

/// The stubs, in packages named as by `protoc`: `mesos::v1`, `mesos::v1::scheduler` and `mesosbridge::v1`.
///
/// Mesos's messages are proto2: an optional field is an `Option`, and a required one is not: it is sent as it is, zero
/// or empty if nobody set it. Enums are `i32`s; `TaskState::try_from(status.state())` tells one that is not known.
#[allow(missing_docs, clippy::all)]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/protos.rs"));
}
