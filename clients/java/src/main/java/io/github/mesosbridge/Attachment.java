package io.github.mesosbridge;

import io.github.mesosbridge.v1.SchedulerServiceGrpc;
import io.github.mesosbridge.v1.SessionEvent;
import io.github.mesosbridge.v1.SubscribeRequest;
import io.github.mesosbridge.v1.SubscribeResponse;
import io.grpc.CallOptions;
import io.grpc.Context;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.stub.ClientCalls;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Iterator;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** Keeps one Subscribe stream open: attaches, watches it, and attaches again after it broke. */
final class Attachment implements Runnable {
  /** {@code Opened} comes at once from a bridge that is alive. */
  private static final Duration OPEN_TIMEOUT = Duration.ofSeconds(15);

  /** So many intervals without any event, and the stream counts as broken. */
  private static final int MISSED_PROGRESS = 3;

  /** A stream that lived that long was a good one: the next wait starts small again. */
  private static final Duration GOOD_STREAM = Duration.ofSeconds(5);

  /** Offers come within one or two of Mesos's allocation intervals, of 1 s each. */
  private static final Duration WAIT_FOR_OFFERS = Duration.ofSeconds(5);

  private static final MethodDescriptor<SubscribeRequest, SubscribeResponse> SUBSCRIBE =
      SchedulerServiceGrpc.getSubscribeMethod().toBuilder()
          .setResponseMarshaller(new Lenient())
          .build();

  private final Bridges bridges;
  private final SubscribeRequest request;
  private final Backoff backoff;
  private final Duration giveUpAfter;
  private final Lifetime lifetime;
  private final Consumer<Event> deliver;
  private final Progress progress = new Progress();
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(work -> Threads.daemon("mesosbridge-timer", work));
  private final Notices notices;
  private long aliveNanos = System.nanoTime();

  /** In a row, since the last stream that was opened. */
  private int failures;

  /** Where there was a bridge once, it is the bridge that is away. */
  private boolean found;

  /** The last attempt failed for its token. */
  private boolean tokenRefused;

  // What follows belongs to the monitor.
  private String id;
  private boolean ended;
  private BridgeException failure;

  Attachment(Bridges bridges, Options options, Lifetime lifetime, Consumer<Event> deliver) {
    this.bridges = bridges;
    this.request = options.request();
    this.backoff = new Backoff(options.backoffInitial, options.backoffMax);
    this.giveUpAfter = options.giveUpAfter;
    this.lifetime = lifetime;
    this.deliver = deliver;
    this.notices = new Notices(timer, options.wantsOffers(), WAIT_FOR_OFFERS);
  }

  /**
   * The attachment's id, once there is one other than {@code previous}.
   *
   * @throws BridgeException when there will be none any more; with {@link Reason#NOT_SENT}, when there was none in time
   */
  synchronized String ready(String previous, long deadlineNanos) {
    try {
      while (!ended && (id == null || id.equals(previous))) {
        long left = (deadlineNanos - System.nanoTime()) / 1_000_000;
        if (left <= 0) {
          throw new BridgeException(Status.Code.DEADLINE_EXCEEDED, Reason.NOT_SENT, "not attached in time");
        }
        wait(left);
      }
    } catch (InterruptedException interrupt) {
      throw Lifetime.interrupted();
    }
    if (failure != null) {
      throw BridgeException.again(failure);
    }
    if (ended) {
      throw new BridgeException(Status.Code.CANCELLED, "", "the session has ended");
    }
    return id;
  }

  synchronized boolean isAttached() {
    return id != null;
  }

  /** True once there is no attachment and will be none. */
  synchronized boolean hasEnded() {
    return ended;
  }

  /** Why it ended; null when that was in order. */
  synchronized BridgeException failure() {
    return failure;
  }

  private synchronized void set(String newId) {
    id = newId;
    notifyAll();
  }

  private synchronized void end(BridgeException error) {
    id = null;
    ended = true;
    failure = error;
    notifyAll();
  }

  @Override
  public void run() {
    BridgeException error = null;
    try {
      error = attachAgainAndAgain();
    } finally {
      timer.shutdownNow();
      end(error);
    }
  }

  /** Gives null when the session ended in order or the lifetime is over. */
  private BridgeException attachAgainAndAgain() {
    while (true) {
      long started = System.nanoTime();
      BridgeException broken = readStream();
      if (isAttached()) {
        aliveNanos = System.nanoTime();
        if (aliveNanos - started > GOOD_STREAM.toNanos()) {
          backoff.reset();
          bridges.served();
        }
      }
      if (broken == null || lifetime.isOver()) {
        return null;
      }
      set(null);
      if (!found) {
        broken = bridges.explained(broken);
      }
      boolean hasFreshToken = hasFreshToken(broken);
      boolean late = giveUpAfter != null && System.nanoTime() - aliveNanos > giveUpAfter.toNanos();
      if (!broken.isRetryable() && !hasFreshToken || late) {
        return broken;
      }
      notices.failed(broken);
      boolean atOnce = bridges.failed(broken) || hasFreshToken;
      Duration retryIn =
          atOnce ? Duration.ZERO : Durations.max(backoff.next(), broken.retryDelay());
      deliver.accept(new Event.Detached(broken, ++failures, retryIn));
      lifetime.pause(retryIn);
    }
  }

  /** True once after each stream that opened, for a token that was refused, if the next one may be another. */
  private boolean hasFreshToken(BridgeException error) {
    boolean refused = tokenRefused;
    tokenRefused = error.code() == Status.Code.UNAUTHENTICATED;
    return tokenRefused && !refused && bridges.givesFreshTokens();
  }

  /** Reads one stream to its end. Gives null when the bridge ended it in order. */
  private BridgeException readStream() {
    Context.CancellableContext context = lifetime.context.withCancellation();
    Context previous = context.attach();
    try {
      bridges.resetConnectBackoff();
      SubscribeRequest.Builder resumed = request.toBuilder();
      if (progress.resume() != null) {
        resumed.setResume(progress.resume());
      }
      Iterator<SubscribeResponse> responses =
          ClientCalls.blockingServerStreamingCall(
              bridges, SUBSCRIBE, CallOptions.DEFAULT, resumed.build());
      Duration patience = OPEN_TIMEOUT;
      while (hasNext(responses, patience, context)) {
        for (SessionEvent event : responses.next().getEventsList()) {
          take(event);
        }
        patience = progress.interval().multipliedBy(MISSED_PROGRESS);
      }
      return null;
    } catch (RuntimeException error) {
      return context.cancellationCause() instanceof BridgeException silent
          ? silent
          : BridgeException.of(error);
    } finally {
      context.detach(previous);
      context.cancel(null);
    }
  }

  /** Waits for the next response. When none comes in time, the stream counts as broken. */
  private boolean hasNext(
      Iterator<?> responses, Duration patience, Context.CancellableContext context) {
    String text = "no sign of life from the bridge for " + patience.toSeconds() + " s";
    BridgeException silent = new BridgeException(Status.Code.UNAVAILABLE, "", text);
    ScheduledFuture<?> silence =
        timer.schedule(() -> context.cancel(silent), patience.toMillis(), TimeUnit.MILLISECONDS);
    try {
      return responses.hasNext();
    } finally {
      silence.cancel(false);
    }
  }

  private void take(SessionEvent event) {
    Optional<Event> seen = Events.of(event);
    seen.ifPresent(notices::seen);
    if (seen.orElse(null) instanceof Event.Opened opened) {
      progress.open(opened);
      found = true;
      tokenRefused = false;
      set(opened.attachmentId());
      deliver.accept(opened.afterFailures(failures));
      failures = 0;
      return;
    }
    long missing = progress.advance(event);
    if (missing != 0) {
      deliver.accept(new Event.Gap(missing));
    }
    seen.ifPresent(deliver);
  }

  /**
   * Mesos's messages are proto2, where an enum value of a newer Mesos counts as unset. Where such a field is required the
   * usual reader would refuse the whole message, and the stream with it.
   */
  private static final class Lenient implements MethodDescriptor.Marshaller<SubscribeResponse> {
    @Override
    public InputStream stream(SubscribeResponse value) {
      return value.toByteString().newInput();
    }

    @Override
    public SubscribeResponse parse(InputStream stream) {
      try (stream) {
        return SubscribeResponse.parser().parsePartialFrom(stream);
      } catch (IOException unreadable) {
        throw Status.INTERNAL.withDescription("unreadable message").withCause(unreadable).asRuntimeException();
      }
    }
  }
}
