package io.github.mesosbridge;

import io.grpc.Context;
import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** How long a scheduler lives: what runs in its context ends with it. */
final class Lifetime {
  final Context.CancellableContext context = Context.ROOT.withCancellation();
  private final CountDownLatch over = new CountDownLatch(1);

  boolean isOver() {
    return over.getCount() == 0;
  }

  void end() {
    over.countDown();
    context.cancel(null);
  }

  /** Waits; less if the lifetime ends meanwhile. */
  void pause(Duration time) {
    try {
      over.await(time.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException interrupt) {
      throw interrupted();
    }
  }

  /** What a thread that waits for the bridge ends with when it is interrupted. */
  static BridgeException interrupted() {
    Thread.currentThread().interrupt();
    return new BridgeException(Status.Code.CANCELLED, "", "interrupted");
  }
}
