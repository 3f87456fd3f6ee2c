package io.github.mesosbridge;

import io.github.mesosbridge.v1.ExpiryPolicy;
import io.github.mesosbridge.v1.SubscribeRequest;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.ProxyDetector;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.apache.mesos.v1.Protos.FrameworkInfo;
import org.apache.mesos.v1.scheduler.Protos.OfferConstraints;

/** How a scheduler attaches. */
public final class Options {
  final String bridge;
  final String frameworkName;
  Duration backoffInitial = Duration.ofMillis(100);
  Duration backoffMax = Duration.ofSeconds(15);
  Duration giveUpAfter;
  Duration callTimeout = Duration.ofSeconds(30);
  boolean acknowledge = true;
  int maxBuffered = 256;
  private final SubscribeRequest.Builder request;
  private int maxMessageBytes = 256 << 20;
  private ProxyDetector proxy = address -> null;
  private ManagedChannel channel;

  private Options(String bridge, String frameworkName) {
    this.bridge = Objects.requireNonNull(bridge);
    this.frameworkName = frameworkName;
    this.request = SubscribeRequest.newBuilder().setFrameworkName(frameworkName);
  }

  /**
   * What is needed in any case.
   *
   * @param bridge as {@code HOST:PORT}. For a bridge that comes back on another host: several, as in {@code
   *     "a:50051,b:50051"}. When the one in use can't be reached, the next one is tried at once.
   * @param frameworkName names the session; the bridge keeps the Mesos framework id that belongs to it
   */
  public static Options of(String bridge, String frameworkName) {
    if (addresses(bridge).contains("")) {
      throw new IllegalArgumentException(
          "bridge should be HOST:PORT, or several of them with commas between them");
    }
    if (frameworkName.isEmpty()) {
      throw new IllegalArgumentException("a framework name is required");
    }
    return new Options(bridge, frameworkName);
  }

  /**
   * The framework as Mesos will know it; {@code user} is required, {@code name} defaults to the framework name. Default:
   * the one that the bridge has stored.
   */
  public Options frameworkInfo(FrameworkInfo.Builder info) {
    if (!info.hasUser()) {
      throw new IllegalArgumentException("FrameworkInfo needs a user: whom tasks run as on the agents");
    }
    FrameworkInfo.Builder copy = info.clone();
    if (!copy.hasName()) {
      copy.setName(frameworkName);
    }
    request.setFrameworkInfo(copy);
    return this;
  }

  /** How long the session outlives this client. Default: the bridge's, 60 s. */
  public Options lease(Duration lease) {
    request.setLease(Durations.of(lease));
    return this;
  }

  /** What becomes of the framework then. Default: it is left to Mesos's failover timeout. */
  public Options expiryPolicy(ExpiryPolicy policy) {
    request.setExpiryPolicy(policy);
    return this;
  }

  /** Roles for which no offers are wanted yet. */
  public Options suppressedRoles(List<String> roles) {
    request.clearSuppressedRoles().addAllSuppressedRoles(roles);
    return this;
  }

  /** Which agents' offers are wanted, as in Mesos's SUBSCRIBE. */
  public Options offerConstraints(OfferConstraints constraints) {
    request.setOfferConstraints(constraints);
    return this;
  }

  /**
   * If Mesos has removed the stored framework: continue as a new one. Default false: the events end with {@code
   * FRAMEWORK_REMOVED}.
   */
  public Options replaceRemoved(boolean replace) {
    request.setReplaceRemoved(replace);
    return this;
  }

  /** Waits between attachments are random up to a bound that doubles, by default from 100 ms to 15 s. */
  public Options backoff(Duration initial, Duration max) {
    backoffInitial = initial;
    backoffMax = max;
    return this;
  }

  /** Gives up when there was no attachment for so long. Default: never. */
  public Options giveUpAfter(Duration time) {
    giveUpAfter = time;
    return this;
  }

  /** Deadline of each call, waiting for an attachment and tries again included. Default 30 s. */
  public Options callTimeout(Duration time) {
    callTimeout = time;
    return this;
  }

  /** Leave acknowledgements to the caller: nothing is acknowledged but by {@code Scheduler.acknowledge}. */
  public Options manualAcknowledge() {
    acknowledge = false;
    return this;
  }

  /** How many events may wait for the consumer before the bridge is made to wait. Default 256. */
  public Options maxBuffered(int events) {
    maxBuffered = Math.max(1, events);
    return this;
  }

  /**
   * Largest message that is taken, in bytes. Default 256 MiB: the bridge cuts offers into pieces of about 1 MiB, but a
   * single offer may be larger, so gRPC's usual limit of 4 MiB would not do.
   */
  public Options maxMessageBytes(int bytes) {
    maxMessageBytes = bytes;
    return this;
  }

  /**
   * An HTTP proxy to reach the bridge through. Default: none. A proxy that the JVM's properties ({@code https.proxyHost}
   * and its like) or the environment name is not used.
   *
   * @param url as {@code http://[USER:PASSWORD@]HOST:PORT}
   */
  public Options proxy(String url) {
    proxy = HttpProxy.parse(url);
    return this;
  }

  /** A connection of your own in place of that to {@code bridge}, for TLS. It is shut down with the scheduler. */
  public Options channel(ManagedChannel own) {
    channel = own;
    return this;
  }

  SubscribeRequest request() {
    return request.build();
  }

  Bridges openBridges() {
    if (channel != null) {
      return new Bridges(List.of(channel));
    }
    return new Bridges(addresses(bridge).stream().map(this::openChannel).toList());
  }

  private static List<String> addresses(String bridge) {
    return Arrays.stream(bridge.split(",", -1)).map(String::strip).toList();
  }

  private ManagedChannel openChannel(String address) {
    return ManagedChannelBuilder.forTarget("dns:///" + address)
        .usePlaintext()
        // gRPC would take one from the JVM's properties, which are meant for the web and seldom know the way to a bridge.
        .proxyDetector(proxy)
        .userAgent("mesosbridge-java/" + Scheduler.VERSION)
        .maxInboundMessageSize(maxMessageBytes)
        .keepAliveTime(20, TimeUnit.SECONDS)
        .keepAliveTimeout(10, TimeUnit.SECONDS)
        .keepAliveWithoutCalls(true)
        .build();
  }
}
