package io.github.mesosbridge;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** Exponential backoff with full jitter: each wait is random between 0 and a bound that doubles. */
final class Backoff {
  private final long initialNanos;
  private final long maxNanos;
  private int attempts;

  Backoff(Duration initial, Duration max) {
    initialNanos = initial.toNanos();
    maxNanos = max.toNanos();
  }

  Duration next() {
    double bound = Math.min(maxNanos, initialNanos * Math.pow(2, attempts++));
    return Duration.ofNanos((long) (ThreadLocalRandom.current().nextDouble() * bound));
  }

  void reset() {
    attempts = 0;
  }
}
