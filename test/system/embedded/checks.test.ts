import { rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Health } from "../../../embedded/agent/health.js";
import { CheckInfo_Type, type CheckStatusInfo, HealthCheck } from "../../../gen/mesos/v1/mesos.js";
import { atEnd, cluster, temporaryDirectory } from "../../unit/embedded/support/cluster.js";
import { ManualClock } from "../../unit/embedded/support/manualClock.js";
import { commandTask, Scheduler, type Status } from "../../unit/embedded/support/peer.js";

const TERMINAL = /FINISHED|FAILED|KILLED/;
/** Looks at once, and ten times a second. */
const QUICK = { delay_seconds: 0, interval_seconds: 0.1, grace_period_seconds: 0 };
const HEALTH = "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED";
const CHECK = "REASON_TASK_CHECK_STATUS_UPDATED";

/** A command task with `more`, on a cluster of its own, that runs and has told so. */
async function running(command: string, more: object, framework: object = {}) {
  const { url } = await cluster({ flags: { allocation_interval: "50ms" } });
  const scheduler = await Scheduler.subscribe(url, framework);
  const offer = await scheduler.offer();
  await scheduler.launch(offer, { ...commandTask(offer, "t", command), ...more });
  expect((await scheduler.update("t")).state).toBe("TASK_STARTING");
  const first = await scheduler.update("t");
  expect(first.state).toBe("TASK_RUNNING");
  return { scheduler, first };
}

/** The updates up to the terminal one. */
async function toTheEnd(scheduler: Scheduler): Promise<Status[]> {
  const updates = [await scheduler.update("t")];
  while (!TERMINAL.test(updates.at(-1)?.state ?? "")) updates.push(await scheduler.update("t"));
  return updates;
}

async function httpServer(answer: (path: string) => { status: number; location?: string }): Promise<number> {
  const server: Server = createServer((request, response) => {
    const { status, location } = answer(request.url ?? "");
    response.writeHead(status, location === undefined ? {} : { Location: location });
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

describe("health checks", () => {
  test("by command: unhealthy after the file is gone, and killed after three failures", async () => {
    const file = join(await temporaryDirectory(), "healthy");
    const health_check = { ...QUICK, type: "COMMAND", command: { value: `test -e ${file}` } };
    const { scheduler, first } = await running(`touch ${file}; exec sleep 1000`, {
      health_check: { ...health_check, grace_period_seconds: 5 },
    });
    expect(first.healthy).toBeUndefined();
    expect(await scheduler.update("t")).toMatchObject({ state: "TASK_RUNNING", healthy: true, reason: HEALTH });
    await rm(file);
    const updates = await toTheEnd(scheduler);
    expect(updates.slice(0, 3)).toMatchObject(
      [1, 2, 3].map(() => ({ state: "TASK_RUNNING", healthy: false, reason: HEALTH })),
    );
    expect(updates.slice(3)).toMatchObject([
      { state: "TASK_KILLED", healthy: false, message: "Command terminated with signal Terminated" },
    ]);
    expect(updates[3]?.reason).toBeUndefined();
  });

  test("tell TASK_KILLING to a framework that knows it, and give the grace of the kill policy", async () => {
    // Until its shell has set the trap, the task ends when it is asked to.
    const deaf = join(await temporaryDirectory(), "deaf");
    const command = { value: `until test -e ${deaf}; do sleep 0.02; done; false` };
    const health_check = { ...QUICK, type: "COMMAND", command, consecutive_failures: 1 };
    const kill_policy = { grace_period: { nanoseconds: 200_000_000 } };
    const { scheduler } = await running(
      `trap '' TERM; touch ${deaf}; while :; do sleep 0.1; done`,
      { health_check, kill_policy },
      { capabilities: [{ type: "TASK_KILLING_STATE" }] },
    );
    const updates = await toTheEnd(scheduler);
    expect(updates).toMatchObject([
      { state: "TASK_RUNNING", healthy: false },
      { state: "TASK_KILLING" },
      { state: "TASK_KILLED", healthy: false, message: "Command terminated with signal Killed" },
    ]);
  });

  test("without a type take that of what is set; a command that takes too long has failed", async () => {
    const health_check = { ...QUICK, timeout_seconds: 0.2, command: { value: "sleep 1000" }, consecutive_failures: 1 };
    const { scheduler } = await running("exec sleep 1000", { health_check });
    expect((await toTheEnd(scheduler)).map(({ state, healthy }) => [state, healthy])).toEqual([
      ["TASK_RUNNING", false],
      ["TASK_KILLED", false],
    ]);
  });

  test("by HTTP: redirects are followed, 2xx and 3xx are good", async () => {
    let status = 200;
    const port = await httpServer((path) => (path === "/from" ? { status: 302, location: "/to" } : { status }));
    const health_check = { ...QUICK, type: "HTTP", http: { port, path: "/from" }, consecutive_failures: 1 };
    const { scheduler } = await running("exec sleep 1000", { health_check });
    expect(await scheduler.update("t")).toMatchObject({ healthy: true, reason: HEALTH });
    status = 500;
    expect((await toTheEnd(scheduler)).map(({ state, healthy }) => [state, healthy])).toEqual([
      ["TASK_RUNNING", false],
      ["TASK_KILLED", false],
    ]);
  });

  test("by TCP: a port that listens is good, and one that doesn't is not", async () => {
    const port = await httpServer(() => ({ status: 200 }));
    const good = await running("exec sleep 1000", { health_check: { ...QUICK, type: "TCP", tcp: { port } } });
    expect(await good.scheduler.update("t")).toMatchObject({ healthy: true });
    const bad = await running("exec sleep 1000", {
      health_check: { ...QUICK, type: "TCP", tcp: { port: 1 }, consecutive_failures: 1 },
    });
    expect((await toTheEnd(bad.scheduler)).map(({ healthy }) => healthy)).toEqual([false, false]);
  });

  test("end with the task", async () => {
    const { scheduler } = await running("sleep 0.5", {
      health_check: { ...QUICK, type: "COMMAND", command: { value: "true" } },
    });
    expect((await toTheEnd(scheduler)).map(({ state, healthy }) => [state, healthy])).toEqual([
      ["TASK_RUNNING", true],
      ["TASK_FINISHED", undefined],
    ]);
  });

  test("failures before the first success don't count within the grace period", async () => {
    const clock = new ManualClock();
    const health = new Health(HealthCheck.create({ gracePeriodSeconds: 10, consecutiveFailures: 2 }), clock);
    const exit = (exitCode: number): CheckStatusInfo => ({ type: CheckInfo_Type.COMMAND, command: { exitCode } });
    expect(health.take(exit(1))).toBeUndefined();
    await clock.advance(10_000);
    expect(health.take(undefined)).toBeUndefined();
    await clock.advance(1);
    expect(health.take(exit(1))).toEqual({ healthy: false, kill: false });
    expect(health.take(exit(0))).toEqual({ healthy: true, kill: false });
    expect(health.take(exit(0))).toBeUndefined();
    expect(health.take(exit(1))).toEqual({ healthy: false, kill: false });
    expect(health.take(exit(1))).toEqual({ healthy: false, kill: true });
  });

  test("a success ends the grace period", async () => {
    const health = new Health(HealthCheck.create({}), new ManualClock());
    const tcp = (succeeded: boolean): CheckStatusInfo => ({ type: CheckInfo_Type.TCP, tcp: { succeeded } });
    expect(health.take(tcp(false))).toBeUndefined();
    expect(health.take(tcp(true))).toEqual({ healthy: true, kill: false });
    expect([1, 2, 3].map(() => health.take(tcp(false))?.kill)).toEqual([false, false, true]);
  });
});

describe("checks", () => {
  test("by command: each new result is told, and the task goes on", async () => {
    const file = join(await temporaryDirectory(), "status");
    const check = { ...QUICK, type: "COMMAND", command: { command: { value: `exit $(cat ${file})` } } };
    const { scheduler, first } = await running(`echo 3 > ${file}; sleep 1; echo 4 > ${file}; sleep 0.5; exit 0`, {
      check,
    });
    expect(first.check_status).toEqual({ type: "COMMAND", command: {} });
    let seen = await scheduler.update("t");
    // The first look may have come before the file.
    if (seen.check_status?.command?.exit_code !== 3) seen = await scheduler.update("t");
    expect(seen).toMatchObject({ reason: CHECK, check_status: { type: "COMMAND", command: { exit_code: 3 } } });
    expect(await scheduler.update("t")).toMatchObject({ check_status: { command: { exit_code: 4 } } });
    expect(await scheduler.update("t")).toMatchObject({
      state: "TASK_FINISHED",
      check_status: { type: "COMMAND", command: {} },
    });
  });

  test("by HTTP and TCP, beside a health check", async () => {
    let status = 503;
    const port = await httpServer(() => ({ status }));
    const check = { ...QUICK, type: "HTTP", http: { port, path: "/" } };
    const health_check = { ...QUICK, type: "COMMAND", command: { value: "true" } };
    const { scheduler } = await running("exec sleep 1000", { check, health_check });
    const both = [await scheduler.update("t"), await scheduler.update("t")];
    // Each holds what the other has told.
    expect(both.at(-1)).toMatchObject({ healthy: true, check_status: { type: "HTTP", http: { status_code: 503 } } });
    expect(both.map(({ reason }) => reason).sort()).toEqual([CHECK, HEALTH]);
    status = 200;
    expect(await scheduler.update("t")).toMatchObject({ check_status: { http: { status_code: 200 } } });
    const tcp = await running("exec sleep 1000", { check: { ...QUICK, type: "TCP", tcp: { port: 1 } } });
    expect(tcp.first.check_status).toEqual({ type: "TCP", tcp: {} });
    expect(await tcp.scheduler.update("t")).toMatchObject({ check_status: { type: "TCP", tcp: { succeeded: false } } });
  });
});

test("a task that takes too long fails, and gets a moment to end", async () => {
  const max_completion_time = { nanoseconds: 300_000_000 };
  const { scheduler } = await running("exec sleep 1000", { max_completion_time });
  const [end] = await toTheEnd(scheduler);
  expect(end).toMatchObject({
    state: "TASK_FAILED",
    reason: "REASON_MAX_COMPLETION_TIME_REACHED",
    message: expect.stringMatching(/^Command terminated with signal (Terminated|Killed)$/),
  });
});
