package mesosbridge

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const domain = "mesosbridge"

// Error is what calls and events end with.
type Error struct {
	// The gRPC status code.
	Code codes.Code
	// The reason of ErrorInfo, such as ReasonOfferGone. Empty when the connection failed, or a proxy answered.
	Reason  string
	Message string
	// The metadata of ErrorInfo.
	Metadata map[string]string
	// What is wrong with which field of the request; set with INVALID_FIELD.
	FieldViolations []*errdetails.BadRequest_FieldViolation
	// How long the bridge asks to wait before the next try; 0 if it does not ask.
	RetryDelay time.Duration
	cause      error
}

func (e *Error) Error() string {
	text := e.Message
	for _, violation := range e.FieldViolations {
		if field := violation.GetField() + ": " + violation.GetDescription(); !strings.Contains(text, violation.GetField()) {
			text += " (" + field + ")"
		}
	}
	if e.Reason == "" || strings.Contains(text, e.Reason) {
		return text
	}
	return fmt.Sprintf("%s (%s)", text, e.Reason)
}

func (e *Error) Unwrap() error { return e.cause }

// Retryable is true when the same request may succeed later, and repeating it (with the same request id) does no harm.
func (e *Error) Retryable() bool {
	if e.Reason == "" {
		return isTransport(e.Code)
	}
	return helpsLater(e.Reason) || e.Code == codes.Unavailable && !e.OutcomeUnknown()
}

// OutcomeUnknown is true when Mesos may or may not have got the call: reconcile before doing it again.
func (e *Error) OutcomeUnknown() bool {
	return e.Reason == ReasonOutcomeUnknown || e.Reason == "" && isTransport(e.Code)
}

// ReasonOf gives the reason of an error of this package, and "" for any other.
func ReasonOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// stale is true where the bridge does not know the attachment of a call, or not any more.
func (e *Error) stale() bool { return helpsAttached(e.Reason) }

// isTransport is true for the codes of a connection that failed, where the server gave no reason of its own.
func isTransport(code codes.Code) bool {
	switch code {
	case codes.Unavailable, codes.Canceled, codes.Internal, codes.Unknown, codes.Aborted, codes.DeadlineExceeded:
		return true
	}
	return false
}

// asError turns any error into an *Error, with its google.rpc details.
func asError(err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	st, isStatus := status.FromError(err)
	if !isStatus {
		st = status.FromContextError(err)
	}
	e := &Error{Code: st.Code(), Message: st.Message(), cause: err}
	for _, detail := range st.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			if d.GetDomain() == domain {
				e.Reason, e.Metadata = d.GetReason(), d.GetMetadata()
			}
		case *errdetails.BadRequest:
			e.FieldViolations = d.GetFieldViolations()
		case *errdetails.RetryInfo:
			e.RetryDelay = d.GetRetryDelay().AsDuration()
		}
	}
	return e
}
