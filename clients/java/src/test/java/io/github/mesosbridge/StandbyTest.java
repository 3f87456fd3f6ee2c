package io.github.mesosbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.rpc.ErrorInfo;
import io.github.mesosbridge.v1.AttachmentRole;
import io.github.mesosbridge.v1.ConfirmPromotionRequest;
import io.github.mesosbridge.v1.ConfirmPromotionResponse;
import io.github.mesosbridge.v1.GetStateRequest;
import io.github.mesosbridge.v1.GetStateResponse;
import io.github.mesosbridge.v1.KillTaskRequest;
import io.github.mesosbridge.v1.KillTaskResponse;
import io.github.mesosbridge.v1.LaunchTasksRequest;
import io.github.mesosbridge.v1.LaunchTasksResponse;
import io.github.mesosbridge.v1.Opened;
import io.github.mesosbridge.v1.PutStateRequest;
import io.github.mesosbridge.v1.PutStateResponse;
import io.github.mesosbridge.v1.SchedulerServiceGrpc.SchedulerServiceImplBase;
import io.github.mesosbridge.v1.SessionEvent;
import io.github.mesosbridge.v1.SubscribeRequest;
import io.github.mesosbridge.v1.SubscribeResponse;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a standby does when another one may have been active, or its token is refused. */
@Timeout(30)
class StandbyTest {
  private final Bridge bridge = new Bridge();
  private Server server;
  private Options options;
  private Scheduler scheduler;

  @BeforeEach
  void listen() throws IOException {
    server =
        Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
            .addService(bridge)
            .build()
            .start();
    options =
        Options.of("127.0.0.1:" + server.getPort(), "shared")
            .standby(true)
            .backoff(Duration.ofMillis(1), Duration.ofMillis(5));
  }

  @AfterEach
  void end() {
    scheduler.close();
    server.shutdownNow();
  }

  @Test
  void whatBeganBeforeTheFirstTermGoesOutInIt() throws InterruptedException {
    scheduler = Scheduler.connect(options);
    StreamObserver<SubscribeResponse> stream = bridge.acceptStandby();
    CompletableFuture<Void> launch = begin(this::launch);
    assertFalse(scheduler.isAttached());
    promote(stream, "a1");
    launch.join();
    assertEquals(List.of("launch a1"), bridge.calls());
  }

  @Test
  void whatBeganInATermGoesOutInALaterOneOnlyIfItMayBeRepeated() throws InterruptedException {
    scheduler = Scheduler.connect(options);
    StreamObserver<SubscribeResponse> first = bridge.acceptStandby();
    promote(first, "a1");
    awaitOpened();
    first.onError(failure(Status.Code.ABORTED, Reason.ATTACHMENT_SUPERSEDED));
    StreamObserver<SubscribeResponse> second = bridge.acceptStandby();
    CompletableFuture<Void> launch = begin(this::launch);
    CompletableFuture<Void> kill =
        begin(() -> scheduler.killTask(KillTaskRequest.getDefaultInstance()));
    promote(second, "a2");
    Throwable failure = assertThrows(CompletionException.class, launch::join).getCause();
    BridgeException error = assertInstanceOf(BridgeException.class, failure);
    assertEquals(Status.Code.FAILED_PRECONDITION, error.code());
    assertEquals(
        "another scheduler may have been active since this call began: look at the snapshot, and decide anew"
            + " (ATTACHMENT_SUPERSEDED)",
        error.getMessage());
    kill.join();
    awaitOpened();
    launch();
    assertEquals(List.of("kill a2", "launch a2"), bridge.calls());
  }

  @Test
  void aWriteOfTheStateIsRepeatedInItsTermOnly() throws InterruptedException {
    scheduler = Scheduler.connect(options);
    StreamObserver<SubscribeResponse> first = bridge.acceptStandby();
    promote(first, "a1");
    awaitOpened();
    bridge.loseOneAnswer();
    assertEquals(7, put());
    first.onError(failure(Status.Code.ABORTED, Reason.ATTACHMENT_SUPERSEDED));
    StreamObserver<SubscribeResponse> second = bridge.acceptStandby();
    CompletableFuture<Void> write = begin(this::put);
    CompletableFuture<Void> read = begin(() -> scheduler.getState("key"));
    promote(second, "a2");
    Throwable failure = assertThrows(CompletionException.class, write::join).getCause();
    BridgeException error = assertInstanceOf(BridgeException.class, failure);
    assertEquals(Reason.ATTACHMENT_SUPERSEDED, error.reason());
    read.join();
    assertEquals(List.of("put a1", "put a1", "get a2"), bridge.calls());
  }

  @Test
  void aTokenThatIsRefusedWithEachConfirmationIsNotAskedForInALoop() throws InterruptedException {
    bridge.refuseConfirmations();
    AtomicInteger tokens = new AtomicInteger();
    scheduler = Scheduler.connect(options.token(() -> "token-" + tokens.incrementAndGet()));
    promote(bridge.acceptStandby(), "a1");
    promote(bridge.acceptStandby(), "a2");
    BridgeException error = assertThrows(BridgeException.class, this::awaitOpened);
    assertEquals(Status.Code.UNAUTHENTICATED, error.code());
    // For two streams and their confirmations.
    assertEquals(4, tokens.get());
  }

  @Test
  void aBridgeThatMakesItActiveAtOnceIsOlder() throws InterruptedException {
    scheduler = Scheduler.connect(options);
    SessionEvent.Builder event = SessionEvent.newBuilder();
    send(bridge.streams.take(), event.setOpened(opened(AttachmentRole.ATTACHMENT_ROLE_ACTIVE)));
    BridgeException error = assertThrows(BridgeException.class, this::awaitOpened);
    assertEquals(Status.Code.UNIMPLEMENTED, error.code());
  }

  private void awaitOpened() throws InterruptedException {
    while (!(scheduler.next().orElseThrow() instanceof Event.Opened)) {}
  }

  private void launch() {
    scheduler.launchTasks(LaunchTasksRequest.getDefaultInstance());
  }

  private long put() {
    return scheduler.putState("key", ByteString.copyFromUtf8("value"));
  }

  /** Makes a call, and returns when it waits for an attachment. */
  private static CompletableFuture<Void> begin(Runnable call) throws InterruptedException {
    CompletableFuture<Void> result = new CompletableFuture<>();
    Thread thread = Threads.daemon("call", () -> complete(result, call));
    thread.start();
    while (thread.getState() != Thread.State.TIMED_WAITING) {
      Thread.sleep(1);
    }
    return result;
  }

  private static void complete(CompletableFuture<Void> result, Runnable call) {
    try {
      call.run();
      result.complete(null);
    } catch (BridgeException error) {
      result.completeExceptionally(error);
    }
  }

  private static void promote(StreamObserver<SubscribeResponse> stream, String attachmentId) {
    SessionEvent.Builder event = SessionEvent.newBuilder();
    event
        .getPromotedBuilder()
        .setOpened(opened(AttachmentRole.ATTACHMENT_ROLE_ACTIVE).setAttachmentId(attachmentId));
    send(stream, event);
  }

  private static Opened.Builder opened(AttachmentRole role) {
    return Opened.newBuilder().setRole(role);
  }

  private static void send(StreamObserver<SubscribeResponse> stream, SessionEvent.Builder event) {
    stream.onNext(SubscribeResponse.newBuilder().addEvents(event).build());
  }

  private static RuntimeException failure(Status.Code code, String reason) {
    ErrorInfo.Builder info = ErrorInfo.newBuilder().setDomain("mesosbridge");
    return StatusProto.toStatusRuntimeException(
        com.google.rpc.Status.newBuilder()
            .setCode(code.value())
            .addDetails(Any.pack(info.setReason(reason).build()))
            .build());
  }

  /** Takes all calls, unless told otherwise. */
  private static final class Bridge extends SchedulerServiceImplBase {
    private final BlockingQueue<StreamObserver<SubscribeResponse>> streams =
        new LinkedBlockingQueue<>();

    private final List<String> calls = new ArrayList<>();
    private volatile boolean refusesConfirmations;
    private volatile boolean losesAnswer;

    /** The next stream, which waits. */
    StreamObserver<SubscribeResponse> acceptStandby() throws InterruptedException {
      StreamObserver<SubscribeResponse> stream = streams.take();
      Opened.Builder opened = opened(AttachmentRole.ATTACHMENT_ROLE_STANDBY);
      send(stream, SessionEvent.newBuilder().setOpened(opened));
      return stream;
    }

    void refuseConfirmations() {
      refusesConfirmations = true;
    }

    /** Of the next write. */
    void loseOneAnswer() {
      losesAnswer = true;
    }

    synchronized List<String> calls() {
      return List.copyOf(calls);
    }

    private synchronized void note(String call) {
      calls.add(call);
    }

    @Override
    public void subscribe(SubscribeRequest request, StreamObserver<SubscribeResponse> stream) {
      streams.add(stream);
    }

    @Override
    public void confirmPromotion(
        ConfirmPromotionRequest request, StreamObserver<ConfirmPromotionResponse> answer) {
      if (refusesConfirmations) {
        answer.onError(failure(Status.Code.UNAUTHENTICATED, Reason.UNAUTHENTICATED));
        return;
      }
      answer.onNext(ConfirmPromotionResponse.getDefaultInstance());
      answer.onCompleted();
    }

    @Override
    public void launchTasks(
        LaunchTasksRequest request, StreamObserver<LaunchTasksResponse> answer) {
      note("launch " + request.getHeader().getAttachmentId());
      answer.onNext(LaunchTasksResponse.getDefaultInstance());
      answer.onCompleted();
    }

    @Override
    public void killTask(KillTaskRequest request, StreamObserver<KillTaskResponse> answer) {
      note("kill " + request.getHeader().getAttachmentId());
      answer.onNext(KillTaskResponse.getDefaultInstance());
      answer.onCompleted();
    }

    @Override
    public void getState(GetStateRequest request, StreamObserver<GetStateResponse> answer) {
      note("get " + request.getHeader().getAttachmentId());
      answer.onNext(GetStateResponse.getDefaultInstance());
      answer.onCompleted();
    }

    @Override
    public void putState(PutStateRequest request, StreamObserver<PutStateResponse> answer) {
      note("put " + request.getHeader().getAttachmentId());
      if (losesAnswer) {
        losesAnswer = false;
        answer.onError(failure(Status.Code.UNAVAILABLE, Reason.OUTCOME_UNKNOWN));
        return;
      }
      answer.onNext(PutStateResponse.newBuilder().setVersion(7).build());
      answer.onCompleted();
    }
  }
}
