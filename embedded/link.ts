import type {
  AgentInfo,
  DrainConfig,
  ExecutorInfo,
  FrameworkInfo,
  KillPolicy,
  Offer_Operation,
  Operation,
  OperationStatus,
  Resource,
  Task,
  TaskInfo,
  TaskState,
  TaskStatus,
} from "../gen/mesos/v1/mesos.js";

/** Tasks to run, on an executor that exists or is to be started. */
export interface RunTasks {
  readonly framework: FrameworkInfo;
  /** Undefined for a command task. */
  readonly executor: ExecutorInfo | undefined;
  readonly tasks: readonly TaskInfo[];
  readonly group: boolean;
  /** Whether the master takes the executor for new. */
  readonly launchExecutor: boolean;
}

export interface StatusUpdate {
  readonly frameworkId: string;
  readonly executorId: string | undefined;
  readonly status: TaskStatus;
  /** The task's newest state on the agent; `status` may lag behind, as updates wait for acknowledgements. */
  readonly latestState: TaskState | undefined;
}

export interface OperationUpdate {
  readonly frameworkId: string;
  readonly operationUuid: string;
  readonly status: OperationStatus;
  readonly latestStatus: OperationStatus;
}

/** All that an agent tells a master about itself when it registers, and its running things when it comes back. */
export interface AgentRegistration {
  /** Undefined for one that never registered. */
  readonly id: string | undefined;
  readonly info: AgentInfo;
  /** As `slave(1)@127.0.0.1:5051`. */
  readonly pid: string;
  readonly total: Resource[];
  readonly frameworks: readonly FrameworkInfo[];
  readonly tasks: readonly Task[];
  readonly executors: ReadonlyArray<{ frameworkId: string; info: ExecutorInfo }>;
  readonly operations: readonly Operation[];
}

/** What a master sends to an agent. */
export interface AgentInbox {
  registered(agentId: string): void;
  /** `known`: the tasks that the master holds for this agent, by framework. The agent answers for those it lacks. */
  reregistered(known: ReadonlyArray<{ frameworkId: string; taskId: string; partitionAware: boolean }>): void;
  ping(): void;
  runTasks(message: RunTasks): void;
  killTask(frameworkId: string, taskId: string, killPolicy: KillPolicy | undefined): void;
  acknowledge(frameworkId: string, taskId: string, uuid: Buffer): void;
  messageToExecutor(frameworkId: string, executorId: string, data: Buffer): void;
  shutdownExecutor(frameworkId: string, executorId: string): void;
  shutdownFramework(frameworkId: string): void;
  updateFramework(framework: FrameworkInfo): void;
  applyOperation(frameworkId: string, operationUuid: string, operation: Offer_Operation): void;
  acknowledgeOperation(operationUuid: string, statusUuid: Buffer): void;
  /** It is to kill its tasks. Comes again whenever it registers, until an operator puts it back in service. */
  drain(config: DrainConfig): void;
  /** The master has no more use for the agent: it ends its executors and itself. */
  shutdown(message: string): void;
}

/** What an agent sends to a master. */
export interface MasterInbox {
  register(link: Link, registration: AgentRegistration): void;
  pong(agentId: string): void;
  statusUpdate(agentId: string, update: StatusUpdate): void;
  messageToFramework(agentId: string, frameworkId: string, executorId: string, data: Buffer): void;
  exitedExecutor(agentId: string, frameworkId: string, executorId: string, status: number): void;
  operationUpdate(agentId: string, update: OperationUpdate): void;
  unregister(agentId: string): void;
  linkBroken(link: Link): void;
}

/**
 * The connection between one run of an agent and one run of a master. Messages are delivered one after the other, never
 * within the call that sends them; a broken link delivers nothing more.
 */
export class Link {
  readonly #master: MasterInbox;
  readonly #agent: AgentInbox;
  readonly #onBroken: () => void;
  #broken = false;
  /** While set, messages are lost and neither side notices: a network partition. */
  partitioned = false;

  /** `onBroken` tells the agent's side. */
  constructor(master: MasterInbox, agent: AgentInbox, onBroken: () => void) {
    this.#master = master;
    this.#agent = agent;
    this.#onBroken = onBroken;
  }

  get broken(): boolean {
    return this.#broken;
  }

  toMaster(deliver: (master: MasterInbox) => void): void {
    this.#post(() => deliver(this.#master));
  }

  toAgent(deliver: (agent: AgentInbox) => void): void {
    this.#post(() => deliver(this.#agent));
  }

  /** Both sides are told, after what is under way. */
  break(): void {
    if (this.#broken) return;
    this.#broken = true;
    queueMicrotask(() => {
      this.#master.linkBroken(this);
      this.#onBroken();
    });
  }

  #post(deliver: () => void): void {
    if (this.partitioned) return;
    queueMicrotask(() => {
      if (!this.#broken) deliver();
    });
  }
}
