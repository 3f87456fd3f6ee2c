package io.github.mesosbridge;

import java.nio.file.Files;
import java.nio.file.Path;

/** Gives a token each time it is asked, for one stream or call. It may take its time, and runs in a thread of gRPC's. */
@FunctionalInterface
public interface TokenSource {
  /**
   * The token.
   *
   * @throws Exception if there is none now; the stream or call is tried again
   */
  String get() throws Exception;

  /** Tokens that are read from a file for each stream and call. White space around one does not count. */
  static TokenSource file(Path path) {
    return () -> Files.readString(path).strip();
  }
}
