package io.github.mesosbridge;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * TLS to the bridge, except over Unix sockets. Without {@link #ca} the authorities of the JVM count; without {@link #cert}
 * the client shows no certificate. All files are PEM, and read at once.
 */
public final class Tls {
  byte[] ca;
  byte[] cert;
  byte[] key;
  String serverName;

  private Tls() {}

  /** TLS with the authorities of the JVM, and without a client certificate. */
  public static Tls create() {
    return new Tls();
  }

  /** The authorities that may have issued the bridge's certificate. */
  public Tls ca(byte[] pem) {
    ca = pem.clone();
    return this;
  }

  /**
   * The same, in a file.
   *
   * @throws IllegalArgumentException if it can't be read
   */
  public Tls ca(Path file) {
    return ca(read("ca", file));
  }

  /** The client's certificate, followed by those that lead to its authority. Needs {@link #key}. */
  public Tls cert(byte[] pem) {
    cert = pem.clone();
    return this;
  }

  /**
   * The same, in a file.
   *
   * @throws IllegalArgumentException if it can't be read
   */
  public Tls cert(Path file) {
    return cert(read("cert", file));
  }

  /** The key of the client's certificate, as PKCS #8 ({@code BEGIN PRIVATE KEY}), not encrypted. */
  public Tls key(byte[] pem) {
    key = pem.clone();
    return this;
  }

  /**
   * The same, in a file.
   *
   * @throws IllegalArgumentException if it can't be read
   */
  public Tls key(Path file) {
    return key(read("key", file));
  }

  /** The name in the bridge's certificate, if that is not the host of its address. */
  public Tls serverName(String name) {
    serverName = name;
    return this;
  }

  private static byte[] read(String option, Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (NoSuchFileException missing) {
      throw new IllegalArgumentException("tls." + option + ": there is no file " + file);
    } catch (IOException unreadable) {
      throw new IllegalArgumentException("tls." + option + ": can't read " + file + ": " + unreadable.getMessage());
    }
  }
}
