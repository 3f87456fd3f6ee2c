import type { Offer, TaskStatus } from "../../gen/mesos/v1/mesos.js";
import type { Event } from "../../gen/mesos/v1/scheduler/scheduler.js";
import {
  type LinkChanged,
  LinkState,
  type Opened,
  type OpenTask,
  type SessionEvent,
} from "../../gen/mesosbridge/v1/scheduler.js";
import { type Answer, BridgeClient, type CallOptions, type RequestOf, type ResponseOf } from "./bridgeClient.js";
import type { BridgeStream } from "./bridgeStream.js";
import type { Deadline } from "./eventually.js";
import { frameworkInfo, type PartialTask, unique } from "./messages.js";

export type PartialSubscribe = RequestOf<"subscribe">;
type Operations = RequestOf<"acceptOffers">["operations"];
/** Calls that name their attachment in a header, which is filled in here. */
type HeaderCall = {
  [N in Parameters<BridgeClient["call"]>[0]]: RequestOf<N> extends { header?: unknown } ? N : never;
}[Parameters<BridgeClient["call"]>[0]];

/** An update as a scheduler gets it. */
export interface Update {
  status: TaskStatus;
  ackToken: string;
  sequence: bigint;
}

/** The field of the Mesos event in a session event, if it has that one. */
export function mesosField<K extends keyof Event>(event: SessionEvent, key: K): Event[K] | undefined {
  return event.event?.$case === "mesos" ? event.event.value[key] : undefined;
}

export const isSnapshotEnd = (event: SessionEvent): boolean =>
  event.event?.$case === "progress" && event.event.value.snapshotEnd;

/** A scheduler over the bridge's plain API: it attaches, and has each call carry its header. */
export class BridgeScheduler {
  readonly client: BridgeClient;
  readonly name: string;
  readonly stream: BridgeStream<SessionEvent>;
  #opened: Opened | undefined;

  private constructor(client: BridgeClient, name: string, stream: BridgeStream<SessionEvent>) {
    this.client = client;
    this.name = name;
    this.stream = stream;
  }

  /**
   * Attaches and waits for Opened. Without a name the framework is a new one, of one role and no others; without
   * `frameworkInfo` it gets one as schedulers of today have.
   */
  static async attach(address: string, request: PartialSubscribe = {}): Promise<BridgeScheduler> {
    const scheduler = BridgeScheduler.start(address, request);
    await scheduler.open();
    return scheduler;
  }

  /** Attaches without waiting for anything. */
  static start(address: string, request: PartialSubscribe = {}): BridgeScheduler {
    const client = new BridgeClient(address);
    const frameworkName = request.frameworkName ?? unique("framework");
    const info = "frameworkInfo" in request ? {} : { frameworkInfo: frameworkInfo() };
    const stream = client.subscribe({ ...info, ...request, frameworkName });
    return new BridgeScheduler(client, frameworkName, stream);
  }

  /** The first event, which has to be Opened. */
  async open(deadline?: Deadline): Promise<Opened> {
    const first = await this.stream.nextAny({ what: "Opened", ...deadline });
    if (first.event?.$case !== "opened") throw new Error(`the first event is ${first.event?.$case}`);
    this.#opened = first.event.value;
    return this.#opened;
  }

  /** The next promotion, whose attachment calls carry from then on. */
  async promoted(deadline?: Deadline): Promise<Opened> {
    const is = ({ event }: SessionEvent) => event?.$case === "promoted";
    const { event } = await this.stream.next(is, { what: "a promotion", ...deadline });
    if (event?.$case !== "promoted" || !event.value.opened) throw new Error("a promotion without Opened");
    this.#opened = event.value.opened;
    return this.#opened;
  }

  get opened(): Opened {
    if (!this.#opened) throw new Error("not attached yet");
    return this.#opened;
  }

  get frameworkId(): string {
    return this.opened.frameworkId?.value ?? "";
  }

  get header(): { frameworkName: string; attachmentId: string } {
    return { frameworkName: this.name, attachmentId: this.opened.attachmentId };
  }

  /** Waits until the bridge is subscribed, if the last that was heard of the link is that it is not. */
  async linked(deadline?: Deadline): Promise<this> {
    const states = this.stream.received.flatMap(({ event }) =>
      event?.$case === "linkChanged" ? [event.value.state] : [],
    );
    if ((states.at(-1) ?? this.opened.linkState) !== LinkState.LINK_STATE_CONNECTED) {
      await this.linkChanged(LinkState.LINK_STATE_CONNECTED, deadline);
    }
    return this;
  }

  /** The next change of the link to `state`. */
  async linkChanged(state: LinkState, deadline?: Deadline): Promise<LinkChanged> {
    const is = ({ event }: SessionEvent) => event?.$case === "linkChanged" && event.value.state === state;
    const { event } = await this.stream.next(is, { what: LinkState[state], ...deadline });
    if (event?.$case !== "linkChanged") throw new Error("not a change of the link");
    return event.value;
  }

  async snapshotEnd(deadline?: Deadline): Promise<SessionEvent> {
    return this.stream.next(isSnapshotEnd, { what: "the end of the snapshot", ...deadline });
  }

  /** The tasks of the snapshot, by their ids, once all of it has come. */
  async snapshotTasks(deadline?: Deadline): Promise<Map<string, OpenTask>> {
    await this.snapshotEnd(deadline);
    const tasks = this.stream.received.flatMap(({ event }) => (event?.$case === "tasks" ? event.value.tasks : []));
    return new Map(tasks.map((task) => [task.taskId?.value ?? "", task]));
  }

  /** Takes the next Mesos event that has the field `key`, and gives that field. */
  async mesos<K extends keyof Event>(
    key: K,
    condition: (value: NonNullable<Event[K]>) => boolean = () => true,
    deadline?: Deadline,
  ): Promise<NonNullable<Event[K]>> {
    const event = await this.mesosEvent(key, condition, deadline);
    return mesosField(event, key) as NonNullable<Event[K]>;
  }

  async mesosEvent<K extends keyof Event>(
    key: K,
    condition: (value: NonNullable<Event[K]>) => boolean = () => true,
    deadline?: Deadline,
  ): Promise<SessionEvent> {
    const holds = (event: SessionEvent) => {
      const value = mesosField(event, key);
      return value !== undefined && value !== null && condition(value as NonNullable<Event[K]>);
    };
    return this.stream.next(holds, { what: String(key), ...deadline });
  }

  /** The offers of the next OFFERS event. */
  async offers(deadline?: Deadline): Promise<Offer[]> {
    return (await this.mesos("offers", () => true, deadline)).offers;
  }

  /** The next offer; others of its event are declined without a filter. */
  async offer(deadline?: Deadline): Promise<Offer> {
    const [offer, ...others] = await this.offers(deadline);
    if (!offer) throw new Error("an OFFERS event without an offer");
    if (others.length > 0) await this.ok("declineOffers", { offerIds: ids(others), filters: { refuseSeconds: 0 } });
    return offer;
  }

  /** Takes the next update of a task, or of any, without acknowledging it. */
  async owedUpdate(taskId?: string, deadline?: Deadline): Promise<Update> {
    const mine = ({ status }: { status?: TaskStatus | undefined }) =>
      taskId === undefined || status?.taskId?.value === taskId;
    const what = `an update of ${taskId ?? "a task"}`;
    const event = await this.mesosEvent("update", mine, { what, ...deadline });
    const status = mesosField(event, "update")?.status;
    if (!status) throw new Error("an UPDATE without a status");
    return { status, ackToken: event.ackToken, sequence: event.sequence };
  }

  /** Takes the next update of a task, or of any, and acknowledges it if it asks for that. */
  async update(taskId?: string, deadline?: Deadline): Promise<TaskStatus> {
    const { status, ackToken } = await this.owedUpdate(taskId, deadline);
    if (ackToken !== "") await this.ok("acknowledge", { ackTokens: [ackToken] });
    return status;
  }

  /** Takes and acknowledges updates of a task until one has that state. */
  async updateTo(taskId: string, state: TaskStatus["state"], deadline?: Deadline): Promise<TaskStatus> {
    for (;;) {
      const status = await this.update(taskId, deadline);
      if (status.state === state) return status;
    }
  }

  /** Makes a call, with the header; an own `header` adds to it. */
  async call<N extends HeaderCall>(
    name: N,
    request: RequestOf<N> = {},
    options?: CallOptions,
  ): Promise<Answer<ResponseOf<N>>> {
    const { header = {} } = request as { header?: object };
    return this.client.call(name, { ...request, header: { ...this.header, ...header } } as RequestOf<N>, options);
  }

  /** Makes a call that has to be answered with OK, and gives the response. */
  async ok<N extends HeaderCall>(name: N, request: RequestOf<N> = {}): Promise<ResponseOf<N>> {
    const { response, ...ending } = await this.call(name, request);
    if (ending.code !== "OK" || response === undefined) throw new Error(`${name}: ${JSON.stringify(ending)}`);
    return response;
  }

  async launch(offers: Offer | Offer[], ...tasks: PartialTask[]): Promise<void> {
    const offerIds = ids([offers].flat());
    await this.ok("launchTasks", { offerIds, tasks, filters: { refuseSeconds: 0 } });
  }

  async accept(offers: Offer | Offer[], operations: Operations): Promise<void> {
    await this.ok("acceptOffers", { offerIds: ids([offers].flat()), operations, filters: { refuseSeconds: 0 } });
  }

  /** Detaches as a client's process does that ends. */
  stop(): void {
    this.stream.cancel();
    this.client.stop();
  }
}

export const ids = (offers: readonly Offer[]) => offers.flatMap(({ id }) => (id ? [id] : []));
