import { request } from "node:http";
import { RecordReader } from "../../../../wire/recordio.js";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

interface Id {
  readonly value: string;
}

export interface Status {
  readonly task_id: Id;
  readonly agent_id: Id;
  readonly executor_id?: Id;
  readonly state: string;
  readonly source: string;
  readonly reason?: string;
  readonly message?: string;
  readonly uuid?: string;
  readonly data?: string;
  readonly healthy?: boolean;
  readonly check_status?: {
    readonly type: string;
    readonly command?: { readonly exit_code?: number };
    readonly http?: { readonly status_code?: number };
    readonly tcp?: { readonly succeeded?: boolean };
  };
  readonly unreachable_time?: { readonly nanoseconds: number };
  readonly container_status?: { readonly container_id: Id; readonly executor_pid?: number };
}

export interface Offer {
  readonly id: Id;
  readonly agent_id: Id;
  readonly framework_id: Id;
  readonly url: { readonly address: { readonly port: number }; readonly path: string };
  readonly resources: ReadonlyArray<Readonly<Record<string, unknown>> & { readonly name: string }>;
  readonly allocation_info?: { readonly role: string };
  readonly executor_ids?: readonly Id[];
  readonly unavailability?: object;
}

interface OperationStatus {
  readonly operation_id: Id;
  readonly agent_id?: Id;
  readonly state: string;
  readonly message?: string;
  readonly uuid?: { readonly value: string };
}

/** An event of either API as JSON; of the parts only that of its type is there. */
export interface StreamEvent {
  readonly type: string;
  readonly subscribed: {
    readonly framework_id: Id;
    readonly heartbeat_interval_seconds: number;
    readonly master_info: Readonly<Record<string, unknown>>;
    readonly container_id: Id;
  };
  readonly offers: { readonly offers: readonly Offer[] };
  readonly inverse_offers: { readonly inverse_offers: ReadonlyArray<{ readonly id: Id; readonly agent_id: Id }> };
  readonly rescind: { readonly offer_id: Id };
  readonly rescind_inverse_offer: { readonly inverse_offer_id: Id };
  readonly update: { readonly status: Status };
  readonly update_operation_status: { readonly status: OperationStatus };
  readonly failure: { readonly agent_id: Id; readonly executor_id?: Id; readonly status?: number };
  readonly error: { readonly message: string };
  readonly message: { readonly data: string };
  readonly launch: { readonly task: { readonly task_id: Id } };
  readonly kill: { readonly task_id: Id };
  readonly acknowledged: { readonly task_id: Id; readonly uuid: string };
}

interface Options {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request on a connection of its own. */
export function http(url: string, body: string | Buffer | object = "", options: Options = {}): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const bytes = typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const headers = { "Content-Type": "application/json", ...options.headers };
    const sent = request(url, { method: options.method ?? "POST", headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString("utf8"),
        });
      });
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(bytes);
  });
}

/** An event stream, as JSON. Events that a `next` passes over are kept for a later one. */
export class EventReader {
  readonly #events: StreamEvent[] = [];
  readonly #waiting = new Set<() => void>();
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly #close: () => void;
  ended = false;

  private constructor(headers: EventReader["headers"], close: () => void) {
    this.headers = headers;
    this.#close = close;
  }

  static open(url: string, call: object, headers: Readonly<Record<string, string>> = {}): Promise<EventReader> {
    return new Promise((resolve, reject) => {
      const sent = request(
        url,
        {
          method: "POST",
          headers: { "Content-Type": "application/json", Accept: "application/json", ...headers },
          agent: false,
        },
        (response) => {
          if (response.statusCode !== 200) {
            response.resume();
            reject(new Error(`the subscription was answered ${response.statusCode}`));
            return;
          }
          const reader = new EventReader(response.headers, () => sent.destroy());
          const records = new RecordReader();
          response.on("data", (chunk: Buffer) =>
            records.push(chunk, (record) =>
              reader.#take(JSON.parse(Buffer.from(record).toString("utf8")) as StreamEvent),
            ),
          );
          response.on("error", () => {});
          response.on("close", () => {
            reader.ended = true;
            reader.#wake();
          });
          resolve(reader);
        },
      );
      sent.on("error", reject);
      sent.end(JSON.stringify(call));
    });
  }

  /** The next event of one of the types; of any, without. @throws Error when the stream ends or nothing comes. */
  async next(...types: string[]): Promise<StreamEvent> {
    return this.find((event) => types.length === 0 || types.includes(event.type), types.join(" or ") || "any event");
  }

  /** The next event that fits. */
  async find(fits: (event: StreamEvent) => boolean, what = "the event"): Promise<StreamEvent> {
    const deadline = Date.now() + 8000;
    for (;;) {
      const index = this.#events.findIndex(fits);
      const found = index >= 0 ? this.#events.splice(index, 1)[0] : undefined;
      if (found) return found;
      if (this.ended) throw new Error(`the stream ended before ${what} came; ${this.#summary()}`);
      if (Date.now() > deadline) throw new Error(`${what} did not come; ${this.#summary()}`);
      await this.#change(deadline - Date.now());
    }
  }

  /** The events that came and were not asked for yet. */
  get waiting(): readonly StreamEvent[] {
    return this.#events;
  }

  /** Until the other side has ended the stream. */
  async end(): Promise<void> {
    const deadline = Date.now() + 8000;
    while (!this.ended) {
      if (Date.now() > deadline) throw new Error("the stream did not end");
      await this.#change(deadline - Date.now());
    }
  }

  close(): void {
    this.#close();
  }

  #take(event: StreamEvent): void {
    this.#events.push(event);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  #change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, Math.max(1, ms));
      this.#waiting.add(done);
    });
  }

  #summary(): string {
    return `waiting are ${JSON.stringify(this.#events).slice(0, 600)}`;
  }
}

/** A scheduler that speaks raw HTTP. */
export class Scheduler {
  readonly events: EventReader;
  readonly frameworkId: string;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  private constructor(
    url: string,
    events: EventReader,
    frameworkId: string,
    headers: Readonly<Record<string, string>>,
  ) {
    this.#url = url;
    this.events = events;
    this.frameworkId = frameworkId;
    this.#headers = headers;
  }

  static async subscribe(
    master: string,
    info: object = {},
    parts: object = {},
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Scheduler> {
    const frameworkInfo = { user: "root", name: "test", ...info };
    const url = `${master}/api/v1/scheduler`;
    const call = {
      type: "SUBSCRIBE",
      ...("id" in frameworkInfo ? { framework_id: frameworkInfo.id } : {}),
      subscribe: { framework_info: frameworkInfo, ...parts },
    };
    const events = await EventReader.open(url, call, headers);
    const first = await events.next();
    if (first.type !== "SUBSCRIBED") throw new Error(first.error.message);
    return new Scheduler(url, events, first.subscribed.framework_id.value, headers);
  }

  get streamId(): string {
    return String(this.events.headers["mesos-stream-id"]);
  }

  /** The one offer that comes. */
  async offer(): Promise<Offer> {
    const [offer] = await this.offers();
    if (!offer) throw new Error("an OFFERS event without offers");
    return offer;
  }

  call(type: string, parts: object = {}): Promise<HttpAnswer> {
    const call = { type, framework_id: { value: this.frameworkId }, ...parts };
    return http(this.#url, call, { headers: { "Mesos-Stream-Id": this.streamId, ...this.#headers } });
  }

  async offers(count = 1): Promise<Offer[]> {
    const offers: Offer[] = [];
    while (offers.length < count) offers.push(...(await this.events.next("OFFERS")).offers.offers);
    return offers;
  }

  launch(offer: Offer, ...tasks: object[]): Promise<HttpAnswer> {
    const operations = [{ type: "LAUNCH", launch: { task_infos: tasks } }];
    return this.call("ACCEPT", { accept: { offer_ids: [offer.id], operations, filters: { refuse_seconds: 0 } } });
  }

  /** The next update of a task, acknowledged if it wants that. */
  async update(taskId?: string): Promise<Status> {
    const event = await this.events.find(
      (one) => one.type === "UPDATE" && (taskId === undefined || one.update.status.task_id.value === taskId),
      `an update of ${taskId ?? "a task"}`,
    );
    const { status } = event.update;
    if (status.uuid) await this.acknowledge(status);
    return status;
  }

  acknowledge(status: Status): Promise<HttpAnswer> {
    const { agent_id, task_id, uuid } = status;
    return this.call("ACKNOWLEDGE", { acknowledge: { agent_id, task_id, uuid } });
  }

  close(): void {
    this.events.close();
  }
}

export function scalar(name: string, value: number, more: object = {}): object {
  return { name, type: "SCALAR", scalar: { value }, ...more };
}

export function small(cpus = 0.1, mem = 32): object[] {
  return [scalar("cpus", cpus), scalar("mem", mem)];
}

export function commandTask(offer: Offer, id: string, value: string, more: object = {}): object {
  return {
    name: id,
    task_id: { value: id },
    agent_id: offer.agent_id,
    resources: small(),
    command: { value },
    ...more,
  };
}
