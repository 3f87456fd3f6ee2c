#!/usr/bin/env node
// The conformance driver of the TypeScript client: test/conformance/README.md describes drivers.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import type { Offer, TaskInfo } from "../../../gen/mesos/v1/mesos.js";
import type { StateChange } from "../../../gen/mesosbridge/v1/scheduler.js";
import type { TlsOptions } from "../library/access.js";
import type { DeepPartial } from "../library/deepPartial.js";
import { toBridgeError } from "../library/errors.js";
import type { SchedulerEvent } from "../library/events.js";
import { OptionError } from "../library/optionError.js";
import { ResourcePool } from "../library/resources.js";
import { Scheduler } from "../library/scheduler.js";
import { printedEntry, printedError, printedEvent, printedVersion } from "./printed.js";

interface DriverInput {
  /** Comes back with the answer. */
  run: number;
  bridge: string;
  frameworkName: string;
  user: string;
  options?: {
    backoffInitialMs?: number;
    backoffMaxMs?: number;
    callTimeoutMs?: number;
    giveUpAfterMs?: number;
    leaseMs?: number;
    expiry?: "disconnect" | "teardown";
    replaceRemoved?: boolean;
    standby?: boolean;
    suppressedRoles?: string[];
    maxBuffered?: number;
    proxy?: string;
    tls?: { ca?: string; cert?: string; key?: string; serverName?: string };
    token?: string;
    tokens?: (string | null)[];
  };
  rules?: Rule[];
}

interface Rule {
  on: string;
  where?: Record<string, unknown>;
  times?: number;
  do: Action[];
}

interface Action {
  call?: string;
  tasks?: { id: string; cpus: number; mem: number; command: string; cookie?: string }[];
  taskId?: string;
  taskIds?: string[];
  key?: string;
  /** In base64. */
  value?: string;
  prefix?: string;
  ifVersion?: number;
  state?: { key: string; value?: string; ifVersion?: number; delete?: boolean }[];
  roles?: string[];
  refuseSeconds?: number;
  pauseMs?: number;
  end?: "handled" | "unhandled";
}

/** One run: what the input says, done with a scheduler of its own. */
class Run {
  readonly #rules: Rule[];
  readonly #scheduler: Scheduler;
  readonly #events: unknown[] = [];
  readonly #calls: unknown[] = [];

  constructor(input: DriverInput) {
    const options = input.options ?? {};
    this.#rules = input.rules ?? [];
    this.#scheduler = new Scheduler({
      bridge: input.bridge,
      frameworkName: input.frameworkName,
      frameworkInfo: { user: input.user },
      backoff: { initialMs: options.backoffInitialMs ?? 1, maxMs: options.backoffMaxMs ?? 50 },
      deadlineMs: options.callTimeoutMs ?? 10_000,
      ...(options.giveUpAfterMs !== undefined && { giveUpAfterMs: options.giveUpAfterMs }),
      ...(options.leaseMs !== undefined && { leaseMs: options.leaseMs }),
      ...(options.expiry !== undefined && { expiry: options.expiry }),
      ...(options.replaceRemoved !== undefined && { replaceRemoved: options.replaceRemoved }),
      ...(options.standby !== undefined && { standby: options.standby }),
      ...(options.suppressedRoles !== undefined && { suppressedRoles: options.suppressedRoles }),
      ...(options.maxBuffered !== undefined && { maxBuffered: options.maxBuffered }),
      ...(options.proxy !== undefined && { proxy: options.proxy }),
      ...(options.tls !== undefined && { tls: tlsOf(options.tls) }),
      ...(options.token !== undefined && { token: options.token }),
      ...(options.tokens !== undefined && { token: nextOf(options.tokens) }),
    });
  }

  async output(): Promise<object> {
    const error = await this.#loop().then(
      () => null,
      (cause: unknown) => printedError(toBridgeError(cause)),
    );
    await this.#scheduler.close();
    return { events: this.#events, calls: this.#calls, error };
  }

  async #loop(): Promise<void> {
    for await (const event of this.#scheduler.events()) {
      const printed = printedEvent(event);
      this.#events.push(printed);
      const end = await this.#react(event, printed);
      if (end === "handled" && "ackToken" in event && event.ackToken !== undefined) {
        await this.#scheduler.acknowledge([event.ackToken]);
      }
      if (end !== undefined) break;
    }
  }

  /** Applies the rules to an event. Returns how the loop must end, if it must. */
  async #react(event: SchedulerEvent, printed: Record<string, unknown>): Promise<Action["end"]> {
    for (const rule of this.#rules) {
      const { times = Number.POSITIVE_INFINITY, where = {} } = rule;
      const applies = rule.on === event.kind && Object.entries(where).every(([key, value]) => printed[key] === value);
      if (!applies || times <= 0) continue;
      rule.times = times - 1;
      for (const action of rule.do) {
        if (action.end !== undefined) return action.end;
        if (action.pauseMs !== undefined) await delay(action.pauseMs);
        if (action.call !== undefined) await this.#call(action, event);
      }
    }
    return undefined;
  }

  async #call(action: Action, event: SchedulerEvent): Promise<void> {
    const record = { call: action.call, error: null as unknown, result: null as unknown };
    this.#calls.push(record);
    try {
      record.result = (await send(this.#scheduler, action, event.kind === "offers" ? event.offers : [])) ?? null;
    } catch (cause) {
      record.error = printedError(toBridgeError(cause));
    }
  }
}

async function send(scheduler: Scheduler, action: Action, offers: Offer[]): Promise<unknown> {
  const offerIds = offers.map(({ id }) => id?.value ?? "");
  switch (action.call) {
    case "launchTasks": {
      const [offer] = offers;
      const tasks = offer === undefined ? [] : tasksOf(action, offer);
      const ids = offerIds.slice(0, 1).map((value) => ({ value }));
      const request = { offerIds: ids, tasks, cookies: cookiesOf(action), state: stateOf(action) };
      return printedVersion("stateVersion", (await scheduler.launchTasks(request)).stateVersion);
    }
    case "getState":
      return printedEntry(await scheduler.getState(action.key ?? ""));
    case "putState": {
      const value = Buffer.from(action.value ?? "", "base64");
      return printedVersion("version", await scheduler.putState(action.key ?? "", value, ifVersionOf(action)));
    }
    case "deleteState":
      return await scheduler.deleteState(action.key ?? "", ifVersionOf(action));
    case "listState": {
      const entries = [];
      for await (const entry of scheduler.listState(action.prefix)) entries.push(printedEntry(entry));
      return { entries };
    }
    case "declineOffers":
      return await scheduler.declineOffers(offerIds, action.refuseSeconds);
    case "reviveOffers":
      return await scheduler.reviveOffers(action.roles);
    case "suppressOffers":
      return await scheduler.suppressOffers(action.roles);
    case "killTask":
      return await scheduler.killTask({ taskId: { value: action.taskId ?? "" } });
    case "reconcileTasks":
      return await scheduler.reconcileTasks((action.taskIds ?? []).map((value) => ({ taskId: { value } })));
    case "teardown":
      return await scheduler.teardown();
    case "closeSession":
      return await scheduler.closeSession();
    case "handOver":
      return await scheduler.handOver();
    default:
      throw new Error(`this driver has no call ${action.call}`);
  }
}

function tasksOf(action: Action, offer: Offer): DeepPartial<TaskInfo>[] {
  const pool = new ResourcePool(offer.resources);
  return (action.tasks ?? []).map(({ id, cpus, mem, command }) => ({
    name: id,
    taskId: { value: id },
    agentId: offer.agentId,
    resources: pool.take({ cpus: cpus * 1000, mem: mem * 1000 }) ?? [],
    command: { shell: true, value: command },
  }));
}

function cookiesOf({ tasks = [] }: Action): Record<string, Buffer> {
  const cookies = tasks.flatMap(({ id, cookie }) =>
    cookie === undefined ? [] : [[id, Buffer.from(cookie, "base64")] as const],
  );
  return Object.fromEntries(cookies);
}

function ifVersionOf({ ifVersion }: Pick<Action, "ifVersion">): { ifVersion?: bigint } {
  return ifVersion === undefined ? {} : { ifVersion: BigInt(ifVersion) };
}

function stateOf({ state = [] }: Action): DeepPartial<StateChange>[] {
  return state.map(({ key, value, ifVersion, delete: deletes }) => ({
    key,
    ...(value !== undefined && { value: Buffer.from(value, "base64") }),
    ...ifVersionOf(ifVersion === undefined ? {} : { ifVersion }),
    ...(deletes && { delete: true }),
  }));
}

function tlsOf({ ca, cert, key, serverName }: NonNullable<NonNullable<DriverInput["options"]>["tls"]>): TlsOptions {
  return {
    ...(ca !== undefined && { ca: readFileSync(ca) }),
    ...(cert !== undefined && { cert: readFileSync(cert) }),
    ...(key !== undefined && { key: readFileSync(key) }),
    ...(serverName !== undefined && { serverName }),
  };
}

/** Gives the tokens one after the other, and the last one again and again. */
function nextOf(tokens: readonly (string | null)[]): () => Promise<string> {
  let next = 0;
  return async () => {
    const token = tokens[Math.min(next++, tokens.length - 1)];
    if (typeof token !== "string") throw new Error("the issuer is away");
    return token;
  };
}

async function runOf(input: DriverInput): Promise<object> {
  return new Run(input).output();
}

async function answer(line: string): Promise<void> {
  const input = JSON.parse(line) as DriverInput;
  const output = await runOf(input).catch((error: Error) => ({
    failure: error instanceof OptionError ? error.message : String(error.stack),
  }));
  console.log(JSON.stringify({ run: input.run, ...output }));
}

const runs: Promise<void>[] = [];
for await (const line of createInterface({ input: process.stdin })) runs.push(answer(line));
await Promise.all(runs);
