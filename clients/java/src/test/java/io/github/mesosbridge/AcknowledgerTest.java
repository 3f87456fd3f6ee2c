package io.github.mesosbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class AcknowledgerTest {
  private final List<List<String>> batches = Collections.synchronizedList(new ArrayList<>());
  private final List<String> refused = Collections.synchronizedList(new ArrayList<>());

  /** Sends the tokens to a bridge that answers as {@code bridge} does, until nothing is owed. */
  private void send(Consumer<List<String>> bridge, String... tokens) throws InterruptedException {
    Consumer<List<String>> send =
        batch -> {
          batches.add(batch);
          bridge.accept(batch);
        };
    Acknowledger acknowledger =
        new Acknowledger(new Lifetime(), send, (token, error) -> refused.add(token));
    for (String token : tokens) {
      assertTrue(acknowledger.receive(token));
      acknowledger.handled(token, true);
    }
    Thread running = Threads.daemon("acknowledger", acknowledger);
    running.start();
    acknowledger.awaitFewerThan(1, Duration.ofSeconds(10));
    assertEquals(0, acknowledger.owed());
    acknowledger.end();
    running.join(10_000);
    assertFalse(running.isAlive());
  }

  @Test
  void sendsInOrderAndInOneBatch() throws InterruptedException {
    send(batch -> {}, "a", "b", "c");
    assertEquals(List.of(List.of("a", "b", "c")), batches);
  }

  @Test
  void sendsAgainWhatTheBridgeCouldNotTake() throws InterruptedException {
    send(
        batch -> {
          if (batches.size() == 1) {
            throw new BridgeException(Status.Code.UNAVAILABLE, "NO_MASTER", "no master");
          }
        },
        "a");
    assertEquals(List.of(List.of("a"), List.of("a")), batches);
    assertEquals(List.of(), refused);
  }

  @Test
  void findsTheOneThatIsRefused() throws InterruptedException {
    send(
        batch -> {
          if (batch.contains("b")) {
            throw new BridgeException(Status.Code.INVALID_ARGUMENT, "INVALID_FIELD", "no");
          }
        },
        "a",
        "b",
        "c");
    assertEquals(List.of("b"), refused);
    assertEquals(List.of("c"), batches.get(batches.size() - 1));
  }

  @Test
  void anUpdateComesOnceUntilItIsAcknowledged() {
    Acknowledger acknowledger =
        new Acknowledger(new Lifetime(), batch -> {}, (token, error) -> {});
    assertTrue(acknowledger.receive("a"));
    assertFalse(acknowledger.receive("a"));
    acknowledger.handled("a", true);
    assertFalse(acknowledger.receive("a"));
    assertTrue(acknowledger.receive("b"));
    acknowledger.handled("b", false);
    assertTrue(acknowledger.receive("b"));
  }
}
