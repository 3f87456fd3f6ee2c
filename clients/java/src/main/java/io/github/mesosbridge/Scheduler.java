package io.github.mesosbridge;

import com.google.protobuf.ByteString;
import io.github.mesosbridge.Caller.Repeat;
import io.github.mesosbridge.v1.AcceptOffersRequest;
import io.github.mesosbridge.v1.AcceptOffersResponse;
import io.github.mesosbridge.v1.AcknowledgeRequest;
import io.github.mesosbridge.v1.CallHeader;
import io.github.mesosbridge.v1.CallRequest;
import io.github.mesosbridge.v1.CloseSessionRequest;
import io.github.mesosbridge.v1.DeclineOffersRequest;
import io.github.mesosbridge.v1.DeleteStateRequest;
import io.github.mesosbridge.v1.GetStateRequest;
import io.github.mesosbridge.v1.GetStateResponse;
import io.github.mesosbridge.v1.KillTaskRequest;
import io.github.mesosbridge.v1.LaunchTasksRequest;
import io.github.mesosbridge.v1.LaunchTasksResponse;
import io.github.mesosbridge.v1.ListStateRequest;
import io.github.mesosbridge.v1.ListStateResponse;
import io.github.mesosbridge.v1.PutStateRequest;
import io.github.mesosbridge.v1.ReconcileTasksRequest;
import io.github.mesosbridge.v1.ReviveOffersRequest;
import io.github.mesosbridge.v1.SendMessageRequest;
import io.github.mesosbridge.v1.StateEntry;
import io.github.mesosbridge.v1.SuppressOffersRequest;
import io.github.mesosbridge.v1.TeardownRequest;
import io.grpc.Channel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;

/**
 * A framework's scheduler, driven through the bridge. It attaches when it is made, and again whenever the stream breaks.
 * One thread reads the events; calls may be made from any.
 *
 * <p>Calls wait for an attachment, are tried again where that is safe (no master, connection broken, attached anew) until
 * {@link Options#callTimeout} is over, and end with a {@link BridgeException}. Where they return, the Mesos master has
 * taken the call. The header of a request is filled in; a request id of the caller's own is kept.
 */
public final class Scheduler implements AutoCloseable {
  /** Version of this library, and of the bridge that it was made with. */
  public static final String VERSION = "0.1.0";

  /** How long {@code close} tries to send what acknowledgements are owed. */
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

  /** Entries of the state that are read at a time. */
  private static final int STATE_PAGE = 1_000;

  private final Options options;
  private final Bridges bridges;
  private final Lifetime lifetime = new Lifetime();
  private final EventQueue queue;
  private final Attachment attachment;
  private final Acknowledger acknowledger;
  private final Caller caller;
  private final Thread attaching;

  /** Acknowledgement of the update that the consumer has; null if it has none. */
  private String unhandled;

  private Scheduler(Options options) {
    this.options = options;
    bridges = options.openBridges();
    queue = new EventQueue(options.maxBuffered);
    attachment = new Attachment(bridges, options, lifetime, this::deliver);
    caller = new Caller(bridges, options, attachment, lifetime);
    acknowledger =
        new Acknowledger(
            lifetime,
            this::acknowledge,
            (token, error) -> queue.put(new Event.AcknowledgementRefused(token, error)));
    attaching = Threads.daemon("mesosbridge-events", this::run);
  }

  /** Makes a scheduler. Whether there is a bridge shows in the events. */
  public static Scheduler connect(Options options) {
    Scheduler scheduler = new Scheduler(options);
    scheduler.attaching.start();
    return scheduler;
  }

  private void run() {
    Thread acknowledging = Threads.daemon("mesosbridge-acknowledgements", acknowledger);
    acknowledging.start();
    try {
      attachment.run();
    } finally {
      // What is still owed can't be sent any more; the bridge's next snapshot brings those updates again.
      lifetime.end();
      acknowledger.end();
      queue.end();
    }
  }

  private void deliver(Event event) {
    if (event.ackToken().isEmpty() || acknowledger.receive(event.ackToken().get())) {
      queue.put(event);
    }
  }

  /**
   * The next event. The one before counts as handled from now on: an update is acknowledged then. Empty at the end, when
   * the session ended in order: after {@code close}, {@code teardown}, {@code closeSession} or {@code handOver}.
   *
   * @throws BridgeException when another client attached (not with {@link Options#standby}), the framework is gone, or
   *     the bridge refuses: what a new attachment can't fix
   */
  public Optional<Event> next() throws InterruptedException {
    return next(Duration.ofSeconds(Long.MAX_VALUE));
  }

  /** The same, but empty even if nothing came in time: {@link #hasEnded} distinguishes the two. */
  public Optional<Event> next(Duration atMost) throws InterruptedException {
    handled();
    acknowledger.awaitFewerThan(Acknowledger.MAX_OWED, Duration.ofDays(1));
    Event event = queue.take(atMost);
    if (event == null && queue.hasEnded() && attachment.failure() != null) {
      throw BridgeException.again(attachment.failure());
    }
    if (event instanceof Event.Opened opened) {
      caller.noteOpened(opened);
    }
    unhandled = event == null ? null : event.ackToken().orElse(null);
    return Optional.ofNullable(event);
  }

  /** Says that the last event is handled, for who leaves the loop at it. */
  public void handled() {
    if (unhandled != null) {
      acknowledger.handled(unhandled, options.acknowledge);
      unhandled = null;
    }
  }

  /** The events, as {@link #next} gives them, for a loop. An interrupt ends it with a BridgeException. */
  public Iterable<Event> events() {
    return () ->
        new Iterator<>() {
          private Event found;

          @Override
          public boolean hasNext() {
            try {
              found = found == null ? Scheduler.this.next().orElse(null) : found;
              return found != null;
            } catch (InterruptedException interrupt) {
              throw Lifetime.interrupted();
            }
          }

          @Override
          public Event next() {
            if (!hasNext()) {
              throw new NoSuchElementException();
            }
            Event event = found;
            found = null;
            return event;
          }
        };
  }

  /** True once all events have been read and none will come. */
  public boolean hasEnded() {
    return queue.hasEnded();
  }

  /** True while the stream to the bridge stands, and does not wait as standby. */
  public boolean isAttached() {
    return attachment.isAttached();
  }

  /** How many acknowledgements the bridge has not confirmed yet. */
  public int owedAcknowledgements() {
    return acknowledger.owed();
  }

  /**
   * Detaches: the session and its tasks continue for the lease. First it sends the pending acknowledgements, for at most
   * 5 s.
   */
  @Override
  public void close() {
    acknowledger.awaitFewerThan(1, CLOSE_TIMEOUT);
    lifetime.end();
    queue.end();
    try {
      attaching.join(CLOSE_TIMEOUT.toMillis());
      bridges.close();
    } catch (InterruptedException interrupt) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Launches tasks on offers of one agent. What they leave over is declined. Cookies are bytes of your own by task id:
   * they come back in the {@link Event.Tasks} of each snapshot until the task's end is acknowledged. At most 512 KiB per
   * call. {@code state} are changes of the framework's state, in one commit with the tasks. A bridge that can't keep
   * them refuses the launch, which is retried. The response has the version of the keys that were written.
   *
   * @throws BridgeException {@code OFFER_GONE}, {@code STATE_CHANGED}: nothing was launched; with {@link
   *     Options#standby}, {@code ATTACHMENT_SUPERSEDED} too: another scheduler may have been active since the offers
   *     came. With {@code isOutcomeUnknown}: reconcile before launching again
   */
  public LaunchTasksResponse launchTasks(LaunchTasksRequest request) {
    return caller.call(
        Repeat.NEVER,
        request.getHeader(),
        (stub, header) -> stub.launchTasks(request.toBuilder().setHeader(header).build()));
  }

  /** Accepts offers of one agent with any operations. Cookies, state and errors are as for {@code launchTasks}. */
  public AcceptOffersResponse acceptOffers(AcceptOffersRequest request) {
    return caller.call(
        Repeat.NEVER,
        request.getHeader(),
        (stub, header) -> stub.acceptOffers(request.toBuilder().setHeader(header).build()));
  }

  /** Declines offers. Those that are gone already do no harm. */
  public void declineOffers(DeclineOffersRequest request) {
    if (request.getOfferIdsCount() == 0) {
      return;
    }
    caller.call(
        Repeat.SAFE,
        request.getHeader(),
        (stub, header) -> stub.declineOffers(request.toBuilder().setHeader(header).build()));
  }

  /** Asks for offers again, and forgets what earlier declines said. Without roles: for all of them. */
  public void reviveOffers(String... roles) {
    ReviveOffersRequest.Builder request =
        ReviveOffersRequest.newBuilder().addAllRoles(Arrays.asList(roles));
    caller.call(
        Repeat.SAFE,
        CallHeader.getDefaultInstance(),
        (stub, header) -> stub.reviveOffers(request.setHeader(header).build()));
  }

  /** Stops offers until {@code reviveOffers}. Open offers stay open. */
  public void suppressOffers(String... roles) {
    SuppressOffersRequest.Builder request =
        SuppressOffersRequest.newBuilder().addAllRoles(Arrays.asList(roles));
    caller.call(
        Repeat.SAFE,
        CallHeader.getDefaultInstance(),
        (stub, header) -> stub.suppressOffers(request.setHeader(header).build()));
  }

  /** Asks for a task to be killed. What comes of it is an update. */
  public void killTask(KillTaskRequest request) {
    caller.call(
        Repeat.SAFE,
        request.getHeader(),
        (stub, header) -> stub.killTask(request.toBuilder().setHeader(header).build()));
  }

  /** Asks for the state of tasks; without any, of all that Mesos knows. The answers are updates. */
  public void reconcileTasks(ReconcileTasksRequest request) {
    caller.call(
        Repeat.SAFE,
        request.getHeader(),
        (stub, header) -> stub.reconcileTasks(request.toBuilder().setHeader(header).build()));
  }

  /** Sends bytes to an executor. Mesos may drop them. */
  public void sendMessage(SendMessageRequest request) {
    caller.call(
        Repeat.NEVER,
        request.getHeader(),
        (stub, header) -> stub.sendMessage(request.toBuilder().setHeader(header).build()));
  }

  /** Acknowledges updates, in the order given. Only for who chose {@link Options#manualAcknowledge}. */
  public void acknowledge(List<String> ackTokens) {
    if (ackTokens.isEmpty()) {
      return;
    }
    AcknowledgeRequest.Builder request = AcknowledgeRequest.newBuilder().addAllAckTokens(ackTokens);
    caller.call(
        Repeat.SAFE,
        CallHeader.getDefaultInstance(),
        (stub, header) -> stub.acknowledge(request.setHeader(header).build()));
  }

  /**
   * Reads a key of the framework's state, which is on the bridge's disk: bytes of your own that the next instance of
   * the scheduler needs. Empty if there is no such key.
   */
  public Optional<StateEntry> getState(String key) {
    GetStateRequest.Builder request = GetStateRequest.newBuilder().setKey(key);
    GetStateResponse response =
        caller.call(
            Repeat.SAFE,
            CallHeader.getDefaultInstance(),
            (stub, header) -> stub.getState(request.setHeader(header).build()));
    return response.hasEntry() ? Optional.of(response.getEntry()) : Optional.empty();
  }

  /**
   * Writes a key of the framework's state, whatever is there, and gives its version. Once it returns, the value is on
   * the bridge's disk.
   *
   * @param key 1 to 255 letters, digits and characters of {@code ._-:/}
   * @param value at most 512 KiB
   * @throws BridgeException with {@link Options#standby}, {@code ATTACHMENT_SUPERSEDED}: another scheduler may have
   *     been active since your last {@link Event.Opened}. With {@code isOutcomeUnknown}: it may have been written; read
   *     it
   */
  public long putState(String key, ByteString value) {
    return putState(PutStateRequest.newBuilder().setKey(key).setValue(value).build());
  }

  /**
   * The same, but it changes nothing unless the key has this version; 0: unless there is no such key.
   *
   * @throws BridgeException {@code STATE_CHANGED}: the key has another version. The others as above
   */
  public long putState(String key, ByteString value, long ifVersion) {
    return putState(
        PutStateRequest.newBuilder().setKey(key).setValue(value).setIfVersion(ifVersion).build());
  }

  /** The same, with a request id of your own if the header has one. */
  public long putState(PutStateRequest request) {
    return caller
        .call(
            Repeat.IN_TERM,
            request.getHeader(),
            (stub, header) -> stub.putState(request.toBuilder().setHeader(header).build()))
        .getVersion();
  }

  /** Deletes a key of the framework's state, if it is there. Its errors are those of {@code putState}. */
  public void deleteState(String key) {
    deleteState(DeleteStateRequest.newBuilder().setKey(key).build());
  }

  /** The same, but it changes nothing unless the key has this version; 0: unless there is no such key. */
  public void deleteState(String key, long ifVersion) {
    deleteState(DeleteStateRequest.newBuilder().setKey(key).setIfVersion(ifVersion).build());
  }

  /** The same, with a request id of your own if the header has one. */
  public void deleteState(DeleteStateRequest request) {
    caller.call(
        Repeat.IN_TERM,
        request.getHeader(),
        (stub, header) -> stub.deleteState(request.toBuilder().setHeader(header).build()));
  }

  /** Reads all keys of the framework's state, in order. */
  public List<StateEntry> listState() {
    return listState("");
  }

  /** The same, but only those that begin with the prefix. {@link Options#callTimeout} is for each 1,000 of them. */
  public List<StateEntry> listState(String prefix) {
    List<StateEntry> entries = new ArrayList<>();
    ListStateRequest.Builder request =
        ListStateRequest.newBuilder().setPrefix(prefix).setPageSize(STATE_PAGE);
    do {
      ListStateResponse page =
          caller.call(
              Repeat.SAFE,
              CallHeader.getDefaultInstance(),
              (stub, header) -> stub.listState(request.setHeader(header).build()));
      entries.addAll(page.getEntriesList());
      request.setPageToken(page.getNextPageToken());
    } while (!request.getPageToken().isEmpty());
    return entries;
  }

  /** Sends any call of Mesos but SUBSCRIBE. */
  public void call(CallRequest request) {
    caller.call(
        Repeat.NEVER,
        request.getHeader(),
        (stub, header) -> stub.call(request.toBuilder().setHeader(header).build()));
  }

  /** Ends the framework: Mesos kills its tasks, and the bridge deletes its state. The events end. */
  public void teardown() {
    caller.end(
        (stub, header) -> stub.teardown(TeardownRequest.newBuilder().setHeader(header).build()));
  }

  /** Ends the session and leaves the framework to Mesos, for its failover timeout. The events end. */
  public void closeSession() {
    caller.end(
        (stub, header) ->
            stub.closeSession(CloseSessionRequest.newBuilder().setHeader(header).build()));
  }

  /**
   * Lets the standby that has waited longest take over. The events end. Without one, the lease begins, as after {@code
   * close}.
   */
  public void handOver() {
    caller.end(
        (stub, header) ->
            stub.closeSession(
                CloseSessionRequest.newBuilder().setHeader(header).setHandover(true).build()));
  }

  /** The connection, for what this library has no method for, such as {@code Calls}. */
  public Channel channel() {
    return bridges;
  }

  /** The header of a call made on {@link #channel}, once there is an attachment. */
  public CallHeader newHeader() {
    return caller.newHeader();
  }
}
