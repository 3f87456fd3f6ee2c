import { TaskState, type TaskStatus } from "../../gen/mesos/v1/mesos.js";
import type { Clock } from "../clock.js";
import { isTerminal } from "../taskStates.js";

interface Stream {
  readonly frameworkId: string;
  readonly taskId: string;
  readonly executorId: string | undefined;
  /** Not acknowledged; the first one is under way. */
  readonly pending: TaskStatus[];
  /** Every update that ever came, to tell repeated ones. */
  readonly seen: Set<string>;
  ended: boolean;
  cancelRetry: () => void;
}

/** A stream as it is kept over a restart. */
export interface SavedStream {
  readonly taskId: string;
  readonly pending: readonly TaskStatus[];
  readonly seen: readonly string[];
  readonly ended: boolean;
}

export interface StatusUpdatesOptions {
  readonly clock: Clock;
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  forward(frameworkId: string, executorId: string | undefined, status: TaskStatus): void;
}

/**
 * One stream of updates per task: one update is under way at a time, sent again with doubling delays until the
 * scheduler acknowledges it; then comes the next.
 */
export class StatusUpdates {
  readonly #options: StatusUpdatesOptions;
  readonly #streams = new Map<string, Stream>();
  #paused = true;

  constructor(options: StatusUpdatesOptions) {
    this.#options = options;
  }

  /** @returns false for a repetition, which is dropped. */
  add(frameworkId: string, executorId: string | undefined, status: TaskStatus): boolean {
    const stream = this.#stream(frameworkId, executorId, status.taskId?.value ?? "");
    const uuid = hex(status.uuid);
    if (stream.seen.has(uuid) || stream.ended) return false;
    stream.seen.add(uuid);
    stream.pending.push(status);
    if (isTerminal(status.state)) stream.ended = true;
    if (stream.pending.length === 1) this.#send(stream, this.#options.retryMinMs);
    return true;
  }

  /**
   * An acknowledgement from the scheduler; any but that of the update under way is ignored.
   * @returns the state that it was for, and whether the task is done with.
   */
  acknowledge(frameworkId: string, taskId: string, uuid: Buffer): { state: TaskState; done: boolean } | undefined {
    const key = `${frameworkId}\n${taskId}`;
    const stream = this.#streams.get(key);
    const current = stream?.pending[0];
    if (!stream || !current?.uuid?.equals(uuid)) return undefined;
    stream.cancelRetry();
    stream.pending.shift();
    const done = stream.ended && stream.pending.length === 0;
    if (done) this.#streams.delete(key);
    else if (stream.pending.length > 0) this.#send(stream, this.#options.retryMinMs);
    return { state: current.state ?? TaskState.TASK_UNKNOWN, done };
  }

  /** The update under way of a task, if there is one. */
  current(frameworkId: string, taskId: string): TaskStatus | undefined {
    return this.#streams.get(`${frameworkId}\n${taskId}`)?.pending[0];
  }

  /** There is a master: what waits is sent at once. */
  resume(): void {
    this.#paused = false;
    for (const stream of this.#streams.values())
      if (stream.pending.length > 0) this.#send(stream, this.#options.retryMinMs);
  }

  /** There is no master: updates are kept. */
  pause(): void {
    this.#paused = true;
    for (const stream of this.#streams.values()) stream.cancelRetry();
  }

  /** The streams of an executor's tasks, to be kept. */
  saved(frameworkId: string, executorId: string): SavedStream[] {
    return [...this.#streams.values()]
      .filter((stream) => stream.frameworkId === frameworkId && stream.executorId === executorId)
      .map(({ taskId, pending, seen, ended }) => ({ taskId, pending: [...pending], seen: [...seen], ended }));
  }

  /** Takes up streams of an earlier run; what waits in them is sent when there is a master. */
  restore(frameworkId: string, executorId: string, streams: readonly SavedStream[]): void {
    for (const { taskId, pending, seen, ended } of streams) {
      const stream = this.#stream(frameworkId, executorId, taskId);
      for (const update of pending) stream.pending.push(update);
      for (const uuid of seen) stream.seen.add(uuid);
      stream.ended = ended;
    }
  }

  removeFramework(frameworkId: string): void {
    for (const [key, stream] of this.#streams) {
      if (stream.frameworkId !== frameworkId) continue;
      stream.cancelRetry();
      this.#streams.delete(key);
    }
  }

  #stream(frameworkId: string, executorId: string | undefined, taskId: string): Stream {
    const key = `${frameworkId}\n${taskId}`;
    const known = this.#streams.get(key);
    if (known) return known;
    const created: Stream = {
      frameworkId,
      taskId,
      executorId,
      pending: [],
      seen: new Set(),
      ended: false,
      cancelRetry: () => {},
    };
    this.#streams.set(key, created);
    return created;
  }

  #send(stream: Stream, delayMs: number): void {
    stream.cancelRetry();
    const status = stream.pending[0];
    if (!status || this.#paused) return;
    this.#options.forward(stream.frameworkId, stream.executorId, status);
    const nextDelayMs = Math.min(delayMs * 2, this.#options.retryMaxMs);
    stream.cancelRetry = this.#options.clock.setTimeout(() => this.#send(stream, nextDelayMs), delayMs);
  }
}

export function hex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString("hex");
}
