package io.github.mesosbridge;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class BackoffTest {
  @Test
  void waitsStayUnderABoundThatDoublesUpToTheLargest() {
    Backoff backoff = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(15));
    long[] bounds = {100, 200, 400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000};
    for (long bound : bounds) {
      assertTrue(backoff.next().toMillis() <= bound);
    }
    for (int i = 0; i < 2000; i++) {
      assertTrue(backoff.next().toMillis() <= 15_000);
    }
    backoff.reset();
    assertTrue(backoff.next().toMillis() <= 100);
  }
}
