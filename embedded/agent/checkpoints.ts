import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  DrainConfig,
  ExecutorInfo,
  FrameworkInfo,
  Operation,
  Resource,
  Task,
  TaskInfo,
  TaskStatus,
} from "../../gen/mesos/v1/mesos.js";
import { type Bytes, bytes, JsonFolder, message } from "../jsonFolder.js";
import type { AgentFramework, Executor, LaunchedTask } from "./executor.js";
import type { SavedStream } from "./statusUpdates.js";

interface SavedAgent {
  readonly id: string | undefined;
  readonly port: number;
  readonly total: readonly Bytes[];
  readonly operations: ReadonlyArray<readonly [string, Bytes]>;
  readonly drainConfig?: Bytes | undefined;
}

interface SavedExecutor {
  readonly framework: Bytes;
  readonly info: Bytes;
  readonly containerId: string;
  readonly sandbox: string;
  readonly isCommand: boolean;
  readonly everReported: boolean;
  readonly process: { readonly pid: number; readonly start: string } | undefined;
  readonly launched: ReadonlyArray<readonly [Bytes, Bytes]>;
  readonly ended: ReadonlyArray<readonly [Bytes, Bytes]>;
  readonly streams: ReadonlyArray<Omit<SavedStream, "pending"> & { readonly pending: readonly Bytes[] }>;
}

export interface AgentMemory {
  readonly id: string | undefined;
  readonly port: number;
  readonly total: Resource[];
  readonly operations: ReadonlyArray<readonly [string, Operation]>;
  readonly drainConfig: DrainConfig | undefined;
}

export interface ExecutorMemory {
  readonly framework: FrameworkInfo;
  readonly info: ExecutorInfo;
  readonly containerId: string;
  readonly sandbox: string;
  readonly isCommand: boolean;
  readonly everReported: boolean;
  readonly process: { readonly pid: number; readonly start: string } | undefined;
  readonly launched: readonly LaunchedTask[];
  readonly ended: readonly LaunchedTask[];
  readonly streams: readonly SavedStream[];
}

/** What an agent stores in its work directory, so that its next run continues where this one was killed. */
export class Checkpoints {
  readonly #agent: JsonFolder;
  readonly #executors: JsonFolder;

  constructor(workDir: string) {
    this.#agent = new JsonFolder(join(workDir, "meta"));
    this.#executors = new JsonFolder(join(workDir, "meta", "executors"));
  }

  saveAgent({ id, port, total, operations, drainConfig }: AgentMemory): void {
    const saved: SavedAgent = {
      id,
      port,
      total: total.map((each) => bytes(Resource, each)),
      operations: operations.map(([uuid, operation]) => [uuid, bytes(Operation, operation)]),
      drainConfig: drainConfig && bytes(DrainConfig, drainConfig),
    };
    this.#agent.write("agent", saved);
  }

  agent(): AgentMemory | undefined {
    const saved = this.#agent.read("agent") as SavedAgent | undefined;
    if (!saved) return undefined;
    return {
      ...saved,
      total: saved.total.map((each) => message(Resource, each)),
      operations: saved.operations.map(([uuid, operation]) => [uuid, message(Operation, operation)]),
      drainConfig: saved.drainConfig === undefined ? undefined : message(DrainConfig, saved.drainConfig),
    };
  }

  saveExecutor(framework: AgentFramework, executor: Executor, streams: readonly SavedStream[]): void {
    const queued = executor.queue.flatMap(({ tasks }) => tasks);
    const staging = queued.map((info) => ({ info, record: Task.create({ taskId: info.taskId }) }));
    const tasks = (all: Iterable<LaunchedTask>) =>
      [...all].map(({ info, record }) => [bytes(TaskInfo, info), bytes(Task, record)] as const);
    const saved: SavedExecutor = {
      framework: bytes(FrameworkInfo, framework.info),
      info: bytes(ExecutorInfo, executor.info),
      containerId: executor.containerId,
      sandbox: executor.sandbox,
      isCommand: executor.isCommand,
      everReported: executor.everReported,
      process: executor.process,
      launched: [...tasks(executor.launched.values()), ...tasks(staging)],
      ended: tasks(executor.ended.values()),
      streams: streams.map((stream) => ({
        ...stream,
        pending: stream.pending.map((status) => bytes(TaskStatus, status)),
      })),
    };
    this.#executors.write(fileOf(framework.id, executor.id), saved);
  }

  removeExecutor(frameworkId: string, executorId: string): void {
    this.#executors.remove(fileOf(frameworkId, executorId));
  }

  executors(): ExecutorMemory[] {
    return this.#executors.names().flatMap((name) => this.#executor(name) ?? []);
  }

  /** The executors of a work directory that is about to go: those that can be read. */
  static readable(workDir: string): ExecutorMemory[] {
    if (!existsSync(join(workDir, "meta", "executors"))) return [];
    const checkpoints = new Checkpoints(workDir);
    return checkpoints.#executors.names().flatMap((name) => {
      try {
        return checkpoints.#executor(name) ?? [];
      } catch {
        return [];
      }
    });
  }

  #executor(name: string): ExecutorMemory | undefined {
    const saved = this.#executors.read(name) as SavedExecutor | undefined;
    if (!saved) return undefined;
    const tasks = (all: SavedExecutor["launched"]) =>
      all.map(([info, record]) => ({ info: message(TaskInfo, info), record: message(Task, record) }));
    return {
      ...saved,
      framework: message(FrameworkInfo, saved.framework),
      info: message(ExecutorInfo, saved.info),
      launched: tasks(saved.launched),
      ended: tasks(saved.ended),
      streams: saved.streams.map((stream) => ({
        ...stream,
        pending: stream.pending.map((status) => message(TaskStatus, status)),
      })),
    };
  }
}

/** Ids may hold what file names can't. */
function fileOf(frameworkId: string, executorId: string): string {
  return createHash("sha256").update(`${frameworkId}\n${executorId}`).digest("hex");
}
