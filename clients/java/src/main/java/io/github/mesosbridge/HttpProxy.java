package io.github.mesosbridge;

import io.grpc.HttpConnectProxiedSocketAddress;
import io.grpc.ProxiedSocketAddress;
import io.grpc.ProxyDetector;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.URI;
import java.net.UnknownHostException;

/** An HTTP proxy that connects to the bridge. */
final class HttpProxy implements ProxyDetector {
  private final String host;
  private final int port;
  private final String user;
  private final String password;

  private HttpProxy(URI uri) {
    host = uri.getHost();
    port = uri.getPort() < 0 ? 80 : uri.getPort();
    // Decoded only after the split: either may hold an encoded colon.
    String[] credentials = uri.getRawUserInfo() == null ? new String[0] : uri.getRawUserInfo().split(":", 2);
    user = credentials.length > 0 ? decoded(credentials[0]) : null;
    password = credentials.length > 1 ? decoded(credentials[1]) : "";
  }

  /**
   * Reads an option that names a proxy.
   *
   * @throws IllegalArgumentException unless it is {@code http://[USER:PASSWORD@]HOST:PORT}; it does not repeat the text,
   *     which may hold a password
   */
  static HttpProxy parse(String text) {
    URI uri = null;
    try {
      uri = URI.create(text);
    } catch (IllegalArgumentException e) {
      // Its message repeats the text.
    }
    if (uri == null
        || !"http".equalsIgnoreCase(uri.getScheme())
        || uri.getHost() == null
        || !("" + uri.getRawPath()).matches("/?")
        || uri.getRawQuery() != null
        || uri.getRawFragment() != null) {
      throw new IllegalArgumentException(
          "proxy should be http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT with both URL-encoded");
    }
    return new HttpProxy(uri);
  }

  String host() {
    return host.replaceAll("[\\[\\]]", "");
  }

  private static String decoded(String text) {
    return URI.create("http://host/?" + text).getQuery();
  }

  @Override
  public ProxiedSocketAddress proxyFor(SocketAddress bridge) throws IOException {
    InetSocketAddress proxy = new InetSocketAddress(host, port);
    if (proxy.isUnresolved()) {
      throw new UnknownHostException("the proxy " + host);
    }
    return HttpConnectProxiedSocketAddress.newBuilder()
        .setProxyAddress(proxy)
        .setTargetAddress((InetSocketAddress) bridge)
        .setUsername(user)
        .setPassword(user == null ? null : password)
        .build();
  }
}
