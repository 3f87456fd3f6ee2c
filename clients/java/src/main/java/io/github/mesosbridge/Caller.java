package io.github.mesosbridge;

import io.github.mesosbridge.v1.CallHeader;
import io.github.mesosbridge.v1.SchedulerServiceGrpc.SchedulerServiceBlockingStub;
import io.github.mesosbridge.v1.SchedulerServiceGrpc;
import io.grpc.Context;
import io.grpc.Status;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;

/** Makes calls: waits for an attachment, and tries again where that is safe. */
final class Caller {
  /** Whether a call may be made twice, and whether it may be made after another scheduler was active. */
  enum Repeat {
    SAFE,
    /** For what only the scheduler may do that was active when it decided to. */
    IN_TERM,
    /** The same, and Mesos must not get it twice. */
    NEVER
  }

  private final Bridges bridges;
  private final SchedulerServiceBlockingStub stub;
  private final Attachment attachment;
  private final Lifetime lifetime;
  private final String frameworkName;
  private final Duration timeout;

  /** How many terms the program has been told of: it decides by what it saw in the last one. */
  private final AtomicInteger term = new AtomicInteger();

  Caller(Bridges bridges, Options options, Attachment attachment, Lifetime lifetime) {
    this.bridges = bridges;
    this.stub = SchedulerServiceGrpc.newBlockingStub(bridges);
    this.attachment = attachment;
    this.lifetime = lifetime;
    this.frameworkName = options.frameworkName;
    this.timeout = options.callTimeout;
  }

  /** Notes that the program gets this event next. */
  void noteOpened(Event.Opened opened) {
    if (!opened.resumed()) {
      term.incrementAndGet();
    }
  }

  /** Gives the answer. */
  <T> T call(
      Repeat repeat,
      CallHeader given,
      BiFunction<SchedulerServiceBlockingStub, CallHeader, T> send) {
    return new Attempt<>(repeat, given.getRequestId(), send).run();
  }

  /** For what ends the session: after a try that got no answer, finding the session ended means that it worked. */
  void end(BiFunction<SchedulerServiceBlockingStub, CallHeader, ?> send) {
    Attempt<?> attempt = new Attempt<>(Repeat.SAFE, "", send);
    try {
      attempt.run();
    } catch (BridgeException error) {
      boolean endedWell = attachment.hasEnded() && attachment.failure() == null;
      if (!endedWell || !attempt.tried) {
        throw error;
      }
    }
  }

  CallHeader header(String attachmentId, String requestId) {
    return CallHeader.newBuilder()
        .setFrameworkName(frameworkName)
        .setAttachmentId(attachmentId)
        .setRequestId(requestId)
        .build();
  }

  CallHeader newHeader() {
    return header(attachment.ready(null, System.nanoTime() + timeout.toNanos()), newRequestId());
  }

  private static String newRequestId() {
    return UUID.randomUUID().toString();
  }

  /** One call, tried once or more. */
  private final class Attempt<T> {
    final Repeat repeat;
    final BiFunction<SchedulerServiceBlockingStub, CallHeader, T> send;
    final Backoff backoff = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(2));
    final long deadlineNanos = System.nanoTime() + timeout.toNanos();

    /** The last term in which a call is sent, unless it is always safe: that of the program, or the first. */
    final int lastTerm = Math.max(1, term.get());

    String requestId;

    /** The attachment whose call was refused: only another one can help. */
    String staleId;

    /** True when a try has been sent. */
    boolean tried;

    /** True when a try may have reached Mesos. */
    boolean maybeSent;

    boolean tokenRefused;

    /** What the last try that came to an end got. */
    BridgeException last;

    /** What the bridge gave, once the call was taken. */
    T answer;

    Attempt(
        Repeat repeat,
        String requestId,
        BiFunction<SchedulerServiceBlockingStub, CallHeader, T> send) {
      this.repeat = repeat;
      this.send = send;
      this.requestId = requestId.isEmpty() ? newRequestId() : requestId;
    }

    T run() {
      for (BridgeException error = make(); error != null; error = make()) {
        if (isLate()) {
          throw late();
        }
        if (hasFreshToken(error)) {
          continue;
        }
        boolean unknown = repeat != Repeat.NEVER && error.reason().equals(Reason.OUTCOME_UNKNOWN);
        if (lifetime.isOver() || !error.isRetryable() && !error.isStale() && !unknown) {
          throw verdict(error);
        }
        last = error;
        if (unknown) {
          requestId = newRequestId();
        }
        if (!error.isStale()) {
          pause(Durations.max(backoff.next(), error.retryDelay()));
        }
        if (isLate()) {
          throw late();
        }
      }
      return answer;
    }

    /** Tries once. Gives null when the call was taken. */
    BridgeException make() {
      String attachmentId;
      try {
        attachmentId = attachment.ready(staleId, deadlineNanos);
      } catch (BridgeException none) {
        throw isLate() ? late() : verdict(none);
      }
      if (repeat != Repeat.SAFE && attachment.term() > lastTerm) {
        throw verdict(overtaken());
      }
      tried = true;
      Context previous = lifetime.context.attach();
      try {
        long left = deadlineNanos - System.nanoTime();
        answer =
            send.apply(
                stub.withDeadlineAfter(left, TimeUnit.NANOSECONDS),
                header(attachmentId, requestId));
        return null;
      } catch (RuntimeException failure) {
        BridgeException error = BridgeException.of(failure);
        maybeSent = maybeSent || error.isOutcomeUnknown();
        if (error.isStale()) {
          staleId = attachmentId;
        }
        return error;
      } finally {
        lifetime.context.detach(previous);
      }
    }

    /** True once, for a token that was refused, if the next one may be another. */
    boolean hasFreshToken(BridgeException error) {
      if (error.code() != Status.Code.UNAUTHENTICATED || lifetime.isOver()) {
        return false;
      }
      boolean refused = tokenRefused;
      tokenRefused = true;
      return !refused && bridges.givesFreshTokens();
    }

    /** No longer than until the deadline. */
    void pause(Duration wanted) {
      Duration left = Duration.ofNanos(Math.max(0, deadlineNanos - System.nanoTime()));
      lifetime.pause(left.compareTo(wanted) < 0 ? left : wanted);
    }

    boolean isLate() {
      return System.nanoTime() - deadlineNanos >= 0;
    }

    static BridgeException overtaken() {
      return new BridgeException(
          Status.Code.FAILED_PRECONDITION,
          Reason.ATTACHMENT_SUPERSEDED,
          "another scheduler may have been active since this call began: look at the snapshot, and decide anew");
    }

    /** A clear refusal after a try that got no answer says nothing about that try. */
    BridgeException verdict(BridgeException error) {
      if (!maybeSent || error.isOutcomeUnknown()) {
        return error;
      }
      String text = "an earlier try of this call got no answer, then: " + error.getMessage();
      return new BridgeException(Status.Code.UNAVAILABLE, Reason.OUTCOME_UNKNOWN, text);
    }

    BridgeException late() {
      String why = last == null ? "" : ": " + last.getMessage();
      // If no attempt can have reached Mesos, the reason says that nothing was sent.
      String reason = maybeSent ? Reason.OUTCOME_UNKNOWN : Reason.NOT_SENT;
      return new BridgeException(
          Status.Code.DEADLINE_EXCEEDED, reason, "no answer in time" + why);
    }
  }
}
