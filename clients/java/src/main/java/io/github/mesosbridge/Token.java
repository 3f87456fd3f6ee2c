package io.github.mesosbridge;

import io.grpc.CallCredentials;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.SecurityLevel;
import io.grpc.Status;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.file.Path;
import java.util.concurrent.Executor;
import java.util.regex.Pattern;

/** Puts the token into each stream and call. */
final class Token extends CallCredentials {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private static final Pattern VISIBLE = Pattern.compile("[\\x21-\\x7e]+");
  private static final String SHAPE = "should be visible ASCII, without spaces or line breaks";

  private final TokenSource source;
  private final boolean fresh;

  private Token(TokenSource source, boolean fresh) {
    this.source = source;
    this.fresh = fresh;
  }

  /**
   * The same one each time.
   *
   * @throws IllegalArgumentException for what can't be a token; it does not repeat the text
   */
  static Token fixed(String text) {
    if (!VISIBLE.matcher(text).matches()) {
      throw new IllegalArgumentException("token " + SHAPE);
    }
    return new Token(() -> text, false);
  }

  static Token fresh(TokenSource source) {
    return new Token(source, true);
  }

  /**
   * A token file of a program.
   *
   * @throws IllegalArgumentException if no token can be read there now
   */
  static Token inFile(Path file) {
    TokenSource source = TokenSource.file(file);
    String text;
    try {
      text = source.get();
    } catch (Exception unreadable) {
      throw new IllegalArgumentException("the token file " + file + " can't be read: " + unreadable);
    }
    if (!VISIBLE.matcher(text).matches()) {
      throw new IllegalArgumentException("the token file " + file + " holds what can't be a token: it " + SHAPE);
    }
    return fresh(source);
  }

  /** True if another try may have another token. */
  boolean isFresh() {
    return fresh;
  }

  @Override
  public void applyRequestMetadata(RequestInfo call, Executor executor, MetadataApplier applier) {
    SocketAddress peer = call.getTransportAttrs().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
    if (call.getSecurityLevel() != SecurityLevel.PRIVACY_AND_INTEGRITY && !isLocal(peer)) {
      applier.fail(Status.UNAUTHENTICATED.withDescription(plainText(String.valueOf(peer))));
      return;
    }
    executor.execute(() -> apply(applier));
  }

  private void apply(MetadataApplier applier) {
    try {
      String text = source.get();
      if (text == null || !VISIBLE.matcher(text).matches()) {
        applier.fail(none("the function that gives tokens gave what can't be one: a token " + SHAPE));
        return;
      }
      Metadata metadata = new Metadata();
      metadata.put(AUTHORIZATION, "Bearer " + text);
      applier.apply(metadata);
    } catch (Exception failure) {
      applier.fail(none("there is no token: " + failure));
    }
  }

  /** Nothing was sent, and the next token may do. */
  private static Status none(String text) {
    BridgeException error = new BridgeException(Status.Code.UNAVAILABLE, Reason.NOT_SENT, text);
    return Status.UNAVAILABLE.withDescription(text).withCause(error);
  }

  /** What to say of a token that would leave this host. */
  static String plainText(String address) {
    return "token would go to "
        + address
        + " in plain text: use tls, or an address of this host, such as 127.0.0.1:50051 or unix:/path";
  }

  private static boolean isLocal(SocketAddress peer) {
    return !(peer instanceof InetSocketAddress internet)
        || internet.getAddress() != null && internet.getAddress().isLoopbackAddress();
  }
}
