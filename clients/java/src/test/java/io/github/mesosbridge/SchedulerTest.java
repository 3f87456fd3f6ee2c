package io.github.mesosbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.mesosbridge.v1.KillTaskRequest;
import io.grpc.Status;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.mesos.v1.Protos.FrameworkInfo;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a scheduler does where there is no bridge. */
@Timeout(30)
class SchedulerTest {
  private Options options;

  @BeforeEach
  void findAnAddressWhereNothingListens() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      options = Options.of("127.0.0.1:" + socket.getLocalPort(), "nobody");
    }
    options.backoff(Duration.ofMillis(1), Duration.ofMillis(5));
  }

  @Test
  void tellsEachFailureAndGivesUp() {
    List<Event> events = new ArrayList<>();
    try (Scheduler scheduler = Scheduler.connect(options.giveUpAfter(Duration.ofMillis(300)))) {
      BridgeException error =
          assertThrows(BridgeException.class, () -> scheduler.events().forEach(events::add));
      assertEquals(Status.Code.UNAVAILABLE, error.code());
      assertTrue(error.getMessage().contains("refused"), error.getMessage());
    }
    assertTrue(events.size() > 1);
    for (int i = 0; i < events.size(); i++) {
      assertEquals(i + 1, assertInstanceOf(Event.Detached.class, events.get(i)).attempt());
    }
  }

  @Test
  void aCallThatFindsNoAttachmentWasNotSent() {
    try (Scheduler scheduler = Scheduler.connect(options.callTimeout(Duration.ofMillis(50)))) {
      BridgeException error =
          assertThrows(
              BridgeException.class,
              () -> scheduler.killTask(KillTaskRequest.getDefaultInstance()));
      assertEquals("NOT_SENT", error.reason());
      assertEquals(Status.Code.DEADLINE_EXCEEDED, error.code());
      assertTrue(error.isRetryable());
    }
  }

  @Test
  void closingEndsTheEventsAndWaitingCallsAtOnce() throws InterruptedException {
    Scheduler scheduler = Scheduler.connect(options);
    Thread closing = new Thread(scheduler::close);
    closing.start();
    BridgeException error =
        assertThrows(
            BridgeException.class, () -> scheduler.killTask(KillTaskRequest.getDefaultInstance()));
    assertEquals(Status.Code.CANCELLED, error.code());
    closing.join();
    for (Event event : scheduler.events()) {
      assertInstanceOf(Event.Detached.class, event);
    }
    assertTrue(scheduler.hasEnded());
  }

  @Test
  void waitingForAnEventHasALimit() throws InterruptedException {
    options.backoff(Duration.ofHours(1), Duration.ofHours(1));
    try (Scheduler scheduler = Scheduler.connect(options)) {
      assertTrue(scheduler.next().isPresent());
      assertEquals(Optional.empty(), scheduler.next(Duration.ofMillis(10)));
      assertEquals(false, scheduler.hasEnded());
    }
  }

  @Test
  void optionsThatCanNotBeAreRefused() {
    FrameworkInfo.Builder noUser = FrameworkInfo.newBuilder();
    assertThrows(IllegalArgumentException.class, () -> options.frameworkInfo(noUser));
    assertThrows(IllegalArgumentException.class, () -> Options.of("127.0.0.1:1", ""));
  }
}
