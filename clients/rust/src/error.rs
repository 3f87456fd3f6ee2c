use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use prost::Message as _;
use tonic::{Code, Status};

use crate::proto::google::rpc;
use crate::reason;

/// What the bridge calls itself in `ErrorInfo.domain`.
const DOMAIN: &str = "mesosbridge";

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldViolation {
    /// The field's path in the request.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

/// The one error that calls and events end with. Programs go by its [`reason`](Error::reason).
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    code: Code,
    reason: String,
    message: String,
    metadata: HashMap<String, String>,
    field_violations: Vec<FieldViolation>,
    retry_delay: Option<Duration>,
}

impl Error {
    pub(crate) fn new(code: Code, reason: &str, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            reason: reason.to_owned(),
            message: message.into(),
            metadata: HashMap::new(),
            field_violations: Vec::new(),
            retry_delay: None,
        }))
    }

    /// The gRPC status code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The reason of `ErrorInfo`, such as [`reason::OFFER_GONE`]. Empty when the connection failed, or a proxy answered. A
    /// newer bridge may give one that [`reason`] does not have.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// What happened, for people.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The metadata of `ErrorInfo`.
    pub fn metadata(&self) -> &HashMap<String, String> {
        &self.0.metadata
    }

    /// What is wrong with which field of the request; set with `INVALID_FIELD`.
    pub fn field_violations(&self) -> &[FieldViolation] {
        &self.0.field_violations
    }

    /// How long the bridge asks to wait before the next try.
    pub fn retry_delay(&self) -> Option<Duration> {
        self.0.retry_delay
    }

    /// True when the same request may succeed later, and repeating it (with the same request id) does no harm.
    pub fn is_retryable(&self) -> bool {
        match self.reason() {
            "" => is_transport(self.code()),
            known if reason::LATER.contains(&known) => true,
            _ => self.code() == Code::Unavailable && !self.is_outcome_unknown(),
        }
    }

    /// True when Mesos may or may not have got the call: reconcile before doing it again.
    pub fn is_outcome_unknown(&self) -> bool {
        match self.reason() {
            "" => is_transport(self.code()),
            other => other == reason::OUTCOME_UNKNOWN,
        }
    }

    /// True where the bridge does not know the attachment of a call, or not any more.
    pub(crate) fn is_stale(&self) -> bool {
        reason::ATTACHED.contains(&self.reason())
    }

    /// The same error, with more to read.
    pub(crate) fn with_hint(mut self, hint: &str) -> Self {
        self.0.message += &format!(" ({hint})");
        self
    }

    /// As a server would send it: the reason stays.
    pub(crate) fn into_status(self) -> Status {
        let info = rpc::ErrorInfo {
            reason: self.0.reason.clone(),
            domain: DOMAIN.to_owned(),
            metadata: self.0.metadata.clone(),
        };
        let value = info.encode_to_vec();
        let detail = prost_types::Any { type_url: "type.googleapis.com/google.rpc.ErrorInfo".to_owned(), value };
        let status = rpc::Status { code: self.code().into(), message: self.0.message.clone(), details: vec![detail] };
        Status::with_details(self.code(), self.0.message, status.encode_to_vec().into())
    }

    fn add_detail(&mut self, detail: &prost_types::Any) -> Result<(), prost::DecodeError> {
        let value = detail.value.as_slice();
        let kind = detail.type_url.rsplit('/').next().unwrap_or_default();
        match kind {
            "google.rpc.ErrorInfo" => {
                let info = rpc::ErrorInfo::decode(value)?;
                if info.domain == DOMAIN {
                    self.0.reason = info.reason;
                    self.0.metadata = info.metadata;
                }
            }
            "google.rpc.BadRequest" => {
                let violations = rpc::BadRequest::decode(value)?.field_violations;
                self.0.field_violations = violations
                    .into_iter()
                    .map(|v| FieldViolation { field: v.field, description: v.description })
                    .collect();
            }
            "google.rpc.RetryInfo" => {
                let delay = rpc::RetryInfo::decode(value)?.retry_delay;
                self.0.retry_delay = delay.and_then(|delay| delay.try_into().ok());
            }
            _ => {}
        }
        Ok(())
    }
}

/// The codes of a connection that failed, where the server gave no reason of its own.
fn is_transport(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable | Code::Cancelled | Code::Internal | Code::Unknown | Code::Aborted | Code::DeadlineExceeded
    )
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let mut error = Self::new(status.code(), "", describe(&status));
        // A proxy may have put something else there; that must not hide the error itself.
        if let Ok(details) = rpc::Status::decode(status.details()) {
            for detail in &details.details {
                let _ = error.add_detail(detail);
            }
        }
        error
    }
}

/// The status's own words, or those of what lies at the bottom of a failed connection.
fn describe(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut source = StdError::source(status);
    while let Some(inner) = source {
        let more = inner.to_string();
        // tonic's own "transport error" says nothing that its source doesn't.
        if !more.is_empty() && more != "transport error" && !text.contains(&more) {
            text = if text.is_empty() { more } else { format!("{text}: {more}") };
        }
        source = inner.source();
    }
    text
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.message().to_owned();
        for FieldViolation { field, description } in self.field_violations() {
            if !text.contains(field.as_str()) {
                text += &format!(" ({field}: {description})");
            }
        }
        f.write_str(&text)?;
        if !text.contains(self.reason()) {
            write!(f, " ({})", self.reason())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.code())
    }
}

impl StdError for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: Code, details: Vec<prost_types::Any>) -> Status {
        let status = rpc::Status { code: code.into(), message: "no".to_owned(), details };
        Status::with_details(code, "no", status.encode_to_vec().into())
    }

    fn any(kind: &str, message: &impl prost::Message) -> prost_types::Any {
        prost_types::Any { type_url: format!("type.googleapis.com/google.rpc.{kind}"), value: message.encode_to_vec() }
    }

    fn info(reason: &str, domain: &str) -> prost_types::Any {
        let metadata = [("offer_ids".to_owned(), "o1".to_owned())].into();
        any("ErrorInfo", &rpc::ErrorInfo { reason: reason.to_owned(), domain: domain.to_owned(), metadata })
    }

    #[test]
    fn reads_what_the_bridge_tells_of_an_error() {
        let violation = rpc::bad_request::FieldViolation {
            field: "tasks[0].name".to_owned(),
            description: "is required".to_owned(),
        };
        let bad = rpc::BadRequest { field_violations: vec![violation] };
        let retry = rpc::RetryInfo { retry_delay: Some(prost_types::Duration { seconds: 1, nanos: 500_000_000 }) };
        let details = vec![info("INVALID_FIELD", "mesosbridge"), any("BadRequest", &bad), any("RetryInfo", &retry)];
        let error = Error::from(status(Code::InvalidArgument, details));
        assert_eq!(error.reason(), "INVALID_FIELD");
        assert_eq!(error.metadata()["offer_ids"], "o1");
        assert_eq!(error.field_violations()[0].field, "tasks[0].name");
        assert_eq!(error.retry_delay(), Some(Duration::from_millis(1500)));
        assert_eq!(error.to_string(), "no (tasks[0].name: is required) (INVALID_FIELD)");
        assert!(!error.is_retryable() && !error.is_outcome_unknown());
    }

    #[test]
    fn another_domain_gives_no_reason() {
        let error = Error::from(status(Code::Unavailable, vec![info("OFFER_GONE", "elsewhere")]));
        assert_eq!(error.reason(), "");
        assert!(error.is_retryable() && error.is_outcome_unknown());
    }

    #[test]
    fn details_that_are_none_hide_nothing() {
        let error = Error::from(Status::with_details(Code::Unavailable, "no", vec![0xff, 0xff].into()));
        assert_eq!((error.code(), error.message()), (Code::Unavailable, "no"));
    }

    #[test]
    fn tells_what_to_do_by_reason_and_code() {
        for (code, reason, retryable, unknown) in [
            (Code::Unavailable, "NO_MASTER", true, false),
            (Code::Unavailable, "MESOS_CREDENTIALS_REFUSED", true, false),
            (Code::Unavailable, "OUTCOME_UNKNOWN", false, true),
            (Code::Unavailable, "ONE_THAT_COMES_LATER", true, false),
            (Code::Aborted, "LEASE_EXPIRED", true, false),
            (Code::Aborted, "ATTACHMENT_SUPERSEDED", false, false),
            (Code::ResourceExhausted, "SLOW_CONSUMER", true, false),
            (Code::ResourceExhausted, "LIMIT_REACHED", true, false),
            (Code::FailedPrecondition, "OFFER_GONE", false, false),
            (Code::Unavailable, "", true, true),
            (Code::PermissionDenied, "", false, false),
        ] {
            let error = Error::new(code, reason, "no");
            assert_eq!((error.is_retryable(), error.is_outcome_unknown()), (retryable, unknown), "{code:?} {reason}");
        }
    }
}
