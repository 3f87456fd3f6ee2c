import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { createConnection } from "node:net";
import { lengthDelimited, stringField } from "../../wire/proto.js";

/** A message as gRPC frames it. */
export function framed(message: Uint8Array, { compressed = false } = {}): Buffer {
  const head = Buffer.alloc(5);
  head[0] = compressed ? 1 : 0;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** A client that speaks HTTP/2 and does with it what no gRPC library would: it reads nothing, or ends nothing. */
export class HostileClient {
  readonly #session: ClientHttp2Session;
  readonly closed: Promise<void>;

  private constructor(session: ClientHttp2Session) {
    this.#session = session;
    this.closed = new Promise((resolve) => session.once("close", () => resolve()));
    session.on("error", () => {});
  }

  /** Connects. @param address a host and port, or the path of a unix socket. @throws Error if the bridge refuses the connection */
  static async connect(address: string): Promise<HostileClient> {
    const session = address.startsWith("/")
      ? connect("http://localhost", { createConnection: () => createConnection(address) })
      : connect(`http://${address}`, { maxSessionMemory: 100_000 });
    await new Promise<void>((resolve, reject) => {
      // The settings of the bridge say that it has taken the connection.
      session.once("remoteSettings", () => resolve());
      session.once("error", reject);
      session.once("close", () => reject(new Error("the bridge closed the connection")));
    });
    return new HostileClient(session);
  }

  get isClosed(): boolean {
    return this.#session.closed || this.#session.destroyed;
  }

  get maxStreams(): number {
    return this.#session.remoteSettings.maxConcurrentStreams ?? 0;
  }

  /** Begins a call. Nothing of its answer is read until somebody does. */
  begin(method: string, headers: Record<string, string> = {}): ClientHttp2Stream {
    const stream = this.#session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: `/${method}`,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    return stream.on("error", () => {});
  }

  /** Makes a call whose answer nobody reads. */
  call(method: string, message: Uint8Array): ClientHttp2Stream {
    const stream = this.begin(method);
    stream.end(framed(message));
    return stream;
  }

  stop(): void {
    this.#session.destroy();
  }
}

/** How a stream ended: its gRPC status, or undefined where it was cut off. */
export function statusOf(stream: ClientHttp2Stream): Promise<string | undefined> {
  return new Promise((resolve) => {
    let status: string | undefined;
    const note = (headers: Record<string, unknown>) => {
      if (headers["grpc-status"] !== undefined) status = String(headers["grpc-status"]);
    };
    stream.on("response", note).on("trailers", note).resume();
    stream.once("close", () => resolve(status));
  });
}

/** A serialized SubscribeRequest. */
export function subscribeRequest(frameworkName: string): Buffer {
  return Buffer.concat([stringField(1, frameworkName), lengthDelimited(2, stringField(1, "root"))]);
}
