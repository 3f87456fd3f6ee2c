import {
  type ChannelCredentials,
  Client,
  type ClientOptions,
  type ClientReadableStream,
  credentials,
  Metadata,
} from "@grpc/grpc-js";
import { ObserverServiceDefinition } from "../../gen/mesosbridge/v1/observer.js";
import { SchedulerServiceDefinition, type SessionEvent } from "../../gen/mesosbridge/v1/scheduler.js";
import { type Ending, endingOf } from "./bridgeEnding.js";
import { BridgeStream } from "./bridgeStream.js";

const methods = { ...SchedulerServiceDefinition.methods, ...ObserverServiceDefinition.methods };
type Methods = typeof methods;

/** The answer to a unary call. */
export interface Answer<T> extends Ending {
  /** Set when `code` is OK. */
  response: T | undefined;
}

/** A generated message class, as far as it is used here. */
interface Message<T, P> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
  fromPartial(partial: P): T;
}

type UnaryName = {
  [N in keyof Methods]: Methods[N] extends { requestStream: false; responseStream: false } ? N : never;
}[keyof Methods];
type StreamName = {
  [N in keyof Methods]: Methods[N] extends { requestStream: false; responseStream: true } ? N : never;
}[keyof Methods];
export type RequestOf<N extends keyof Methods> = Parameters<Methods[N]["requestType"]["fromPartial"]>[0];
export type ResponseOf<N extends keyof Methods> = ReturnType<Methods[N]["responseType"]["decode"]>;

const OPTIONS: ClientOptions = {
  "grpc.enable_http_proxy": 0,
  "grpc.max_receive_message_length": 64 * 1024 * 1024,
  "grpc.initial_reconnect_backoff_ms": 50,
  "grpc.max_reconnect_backoff_ms": 200,
};

export interface CallOptions {
  /** Default 15,000 */
  timeoutMs?: number;
  metadata?: Metadata;
}

/** A client of the bridge that hides nothing: generated codecs over plain gRPC. */
export class BridgeClient {
  readonly #client: Client;

  constructor(
    address: string,
    options: ClientOptions = {},
    channel: ChannelCredentials = credentials.createInsecure(),
  ) {
    // A connection of its own: what one client does to it is not seen by another.
    const own = { "grpc.use_local_subchannel_pool": 1 };
    this.#client = new Client(address, channel, { ...OPTIONS, ...own, ...options });
  }

  /** Makes a unary call. Never throws: how it ended is in the answer. */
  async call<N extends UnaryName>(
    name: N,
    request: RequestOf<N>,
    { timeoutMs = 15_000, metadata = new Metadata() }: CallOptions = {},
  ): Promise<Answer<ResponseOf<N>>> {
    const bytes = this.#encode(name, request);
    return new Promise((resolve) => {
      const deadline = Date.now() + timeoutMs;
      const decode = (response: Buffer) => methods[name].responseType.decode(response) as ResponseOf<N>;
      this.#client.makeUnaryRequest<Uint8Array, ResponseOf<N>>(
        path(name),
        identity,
        decode,
        bytes,
        metadata,
        { deadline },
        (error, response) => resolve({ ...endingOf(error), response }),
      );
    });
  }

  /** Makes a unary call of bytes that need not be what the generated code would write. */
  async callRaw(name: UnaryName, request: Uint8Array): Promise<Ending> {
    return new Promise((resolve) => {
      const deadline = Date.now() + 15_000;
      this.#client.makeUnaryRequest(path(name), identity, copy, request, { deadline }, (error) =>
        resolve(endingOf(error)),
      );
    });
  }

  /** Opens a stream of what happens: responses that only tell how far a Watch stream is are left out. */
  stream<N extends StreamName>(name: N, request: RequestOf<N>): BridgeStream<ResponseOf<N>> {
    return BridgeStream.of(this.#open(name, request), (response) => (isProgress(response) ? [] : [response]));
  }

  /** Opens a stream of all responses. */
  wholeStream<N extends StreamName>(name: N, request: RequestOf<N>): BridgeStream<ResponseOf<N>> {
    return BridgeStream.of(this.#open(name, request), (response) => [response]);
  }

  /** Subscribes, and gives the events one by one. */
  subscribe(request: RequestOf<"subscribe">): BridgeStream<SessionEvent> {
    return this.subscribeBytes(this.#encode("subscribe", request));
  }

  /** The same with a request that need not be what the generated code would write. */
  subscribeBytes(request: Uint8Array): BridgeStream<SessionEvent> {
    const decode = (response: Buffer) => methods.subscribe.responseType.decode(response);
    const call = this.#client.makeServerStreamRequest(path("subscribe"), identity, decode, request);
    return BridgeStream.of(call, (response: ResponseOf<"subscribe">) => response.events);
  }

  /** Subscribes, and gives the responses' bytes as they come. */
  subscribeRaw(request: RequestOf<"subscribe">): BridgeStream<Buffer> {
    const bytes = this.#encode("subscribe", request);
    const call = this.#client.makeServerStreamRequest(path("subscribe"), identity, copy, bytes);
    return BridgeStream.of(call, (response: Buffer) => [response]);
  }

  /** Opens a Calls stream: many calls in flight, results one by one. */
  calls(): {
    send(request: RequestOf<"calls">): void;
    end(): void;
    results: BridgeStream<ResponseOf<"calls">["results"][number]>;
  } {
    const decode = (response: Buffer) => methods.calls.responseType.decode(response);
    const call = this.#client.makeBidiStreamRequest(path("calls"), identity, decode);
    const results = BridgeStream.of(call, (response: ResponseOf<"calls">) => response.results);
    return { send: (request) => call.write(this.#encode("calls", request)), end: () => call.end(), results };
  }

  /** Closes the connection: streams on it break, as when the client's process ends. */
  stop(): void {
    this.#client.close();
  }

  #open<N extends StreamName>(name: N, request: RequestOf<N>): ClientReadableStream<ResponseOf<N>> {
    const decode = (response: Buffer) => methods[name].responseType.decode(response) as ResponseOf<N>;
    return this.#client.makeServerStreamRequest(path(name), identity, decode, this.#encode(name, request));
  }

  #encode<N extends keyof Methods>(name: N, request: RequestOf<N>): Uint8Array {
    const type = methods[name].requestType as unknown as Message<unknown, RequestOf<N>>;
    return type.encode(type.fromPartial(request)).finish();
  }
}

function isProgress(response: ResponseOf<StreamName>): boolean {
  return "progress" in response && response.progress !== undefined;
}

function path(name: keyof Methods): string {
  const service = name in SchedulerServiceDefinition.methods ? SchedulerServiceDefinition : ObserverServiceDefinition;
  return `/${service.fullName}/${methods[name].name}`;
}

const identity = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
const copy = (bytes: Buffer): Buffer => Buffer.from(bytes);
