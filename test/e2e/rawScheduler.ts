import { Client } from "undici";
import type { ExecutorInfo, FrameworkInfo, Offer } from "../../gen/mesos/v1/mesos.js";
import { Offer_Operation_Type, Resource, TaskInfo, type TaskStatus, Value_Type } from "../../gen/mesos/v1/mesos.js";
import { Call, Call_Type, Event, Event_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { RecordReader } from "../../wire/recordio.js";

const PATH = "/api/v1/scheduler";
const MEDIA_TYPE = "application/x-protobuf";

/** A scheduler on Mesos's own API, with nothing of the bridge between: what a test of executors needs. */
export class RawScheduler {
  readonly updates: TaskStatus[] = [];
  readonly messages: Buffer[] = [];
  readonly failures: number[] = [];
  readonly #events: Client;
  readonly #calls: Client;
  readonly #abort = new AbortController();
  readonly #waiting = new Set<() => void>();
  #offers: Offer[] = [];
  #frameworkId = "";
  #streamId = "";
  #ended: Promise<void> | undefined;

  constructor(master: string) {
    this.#events = new Client(master, { bodyTimeout: 0 });
    this.#calls = new Client(master);
  }

  /** Comes back to the same framework, after the master was gone. */
  async resubscribe(frameworkInfo: FrameworkInfo): Promise<void> {
    const id = { value: this.#frameworkId };
    this.#offers = [];
    this.#frameworkId = "";
    await this.subscribe({ ...frameworkInfo, id });
  }

  async subscribe(frameworkInfo: FrameworkInfo): Promise<void> {
    const frameworkId = frameworkInfo.id;
    const call = Call.create({
      type: Call_Type.SUBSCRIBE,
      frameworkId,
      subscribe: { frameworkInfo, suppressedRoles: [] },
    });
    const response = await this.#events.request({
      method: "POST",
      path: PATH,
      headers: { "content-type": MEDIA_TYPE, accept: MEDIA_TYPE },
      body: Call.encode(call).finish(),
      signal: this.#abort.signal,
    });
    if (response.statusCode !== 200) throw new Error(`SUBSCRIBE: ${response.statusCode} ${await response.body.text()}`);
    this.#streamId = String(response.headers["mesos-stream-id"]);
    const reader = new RecordReader();
    const read = async () => {
      for await (const chunk of response.body) reader.push(chunk, (record) => this.#onEvent(Event.decode(record)));
    };
    this.#ended = read().catch(() => {});
    await this.until(() => this.#frameworkId !== "");
  }

  /** Waits until a condition on what has come holds. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      });
    }
  }

  /** The terminal, or any later, update of a task. */
  async update(taskId: string, states: number[]): Promise<TaskStatus> {
    const find = () => this.updates.find((s) => s.taskId?.value === taskId && states.includes(s.state ?? -1));
    await this.until(() => find() !== undefined);
    return find() as TaskStatus;
  }

  /** Launches tasks with one executor on all that is offered; the cluster has one agent. */
  async launch(executor: ExecutorInfo, tasks: { id: string; data: Buffer }[]): Promise<void> {
    await this.until(() => this.#offers.length > 0);
    const offers = this.#offers.splice(0);
    const infos = tasks.map(({ id, data }) =>
      TaskInfo.create({
        name: id,
        taskId: { value: id },
        agentId: offers[0]?.agentId,
        executor,
        resources: [scalar("cpus", 0.1), scalar("mem", 64)],
        data,
      }),
    );
    await this.call({
      type: Call_Type.ACCEPT,
      accept: {
        offerIds: offers.flatMap(({ id }) => id ?? []),
        operations: [{ type: Offer_Operation_Type.LAUNCH, launch: { taskInfos: infos } }],
        filters: { refuseSeconds: 0 },
      },
    });
  }

  async kill(taskId: string): Promise<void> {
    await this.call({ type: Call_Type.KILL, kill: { taskId: { value: taskId }, agentId: undefined } });
  }

  async call(fields: Partial<Call>): Promise<void> {
    const call = Call.create({ ...fields, frameworkId: { value: this.#frameworkId } });
    const response = await this.#calls.request({
      method: "POST",
      path: PATH,
      headers: { "content-type": MEDIA_TYPE, "mesos-stream-id": this.#streamId },
      body: Call.encode(call).finish(),
    });
    const text = await response.body.text();
    if (response.statusCode !== 202) throw new Error(`${fields.type}: ${response.statusCode} ${text}`);
  }

  async close(): Promise<void> {
    if (this.#frameworkId) await this.call({ type: Call_Type.TEARDOWN }).catch(() => {});
    this.#abort.abort();
    await this.#ended;
    await Promise.all([this.#events.destroy(), this.#calls.destroy()]);
  }

  #onEvent(event: Event): void {
    if (event.type === Event_Type.SUBSCRIBED) this.#frameworkId = event.subscribed?.frameworkId?.value ?? "";
    if (event.type === Event_Type.OFFERS) this.#offers.push(...(event.offers?.offers ?? []));
    if (event.type === Event_Type.RESCIND) {
      this.#offers = this.#offers.filter((offer) => offer.id?.value !== event.rescind?.offerId?.value);
    }
    if (event.type === Event_Type.MESSAGE) this.messages.push(event.message?.data ?? Buffer.alloc(0));
    if (event.type === Event_Type.FAILURE) this.failures.push(event.failure?.status ?? -1);
    if (event.type === Event_Type.UPDATE && event.update?.status) this.#onUpdate(event.update.status);
    for (const wake of [...this.#waiting]) wake();
    this.#waiting.clear();
  }

  #onUpdate(status: TaskStatus): void {
    this.updates.push(status);
    const { agentId, taskId, uuid } = status;
    if (uuid) this.call({ type: Call_Type.ACKNOWLEDGE, acknowledge: { agentId, taskId, uuid } }).catch(() => {});
  }
}

export function scalar(name: string, value: number): Resource {
  return Resource.create({ name, type: Value_Type.SCALAR, scalar: { value } });
}
