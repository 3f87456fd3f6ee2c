package io.github.mesosbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.protobuf.Any;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BridgeExceptionTest {
  private static BridgeException of(Status.Code code, Message... details) {
    com.google.rpc.Status.Builder status =
        com.google.rpc.Status.newBuilder().setCode(code.value()).setMessage("no");
    for (Message detail : details) {
      status.addDetails(Any.pack(detail));
    }
    return BridgeException.of(StatusProto.toStatusRuntimeException(status.build()));
  }

  private static ErrorInfo info(String reason, String domain) {
    return ErrorInfo.newBuilder()
        .setReason(reason)
        .setDomain(domain)
        .putMetadata("offer_ids", "o1")
        .build();
  }

  @Test
  void readsWhatTheBridgeTellsOfAnError() {
    BadRequest.FieldViolation.Builder violation =
        BadRequest.FieldViolation.newBuilder().setField("tasks[0].name").setDescription("is required");
    com.google.protobuf.Duration delay = Durations.of(Duration.ofMillis(1500));
    BridgeException error =
        of(
            Status.Code.INVALID_ARGUMENT,
            info("INVALID_FIELD", "mesosbridge"),
            BadRequest.newBuilder().addFieldViolations(violation).build(),
            RetryInfo.newBuilder().setRetryDelay(delay).build());
    assertEquals("INVALID_FIELD", error.reason());
    assertEquals(Map.of("offer_ids", "o1"), error.metadata());
    assertEquals(
        List.of(new BridgeException.FieldViolation("tasks[0].name", "is required")),
        error.fieldViolations());
    assertEquals(Duration.ofMillis(1500), error.retryDelay());
    assertEquals("no (tasks[0].name: is required) (INVALID_FIELD)", error.getMessage());
  }

  @Test
  void anotherDomainGivesNoReason() {
    BridgeException error = of(Status.Code.UNAVAILABLE, info("OFFER_GONE", "elsewhere"));
    assertEquals("", error.reason());
    assertEquals(true, error.isRetryable());
  }

  @Test
  void detailsThatCanNotBeReadHideNothing() {
    Metadata trailers = new Metadata();
    trailers.put(
        Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER),
        "no protobuf".getBytes(StandardCharsets.UTF_8));
    Status status = Status.UNAVAILABLE.withDescription("no");
    BridgeException error = BridgeException.of(status.asRuntimeException(trailers));
    assertEquals(Status.Code.UNAVAILABLE, error.code());
    assertEquals("no", error.getMessage());
  }

  @ParameterizedTest
  @CsvSource({
    "UNAVAILABLE, NO_MASTER, true, false",
    "UNAVAILABLE, MESOS_CREDENTIALS_REFUSED, true, false",
    "UNAVAILABLE, OUTCOME_UNKNOWN, false, true",
    "UNAVAILABLE, ONE_THAT_COMES_LATER, true, false",
    "ABORTED, LEASE_EXPIRED, true, false",
    "ABORTED, ATTACHMENT_SUPERSEDED, false, false",
    "RESOURCE_EXHAUSTED, SLOW_CONSUMER, true, false",
    "RESOURCE_EXHAUSTED, LIMIT_REACHED, true, false",
    "FAILED_PRECONDITION, OFFER_GONE, false, false",
    "UNAVAILABLE, '', true, true",
    "PERMISSION_DENIED, '', false, false",
  })
  void tellsWhatToDoByReasonAndCode(
      Status.Code code, String reason, boolean retryable, boolean unknown) {
    BridgeException error = new BridgeException(code, reason, "no");
    assertEquals(retryable, error.isRetryable());
    assertEquals(unknown, error.isOutcomeUnknown());
  }
}
