import {
  ExecutorInfo_Type,
  FrameworkInfo,
  Offer_Operation_Type,
  type OfferID,
  type Resource,
  TaskInfo,
  TaskState,
  Value_Type,
} from "../../gen/mesos/v1/mesos.js";
import { Call, Call_Type, type Event, Event_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { report } from "./ipc.js";

type PartialResource = Parameters<typeof Resource.fromPartial>[0];

/** What the two schedulers of the benchmark do alike, so that they differ only in the way to Mesos. */
export const BATCH_FRAMEWORK = FrameworkInfo.fromPartial({
  user: "root",
  name: "bench-tasks",
  failoverTimeout: 0,
  // What the bridge sets where a client says nothing. It makes the agent write every task to its disk.
  checkpoint: true,
});
/** An executor of the same name, told what to run. */
export interface Start {
  /** A bridge, or a master, as host:port. */
  readonly address: string;
  /** The framework's name at the bridge. */
  readonly name: string;
  /** What the agent runs as the executor. */
  readonly command: string;
}

const scalar = (name: string, value: number): PartialResource => ({ name, type: Value_Type.SCALAR, scalar: { value } });

/** How a scheduler launches on offers. */
type Launch = (offerIds: OfferID[], tasks: TaskInfo[]) => void;

/**
 * Launches empty tasks on the next offer when told so, and reports when each has finished and all updates have been
 * acknowledged. One batch at a time; the scheduler reports what it gets.
 */
export class TaskBatch {
  readonly #command: string;
  readonly #launch: Launch;
  /** All that is open: an agent is offered in pieces as its tasks end. */
  #offers: OfferID[] = [];
  #agent = "";
  #waiting = 0;
  #batches = 0;
  #unfinished = new Set<string>();
  #unacknowledged = 0;
  #started = 0n;
  readonly #begun: bigint;
  #offered = false;

  /** @param begun when the scheduler began to connect, by `process.hrtime` */
  constructor(command: string, begun: bigint, launch: Launch) {
    this.#command = command;
    this.#begun = begun;
    this.#launch = launch;
  }

  /** Launches so many on the offers that are there, or on the next. The time begins with the launch. */
  run(count: number): void {
    this.#waiting = count;
    this.#launchIfOffered();
  }

  /** Gives true for an update that has to be acknowledged. */
  onEvent(event: Event): boolean {
    for (const { id, agentId } of event.offers?.offers ?? []) {
      if (id) this.#offers.push(id);
      this.#agent = agentId?.value ?? "";
    }
    this.#noteFirstOffer();
    this.#launchIfOffered();
    const rescinded = event.rescind?.offerId?.value;
    if (rescinded !== undefined) this.#offers = this.#offers.filter(({ value }) => value !== rescinded);
    const status = event.type === Event_Type.UPDATE ? event.update?.status : undefined;
    if (!status) return false;
    if (status.state === TaskState.TASK_FINISHED) this.#unfinished.delete(status.taskId?.value ?? "");
    else if (status.state !== TaskState.TASK_RUNNING && status.state !== TaskState.TASK_STARTING) {
      throw new Error(`${status.taskId?.value} is in state ${status.state}: ${status.message}`);
    }
    if (status.uuid === undefined) return false;
    this.#unacknowledged++;
    return true;
  }

  #noteFirstOffer(): void {
    if (this.#offered || this.#offers.length === 0) return;
    this.#offered = true;
    report({ kind: "offered", seconds: Number(process.hrtime.bigint() - this.#begun) / 1e9 });
  }

  /** Mesos took the acknowledgement of an update. */
  acknowledged(): void {
    this.#unacknowledged--;
    if (this.#unacknowledged > 0 || this.#unfinished.size > 0 || this.#started === 0n) return;
    const seconds = Number(process.hrtime.bigint() - this.#started) / 1e9;
    this.#started = 0n;
    report({ kind: "finished", seconds });
  }

  #launchIfOffered(): void {
    if (this.#waiting === 0 || this.#offers.length === 0) return;
    const offers = this.#offers.splice(0);
    const tasks = Array.from({ length: this.#waiting }, (_, i) => this.#task(`${this.#batches}-${i}`));
    this.#waiting = 0;
    this.#batches++;
    this.#unfinished = new Set(tasks.map((task) => task.taskId?.value ?? ""));
    this.#started = process.hrtime.bigint();
    this.#launch(offers, tasks);
  }

  #task(id: string): TaskInfo {
    return TaskInfo.fromPartial({
      name: "empty",
      taskId: { value: `empty-${id}` },
      agentId: { value: this.#agent },
      resources: [scalar("cpus", 0.01), scalar("mem", 4)],
      executor: {
        type: ExecutorInfo_Type.CUSTOM,
        executorId: { value: "empty" },
        command: { shell: true, value: this.#command },
        resources: [scalar("cpus", 0.1), scalar("mem", 64)],
      },
    });
  }
}

/** The call that launches tasks. */
export function launchCall(frameworkId: string, offerIds: OfferID[], taskInfos: TaskInfo[]): Call {
  return Call.fromPartial({
    type: Call_Type.ACCEPT,
    frameworkId: { value: frameworkId },
    accept: {
      offerIds,
      operations: [{ type: Offer_Operation_Type.LAUNCH, launch: { taskInfos } }],
      filters: { refuseSeconds: 0 },
    },
  });
}
