package io.github.mesosbridge;

import io.github.mesosbridge.v1.AttachmentRole;
import io.github.mesosbridge.v1.CallHeader;
import io.github.mesosbridge.v1.ConfirmPromotionRequest;
import io.github.mesosbridge.v1.Opened;
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

  /** How long the bridge may take to answer a confirmation. */
  private static final Duration CONFIRM_TIMEOUT = Duration.ofSeconds(15);

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
  private final boolean isStandby;
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

  /** The bridge has answered the last stream with {@code Opened}. */
  private boolean isOpen;

  /** The last attempt failed for its token. */
  private boolean tokenRefused;

  // What follows belongs to the monitor.
  private String id;
  private int term;
  private boolean ended;
  private BridgeException failure;

  Attachment(Bridges bridges, Options options, Lifetime lifetime, Consumer<Event> deliver) {
    this.bridges = bridges;
    this.request = options.request();
    this.isStandby = options.isStandby();
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

  /**
   * Grows each time that this standby becomes active after another scheduler may have been. Always 0 without {@link
   * Options#standby}.
   */
  synchronized int term() {
    return term;
  }

  /** True once there is no attachment and will be none. */
  synchronized boolean hasEnded() {
    return ended;
  }

  /** Why it ended; null when that was in order. */
  synchronized BridgeException failure() {
    return failure;
  }

  private synchronized void activate(Event.Opened opened) {
    if (isStandby && !opened.resumed()) {
      term++;
    }
    set(opened.attachmentId());
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
      if (isOpen) {
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
      // A standby that was superseded waits for its turn again.
      boolean again = broken.isRetryable() || hasFreshToken || isStandby && broken.isStale();
      if (!again || late) {
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

  /** True once after each stream whose token was good, for one that was refused, if the next one may be another. */
  private boolean hasFreshToken(BridgeException error) {
    boolean refused = tokenRefused;
    tokenRefused = error.code() == Status.Code.UNAUTHENTICATED;
    return tokenRefused && !refused && bridges.givesFreshTokens();
  }

  /** Reads one stream to its end. Gives null when the bridge ended it in order. */
  private BridgeException readStream() {
    isOpen = false;
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
    if (event.hasOpened()) {
      found(event.getOpened());
    } else if (event.hasPromoted()) {
      confirm(event.getPromoted().getOpened().getAttachmentId());
    }
    Optional<Event> seen = Events.of(event);
    seen.ifPresent(notices::seen);
    if (seen.orElse(null) instanceof Event.Standby standby) {
      progress.setInterval(Durations.of(event.getOpened().getProgressInterval()));
      deliver.accept(standby);
      failures = 0;
      return;
    }
    // The Opened of a stream that waits is too early: the bridge may still refuse the token of the confirmation.
    tokenRefused = false;
    if (seen.orElse(null) instanceof Event.Opened opened) {
      progress.open(opened);
      activate(opened);
      deliver.accept(opened.afterFailures(failures));
      failures = 0;
    } else if (isAttached()) {
      advance(event, seen);
    }
  }

  private void advance(SessionEvent event, Optional<Event> seen) {
    long missing = progress.advance(event);
    if (missing != 0) {
      deliver.accept(new Event.Gap(missing));
    }
    seen.ifPresent(deliver);
  }

  /**
   * Notes that a bridge answers.
   *
   * @throws BridgeException if it should have let this scheduler wait, and can't
   */
  private void found(Opened opened) {
    found = true;
    isOpen = true;
    if (isStandby && opened.getRole() != AttachmentRole.ATTACHMENT_ROLE_STANDBY) {
      // It has thrown the active scheduler out. With another try, the two would do that to one another for ever.
      throw new BridgeException(
          Status.Code.UNIMPLEMENTED,
          "",
          "the bridge does not know standby schedulers: update the bridge, or attach without standby");
    }
  }

  /** Without an answer, the bridge may have promoted another scheduler in place of this one. */
  private void confirm(String attachmentId) {
    CallHeader.Builder header =
        CallHeader.newBuilder()
            .setFrameworkName(request.getFrameworkName())
            .setAttachmentId(attachmentId);
    SchedulerServiceGrpc.newBlockingStub(bridges)
        .withDeadlineAfter(CONFIRM_TIMEOUT.toSeconds(), TimeUnit.SECONDS)
        .confirmPromotion(ConfirmPromotionRequest.newBuilder().setHeader(header).build());
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
