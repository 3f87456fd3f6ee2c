package io.github.mesosbridge;

import io.grpc.Status;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.util.Arrays;
import java.util.HexFormat;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;

/** Says what answers at an address where no bridge does, or why there is no TLS connection to it. */
final class Stranger {
  /** How long an answer may take. A bridge, and most others, answer at once. */
  private static final int PATIENCE_MS = 2_000;

  /** What a client says first in HTTP/2, with empty settings. A bridge answers with its settings. */
  private static final byte[] PREFACE =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0".getBytes(StandardCharsets.ISO_8859_1);

  /** The least that a client says first in TLS: version 1.2, seven usual ciphers, no session or extension. */
  private static final byte[] HELLO =
      HexFormat.of()
          .parseHex(
              "160301003901000035" + "0303" + "00".repeat(32) + "00" + "000ec02fc030c02bc02c009c002f1301" + "0100");

  private static final String WEB_SERVER = "is not a Mesos bridge: a web server answers there";

  private Stranger() {}

  /**
   * The error of a failed attempt to attach, with what it means.
   *
   * @param tls null in plain text
   */
  static BridgeException explained(BridgeException error, Address address, TlsClient tls) {
    if (!error.reason().isEmpty()) {
      return error;
    }
    String text = error.getMessage();
    if (text.contains("invalid content-type") || text.contains("missing GRPC status")) {
      return new BridgeException(error.code(), "", address + " " + WEB_SERVER);
    }
    if (error.code() == Status.Code.UNIMPLEMENTED) {
      String another = " is not a Mesos bridge: another gRPC server answers there";
      return new BridgeException(error.code(), "", address + another);
    }
    if (address.isUnix()) {
      // gRPC says no more than "io exception".
      String why = Files.exists(Path.of(address.text().substring("unix:".length()))) ? text : "there is no such socket";
      return new BridgeException(error.code(), "", address + ": " + why);
    }
    if (text.contains("refused")) {
      return error;
    }
    String found = tls == null ? foundAt(address) : withTls(address, tls);
    return found == null ? error : new BridgeException(Status.Code.UNAVAILABLE, "", found);
  }

  /** What answers in plain text. Null if it may be a bridge, or if nothing does. */
  private static String foundAt(Address address) {
    byte[] answer = answer(address, PREFACE);
    if (answer == null || isSettings(answer)) {
      return null;
    }
    if (new String(answer, StandardCharsets.ISO_8859_1).startsWith("HTTP/")) {
      return address + " " + WEB_SERVER;
    }
    // Most servers that want TLS hang up silently.
    if (isTls(answer) || isTls(answer(address, HELLO))) {
      return address + " speaks TLS: set Options.tls";
    }
    String another = " is not a Mesos bridge: what answers there speaks another protocol";
    return answer.length == 0 ? null : address + another;
  }

  /** Makes a connection as gRPC does. Null if that works, or if the address can't be reached. */
  private static String withTls(Address address, TlsClient tls) {
    String name = tls.serverName == null ? address.host() : tls.serverName;
    try (Socket plain = connect(address);
        SSLSocket socket =
            (SSLSocket) tls.context().getSocketFactory().createSocket(plain, name, address.port(), true)) {
      SSLParameters parameters = socket.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      parameters.setApplicationProtocols(new String[] {"h2"});
      socket.setSSLParameters(parameters);
      socket.startHandshake();
      // The bridge says now what it thinks of the client's certificate, or its settings.
      return socket.getInputStream().read() >= 0 ? null : address + ": " + refused(tls);
    } catch (SSLException failure) {
      return address + ": " + inWords(failure, address, tls, name);
    } catch (SocketException closed) {
      return address + ": " + withoutTls(address, refused(tls));
    } catch (IOException unreachable) {
      return null;
    }
  }

  private static String inWords(SSLException failure, Address address, TlsClient tls, String name) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      String text = String.valueOf(cause.getMessage());
      if (cause instanceof CertificateExpiredException) {
        return "the bridge's certificate has expired";
      } else if (cause instanceof CertificateNotYetValidException) {
        return "the bridge's certificate is not valid yet: compare the clocks";
      } else if (text.startsWith("No subject alternative") || text.startsWith("No name matching")) {
        return "the bridge's certificate is not for " + name + ": set tls.serverName to a name that it is for";
      } else if (text.contains("certification path") || text.contains("path validation failed") && cause.getCause() == null) {
        return "the bridge's certificate is of an authority that is not trusted: set tls.ca";
      } else if (text.startsWith("Received fatal alert")) {
        return refused(tls) + " (" + text + ")";
      }
    }
    boolean closed = String.valueOf(failure.getMessage()).contains("terminated the handshake");
    return withoutTls(address, closed ? refused(tls) : "no TLS connection: " + failure.getMessage());
  }

  private static String refused(TlsClient tls) {
    return tls.hasCertificate()
        ? "the bridge refuses the client certificate, which may have expired, or be of an authority that the bridge does"
            + " not trust"
        : "the bridge wants a client certificate: set tls.cert and tls.key";
  }

  private static String withoutTls(Address address, String otherwise) {
    byte[] answer = answer(address, PREFACE);
    return answer != null && isSettings(answer)
        ? "the server does not speak TLS: leave Options.tls out"
        : otherwise;
  }

  private static boolean isSettings(byte[] answer) {
    return answer.length > 3 && answer[3] == 4;
  }

  /** An alert, or the handshake. */
  private static boolean isTls(byte[] answer) {
    return answer != null && answer.length > 1 && (answer[0] == 0x15 || answer[0] == 0x16) && answer[1] == 3;
  }

  /** The first bytes that come back: none if the server hangs up. Null if it can't be reached, or says nothing. */
  private static byte[] answer(Address address, byte[] words) {
    try (Socket socket = connect(address)) {
      socket.getOutputStream().write(words);
      byte[] start = new byte[9];
      int length = socket.getInputStream().read(start);
      return Arrays.copyOf(start, Math.max(0, length));
    } catch (SocketException closed) {
      return new byte[0];
    } catch (IOException unreachable) {
      return null;
    }
  }

  private static Socket connect(Address address) throws IOException {
    Socket socket = new Socket();
    try {
      socket.setSoTimeout(PATIENCE_MS);
      socket.connect(new InetSocketAddress(address.host(), address.port()), PATIENCE_MS);
      return socket;
    } catch (IOException failure) {
      socket.close();
      // Not to be mistaken for a server that hangs up.
      throw new IOException(failure);
    }
  }
}
