package io.github.mesosbridge;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Sends acknowledgements in the order in which they were added, in batches: while one is on its way the next fills up.
 * What fails is sent again until the bridge takes it or refuses it, or the lifetime is over.
 */
final class Acknowledger implements Runnable {
  /** The bridge takes 10,000 at once; smaller batches come back sooner. */
  private static final int MAX_BATCH = 1_000;

  /** Above this many owed acknowledgements the consumer waits. */
  static final int MAX_OWED = 10_000;

  private static final Duration RETRY = Duration.ofMillis(250);

  private final Lifetime lifetime;
  private final Consumer<List<String>> send;
  private final BiConsumer<String, BridgeException> refused;
  private final Queue<String> owed = new ArrayDeque<>();

  /** Those that are owed, and those of updates that wait for the consumer or are with it. */
  private final Set<String> known = new HashSet<>();

  private boolean ended;

  Acknowledger(
      Lifetime lifetime, Consumer<List<String>> send, BiConsumer<String, BridgeException> refused) {
    this.lifetime = lifetime;
    this.send = send;
    this.refused = refused;
  }

  /**
   * Notes that an update goes to the consumer. False when it is there already, or its acknowledgement is on its way: a
   * snapshot repeats what it does not know to be handled.
   */
  synchronized boolean receive(String ackToken) {
    return known.add(ackToken);
  }

  /** Notes that the consumer has handled an update, and acknowledges it if so wanted. */
  synchronized void handled(String ackToken, boolean acknowledge) {
    if (acknowledge) {
      owed.add(ackToken);
    } else {
      known.remove(ackToken);
    }
    notifyAll();
  }

  synchronized int owed() {
    return owed.size();
  }

  /** Waits until fewer than {@code limit} are owed, nothing is sent any more, or the time is up. */
  synchronized void awaitFewerThan(int limit, Duration atMost) {
    long deadline = System.nanoTime() + atMost.toNanos();
    try {
      while (owed.size() >= limit && !ended) {
        long left = (deadline - System.nanoTime()) / 1_000_000;
        if (left <= 0) {
          return;
        }
        wait(left);
      }
    } catch (InterruptedException interrupt) {
      throw Lifetime.interrupted();
    }
  }

  /** Ends the sending, once what is on its way has come back. */
  synchronized void end() {
    ended = true;
    notifyAll();
  }

  @Override
  public void run() {
    int size = MAX_BATCH;
    for (List<String> batch = next(size); !batch.isEmpty(); batch = next(size)) {
      size = sendOne(batch, size);
    }
  }

  /** Empty at the end. */
  private synchronized List<String> next(int size) {
    try {
      while (owed.isEmpty() && !ended) {
        wait();
      }
    } catch (InterruptedException interrupt) {
      return List.of();
    }
    return ended ? List.of() : owed.stream().limit(size).toList();
  }

  /** Gives the size of the next batch. After a refusal each token goes alone, to find the bad one. */
  private int sendOne(List<String> batch, int size) {
    try {
      send.accept(batch);
    } catch (BridgeException error) {
      if (lifetime.isOver()) {
        return size;
      }
      if (error.isRetryable() || error.isOutcomeUnknown()) {
        lifetime.pause(RETRY);
        return size;
      }
      if (batch.size() > 1) {
        return 1;
      }
      refused.accept(batch.get(0), error);
      forget(batch);
      return MAX_BATCH;
    }
    forget(batch);
    return size;
  }

  private synchronized void forget(List<String> batch) {
    for (String token : batch) {
      owed.remove();
      known.remove(token);
    }
    notifyAll();
  }
}
