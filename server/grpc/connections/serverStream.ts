import { constants, type ServerHttp2Stream } from "node:http2";
import type { ServerInterceptingCallInterface, StatusObject } from "@grpc/grpc-js";
import type { Evidence } from "../../access/evidence.js";
import type { BridgeError } from "../../session/errors.js";
import { CHUNK_BYTES, MessageMeter } from "./messageMeter.js";

/** What Node and the library keep for a stream whose request is not whole, besides its bytes; measured, roughly. */
const OPEN_STREAM_BYTES = 24 * 1024;

/** Up to this size the request of a stream that stays is not counted. */
const SMALL_REQUEST_BYTES = 256 * 1024;

/** Of a method: whether clients send more than one message, and whether its streams stay. */
export interface MethodKind {
  readonly requestStream: boolean;
  readonly long: boolean;
}

/** What one connection takes of the bridge. */
export interface Account {
  /** Where it comes from, for logs. */
  readonly peer: string;
  /** What it says of its client. */
  readonly evidence: Evidence;
  /** It has made a call with valid credentials, or none are needed. */
  known: boolean;
  readonly streams: Set<ServerStream>;
  /** Of these, streams that stay: Subscribe, Calls, Watch, reflection. */
  longStreams: number;
  /** The second in which it last had a stream, or came. */
  lastUsed: number;
  /** Bytes of requests that are not whole. */
  heldBytes: number;
  /** Bytes of events that wait for the client to take them. */
  eventBytes: number;
  /** What continues when there is memory for events again. */
  readonly blocked: Set<() => void>;
  /** Streams of Watch methods. */
  observers: number;
  /** Bytes in HTTP/2 streams that the client has not taken. */
  unreadBytes(): number;
}

export interface ServerStreamHost {
  /** The bytes that the stream's unfinished request holds have changed by that much. */
  held(stream: ServerStream, change: number): void;
  closed(stream: ServerStream): void;
  statusOf(error: BridgeError): StatusObject;
}

/** One call as an HTTP/2 stream: what its request holds while it is not whole, and what of its answer is not taken. */
export class ServerStream {
  readonly kind: MethodKind;
  readonly connection: Account;
  readonly #call: ServerInterceptingCallInterface;
  readonly #http2: ServerHttp2Stream;
  readonly #host: ServerStreamHost;
  readonly #meter = new MessageMeter();
  readonly #maxRequestBytes: number;
  /** Of a single request. */
  #bytes = 0;
  #unpacked = 0;
  #ended = false;
  #answered = false;
  #refused = false;
  #held = 0;
  /** Since when nothing gets on, and where it stood then. */
  #stalled: { readonly second: number; readonly at: string } | undefined;

  constructor(
    call: ServerInterceptingCallInterface,
    http2: ServerHttp2Stream,
    kind: MethodKind,
    connection: Account,
    maxRequestBytes: number,
    host: ServerStreamHost,
  ) {
    this.#call = call;
    this.#http2 = http2;
    this.kind = kind;
    this.connection = connection;
    this.#maxRequestBytes = maxRequestBytes;
    this.#host = host;
  }

  begin(): void {
    const http2 = this.#http2;
    // Ahead of the library, which would unpack a message before it is refused.
    http2.prependListener("data", (chunk: Buffer) => this.#received(chunk));
    http2.once("end", () => this.#end());
    http2.once("close", () => {
      this.#hold(0);
      this.#host.closed(this);
    });
    if (!this.kind.requestStream) this.#hold(OPEN_STREAM_BYTES);
  }

  /** True once it has ended in whatever way. */
  get isOver(): boolean {
    return this.#http2.closed || this.#http2.destroyed;
  }

  /** Bytes that its unfinished request holds. */
  get heldBytes(): number {
    return this.#held;
  }

  /** Bytes of its answer that the client has not taken. */
  get unreadBytes(): number {
    return this.#http2.writableLength;
  }

  /** Nothing is written any more but what waits already: a client that does not take that loses the stream. */
  answered(): void {
    this.#answered = true;
  }

  /** Ends the call with this error, and frees what its request holds. */
  refuse(error: BridgeError): void {
    this.#hold(0);
    this.#refused = true;
    if (this.#http2.headersSent) {
      // It is answered already: clients read this code as RESOURCE_EXHAUSTED.
      this.#http2.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      this.#http2.destroy();
      return;
    }
    this.#call.sendStatus(this.#host.statusOf(error));
    // A client that has sent all is told by the status alone.
    if (!this.#ended) this.#http2.close(constants.NGHTTP2_NO_ERROR);
  }

  /** A message was unpacked and handed on: serialized, or as an object by services of libraries. */
  delivered(message: unknown): void {
    if (this.kind.requestStream) return this.#hold(this.#meter.held);
    if (Buffer.isBuffer(message)) this.#bytes = message.length;
    this.#unpacked = 0;
    this.#holdRequest();
  }

  /** Ends the stream, and drops what the client has not taken of it. */
  drop(): void {
    this.#http2.close(constants.NGHTTP2_CANCEL);
    this.#http2.destroy();
  }

  /** True while the client has begun a request, or a message of it, and not ended it. */
  get requestOpen(): boolean {
    return this.kind.requestStream ? this.#meter.partial > 0 : !this.#ended;
  }

  /**
   * Looked at once a second. Tells for how many seconds now the client has not ended a request that it began, or not
   * gone on to take an answer that is complete. A live stream that is not read does not count.
   */
  stalledSeconds(second: number): number {
    const at = this.#stalledAt();
    if (at === undefined) this.#stalled = undefined;
    else if (this.#stalled?.at !== at) this.#stalled = { second, at };
    return this.#stalled ? second - this.#stalled.second : 0;
  }

  #stalledAt(): string | undefined {
    if (this.requestOpen) return `message ${this.#meter.messages}`;
    // The library ends a stream only when all of its messages have been taken.
    const unread = this.#answered || !this.kind.long ? this.#http2.writableLength : 0;
    return unread > 0 ? `${unread} unread` : undefined;
  }

  #received(chunk: Buffer): void {
    this.#meter.push(chunk);
    const unpacked = Math.min(this.#meter.unpacked, this.#maxRequestBytes);
    if (this.kind.requestStream) return this.#hold(this.#meter.held + unpacked);
    this.#bytes += chunk.length + CHUNK_BYTES;
    this.#unpacked += unpacked;
    this.#holdRequest();
  }

  #end(): void {
    this.#ended = true;
    if (!this.kind.requestStream) this.#holdRequest();
  }

  /** The library keeps the request of a stream that stays for as long as it stays. */
  #holdRequest(): void {
    if (!this.#ended) return this.#hold(OPEN_STREAM_BYTES + this.#bytes + this.#unpacked);
    const kept = this.kind.long && this.#bytes > SMALL_REQUEST_BYTES ? this.#bytes : 0;
    this.#hold(kept + this.#unpacked);
  }

  #hold(bytes: number): void {
    if (this.#refused) return;
    const change = bytes - this.#held;
    if (change === 0) return;
    this.#held = bytes;
    this.#host.held(this, change);
  }
}
