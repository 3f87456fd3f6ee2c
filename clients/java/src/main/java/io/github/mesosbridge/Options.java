package io.github.mesosbridge;

import io.github.mesosbridge.v1.ExpiryPolicy;
import io.github.mesosbridge.v1.SubscribeMode;
import io.github.mesosbridge.v1.SubscribeRequest;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Status;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.logging.Logger;
import org.apache.mesos.v1.Protos.FrameworkInfo;
import org.apache.mesos.v1.scheduler.Protos.OfferConstraints;

/** How a scheduler attaches. */
public final class Options {
  /** gRPC asks for TCP's keepalive on Unix sockets too, and this logger warns each time. */
  private static final Logger NETTY = Logger.getLogger("io.grpc.netty.shaded.io.netty.bootstrap.Bootstrap");

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
  private HttpProxy proxy;
  private Tls tls;
  private Token token;
  private ManagedChannel channel;

  private Options(String bridge, String frameworkName) {
    this.bridge = Objects.requireNonNull(bridge);
    this.frameworkName = frameworkName;
    this.request = SubscribeRequest.newBuilder().setFrameworkName(frameworkName);
  }

  /**
   * What is needed in any case.
   *
   * @param bridge as {@code HOST:PORT} or {@code unix:/PATH}. For a bridge that comes back on another host: several, as in {@code
   *     "a:50051,b:50051"}. When the one in use can't be reached, the next one is tried at once.
   * @param frameworkName names the session; the bridge keeps the Mesos framework id that belongs to it
   */
  public static Options of(String bridge, String frameworkName) {
    Address.list(bridge);
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

  /**
   * Wait while another scheduler of this framework is active, and take over when it is gone. Use it in each of several
   * instances. Default false: it takes over at once.
   */
  public Options standby(boolean standby) {
    request.setMode(
        standby ? SubscribeMode.SUBSCRIBE_MODE_STANDBY : SubscribeMode.SUBSCRIBE_MODE_UNSPECIFIED);
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

  /** Reach the bridge by TLS. Default: in plain text. */
  public Options tls(Tls tls) {
    this.tls = Objects.requireNonNull(tls);
    return this;
  }

  /**
   * Says who calls. In plain text it goes to this host only.
   *
   * @throws IllegalArgumentException for what can't be a token
   */
  public Options token(String text) {
    token = Token.fixed(text);
    return this;
  }

  /** The same, with a fresh token for each stream and call. If the bridge refuses one, it is asked for another, once. */
  public Options token(TokenSource source) {
    token = Token.fresh(Objects.requireNonNull(source));
    return this;
  }

  /**
   * Takes {@link #tls} and {@link #token} from what these variables of the environment name: {@code MESOS_BRIDGE_CA},
   * {@code MESOS_BRIDGE_CERT}, {@code MESOS_BRIDGE_KEY}, and {@code MESOS_BRIDGE_TOKEN_FILE}, which is read for each stream
   * and call.
   *
   * @throws IllegalArgumentException if a file can't be read, or there is no token in it
   */
  public Options fromEnvironment() {
    return fromEnvironment(System.getenv());
  }

  /** The same, with variables from elsewhere. Empty ones do not count. */
  public Options fromEnvironment(Map<String, String> names) {
    Optional<Path> ca = file(names, "MESOS_BRIDGE_CA");
    Optional<Path> cert = file(names, "MESOS_BRIDGE_CERT");
    Optional<Path> key = file(names, "MESOS_BRIDGE_KEY");
    if (ca.isPresent() || cert.isPresent() || key.isPresent()) {
      tls = Tls.create();
      ca.ifPresent(tls::ca);
      cert.ifPresent(tls::cert);
      key.ifPresent(tls::key);
    }
    file(names, "MESOS_BRIDGE_TOKEN_FILE").ifPresent(path -> token = Token.inFile(path));
    return this;
  }

  private static Optional<Path> file(Map<String, String> names, String name) {
    return Optional.ofNullable(names.get(name)).filter(path -> !path.isEmpty()).map(Path::of);
  }

  /**
   * A connection of your own in place of that to {@code bridge}. It is shut down with the scheduler. It has its own TLS.
   */
  public Options channel(ManagedChannel own) {
    channel = own;
    return this;
  }

  boolean wantsOffers() {
    return request.getSuppressedRolesCount() == 0;
  }

  boolean isStandby() {
    return request.getMode() == SubscribeMode.SUBSCRIBE_MODE_STANDBY;
  }

  SubscribeRequest request() {
    return request.build();
  }

  /**
   * Checks what the options say of the way to the bridge.
   *
   * @throws IllegalArgumentException if they can't be
   */
  Bridges openBridges() {
    if (channel != null && tls != null) {
      throw new IllegalArgumentException("tls is for connections that this library makes, not for your own channel");
    }
    if (channel != null) {
      return new Bridges(List.of(channel), token, (error, number) -> error);
    }
    List<Address> addresses = Address.list(bridge);
    TlsClient client = tls == null ? null : new TlsClient(tls);
    if (token != null && tls == null) {
      addresses.forEach(this::checkPlainText);
    }
    List<ManagedChannel> channels = addresses.stream().map(address -> openChannel(address, client)).toList();
    return new Bridges(
        channels,
        token,
        (error, number) -> explained(error, addresses.get(number), client));
  }

  private BridgeException explained(BridgeException error, Address address, TlsClient client) {
    boolean isAnonymous = token == null && (client == null || !client.hasCertificate());
    if (error.code() == Status.Code.UNAUTHENTICATED && isAnonymous) {
      return error.withHint("set Options.token, or cert and key of Options.tls");
    }
    return proxy == null ? Stranger.explained(error, address, client) : error;
  }

  private void checkPlainText(Address address) {
    if (!address.isLocal()) {
      throw new IllegalArgumentException(Token.plainText(address.text()));
    }
    if (proxy != null && !address.isUnix() && !Address.isLocal(proxy.host())) {
      throw new IllegalArgumentException(Token.plainText("the proxy " + proxy.host()));
    }
  }

  private ManagedChannel openChannel(Address address, TlsClient client) {
    boolean isPlain = client == null || address.isUnix();
    ChannelCredentials credentials = isPlain ? InsecureChannelCredentials.create() : client.credentials();
    ManagedChannelBuilder<?> builder =
        Grpc.newChannelBuilder(address.target(), credentials)
            // gRPC would take one from the JVM's properties, which are meant for the web and seldom know the way to a
            // bridge.
            .proxyDetector(proxy == null || address.isUnix() ? any -> null : proxy)
            .userAgent("mesosbridge-java/" + Scheduler.VERSION)
            .maxInboundMessageSize(maxMessageBytes)
            .keepAliveTime(20, TimeUnit.SECONDS)
            .keepAliveTimeout(10, TimeUnit.SECONDS)
            .keepAliveWithoutCalls(true);
    if (address.isUnix()) {
      // A path is not what HTTP/2 takes for the name of a server.
      builder.overrideAuthority("localhost");
      if (NETTY.getFilter() == null) {
        NETTY.setFilter(log -> !log.getMessage().contains("SO_KEEPALIVE"));
      }
    } else if (!isPlain && client.serverName != null) {
      builder.overrideAuthority(client.serverName);
    }
    return builder.build();
  }
}
