import { join } from "node:path";
import {
  CheckStatusInfo,
  type KillPolicy,
  TaskStatus_Reason as Reason,
  TaskStatus_Source as Source,
  type TaskInfo,
  TaskState,
  type TaskStatus,
} from "../../gen/mesos/v1/mesos.js";
import { uuidBytes } from "../../wire/uuid.js";
import type { Clock } from "../clock.js";
import { makeStatus } from "../status.js";
import { Checker } from "./checker.js";
import { emptyStatus, probeOfCheck, probeOfHealthCheck } from "./checkProbe.js";
import { commandEnvironment, commandLine } from "./commandLine.js";
import { Health } from "./health.js";
import { ProcessGroup, type WaitStatus, waitStatusText } from "./processGroup.js";

const DEFAULT_KILL_GRACE_MS = 3000;

export interface TaskHost {
  readonly clock: Clock;
  readonly sandbox: string;
  /** The executor's own. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether the framework knows TASK_KILLING. */
  readonly tellsKilling: boolean;
  update(status: TaskStatus): void;
  onEnd(task: RunningTask, state: TaskState): void;
}

/** One task's process with its checks, limits and end, as Mesos's own executors run it. */
export class RunningTask {
  readonly id: string;
  readonly info: TaskInfo;
  readonly #host: TaskHost;
  #process: ProcessGroup | undefined;
  #checkers: Checker[] = [];
  #last: TaskStatus | undefined;
  #ended = false;
  #killed: "no" | "asked" | "unhealthy" | "too late" = "no";
  #killAtMs = Number.POSITIVE_INFINITY;
  #cancelKill: () => void = () => {};
  #cancelDeadline: () => void = () => {};
  /** A fault in the course of the task ends the task, and nothing else. */
  readonly #failed = (error: unknown) => {
    if (this.#ended) return;
    this.#process?.signal("SIGKILL");
    this.#finish(TaskState.TASK_FAILED, error instanceof Error ? error.message : String(error));
  };

  constructor(info: TaskInfo, host: TaskHost) {
    this.id = info.taskId?.value ?? "";
    this.info = info;
    this.#host = host;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get ended(): boolean {
    return this.#ended;
  }

  start(): void {
    this.#run().catch(this.#failed);
  }

  async #run(): Promise<void> {
    try {
      this.#process = await this.#spawn();
    } catch (error) {
      this.#tell(TaskState.TASK_STARTING);
      this.#finish(TaskState.TASK_FAILED, error instanceof Error ? error.message : String(error));
      return;
    }
    if (this.#ended) return this.#process.signal("SIGKILL");
    // Told only now, so that the update holds the process id as well.
    this.#tell(TaskState.TASK_STARTING);
    this.#tell(TaskState.TASK_RUNNING);
    // A kill or shutdown that came while the process was being started.
    if (this.#killed !== "no") return this.#terminate(0);
    this.#watch();
    const limit = this.info.maxCompletionTime?.nanoseconds;
    if (limit === undefined) return;
    this.#cancelDeadline = this.#host.clock.setTimeout(() => this.#end("too late", 0), Number(limit) / 1e6);
  }

  /** SIGTERM, and SIGKILL after the grace period of the call, of the task, or 3 s. */
  kill(policy: KillPolicy | undefined): void {
    this.shutDown(this.#graceMs(policy));
  }

  shutDown(graceMs: number): void {
    if (!this.#ended) this.#end("asked", graceMs);
  }

  /** Ends the task silently. */
  abandon(): void {
    if (this.#ended) return;
    this.#stop();
    this.#process?.signal("SIGKILL");
  }

  #spawn(): Promise<ProcessGroup> {
    const { command, resources } = this.info;
    if (!command) return Promise.reject(new Error("The task has no command"));
    const { sandbox, env } = this.#host;
    const output = { stdout: join(sandbox, "stdout"), stderr: join(sandbox, "stderr") };
    const role = resources[0]?.allocationInfo?.role ?? "*";
    const all = { ...env, ...commandEnvironment(command), MESOS_ALLOCATION_ROLE: role };
    return ProcessGroup.start({ ...commandLine(command), directory: sandbox, env: all, ...output }, (status) =>
      this.#exited(status),
    );
  }

  #watch(): void {
    const { clock, sandbox, env } = this.#host;
    const place = { sandbox, env };
    const { check, healthCheck } = this.info;
    const probe = check && probeOfCheck(check);
    if (probe) {
      const onResult = (result: CheckStatusInfo | undefined) => this.#checked(result ?? emptyStatus(check.type));
      this.#checkers.push(new Checker({ clock, place, probe, times: check, onResult, fault: this.#failed }));
    }
    const healthProbe = healthCheck && probeOfHealthCheck(healthCheck);
    if (healthProbe) {
      const health = new Health(healthCheck, clock);
      const onResult = (result: CheckStatusInfo | undefined) => this.#healthChecked(health, result);
      this.#checkers.push(
        new Checker({ clock, place, probe: healthProbe, times: healthCheck, onResult, fault: this.#failed }),
      );
    }
  }

  /** Results are told when they differ from the one before. */
  #checked(result: CheckStatusInfo): void {
    const before = this.#last?.checkStatus;
    if (before && sameStatus(before, result)) return;
    this.#tellAgain({ reason: Reason.REASON_TASK_CHECK_STATUS_UPDATED, checkStatus: result });
  }

  #healthChecked(health: Health, result: CheckStatusInfo | undefined): void {
    const change = health.take(result);
    if (!change) return;
    this.#tellAgain({ reason: Reason.REASON_TASK_HEALTH_CHECK_STATUS_UPDATED, healthy: change.healthy });
    if (change.kill) this.#end("unhealthy", this.#graceMs());
  }

  #graceMs(policy?: KillPolicy): number {
    const grace = (policy?.gracePeriod ?? this.info.killPolicy?.gracePeriod)?.nanoseconds;
    return grace === undefined ? DEFAULT_KILL_GRACE_MS : Number(grace) / 1e6;
  }

  #end(why: "asked" | "unhealthy" | "too late", graceMs: number): void {
    this.#cancelDeadline();
    if (this.#killed === "no") {
      this.#killed = why;
      this.#stopChecks();
      if (why !== "too late" && this.#host.tellsKilling) this.#tell(TaskState.TASK_KILLING);
    }
    this.#terminate(graceMs);
  }

  /** A later call can only make the time shorter. */
  #terminate(graceMs: number): void {
    const { clock } = this.#host;
    if (!this.#process || this.#ended) return;
    const killAtMs = clock.now() + graceMs;
    if (killAtMs >= this.#killAtMs) return;
    if (this.#killAtMs === Number.POSITIVE_INFINITY) this.#process.signal("SIGTERM");
    this.#killAtMs = killAtMs;
    this.#cancelKill();
    this.#cancelKill = clock.setTimeout(() => this.#process?.signal("SIGKILL"), graceMs);
  }

  #exited(status: WaitStatus): void {
    if (this.#ended) return;
    // What it left behind in its group goes with it.
    this.#process?.signal("SIGKILL");
    const text = waitStatusText(status);
    if (this.#killed === "too late") {
      this.#finish(TaskState.TASK_FAILED, text, { reason: Reason.REASON_MAX_COMPLETION_TIME_REACHED });
    } else if (this.#killed === "unhealthy") this.#finish(TaskState.TASK_KILLED, text, { healthy: false });
    else if (this.#killed === "asked") this.#finish(TaskState.TASK_KILLED, text);
    else this.#finish(status === 0 ? TaskState.TASK_FINISHED : TaskState.TASK_FAILED, text);
  }

  #finish(state: TaskState, message: string, more: Partial<TaskStatus> = {}): void {
    this.#stop();
    this.#tell(state, { message, ...more });
    this.#host.onEnd(this, state);
  }

  #stop(): void {
    this.#ended = true;
    this.#cancelKill();
    this.#cancelDeadline();
    this.#stopChecks();
  }

  #stopChecks(): void {
    for (const checker of this.#checkers.splice(0)) checker.stop();
  }

  /** A status from scratch. */
  #tell(state: TaskState, more: Partial<TaskStatus> = {}): void {
    const { check } = this.info;
    const fields = { taskId: this.id, state, uuid: uuidBytes() };
    const status = makeStatus(Source.SOURCE_EXECUTOR, this.#host.clock.now(), fields);
    this.#send({ ...status, ...(check && { checkStatus: emptyStatus(check.type) }), ...more });
  }

  /** The last status with something new in it. */
  #tellAgain(news: Partial<TaskStatus>): void {
    if (!this.#last) return;
    this.#send({ ...this.#last, timestamp: this.#host.clock.now() / 1000, uuid: uuidBytes(), ...news });
  }

  #send(status: TaskStatus): void {
    this.#last = status;
    this.#host.update(status);
  }
}

function sameStatus(a: CheckStatusInfo, b: CheckStatusInfo): boolean {
  const bytes = (status: CheckStatusInfo) => Buffer.from(CheckStatusInfo.encode(status).finish());
  return bytes(a).equals(bytes(b));
}
