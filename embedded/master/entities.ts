import type {
  AgentInfo,
  ExecutorInfo,
  FrameworkInfo,
  KillPolicy,
  Operation,
  Task,
  TaskStatus,
  Unavailability,
} from "../../gen/mesos/v1/mesos.js";
import type { Event, OfferConstraints } from "../../gen/mesos/v1/scheduler/scheduler.js";
import type { EventStream } from "../http/eventStream.js";
import type { Link } from "../link.js";
import { Resources } from "../resources/resources.js";
import { rolesOf } from "./frameworkInfo.js";

/** A task as the master knows it. */
export interface TaskEntry {
  /** Mesos's own record: `state` is the newest state, `statusUpdateState` the one last sent to the framework. */
  readonly info: Task;
  readonly id: string;
  readonly frameworkId: string;
  readonly agentId: string;
  /** With allocation info. */
  readonly resources: Resources;
  /** Its resources were given back. */
  freed: boolean;
  lastStatus: TaskStatus | undefined;
}

export interface OperationEntry {
  readonly info: Operation;
  readonly uuid: string;
  /** What the framework calls it; undefined when it wants no feedback. */
  readonly id: string | undefined;
  readonly frameworkId: string;
  readonly agentId: string;
}

export interface Offer {
  readonly id: string;
  readonly framework: Framework;
  readonly agent: Agent;
  readonly role: string;
  /** With allocation info. */
  readonly resources: Resources;
  cancelTimeout: () => void;
}

/** Asks a framework to leave an agent whose machine is to go. */
export interface InverseOffer {
  readonly id: string;
  readonly framework: Framework;
  readonly agent: Agent;
  readonly unavailability: Unavailability;
  cancelTimeout: () => void;
}

/** A framework as the master knows it. */
export class Framework {
  info: FrameworkInfo;
  readonly id: string;
  /** Connected frameworks have a stream; recovered ones were named by an agent and have not subscribed yet. */
  stream: EventStream<Event> | undefined;
  streamId: string | undefined;
  recovered = false;
  suppressedRoles = new Set<string>();
  offerConstraints: OfferConstraints | undefined;
  readonly tasks = new Map<string, TaskEntry>();
  readonly unreachableTasks = new Map<string, TaskEntry>();
  readonly completedTasks: TaskEntry[] = [];
  readonly offers = new Set<Offer>();
  readonly inverseOffers = new Set<InverseOffer>();
  /** By the id that the framework gave. */
  readonly operations = new Map<string, OperationEntry>();
  registeredTime = 0;
  reregisteredTime = 0;
  unregisteredTime = 0;
  stopHeartbeats: () => void = () => {};
  cancelFailover: () => void = () => {};

  constructor(id: string, info: FrameworkInfo) {
    this.id = id;
    this.info = info;
  }

  get connected(): boolean {
    return this.stream !== undefined;
  }

  get roles(): string[] {
    return rolesOf(this.info);
  }

  send(event: Event): void {
    this.stream?.send(event);
  }
}

/** An agent as the master knows it. */
export class Agent {
  readonly id: string;
  info: AgentInfo;
  pid: string;
  link: Link;
  connected = true;
  /** Deactivated agents get no offers. */
  active = true;
  /** Without allocation info. */
  total: Resources;
  readonly tasks = new Map<string, Map<string, TaskEntry>>();
  readonly executors = new Map<string, Map<string, ExecutorInfo>>();
  readonly offers = new Set<Offer>();
  readonly inverseOffers = new Set<InverseOffer>();
  /** Planned maintenance of its machine. */
  unavailability: Unavailability | undefined;
  readonly operations = new Map<string, OperationEntry>();
  /** In ms: when this master last told it to drain because an operator asked for it. */
  drainStartTime: number | undefined;
  /** Kills that came while it was disconnected, by framework and task. */
  readonly pendingKills = new Map<
    string,
    { frameworkId: string; taskId: string; killPolicy: KillPolicy | undefined }
  >();
  readonly registeredTime: number;
  reregisteredTime = 0;
  missedPings = 0;
  pinged = false;
  stopPings: () => void = () => {};
  cancelReregister: () => void = () => {};

  constructor(id: string, info: AgentInfo, pid: string, link: Link, total: Resources, now: number) {
    this.id = id;
    this.info = info;
    this.pid = pid;
    this.link = link;
    this.total = total;
    this.registeredTime = now;
  }

  get hostname(): string {
    return this.info.hostname ?? "";
  }

  task(frameworkId: string, taskId: string): TaskEntry | undefined {
    return this.tasks.get(frameworkId)?.get(taskId);
  }

  executor(frameworkId: string, executorId: string): ExecutorInfo | undefined {
    return this.executors.get(frameworkId)?.get(executorId);
  }

  /** What tasks and executors use, by framework. */
  used(): Map<string, Resources> {
    const used = new Map<string, Resources>();
    const add = (frameworkId: string, resources: Resources) =>
      used.set(frameworkId, (used.get(frameworkId) ?? Resources.none).plus(resources));
    for (const [frameworkId, tasks] of this.tasks) {
      for (const task of tasks.values()) if (!task.freed) add(frameworkId, task.resources);
    }
    for (const [frameworkId, executors] of this.executors) {
      for (const executor of executors.values()) add(frameworkId, Resources.of(executor.resources));
    }
    return used;
  }
}
