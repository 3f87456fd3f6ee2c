package io.github.mesosbridge;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;

/** Events that wait for the consumer: a bounded number, after which the bridge has to wait. */
final class EventQueue {
  private final Lock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Queue<Event> events = new ArrayDeque<>();
  private final int capacity;
  private boolean ended;

  EventQueue(int capacity) {
    this.capacity = capacity;
  }

  /** Waits for room. Once it has ended, events are dropped. */
  void put(Event event) {
    lock.lock();
    try {
      while (events.size() >= capacity && !ended) {
        changed.awaitUninterruptibly();
      }
      if (!ended) {
        events.add(event);
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** No more events come. Those that are there can still be taken. */
  void end() {
    lock.lock();
    try {
      ended = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** True once there are no events and none will come. */
  boolean hasEnded() {
    lock.lock();
    try {
      return ended && events.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** Null at the end, or when nothing came in time. */
  Event take(Duration atMost) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long left = atMost.compareTo(Duration.ofDays(365)) > 0 ? Long.MAX_VALUE : atMost.toNanos();
      while (events.isEmpty() && !ended && left > 0) {
        left = left == Long.MAX_VALUE ? awaitForever() : changed.awaitNanos(left);
      }
      Event event = events.poll();
      changed.signalAll();
      return event;
    } finally {
      lock.unlock();
    }
  }

  private long awaitForever() throws InterruptedException {
    changed.await();
    return Long.MAX_VALUE;
  }
}
