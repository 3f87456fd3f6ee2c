import { randomBytes } from "node:crypto";
import type { FrameworkInfo, Offer, Offer_Operation, TaskStatus } from "../../gen/mesos/v1/mesos.js";
import { Call, Call_Type, Event, type Event_Subscribed } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { type Codec, json, type MessageClass } from "./codec.js";
import { EventStream } from "./eventStream.js";
import type { Deadline } from "./eventually.js";
import { open, type RawAnswer, send, singleConnection } from "./http.js";

export type PartialCall = Parameters<typeof Call.fromPartial>[0];
export type PartialFrameworkInfo = Parameters<typeof FrameworkInfo.fromPartial>[0];
export type PartialOperation = Parameters<typeof Offer_Operation.fromPartial>[0];
type PartialSubscribe = Omit<NonNullable<PartialCall["subscribe"]>, "frameworkInfo">;

export const callType: MessageClass<Call> = Call as MessageClass<Call>;
const eventType: MessageClass<Event> = Event as MessageClass<Event>;

/** A v4 UUID as 16 bytes: Mesos takes no others. */
export function uuid(): Buffer {
  const bytes = randomBytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes;
}

export interface SchedulerOptions {
  /** The master, as `http://127.0.0.1:5050`. */
  master: string;
  /** Default JSON */
  codec?: Codec;
  /** Beside those that every call needs, for example `Authorization`. */
  headers?: Record<string, string>;
  /** Default `/api/v1/scheduler` */
  path?: string;
}

const keyOf = ({ uuid }: TaskStatus) => Buffer.from(uuid ?? []).toString("hex");

/** A scheduler that speaks Mesos's own HTTP API and hides nothing of it. */
export class MesosScheduler {
  readonly url: string;
  readonly codec: Codec;
  frameworkId: string | undefined;
  streamId: string | undefined;
  readonly #headers: Record<string, string>;
  readonly #connection = singleConnection();
  readonly #streams: EventStream<Event>[] = [];
  readonly #acknowledged = new Set<string>();
  #earlier: ReadonlySet<string> = new Set();

  constructor({ master, codec = json, headers = {}, path = "/api/v1/scheduler" }: SchedulerOptions) {
    this.url = master + path;
    this.codec = codec;
    this.#headers = headers;
  }

  /** The newest subscription. */
  get stream(): EventStream<Event> {
    const stream = this.#streams.at(-1);
    if (!stream) throw new Error("subscribe first");
    return stream;
  }

  /** Opens a subscription and gives its stream, whatever comes first on it. */
  async open(info: PartialFrameworkInfo, extra: PartialSubscribe = {}): Promise<EventStream<Event>> {
    const id = info.id?.value;
    const answer = await open(this.url, {
      headers: this.#callHeaders({ Accept: this.codec.mediaType }),
      body: this.encode({
        type: Call_Type.SUBSCRIBE,
        frameworkId: id === undefined ? undefined : { value: id },
        subscribe: { ...extra, frameworkInfo: info },
      }),
    });
    if (answer.statusCode !== 200) throw new Error(`SUBSCRIBE: ${answer.statusCode} ${await text(answer)}`);
    const stream = new EventStream(answer, this.codec, eventType);
    this.#streams.push(stream);
    this.streamId = String(answer.headers["mesos-stream-id"]);
    return stream;
  }

  /** Subscribes, and gives the SUBSCRIBED event. With an id from before it takes that framework over. */
  async subscribe(info: PartialFrameworkInfo, extra?: PartialSubscribe): Promise<Event_Subscribed> {
    const stream = await this.open(info, extra);
    const { event } = await stream.take(({ subscribed, error }) => Boolean(subscribed ?? error), {
      what: "SUBSCRIBED",
    });
    const { subscribed, error } = event;
    if (!subscribed) throw new Error(`SUBSCRIBE was refused: ${error?.message}`);
    this.frameworkId = subscribed.frameworkId?.value;
    return subscribed;
  }

  /** Sends any call, with the framework and stream id unless told otherwise, and gives Mesos's answer. */
  async call(
    type: keyof typeof Call_Type,
    body: PartialCall = {},
    headers: Record<string, string> = {},
  ): Promise<RawAnswer> {
    const frameworkId = this.frameworkId === undefined ? undefined : { value: this.frameworkId };
    const stream: Record<string, string> = this.streamId === undefined ? {} : { "Mesos-Stream-Id": this.streamId };
    return send(this.url, {
      agent: this.#connection,
      headers: this.#callHeaders({ ...stream, ...headers }),
      body: this.encode({ frameworkId, ...body, type: Call_Type[type] }),
    });
  }

  /** Sends a call that Mesos takes. @throws Error for any answer but 202 */
  async send(type: keyof typeof Call_Type, body: PartialCall = {}): Promise<void> {
    const { status, text } = await this.call(type, body);
    if (status !== 202) throw new Error(`${type}: ${status} ${text}`);
  }

  encode(call: PartialCall): Uint8Array {
    return this.codec.encode(callType, Call.fromPartial(call));
  }

  /** The offers of the next OFFERS event. */
  async offers(deadline?: Deadline): Promise<Offer[]> {
    return (await this.stream.next("offers", deadline)).offers;
  }

  /** The next offer; the others of its event are declined without a filter. */
  async offer(deadline?: Deadline): Promise<Offer> {
    const [offer, ...others] = await this.offers(deadline);
    if (!offer) throw new Error("an OFFERS event without an offer");
    if (others.length > 0) await this.decline(others, 0);
    return offer;
  }

  async accept(offers: Offer[], operations: PartialOperation[], refuseSeconds?: number): Promise<void> {
    const filters = refuseSeconds === undefined ? undefined : { refuseSeconds };
    await this.send("ACCEPT", { accept: { offerIds: ids(offers), operations, filters } });
  }

  async decline(offers: Offer[], refuseSeconds?: number): Promise<void> {
    const filters = refuseSeconds === undefined ? undefined : { refuseSeconds };
    await this.send("DECLINE", { decline: { offerIds: ids(offers), filters } });
  }

  /**
   * Takes the place of a scheduler whose agents crashed: an update that one has acknowledged comes again if the agent
   * had not stored that. It is acknowledged again, and `update` does not give it.
   */
  follows(earlier: MesosScheduler): void {
    this.#earlier = earlier.#acknowledged;
  }

  /** Takes the next update of a task, or of any, and acknowledges it if it asks for that. */
  async update(taskId?: string, options: Deadline & { acknowledge?: boolean } = {}): Promise<TaskStatus> {
    const isMine = ({ status }: { status?: TaskStatus | undefined }) =>
      taskId === undefined || status?.taskId?.value === taskId;
    const what = `an update of ${taskId ?? "a task"}`;
    const { status } = await this.stream.nextWhere("update", isMine, { what, ...options });
    if (!status) throw new Error("an UPDATE without a status");
    const repeated = this.#earlier.has(keyOf(status));
    if (repeated || options.acknowledge !== false) await this.acknowledge(status);
    return repeated ? this.update(taskId, options) : status;
  }

  /** Acknowledges an update, if it has something to acknowledge. */
  async acknowledge(status: TaskStatus): Promise<void> {
    const { agentId, taskId, uuid } = status;
    if (!uuid || uuid.length === 0) return;
    await this.send("ACKNOWLEDGE", { acknowledge: { agentId, taskId, uuid } });
    this.#acknowledged.add(keyOf(status));
  }

  /** Closes the connections, without a TEARDOWN. */
  stop(): void {
    for (const stream of this.#streams) stream.stop();
    this.#connection.destroy();
  }

  #callHeaders(more: Record<string, string>): Record<string, string> {
    return { "Content-Type": this.codec.mediaType, ...this.#headers, ...more };
  }
}

const ids = (offers: Offer[]) => offers.flatMap(({ id }) => (id ? [id] : []));

async function text(body: AsyncIterable<unknown>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
