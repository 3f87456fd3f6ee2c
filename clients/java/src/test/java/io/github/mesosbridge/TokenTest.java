package io.github.mesosbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.Attributes;
import io.grpc.CallCredentials;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.SecurityLevel;
import io.grpc.Status;
import io.github.mesosbridge.v1.SchedulerServiceGrpc;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenTest {
  @TempDir Path folder;

  /** What a call over a connection in plain text would get. */
  private static String applied(Token token, InetSocketAddress peer) {
    String[] result = new String[1];
    CallCredentials.RequestInfo call =
        new CallCredentials.RequestInfo() {
          @Override
          public MethodDescriptor<?, ?> getMethodDescriptor() {
            return SchedulerServiceGrpc.getKillTaskMethod();
          }

          @Override
          public SecurityLevel getSecurityLevel() {
            return SecurityLevel.NONE;
          }

          @Override
          public String getAuthority() {
            return "bridge";
          }

          @Override
          public Attributes getTransportAttrs() {
            return Attributes.newBuilder().set(Grpc.TRANSPORT_ATTR_REMOTE_ADDR, peer).build();
          }
        };
    CallCredentials.MetadataApplier applier =
        new CallCredentials.MetadataApplier() {
          @Override
          public void apply(Metadata headers) {
            result[0] = headers.get(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER));
          }

          @Override
          public void fail(Status status) {
            result[0] = status.getDescription();
          }
        };
    token.applyRequestMetadata(call, Runnable::run, applier);
    return result[0];
  }

  @Test
  void aChannelOfTheCallersOwnSendsItInPlainTextToThisHostOnly() {
    Token token = Token.fixed("a-secret");
    assertEquals("Bearer a-secret", applied(token, new InetSocketAddress("127.0.0.1", 1)));
    String refused = applied(token, new InetSocketAddress("192.0.2.1", 1));
    assertTrue(refused.contains("plain text") && !refused.contains("secret"), refused);
  }

  @Test
  void aFileIsReadForEachUse() throws IOException {
    Path file = folder.resolve("token");
    Map<String, String> names = Map.of("MESOS_BRIDGE_TOKEN_FILE", file.toString());
    Options options = Options.of("a:1", "test");
    assertRefused(options, names, file.toString());
    Files.writeString(file, "two words");
    assertRefused(options, names, file.toString());
    Files.writeString(file, "first\n");
    Token token = Token.inFile(file);
    Files.writeString(file, "second\n");
    assertEquals("Bearer second", applied(token, new InetSocketAddress("127.0.0.1", 1)));
  }

  private static void assertRefused(Options options, Map<String, String> names, String expected) {
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> options.fromEnvironment(names));
    assertTrue(refused.getMessage().contains(expected), refused.getMessage());
    assertFalse(refused.getMessage().contains("two words"));
  }
}
