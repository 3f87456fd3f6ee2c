import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { Call, Event, Event_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { encodeRecord } from "../../wire/recordio.js";
import { Arrivals } from "./arrivals.js";
import { type Deadline, deferred, within } from "./eventually.js";

type PartialEvent = Parameters<typeof Event.fromPartial>[0];

/** One request as it came. */
export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  /** Names in small letters. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** The body, decoded. */
  call(): Call;
  readonly connection: FakeConnection;
}

/** A peer at a socket that does what a test says, and nothing by itself. */
export class FakeMaster {
  readonly connections = new Arrivals<FakeConnection>();
  /** Of all connections, in the order of their coming. */
  readonly requests = new Arrivals<FakeRequest>();
  readonly #server: Server;
  readonly #tls: boolean;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  private constructor(tls: TlsOptions | undefined) {
    const serve = (socket: Socket) => {
      const connection = new FakeConnection(socket, (request) => this.requests.push(request));
      this.connections.push(connection);
    };
    this.#tls = tls !== undefined;
    this.#server = tls ? createTlsServer(tls, serve) : createServer(serve);
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("tlsClientError", () => {});
  }

  static async start(options: { port?: number; tls?: TlsOptions } = {}): Promise<FakeMaster> {
    const master = new FakeMaster(options.tls);
    master.#server.listen(options.port ?? 0, "127.0.0.1");
    await once(master.#server, "listening");
    master.#port = (master.#server.address() as AddressInfo).port;
    return master;
  }

  get port(): number {
    return this.#port;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  get url(): URL {
    return new URL(`${this.#tls ? "https" : "http"}://${this.host}`);
  }

  /** Connections that stand. */
  get openConnections(): number {
    return this.#sockets.size;
  }

  /** Waits for the next request, and answers SUBSCRIBED. */
  async subscription(options: SubscribedOptions = {}): Promise<FakeRequest> {
    const request = await this.requests.next({ what: "a SUBSCRIBE" });
    request.connection.openStream();
    request.connection.subscribed(options);
    return request;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

export interface SubscribedOptions {
  frameworkId?: string;
  heartbeatSeconds?: number;
}

/** One connection to the fake. */
export class FakeConnection {
  /** Settles when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
  readonly requests = new Arrivals<FakeRequest>();
  readonly socket: Socket;
  /** In how many pieces its bytes came. */
  reads = 0;
  #unparsed = Buffer.alloc(0);
  readonly #onRequest: (request: FakeRequest) => void;

  constructor(socket: Socket, onRequest: (request: FakeRequest) => void) {
    this.socket = socket;
    this.#onRequest = onRequest;
    socket.setNoDelay(true);
    const closed = deferred();
    this.closed = closed.promise;
    socket.on("error", () => {});
    socket.on("close", () => closed.resolve());
    socket.on("data", (chunk: Buffer) => {
      this.reads++;
      this.#parse(chunk);
    });
  }

  /** Waits for the end of the connection. */
  async ended(deadline?: Deadline): Promise<void> {
    await within(this.closed, { what: "the end of the connection", ...deadline });
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Writes in pieces of `size` bytes, each in a packet of its own as far as the system allows. */
  async writeInPieces(bytes: Uint8Array, size: number): Promise<void> {
    for (let at = 0; at < bytes.length; at += size) {
      await new Promise<void>((resolve) =>
        this.socket.write(bytes.subarray(at, at + size), () => setImmediate(resolve)),
      );
    }
  }

  /** An answer with a body and its length. */
  answer(status: number, body = "", headers: Record<string, string> = {}): void {
    this.write(response(status, body, headers));
  }

  /** The head of a stream of events, as a Mesos master writes it. */
  openStream(headers: Record<string, string> = {}): void {
    const all = { "Content-Type": "application/x-protobuf", "Mesos-Stream-Id": "stream-1", ...headers };
    const lines = Object.entries({ ...all, "Transfer-Encoding": "chunked" }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    this.write(`HTTP/1.1 200 OK\r\n${lines.join("\r\n")}\r\n\r\n`);
  }

  /** Events in one chunk. */
  send(...events: PartialEvent[]): void {
    this.sendRaw(Buffer.concat(events.map(record)));
  }

  /** Bytes of the stream of events in one chunk. */
  sendRaw(bytes: Uint8Array): void {
    this.write(chunk(bytes));
  }

  subscribed({ frameworkId = "framework-1", heartbeatSeconds }: SubscribedOptions = {}): void {
    this.send({
      type: Event_Type.SUBSCRIBED,
      subscribed: { frameworkId: { value: frameworkId }, heartbeatIntervalSeconds: heartbeatSeconds },
    });
  }

  heartbeat(): void {
    this.send({ type: Event_Type.HEARTBEAT });
  }

  error(message: string): void {
    this.send({ type: Event_Type.ERROR, error: { message } });
  }

  /** As a master that stops: the stream ends in order. */
  endStream(): void {
    this.write("0\r\n\r\n");
  }

  end(): void {
    this.socket.end();
  }

  /** As a master that dies. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  #parse(bytes: Buffer): void {
    this.#unparsed = Buffer.concat([this.#unparsed, bytes]);
    for (let end = this.#unparsed.indexOf("\r\n\r\n"); end !== -1; end = this.#unparsed.indexOf("\r\n\r\n")) {
      const [first = "", ...lines] = this.#unparsed.toString("latin1", 0, end).split("\r\n");
      const headers = new Map(
        lines.map((line) => [line.replace(/:.*/, "").toLowerCase(), line.replace(/^[^:]*:\s*/, "")]),
      );
      const bodyEnd = end + 4 + Number(headers.get("content-length") ?? 0);
      if (this.#unparsed.length < bodyEnd) return;
      const body = Buffer.from(this.#unparsed.subarray(end + 4, bodyEnd));
      this.#unparsed = this.#unparsed.subarray(bodyEnd);
      const [method = "", path = ""] = first.split(" ");
      const call = () => Call.decode(body);
      const request: FakeRequest = { method, path, headers, body, call, connection: this };
      this.requests.push(request);
      this.#onRequest(request);
    }
  }
}

/** An event as a record of the stream. */
export function record(event: PartialEvent): Buffer {
  return encodeRecord(Event.encode(Event.fromPartial(event)).finish());
}

/** Bytes as one chunk of a chunked body. */
export function chunk(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
}

/** The bytes of an answer with a body and its length. */
export function response(status: number, body = "", headers: Record<string, string> = {}): string {
  const lines = Object.entries({ "Content-Length": String(Buffer.byteLength(body)), ...headers });
  return `HTTP/1.1 ${status} Reason\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`;
}
