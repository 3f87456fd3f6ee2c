import { rollOut } from "../library/rollout.js";
import type { App } from "./app.js";

/** A task, as its id and its updates tell. Its id is `app.hash.index.attempt`. */
export interface Task {
  id: string;
  app: string;
  hash: string;
  index: number;
  /** When it was launched, in ms since 1970: so no id comes twice, and a supervisor that knows nothing makes new ones. */
  attempt: number;
  agentId: string;
  state: "staged" | "running" | "killing";
  /** What its health check says; undefined before it said anything, or when there is none. */
  healthy: boolean | undefined;
}

/** An instance to launch. */
export type Wanted = { app: App; index: number };

/** What is fetched for so long will not start any more. */
const STAGED_MS = 300_000;

/** The task of a launch now. */
export function newTask({ name, hash }: App, index: number, agentId: string, nowMs: number): Task {
  const id = `${name}.${hash}.${index}.${nowMs}`;
  return { id, app: name, hash, index, attempt: nowMs, agentId, state: "staged", healthy: undefined };
}

export function parseTaskId(id: string): Pick<Task, "app" | "hash" | "index" | "attempt"> | undefined {
  const [, app = "", hash = "", index, attempt] = /^(.+)\.([0-9a-f]{8})\.(\d{1,6})\.(\d{1,15})$/.exec(id) ?? [];
  return app === "" ? undefined : { app, hash, index: Number(index), attempt: Number(attempt) };
}

/**
 * What has to be killed and what may be launched, so that in the end each app has its instances, of its newest version.
 * While it is not known which tasks there are: nothing.
 */
export function plan(
  apps: readonly App[],
  tasks: readonly Task[] | undefined,
  isWaiting: (app: App) => boolean,
  nowMs: number,
): { kills: Task[]; wanted: Wanted[] } {
  if (tasks === undefined) return { kills: [], wanted: [] };
  const ofApp = new Map<string, Task[]>(apps.map(({ name }) => [name, []]));
  const kills = tasks.filter((task) => ofApp.get(task.app)?.push(task) === undefined && task.state !== "killing");
  const wanted: Wanted[] = [];
  for (const app of apps) {
    const own = planApp(app, ofApp.get(app.name) ?? [], nowMs);
    for (const task of own.kills) kills.push(task);
    if (!isWaiting(app)) for (const index of own.indexes) wanted.push({ app, index });
  }
  return { kills, wanted };
}

function planApp(app: App, tasks: readonly Task[], nowMs: number): { kills: Task[]; indexes: number[] } {
  const mine = tasks.filter(({ hash, state }) => hash === app.hash && state !== "killing");
  mine.sort((a, b) => Number(passes(app, b)) - Number(passes(app, a)) || b.attempt - a.attempt);
  const kept = new Map<number, Task>();
  const kills = mine.filter((task) => {
    const stuck = task.state === "staged" && nowMs - task.attempt > STAGED_MS;
    if (stuck || task.index >= app.instances || kept.has(task.index)) return true;
    kept.set(task.index, task);
    return false;
  });
  const missing = Array.from({ length: app.instances }, (_, index) => index).filter((index) => !kept.has(index));
  const others = tasks.filter(({ hash }) => hash !== app.hash);
  if (others.length === 0) return { kills, indexes: missing };

  const isReady = (task: Task) => task.state === "running" && task.healthy !== false;
  const old = others.filter(({ state }) => state !== "killing").sort((a, b) => b.index - a.index);
  const ready = [...kept.values()].filter((task) => passes(app, task)).length;
  const { ends, limit } = rollOut(app.upgradeStrategy, app.instances, old, isReady, ready);
  for (const task of ends) kills.push(task);
  return { kills, indexes: missing.slice(0, Math.max(0, limit - tasks.length)) };
}

/** Whether the task of the app's newest version does what it should. */
export function passes(app: App, { state, healthy }: Task): boolean {
  return state === "running" && (app.healthChecks.length === 0 ? healthy !== false : healthy === true);
}
