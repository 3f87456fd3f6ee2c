package io.github.mesosbridge;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The one exception that calls and events end with. Programs go by its {@link #reason()}. */
public final class BridgeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What is wrong with one field of a request. */
  public record FieldViolation(String field, String description) {}

  /** What the bridge calls itself in {@code ErrorInfo.domain}. */
  private static final String DOMAIN = "mesosbridge";

  /** The connection failed in one of these ways when the server gave no reason of its own. */
  private static final Set<Status.Code> TRANSPORT =
      Set.of(
          Status.Code.UNAVAILABLE,
          Status.Code.CANCELLED,
          Status.Code.INTERNAL,
          Status.Code.UNKNOWN,
          Status.Code.ABORTED,
          Status.Code.DEADLINE_EXCEEDED);

  private final Status.Code code;
  private final String text;
  private final transient Details details;

  private record Details(
      String reason,
      Map<String, String> metadata,
      List<FieldViolation> fieldViolations,
      Duration retryDelay) {
    static final Details NONE = new Details("", Map.of(), List.of(), Duration.ZERO);
  }

  BridgeException(Status.Code code, String reason, String message) {
    this(code, message, new Details(reason, Map.of(), List.of(), Duration.ZERO), null);
  }

  private BridgeException(Status.Code code, String message, Details details, Throwable cause) {
    super(describe(message, details), cause);
    this.code = code;
    this.text = message;
    this.details = details;
  }

  /** A new exception for another thread that ends by the same error: its stack trace shows where. */
  static BridgeException again(BridgeException error) {
    return new BridgeException(error.code, error.text, error.details(), error);
  }

  /** The same error, with more to read. */
  BridgeException withHint(String hint) {
    return new BridgeException(code, text + " (" + hint + ")", details(), this);
  }

  /** Turns any exception into a BridgeException, with its {@code google.rpc} details. */
  static BridgeException of(Throwable cause) {
    for (Throwable inner = cause; inner != null; inner = inner.getCause()) {
      if (inner instanceof BridgeException known) {
        return known;
      }
    }
    Status status = Status.fromThrowable(cause);
    String message = status.getDescription() == null ? "" : status.getDescription();
    for (Throwable inner = status.getCause(); inner != null; inner = inner.getCause()) {
      if (inner.getMessage() != null && !message.contains(inner.getMessage())) {
        message = message.isEmpty() ? inner.getMessage() : message + ": " + inner.getMessage();
      }
    }
    if (message.isEmpty()) {
      message = status.getCode().toString();
    }
    return new BridgeException(status.getCode(), message, detailsOf(cause), cause);
  }

  private static Details detailsOf(Throwable cause) {
    Metadata trailers = Status.trailersFromThrowable(cause);
    Details found = Details.NONE;
    try {
      com.google.rpc.Status status = StatusProto.fromThrowable(cause);
      if (trailers == null || status == null) {
        return found;
      }
      for (Any detail : status.getDetailsList()) {
        found = with(found, detail);
      }
    } catch (InvalidProtocolBufferException | IllegalArgumentException unreadable) {
      // A proxy may have put something else there; that must not hide the error itself.
    }
    return found;
  }

  private static Details with(Details found, Any detail) throws InvalidProtocolBufferException {
    if (detail.is(ErrorInfo.class)) {
      ErrorInfo info = detail.unpack(ErrorInfo.class);
      return info.getDomain().equals(DOMAIN)
          ? new Details(
              info.getReason(), info.getMetadataMap(), found.fieldViolations, found.retryDelay)
          : found;
    }
    if (detail.is(BadRequest.class)) {
      List<FieldViolation> violations =
          detail.unpack(BadRequest.class).getFieldViolationsList().stream()
              .map(v -> new FieldViolation(v.getField(), v.getDescription()))
              .toList();
      return new Details(found.reason, found.metadata, violations, found.retryDelay);
    }
    if (detail.is(RetryInfo.class)) {
      com.google.protobuf.Duration delay = detail.unpack(RetryInfo.class).getRetryDelay();
      return new Details(
          found.reason, found.metadata, found.fieldViolations, Durations.of(delay));
    }
    return found;
  }

  private static String describe(String message, Details details) {
    StringBuilder text = new StringBuilder(message);
    for (FieldViolation violation : details.fieldViolations) {
      if (text.indexOf(violation.field()) < 0) {
        text.append(" (").append(violation.field()).append(": ");
        text.append(violation.description()).append(')');
      }
    }
    if (text.indexOf(details.reason) < 0) {
      text.append(" (").append(details.reason).append(')');
    }
    return text.toString();
  }

  /** The gRPC status code. */
  public Status.Code code() {
    return code;
  }

  /**
   * The reason of {@code ErrorInfo}, such as {@link Reason#OFFER_GONE}. Empty when the connection failed, or a proxy
   * answered. A newer bridge may give one that {@link Reason} does not have.
   */
  public String reason() {
    return details().reason;
  }

  /** The metadata of {@code ErrorInfo}. */
  public Map<String, String> metadata() {
    return details().metadata;
  }

  /** What is wrong with which field of the request; set with {@code INVALID_FIELD}. */
  public List<FieldViolation> fieldViolations() {
    return details().fieldViolations;
  }

  /** How long the bridge asks to wait before the next try; zero if it does not ask. */
  public Duration retryDelay() {
    return details().retryDelay;
  }

  /** True when the same request may succeed later, and repeating it (with the same request id) does no harm. */
  public boolean isRetryable() {
    if (reason().isEmpty()) {
      return TRANSPORT.contains(code);
    }
    return Reason.LATER.contains(reason())
        || code == Status.Code.UNAVAILABLE && !isOutcomeUnknown();
  }

  /** True when Mesos may or may not have got the call: reconcile before doing it again. */
  public boolean isOutcomeUnknown() {
    return reason().equals(Reason.OUTCOME_UNKNOWN) || reason().isEmpty() && TRANSPORT.contains(code);
  }

  boolean isStale() {
    return Reason.ATTACHED.contains(reason());
  }

  private Details details() {
    return details == null ? Details.NONE : details;
  }
}
