package io.github.mesosbridge;

import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One of the addresses of a bridge.
 *
 * @param text as in the options
 * @param host null for a Unix socket
 */
record Address(String text, String host, int port) {
  private static final Pattern HOST_PORT = Pattern.compile("\\[?([^\\s,/\\[\\]]+?)\\]?:(\\d{1,5})");
  private static final Pattern LOOPBACK = Pattern.compile("(?i)localhost|127\\.\\d+\\.\\d+\\.\\d+|(0*:)*:?0*1");

  /**
   * The addresses in a text, with commas between them.
   *
   * @throws IllegalArgumentException if one can't be
   */
  static List<Address> list(String bridge) {
    return Arrays.stream(bridge.split(",", -1)).map(String::strip).map(Address::of).toList();
  }

  private static Address of(String text) {
    if (text.matches("unix:.+")) {
      return new Address(text, null, 0);
    }
    Matcher matcher = HOST_PORT.matcher(text);
    if (!matcher.matches() || Integer.parseInt(matcher.group(2)) > 65535) {
      throw new IllegalArgumentException(
          "bridge should be HOST:PORT or unix:/PATH, or several of them with commas between them");
    }
    return new Address(text, matcher.group(1), Integer.parseInt(matcher.group(2)));
  }

  boolean isUnix() {
    return host == null;
  }

  /** What gRPC resolves. */
  String target() {
    return isUnix() ? text : "dns:///" + text;
  }

  /** True if what goes there stays on this host. */
  boolean isLocal() {
    return isUnix() || isLocal(host);
  }

  static boolean isLocal(String host) {
    return LOOPBACK.matcher(host).matches();
  }

  @Override
  public String toString() {
    return text;
  }
}
