import { constants } from "node:crypto";
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from "node:tls";
import { certificateEvidence } from "../../access/clientCertificate.js";
import type { TlsFiles } from "../../access/tlsFiles.js";
import type { Log } from "../../log.js";
import { type Connection, ownerOf, setOwner } from "./connection.js";
import { handshakeProblem, NO_HTTP2 } from "./handshakeProblem.js";
import { SparseLog } from "./sparseLog.js";
import { tcpSocketOf } from "./tlsSocket.js";

/** Where the certificate comes from, and each later one. */
export interface TlsSource {
  readonly value: TlsFiles;
  onChanged(listener: (files: TlsFiles) => void): void;
}

export interface TlsDoorOptions {
  readonly source: TlsSource;
  /** Handshakes at a time. The oldest makes room for another one. */
  readonly maxHandshakes: number;
  readonly log: Log;
  /** The handshake of a connection is done, and HTTP/2 can be spoken on this socket. */
  readonly onSecure: (socket: TLSSocket) => void;
}

const HANDSHAKE_MS = 10_000;

/**
 * Makes TLS connections of plain ones that were counted in already. So a handshake counts as a connection from its
 * first byte, and one that never ends takes a place for some seconds only.
 *
 * A client without a valid certificate gets its connection, too: its calls are refused in words, which a handshake that
 * fails has none of, and some of its calls, such as those for health, need no certificate.
 */
export class TlsDoor {
  readonly #options: TlsDoorOptions;
  readonly #server: Server;
  readonly #asksForCertificate: boolean;
  /** The oldest first. */
  readonly #handshakes = new Set<Connection>();
  readonly #problems: SparseLog;

  constructor(options: TlsDoorOptions) {
    const { source, log } = options;
    this.#options = options;
    this.#problems = new SparseLog(log);
    this.#asksForCertificate = source.value.ca !== undefined;
    this.#server = createServer({
      ...contextOptions(source.value),
      ALPNProtocols: ["h2"],
      handshakeTimeout: HANDSHAKE_MS,
      requestCert: this.#asksForCertificate,
      rejectUnauthorized: false,
    });
    this.#server.on("secureConnection", (socket: TLSSocket) => this.#secured(socket));
    this.#server.on("tlsClientError", (error: Error, socket: TLSSocket) => this.#failed(error, socket));
    source.onChanged((files) => this.#server.setSecureContext(contextOptions(files)));
  }

  /** Begins the handshake on a connection. */
  take(connection: Connection): void {
    const { socket } = connection;
    const [oldest] = this.#handshakes;
    if (oldest && this.#handshakes.size >= this.#options.maxHandshakes) {
      this.#note(oldest, `its handshake was given up, because ${this.#options.maxHandshakes} others have begun`);
      this.#handshakes.delete(oldest);
      oldest.socket.destroy();
    }
    this.#handshakes.add(connection);
    socket.once("close", () => this.#handshakes.delete(connection));
    this.#server.emit("connection", socket);
  }

  #secured(socket: TLSSocket): void {
    // Whoever speaks HTTP/2 on it sees that it closes.
    socket.on("error", () => {});
    const connection = ownerOf(tcpSocketOf(socket));
    if (!connection || !this.#handshakes.delete(connection)) return;
    if (socket.alpnProtocol !== "h2") {
      this.#note(connection, NO_HTTP2);
      socket.destroy();
      return;
    }
    if (this.#asksForCertificate) this.#readCertificate(connection, socket);
    setOwner(socket, connection);
    this.#options.onSecure(socket);
  }

  #readCertificate(connection: Connection, socket: TLSSocket): void {
    const evidence = certificateEvidence(socket);
    connection.evidence = evidence;
    if (evidence.kind === "unproven" && evidence.problem !== undefined) this.#note(connection, evidence.problem);
  }

  #failed(error: NodeJS.ErrnoException, socket: TLSSocket): void {
    const connection = ownerOf(tcpSocketOf(socket));
    if (!connection || !this.#handshakes.delete(connection)) return;
    // Without a byte it is a probe of the port, as load balancers make it.
    if (connection.socket.bytesRead > 0) this.#note(connection, handshakeProblem(error));
    connection.socket.destroy();
  }

  #note({ peer }: Connection, reason: string): void {
    this.#problems.warn({ peer, reason }, "a client's TLS connection is not as it should be");
  }
}

function contextOptions({ cert, key, ca }: TlsFiles): SecureContextOptions {
  // Without tickets: no client can take up a session again that was proven by an authority which is trusted no more.
  const secureOptions = constants.SSL_OP_NO_TICKET;
  return { cert, key, minVersion: "TLSv1.2", secureOptions, ...(ca && { ca }) };
}
