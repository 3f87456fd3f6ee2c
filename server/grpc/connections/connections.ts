import type { Http2Session, ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Metadata, ServerInterceptingCallInterface, StatusObject } from "@grpc/grpc-js";
import { NO_EVIDENCE, socketEvidence } from "../../access/evidence.js";
import type { Log } from "../../log.js";
import { BridgeError, limitReached } from "../../session/errors.js";
import { RefusalCounts } from "../refusalCounts.js";
import { statusOf } from "../statusOf.js";
import { Connection, ownerOf, setOwner } from "./connection.js";
import { http2StreamOf } from "./http2Stream.js";
import { Keepalive } from "./keepalive.js";
import type { ConnectionLimits } from "./limits.js";
import type { ListenAddress } from "./listenAddress.js";
import { LongStreams } from "./longStreams.js";
import { type Account, type MethodKind, ServerStream, type ServerStreamHost } from "./serverStream.js";
import { Sweep } from "./sweep.js";

const MIB = 1024 * 1024;

/**
 * All connections of clients, and the bounds of what they take: connections, streams, requests that are not whole,
 * answers and events that nobody reads. A client that goes over a bound is refused; one that holds memory for too long
 * without getting on loses the stream, or the connection.
 */
export class Connections implements ServerStreamHost {
  /** What clients were refused, on whichever connection. */
  readonly refusals = new RefusalCounts();
  readonly #limits: ConnectionLimits;
  readonly #log: Log;
  readonly #credentialsNeeded: boolean;
  readonly #connections = new Set<Connection>();
  /** By the metadata of their calls. */
  readonly #streams = new WeakMap<Metadata, ServerStream>();
  readonly #sessions = new WeakMap<Http2Session, Connection>();
  readonly #longStreams: LongStreams;
  readonly #sweep = new Sweep(() => this.#look());
  #refusedIn = -1;
  #heldBytes = 0;
  #eventBytes = 0;
  /** At most what answers on all connections wait to be taken: as of the last count, and all answers since. */
  #unreadBytes = 0;

  /** @param credentialsNeeded whether clients without them are strangers, whose connections give way first */
  constructor(limits: ConnectionLimits, log: Log, credentialsNeeded: boolean) {
    this.#credentialsNeeded = credentialsNeeded;
    this.#limits = limits;
    this.#longStreams = new LongStreams(limits);
    this.#log = log;
  }

  /** Open connections. */
  get size(): number {
    return this.#connections.size;
  }

  /** Bytes of requests that are not whole. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Bytes of events that were written and that clients have not taken. */
  get eventBytes(): number {
    return this.#eventBytes;
  }

  /** Takes a new connection up. Gives none if there are too many: then it is closed. */
  accept(socket: Socket, address: ListenAddress): Connection | undefined {
    // One without a port is gone already.
    const peer = address.kind === "unix" ? address.text : peerOf(socket);
    if (peer === undefined || (this.#connections.size >= this.#limits.maxConnections && !this.#dropIdle())) {
      this.#noteRefusal();
      socket.destroy();
      return undefined;
    }
    const evidence = address.kind === "unix" ? socketEvidence(address.path) : NO_EVIDENCE;
    const connection = new Connection(socket, peer, evidence, this.#sweep.second);
    if (!this.#credentialsNeeded) connection.known = true;
    this.#connections.add(connection);
    setOwner(socket, connection);
    socket.once("close", () => this.#closed(connection));
    this.#sweep.start();
    return connection;
  }

  /** A connection that was accepted begins to speak HTTP/2. Gives the connection, unless it is gone already. */
  sessionBegun(session: ServerHttp2Session): Connection | undefined {
    const connection = ownerOf(session.socket);
    if (!connection) return undefined;
    this.#sessions.set(session, connection);
    const { clientTimeoutMs } = this.#limits;
    const silent = () => this.#drop(connection, `its client was silent for ${clientTimeoutMs} ms`);
    new Keepalive(session, connection.socket, clientTimeoutMs, silent);
    return connection;
  }

  /** Counts a new call in. Gives its stream, or the error with which it is refused. */
  opened(call: ServerInterceptingCallInterface, kind: MethodKind): ServerStream | BridgeError {
    const http2 = http2StreamOf(call);
    const connection = http2.session && this.#sessions.get(http2.session);
    if (!connection) return new BridgeError("INTERNAL", "the connection of this call is not known");
    const problem = kind.long ? this.#openLong(connection) : undefined;
    if (problem) return problem;
    connection.lastUsed = this.#sweep.second;
    const stream = new ServerStream(call, http2, kind, connection, this.#limits.maxRequestBytes, this);
    connection.streams.add(stream);
    stream.begin();
    return stream;
  }

  /** The call's metadata is known: by it its handler finds the stream. */
  begun(metadata: Metadata, stream: ServerStream): void {
    this.#streams.set(metadata, stream);
  }

  /** A call has valid credentials. Gives the error with which it is refused if there is no room for its stream. */
  recognised({ connection, kind }: ServerStream): BridgeError | undefined {
    const problem = this.#longStreams.recognise(connection);
    return kind.long ? problem : undefined;
  }

  /** The stream of a call that a handler has. */
  of({ metadata }: { readonly metadata: Metadata }): ServerStream {
    const stream = this.#streams.get(metadata);
    if (!stream) throw new Error("a call that was not counted in");
    return stream;
  }

  /** Sees that there is room for a large answer. @throws BridgeError LIMIT_REACHED if the client does not take those that it has */
  admitAnswer({ connection }: ServerStream): void {
    const { maxUnreadBytes } = this.#limits;
    if (connection.unreadBytes() > maxUnreadBytes.connection) throw unreadAnswers(maxUnreadBytes.connection);
    if (this.#unreadBytes <= maxUnreadBytes.all) return;
    this.#countUnread();
    while (this.#unreadBytes > maxUnreadBytes.all) {
      const greediest = this.#greediest((each) => each.unreadBytes());
      if (!greediest || greediest === connection) throw unreadAnswers(maxUnreadBytes.all);
      this.#unreadBytes -= greediest.unreadBytes();
      this.#drop(greediest, "it does not read its answers, and the bridge needs the memory");
    }
  }

  /** A large answer was given. */
  answered(bytes: number): void {
    this.#unreadBytes += bytes;
  }

  /**
   * Whether another message of events may be written to a connection. If not, `again` is called once there is room: one
   * client's streams wait for each other, and for nobody else's.
   */
  mayWrite({ connection }: ServerStream, again: () => void): boolean {
    if (connection.eventBytes < this.#limits.maxEventBytes.connection) return true;
    connection.blocked.add(again);
    return false;
  }

  /** Events were written, or, with a negative number, taken or dropped. */
  eventsWaiting({ connection }: ServerStream, bytes: number): void {
    this.#eventBytes += bytes;
    connection.eventBytes += bytes;
    const { maxEventBytes } = this.#limits;
    if (bytes > 0 && this.#eventBytes > maxEventBytes.all) this.#makeRoomForEvents();
    if (bytes < 0 && connection.blocked.size > 0 && connection.eventBytes < maxEventBytes.connection)
      unblock(connection);
  }

  /** A stream is over. */
  closed(stream: ServerStream): void {
    const { connection, kind } = stream;
    if (!connection.streams.delete(stream)) return;
    connection.lastUsed = this.#sweep.second;
    if (!kind.long) return;
    this.#longStreams.closed(connection);
  }

  /** What a stream's unfinished request holds has changed by so many bytes. */
  held(stream: ServerStream, change: number): void {
    const { connection } = stream;
    connection.heldBytes += change;
    this.#heldBytes += change;
    if (change < 0) return;
    const { maxOpenRequestBytes } = this.#limits;
    if (connection.heldBytes > maxOpenRequestBytes.connection) {
      stream.refuse(openRequests(maxOpenRequestBytes.connection, "this connection"));
    } else if (this.#heldBytes > maxOpenRequestBytes.all) this.#makeRoomForRequests();
  }

  /** An error as the status of a call. */
  statusOf(error: BridgeError): StatusObject {
    this.refusals.count(error);
    const { code, details, metadata } = statusOf(error, this.#log);
    return { code, details, metadata };
  }

  /** Closes all connections. */
  close(): void {
    this.#sweep.stop();
    for (const { socket } of this.#connections) socket.destroy();
  }

  #openLong(connection: Connection): BridgeError | undefined {
    const greediest = () => this.#greediest(({ known, longStreams }) => (known ? 0 : longStreams));
    const reason = "it has made no call with valid credentials, and other clients need its streams";
    return this.#longStreams.open(connection, greediest, (stranger) => this.#drop(stranger, reason));
  }

  /** One line a second at most: clients try again. */
  #noteRefusal(): void {
    if (this.#refusedIn === this.#sweep.second) return;
    this.#refusedIn = this.#sweep.second;
    const fields = { limit: this.#limits.maxConnections };
    this.#log.warn(fields, "a connection was refused, because there are too many: see serve --max-connections");
  }

  #closed(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#sweep.stop();
  }

  /** Refuses the largest request of the connection that holds most; many small ones cost less to end together. */
  #makeRoomForRequests(): void {
    const greediest = this.#greediest((each) => each.heldBytes);
    const stream = greediest?.greediestStream();
    if (!greediest || !stream) return;
    const limit = this.#limits.maxOpenRequestBytes.all;
    if (stream.heldBytes >= MIB) stream.refuse(openRequests(limit, "all connections"));
    else this.#drop(greediest, "it has many unfinished requests, and the bridge needs the memory");
  }

  #greediest(takes: (connection: Connection) => number): Connection | undefined {
    let greediest: Connection | undefined;
    let most = 0;
    for (const connection of this.#connections) {
      const taken = takes(connection);
      if (taken <= most) continue;
      greediest = connection;
      most = taken;
    }
    return greediest;
  }

  /** Ends the connection that takes least of what it is sent. */
  #makeRoomForEvents(): void {
    const greediest = this.#greediest((each) => each.eventBytes);
    if (greediest) this.#drop(greediest, "it does not read its events, and the bridge needs the memory");
  }

  /**
   * Makes room for a connection by closing the one that has had no stream for longest. What strangers have, such as
   * streams for health, gives way to what clients with credentials need. False if there is no such connection.
   */
  #dropIdle(): boolean {
    const stranger = this.#idlest(({ known, streams }) => !known && streams.size === 0) ?? this.#idlest(isStranger);
    if (stranger) {
      this.#drop(stranger, "it has made no call with valid credentials, and another client needs its place");
      return true;
    }
    const idlest = this.#idlest(({ streams }) => streams.size === 0);
    if (!idlest) return false;
    this.#drop(idlest, "it is idle, and another client needs its place");
    return true;
  }

  /** Of those that were not used in this second. */
  #idlest(counts: (connection: Connection) => boolean): Connection | undefined {
    let idlest: Connection | undefined;
    for (const connection of this.#connections) {
      if (connection.socket.destroyed || !counts(connection)) continue;
      if (connection.lastUsed < (idlest?.lastUsed ?? this.#sweep.second)) idlest = connection;
    }
    return idlest;
  }

  #countUnread(): void {
    this.#unreadBytes = 0;
    for (const connection of this.#connections) this.#unreadBytes += connection.unreadBytes();
  }

  /** Once a second. */
  #look(): void {
    this.#countUnread();
    for (const connection of this.#connections) {
      for (const stream of connection.streams) this.#lookAt(connection, stream);
    }
  }

  #lookAt(connection: Connection, stream: ServerStream): void {
    const { timeoutSeconds } = this.#limits;
    const seconds = stream.stalledSeconds(this.#sweep.second);
    if (seconds < timeoutSeconds) return;
    if (stream.requestOpen) {
      this.#drop(connection, `a request that it began was not whole after ${timeoutSeconds} s`);
    } else if (seconds === timeoutSeconds) {
      stream.drop();
    } else this.#drop(connection, `it has not taken an answer for ${timeoutSeconds} s`);
  }

  #drop({ socket, peer }: Connection, reason: string): void {
    if (!socket.destroyed) this.#log.info({ peer, reason }, "a connection is closed");
    socket.destroy();
  }
}

function isStranger({ known }: Connection): boolean {
  return !known;
}

function peerOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remotePort === undefined ? undefined : `${remoteAddress}:${remotePort}`;
}

/** Lets streams that waited for memory continue while there is some. */
function unblock(account: Account): void {
  const blocked = [...account.blocked];
  account.blocked.clear();
  for (const again of blocked) again();
}

function openRequests(limit: number, where: string): BridgeError {
  const what = `requests that are not whole hold ${limit / MIB} MiB on ${where}, which is the limit`;
  return limitReached(what, limit, "send fewer of them at a time");
}

function unreadAnswers(limit: number): BridgeError {
  const what = `answers that are not read hold ${limit / MIB} MiB, which is the limit`;
  return limitReached(what, limit, "read the answers to earlier calls first");
}
