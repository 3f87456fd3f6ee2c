import { Call_Type, type Event } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { Arrivals } from "./arrivals.js";
import type { Deadline } from "./eventually.js";
import { type FakeConnection, FakeMaster, type FakeRequest } from "./fakeMaster.js";

type PartialEvent = Parameters<typeof Event.fromPartial>[0];

/** A subscription at the fake master. */
export interface FakeSubscription {
  readonly connection: FakeConnection;
  readonly frameworkId: string;
  send(...events: PartialEvent[]): void;
  /** Serialized events, each as a record. */
  sendBytes(...events: Uint8Array[]): void;
}

const SILENCE = "(silence)";
const ACCEPTED: FakeAnswer = { status: 202 };

/** What the master answers a call; without a status the connection breaks. */
export interface FakeAnswer {
  readonly status?: number;
  readonly body?: string;
  readonly headers?: Record<string, string>;
}

/** A fake master for a whole bridge: takes every subscription and every call, and sends what events a test says. */
export class AnsweringMaster {
  readonly fake: FakeMaster;
  /** All calls but SUBSCRIBE, in the order of their coming. */
  readonly calls = new Arrivals<FakeRequest>();
  readonly subscriptions = new Arrivals<FakeSubscription>();
  /** The interval that it promises in SUBSCRIBED. Default: Mesos's own, 15 s. */
  heartbeatSeconds: number | undefined;
  #answer: FakeAnswer | undefined = ACCEPTED;
  #refusal: string | undefined;

  private constructor(fake: FakeMaster) {
    this.fake = fake;
  }

  static async start(): Promise<AnsweringMaster> {
    const master = new AnsweringMaster(await FakeMaster.start());
    master.#serve().catch((error: unknown) => console.error("the fake master answers no more:", error));
    return master;
  }

  get host(): string {
    return this.fake.host;
  }

  /** Whether calls are answered (202), or left waiting. */
  answerCalls(answering: boolean): void {
    this.#answer = answering ? ACCEPTED : undefined;
  }

  /** Answers calls so from now on. */
  answerCallsWith(answer: FakeAnswer): void {
    this.#answer = answer;
  }

  /** Answers subscriptions with that ERROR from now on; undefined: takes them again. */
  refuseSubscriptions(message: string | undefined): void {
    this.#refusal = message;
  }

  /** Leaves subscriptions without an answer from now on. */
  ignoreSubscriptions(): void {
    this.#refusal = SILENCE;
  }

  /** The next call of that type; others before it are skipped. */
  async call(type: keyof typeof Call_Type, deadline?: Deadline): Promise<FakeRequest> {
    for (;;) {
      const request = await this.calls.next({ what: type, ...deadline });
      if (request.call().type === Call_Type[type]) return request;
    }
  }

  async stop(): Promise<void> {
    await this.fake.stop();
  }

  async #serve(): Promise<void> {
    for (;;) this.#take(await this.fake.requests.next({ timeoutMs: 3_600_000 }));
  }

  #answerCall(connection: FakeConnection): void {
    if (!this.#answer) return;
    const { status, body, headers } = this.#answer;
    if (status === undefined) connection.reset();
    else connection.answer(status, body, headers);
  }

  #take(request: FakeRequest): void {
    const { connection, method } = request;
    if (method === "GET") return connection.answer(405, "", { Allow: "POST" });
    const call = request.call();
    if (call.type !== Call_Type.SUBSCRIBE) {
      this.calls.push(request);
      return this.#answerCall(connection);
    }
    if (this.#refusal === SILENCE) return;
    const frameworkId = call.frameworkId?.value ?? "";
    connection.openStream();
    if (this.#refusal !== undefined) {
      connection.error(this.#refusal);
      return connection.endStream();
    }
    const { heartbeatSeconds } = this;
    connection.subscribed({ frameworkId, ...(heartbeatSeconds === undefined ? {} : { heartbeatSeconds }) });
    this.subscriptions.push({
      connection,
      frameworkId,
      send: (...events) => connection.send(...events),
      sendBytes: (...events) => connection.sendRaw(Buffer.concat(events.flatMap(framed))),
    });
  }
}

function framed(event: Uint8Array): Uint8Array[] {
  return [Buffer.from(`${event.length}\n`), event];
}
