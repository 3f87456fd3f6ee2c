package io.github.mesosbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.mesosbridge.v1.AttachmentRole;
import io.github.mesosbridge.v1.Opened;
import io.github.mesosbridge.v1.SessionEvent;
import io.grpc.Status;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(30)
class NoticesTest {
  private final BlockingQueue<String> said = new LinkedBlockingQueue<>();
  private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
  private final Logger logger = Logger.getLogger("io.github.mesosbridge");

  private final Handler handler =
      new Handler() {
        @Override
        public void publish(LogRecord log) {
          said.add(log.getMessage());
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
      };

  @BeforeEach
  void listen() {
    logger.addHandler(handler);
    logger.setUseParentHandlers(false);
  }

  @AfterEach
  void stop() {
    logger.removeHandler(handler);
    logger.setUseParentHandlers(true);
    timer.shutdownNow();
  }

  @Test
  void saysOnceWhatItWaitsFor() throws InterruptedException {
    Notices notices = new Notices(timer, true, Duration.ofMillis(1));
    BridgeException away = new BridgeException(Status.Code.UNAVAILABLE, "", "away");
    for (int i = 0; i < 3; i++) {
      notices.failed(away);
    }
    assertEquals("not attached to the bridge: away; trying again", said.take());
    SessionEvent event = SessionEvent.newBuilder().setOpened(Opened.newBuilder().setAttachmentId("a1")).build();
    Event opened = Events.of(event).orElseThrow();
    notices.seen(opened);
    assertEquals("attached to the bridge", said.take());
    assertEquals("attached to the bridge, and waiting for a Mesos master, which the bridge does not have yet", said.take());
    notices.failed(away);
    notices.seen(opened);
    assertEquals("not attached to the bridge: away; trying again", said.take());
    assertEquals("attached to the bridge", said.take());
    assertEquals(List.of(), new ArrayList<>(said));
  }

  @Test
  void saysThatAnotherSchedulerMayBeActive() throws InterruptedException {
    Notices notices = new Notices(timer, false, Duration.ofMillis(1));
    BridgeException away = new BridgeException(Status.Code.UNAVAILABLE, "", "away");
    Opened.Builder opened = Opened.newBuilder().setRole(AttachmentRole.ATTACHMENT_ROLE_STANDBY);
    Event standby = Events.of(SessionEvent.newBuilder().setOpened(opened).build()).orElseThrow();
    notices.failed(away);
    notices.seen(standby);
    notices.failed(away);
    assertEquals("not attached to the bridge: away; trying again", said.take());
    assertEquals("on standby: another scheduler of the framework may be active", said.take());
    assertEquals("not attached to the bridge: away; trying again", said.take());
    assertEquals(List.of(), new ArrayList<>(said));
  }

  @ParameterizedTest
  @CsvSource({
    "HTTP/1.1 400 Bad Request, is not a Mesos bridge: a web server answers there",
    "SSH-2.0-OpenSSH_9.2, is not a Mesos bridge: what answers there speaks another protocol",
    "'\u0015\u0003\u0003\u0000\u0002', speaks TLS: set Options.tls",
  })
  void whatIsNotABridgeIsToldAsSuch(String answer, String expected) throws IOException {
    try (ServerSocket server = new ServerSocket(0, 9, InetAddress.getLoopbackAddress())) {
      Threads.daemon("server", () -> serve(server, answer)).start();
      Address address = Address.list("127.0.0.1:" + server.getLocalPort()).get(0);
      BridgeException error = new BridgeException(Status.Code.UNAVAILABLE, "", "Network closed for unknown reason");
      assertEquals(address + " " + expected, Stranger.explained(error, address, null).getMessage());
    }
  }

  private static void serve(ServerSocket server, String answer) {
    try {
      while (true) {
        try (Socket socket = server.accept();
            OutputStream output = socket.getOutputStream()) {
          output.write((answer + "\r\n").getBytes(StandardCharsets.ISO_8859_1));
          output.flush();
          socket.getInputStream().readNBytes(33);
        }
      }
    } catch (IOException closed) {
      // The test is over.
    }
  }
}
