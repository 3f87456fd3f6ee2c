import { type CallContext, createServer, type Server, ServerError, Status } from "nice-grpc";
import { BadRequest, ErrorInfo, RetryInfo } from "../../../gen/google/rpc/error_details.js";
import { Status as StatusMessage } from "../../../gen/google/rpc/status.js";
import {
  type CallHeader,
  type CallsRequest,
  LinkState,
  SchedulerServiceDefinition,
  type SchedulerServiceImplementation,
  SessionEvent,
  type SubscribeRequest,
  SubscribeResponse,
} from "../../../gen/mesosbridge/v1/scheduler.js";
import { Mailbox } from "./mailbox.js";

export interface ReceivedCall {
  method: string;
  request: { header?: CallHeader | undefined } & Record<string, unknown>;
}

type Answer = (request: never, context: CallContext) => Promise<object> | object;
type DeepPartialEvent = Parameters<typeof SessionEvent.fromPartial>[0];

/** One Subscribe stream as the fake sees it. */
export class FakeStream {
  readonly #outgoing = new Mailbox<SubscribeResponse | (() => void)>();
  constructor(
    readonly request: SubscribeRequest,
    readonly context: CallContext,
  ) {}

  /** Sends one message with these events. */
  send(...events: DeepPartialEvent[]): void {
    this.#outgoing.put(SubscribeResponse.create({ events: events.map((event) => SessionEvent.fromPartial(event)) }));
  }

  opened(
    attachmentId: string,
    more: { sequence?: bigint; resumed?: boolean; progressSeconds?: number; linked?: boolean } = {},
  ): void {
    const { sequence = 0n, resumed = false, progressSeconds = 15, linked = true } = more;
    const progressInterval = { seconds: BigInt(Math.floor(progressSeconds)), nanos: (progressSeconds % 1) * 1e9 };
    const linkState = linked ? LinkState.LINK_STATE_CONNECTED : LinkState.LINK_STATE_CONNECTING;
    const value = { attachmentId, resumed, progressInterval, lease: { seconds: 60n, nanos: 0 }, linkState };
    this.send({ sequence, event: { $case: "opened", value } });
  }

  snapshotEnd(sequence = 0n): void {
    this.send({ sequence, event: { $case: "progress", value: { snapshotEnd: true } } });
  }

  /** Ends the stream with OK. */
  end(): void {
    this.#outgoing.close();
  }

  fail(code: Status, reason = "", details: { metadata?: Record<string, string>; fields?: string[] } = {}): void {
    this.#outgoing.put(() => refuse(this.context, code, reason, details));
  }

  async *responses(): AsyncGenerator<SubscribeResponse> {
    const onAbort = () => this.#outgoing.close();
    this.context.signal.addEventListener("abort", onAbort);
    for (;;) {
      const next = await this.#outgoing.take();
      if (next === undefined) return;
      if (typeof next === "function") next();
      else yield next;
    }
  }
}

/** Ends a call with a status and `google.rpc` details, as the bridge does. */
export function refuse(
  context: CallContext,
  code: Status,
  reason = "",
  {
    metadata = {},
    fields = [],
    retryS = 0,
  }: { metadata?: Record<string, string>; fields?: string[]; retryS?: number } = {},
): never {
  const details = [];
  if (reason !== "") {
    const info = ErrorInfo.create({ reason, domain: "mesosbridge", metadata });
    details.push({
      typeUrl: "type.googleapis.com/google.rpc.ErrorInfo",
      value: Buffer.from(ErrorInfo.encode(info).finish()),
    });
  }
  if (fields.length > 0) {
    const wrong = BadRequest.create({ fieldViolations: fields.map((field) => ({ field, description: "is wrong" })) });
    details.push({
      typeUrl: "type.googleapis.com/google.rpc.BadRequest",
      value: Buffer.from(BadRequest.encode(wrong).finish()),
    });
  }
  if (retryS > 0) {
    const retry = RetryInfo.create({ retryDelay: { seconds: retryS } });
    details.push({
      typeUrl: "type.googleapis.com/google.rpc.RetryInfo",
      value: Buffer.from(RetryInfo.encode(retry).finish()),
    });
  }
  const status = StatusMessage.encode(StatusMessage.create({ code, message: reason, details })).finish();
  if (details.length > 0) context.trailer.set("grpc-status-details-bin", status);
  throw new ServerError(code, `refused: ${reason || Status[code]}`);
}

/** A bridge that does what a test tells it to. Every call is answered with an empty message unless told otherwise. */
export class FakeBridge {
  readonly streams = new Mailbox<FakeStream>();
  readonly calls = new Mailbox<ReceivedCall>();
  readonly #answers = new Map<string, Answer>();
  readonly #server: Server;
  address = "";

  private constructor() {
    this.#server = createServer();
    this.#server.add(SchedulerServiceDefinition, this.#implementation());
  }

  static async start(listen = "127.0.0.1:0"): Promise<FakeBridge> {
    const fake = new FakeBridge();
    fake.address = `127.0.0.1:${await fake.#server.listen(listen)}`;
    return fake;
  }

  /** How the calls of a method are answered from now on: by its name in TypeScript, such as `launchTasks`. */
  answer(method: string, answer: Answer): void {
    this.#answers.set(method, answer);
  }

  /** The next call of that method; others are passed over. */
  async call(method: string): Promise<ReceivedCall> {
    for (;;) {
      const call = await this.calls.take();
      if (call === undefined) throw new Error("the fake bridge was stopped");
      if (call.method === method) return call;
    }
  }

  async stream(): Promise<FakeStream> {
    const stream = await this.streams.take();
    if (stream === undefined) throw new Error("the fake bridge was stopped");
    return stream;
  }

  /** Drops all connections at once. */
  stop(): void {
    this.#server.forceShutdown();
    this.streams.close();
    this.calls.close();
  }

  #implementation(): SchedulerServiceImplementation {
    const unary = (method: string) => async (request: object, context: CallContext) => {
      this.calls.put({ method, request: request as ReceivedCall["request"] });
      return (await this.#answers.get(method)?.(request as never, context)) ?? {};
    };
    const fake = this;
    return {
      async *subscribe(request, context) {
        const stream = new FakeStream(request, context);
        fake.streams.put(stream);
        yield* stream.responses();
      },
      async *calls(requests: AsyncIterable<CallsRequest>) {
        for await (const request of requests) {
          fake.calls.put({ method: "calls", request: request as unknown as ReceivedCall["request"] });
          yield { results: [{ tag: request.tag }] };
        }
      },
      launchTasks: unary("launchTasks"),
      acceptOffers: unary("acceptOffers"),
      declineOffers: unary("declineOffers"),
      reviveOffers: unary("reviveOffers"),
      suppressOffers: unary("suppressOffers"),
      killTask: unary("killTask"),
      reconcileTasks: unary("reconcileTasks"),
      sendMessage: unary("sendMessage"),
      acknowledge: unary("acknowledge"),
      teardown: unary("teardown"),
      closeSession: unary("closeSession"),
      confirmPromotion: unary("confirmPromotion"),
      getState: unary("getState"),
      putState: unary("putState"),
      deleteState: unary("deleteState"),
      listState: unary("listState"),
      call: unary("call"),
    };
  }
}
