package io.github.mesosbridge;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;

/** A channel to one of several addresses at a time, for the stream and for all calls. */
final class Bridges extends Channel {
  /** They connect with their first call, and stay: calls may be under way. */
  private final List<ManagedChannel> channels;

  /** Null without one. */
  private final Token token;

  private final BiFunction<BridgeException, Integer, BridgeException> explain;

  // What follows belongs to the monitor.
  private int current;

  /** Addresses tried since the last good stream. */
  private int tried;

  /**
   * Uses these channels.
   *
   * @param token null without one
   * @param explain what an error of an attempt to attach means, with the number of the channel
   */
  Bridges(
      List<ManagedChannel> channels, Token token, BiFunction<BridgeException, Integer, BridgeException> explain) {
    this.channels = channels;
    this.token = token;
    this.explain = explain;
  }

  @Override
  public <Q, A> ClientCall<Q, A> newCall(MethodDescriptor<Q, A> method, CallOptions options) {
    return now().newCall(method, token == null ? options : options.withCallCredentials(token));
  }

  @Override
  public String authority() {
    return now().authority();
  }

  /** True if another try may have another token. */
  boolean givesFreshTokens() {
    return token != null && token.isFresh();
  }

  /** The error of an attempt to attach at the address that is used now, with what it means. */
  BridgeException explained(BridgeException error) {
    return explain.apply(error, number());
  }

  /**
   * Turns to the next address if the error says that this one does not serve. Gives true if the next one has not failed
   * yet since the last good stream, so that it is worth trying at once.
   */
  synchronized boolean failed(BridgeException error) {
    if (!error.reason().isEmpty() && error.code() != Status.Code.UNAVAILABLE) {
      return false;
    }
    current = (current + 1) % channels.size();
    tried++;
    return tried % channels.size() != 0;
  }

  /** A stream lived long enough to be called a good one. */
  synchronized void served() {
    tried = 0;
  }

  /** Attaching again has a backoff of its own; the channel's must not come on top of it. */
  void resetConnectBackoff() {
    now().resetConnectBackoff();
  }

  void close() throws InterruptedException {
    for (ManagedChannel channel : channels) {
      channel.shutdownNow();
    }
    for (ManagedChannel channel : channels) {
      channel.awaitTermination(1, TimeUnit.SECONDS);
    }
  }

  private ManagedChannel now() {
    return channels.get(number());
  }

  private synchronized int number() {
    return current;
  }
}
