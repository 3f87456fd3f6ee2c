import { expect, test } from "vitest";
import { Event_Type } from "../../../gen/mesos/v1/executor/executor.js";
import { OperationState, TaskState } from "../../../gen/mesos/v1/mesos.js";
import { Call_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { startBridge } from "../../support/bridge.js";
import { type BridgeScheduler, ids, mesosField } from "../../support/bridgeScheduler.js";
import { describeBridge } from "../../support/describeBridge.js";
import { eventually } from "../../support/eventually.js";
import { ExecutorHost, MesosExecutor } from "../../support/executor.js";
import { getJson, send } from "../../support/http.js";
import { frameworkInfo, task, unique } from "../../support/messages.js";
import { TcpProxy } from "../../support/tcpProxy.js";

const cluster = { agents: 1, resources: "cpus:4;mem:2048;disk:1000" };
const { TASK_STARTING, TASK_RUNNING, TASK_FINISHED } = TaskState;

/** Acknowledgements, messages, the end of a framework, and all calls that have no method of their own. */
describeBridge("calls over the bridge", cluster, (suite) => {
  const command = (agentId: Parameters<typeof task>[0], value: string) => task(agentId, { command: { value } });

  async function launchOne(scheduler: BridgeScheduler, value: string): Promise<string> {
    const offer = await scheduler.offer();
    const launched = command(offer.agentId, value);
    await scheduler.launch(offer, launched);
    return launched.taskId?.value ?? "";
  }

  test("an acknowledgement may be repeated, and brings the next update", async () => {
    const scheduler = await suite().attach();
    const taskId = await launchOne(scheduler, "exit 0");
    const starting = await scheduler.owedUpdate(taskId);
    expect(starting.status.state).toBe(TASK_STARTING);
    await scheduler.ok("acknowledge", { ackTokens: [starting.ackToken] });
    await scheduler.ok("acknowledge", { ackTokens: [starting.ackToken, starting.ackToken] });
    const running = await scheduler.owedUpdate(taskId);
    expect(running.status.state).toBe(TASK_RUNNING);
    await scheduler.ok("acknowledge", { ackTokens: [starting.ackToken, running.ackToken] });
    const finished = await scheduler.owedUpdate(taskId);
    expect(finished.status.state).toBe(TASK_FINISHED);
    expect(new Set([starting.ackToken, running.ackToken, finished.ackToken]).size).toBe(3);
  });

  test("tokens that the bridge never made are refused by their place, and nothing of the call is sent", async () => {
    const scheduler = await suite().attach();
    const taskId = await launchOne(scheduler, "exit 0");
    const { ackToken } = await scheduler.owedUpdate(taskId);
    for (const bad of ["", "nonsense", "t", `${ackToken}A`.slice(0, 20), `x${ackToken}`, `${ackToken}!`]) {
      const answer = await scheduler.call("acknowledge", { ackTokens: [ackToken, bad] });
      expect(answer, bad).toMatchObject({ code: "INVALID_ARGUMENT", reason: "INVALID_FIELD" });
      expect(answer.violations[0]).toMatch(/^ack_tokens\[1\]: /);
    }
    const many = await scheduler.call("acknowledge", { ackTokens: Array(10_001).fill(ackToken) });
    expect(many).toMatchObject({ code: "INVALID_ARGUMENT", reason: "INVALID_FIELD" });
    const { response } = await suite().client.call("listFrameworks", { pageSize: 1000 });
    const mine = response?.frameworks.find(({ frameworkName }) => frameworkName === scheduler.name);
    expect(mine?.unacknowledgedUpdates).toBe(1);
    await scheduler.ok("acknowledge", { ackTokens: Array(10_000).fill(ackToken) });
    await scheduler.updateTo(taskId, TASK_FINISHED);
  });

  test("an update that Mesos repeats is not delivered twice", async () => {
    const { mesos, cleanup, attach } = suite();
    const proxy = cleanup.use(await TcpProxy.start(mesos.port));
    const bridge = cleanup.use(await startBridge({ master: `127.0.0.1:${proxy.port}` }));
    const scheduler = await attach({}, bridge);
    const seen: Buffer[] = [];
    proxy.watch((direction, bytes) => {
      if (direction === "down") seen.push(bytes);
      return "pass";
    });
    const taskId = await launchOne(scheduler, "exit 0");
    const owed = await scheduler.owedUpdate(taskId);
    const sent = owed.status.uuid ?? Buffer.alloc(0);
    const times = () => Buffer.concat(seen).toString("latin1").split(sent.toString("latin1")).length - 1;
    // Mesos's own timer: 10 s.
    await eventually(() => times() >= 2, { what: "the repetition", timeoutMs: 20_000 });
    await scheduler.ok("acknowledge", { ackTokens: [owed.ackToken] });
    await scheduler.updateTo(taskId, TASK_FINISHED);
    const updates = scheduler.stream.received.map((event) => mesosField(event, "update")?.status?.state);
    expect(updates.filter((state) => state !== undefined)).toEqual([TASK_STARTING, TASK_RUNNING, TASK_FINISHED]);
  });

  test("SendMessage reaches a custom executor, and its answer comes back", async () => {
    const { attach, cleanup } = suite();
    const host = cleanup.use(await ExecutorHost.start());
    const scheduler = await attach();
    const offer = await scheduler.offer();
    const executorId = unique("executor");
    const custom = task(offer.agentId, { executor: host.info(executorId) });
    await scheduler.launch(offer, custom);
    const executor = cleanup.use(MesosExecutor.of(await host.process(executorId)));
    await executor.subscribe();
    await executor.stream.next("launch");
    await executor.update(custom.taskId as never, TASK_RUNNING);
    await scheduler.updateTo(custom.taskId?.value ?? "", TASK_RUNNING);
    const data = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await scheduler.ok("sendMessage", { agentId: offer.agentId, executorId: { value: executorId }, data });
    expect((await executor.stream.next("message")).data).toEqual(data);
    await scheduler.ok("sendMessage", { agentId: offer.agentId, executorId: { value: executorId } });
    expect((await executor.stream.next("message")).data).toEqual(Buffer.alloc(0));
    await executor.call("MESSAGE", { message: { data } });
    const message = await scheduler.mesos("message");
    expect(message).toMatchObject({ agentId: offer.agentId, executorId: { value: executorId } });
    expect(message.data).toEqual(data);

    // SHUTDOWN has no method of its own.
    const shutdown = {
      type: Call_Type.SHUTDOWN,
      shutdown: { agentId: offer.agentId, executorId: { value: executorId } },
    };
    await scheduler.ok("call", { call: shutdown });
    await executor.stream.take(({ type }) => type === Event_Type.SHUTDOWN, { what: "SHUTDOWN" });
    const failure = await scheduler.mesos("failure", () => true, { timeoutMs: 15_000 });
    expect(failure).toMatchObject({ agentId: offer.agentId, executorId: { value: executorId } });
  });

  test("Teardown: the stream ends in order, Mesos forgets the framework, and its name is free", async () => {
    const { attach, mesos } = suite();
    const first = await attach();
    const taskId = await launchOne(first, "exec sleep 100");
    await first.updateTo(taskId, TASK_RUNNING);
    await first.ok("teardown");
    expect(await first.stream.ending()).toMatchObject({ code: "OK" });
    expect(await first.call("reviveOffers")).toMatchObject({ code: "NOT_FOUND", reason: "FRAMEWORK_NOT_FOUND" });
    const state = (await getJson(`${mesos.master}/master/state`)) as { completed_frameworks: { id: string }[] };
    expect(state.completed_frameworks.map(({ id }) => id)).toContain(first.frameworkId);
    const second = await attach({ frameworkName: first.name });
    expect(second.frameworkId).not.toBe(first.frameworkId);
    await second.offer();
  });

  test("CloseSession: the stream ends in order, the id stays, and so do the tasks", async () => {
    const { attach, client, mesos } = suite();
    const first = await attach();
    const taskId = await launchOne(first, "exec sleep 100");
    await first.updateTo(taskId, TASK_RUNNING);
    await first.ok("closeSession");
    expect(await first.stream.ending()).toMatchObject({ code: "OK" });
    expect(await first.call("reviveOffers")).toMatchObject({ code: "NOT_FOUND", reason: "FRAMEWORK_NOT_FOUND" });
    const { response } = await client.call("listFrameworks", { pageSize: 1000 });
    expect(response?.frameworks.find(({ frameworkName }) => frameworkName === first.name)).toMatchObject({
      sessionOpen: false,
      attached: false,
      frameworkId: { value: first.frameworkId },
    });
    await eventually(async () => {
      const state = (await getJson(`${mesos.master}/master/state`)) as {
        frameworks: { id: string; active: boolean }[];
      };
      return state.frameworks.find(({ id }) => id === first.frameworkId)?.active === false;
    });
    const second = await attach({ frameworkName: first.name, frameworkInfo: undefined });
    expect(second.frameworkId).toBe(first.frameworkId);
    await second.linked();
    await second.ok("reconcileTasks");
    expect((await second.owedUpdate(taskId)).status.state).toBe(TASK_RUNNING);
  });

  test("Call: SUBSCRIBE and calls without a type are refused", async () => {
    const scheduler = await (await suite().attach()).linked();
    const wrong = { code: "INVALID_ARGUMENT", reason: "INVALID_FIELD" };
    const subscribe = await scheduler.call("call", {
      call: { type: Call_Type.SUBSCRIBE, subscribe: { frameworkInfo: frameworkInfo() } },
    });
    expect(subscribe).toMatchObject(wrong);
    expect(subscribe.violations[0]).toMatch(/^call\.type: .*Subscribe/);
    expect(await scheduler.call("call", { call: {} })).toMatchObject(wrong);
    expect(await scheduler.call("call", { call: { type: Call_Type.UNKNOWN } })).toMatchObject(wrong);
  });

  test("Call: what the typed methods do, and an offer is used up by it as well", async () => {
    const scheduler = await suite().attach();
    const offer = await scheduler.offer();
    const launched = command(offer.agentId, "exit 0");
    const accept = {
      offerIds: ids([offer]),
      operations: [{ type: 1, launch: { taskInfos: [launched] } }],
      filters: { refuseSeconds: 0 },
    };
    await scheduler.ok("call", { call: { type: Call_Type.ACCEPT, accept } });
    expect(await scheduler.call("call", { call: { type: Call_Type.ACCEPT, accept } })).toMatchObject({
      reason: "OFFER_GONE",
    });
    const starting = await scheduler.owedUpdate(launched.taskId?.value);
    const { agentId, taskId, uuid } = starting.status;
    await scheduler.ok("call", { call: { type: Call_Type.ACKNOWLEDGE, acknowledge: { agentId, taskId, uuid } } });
    // The same update by its token: it is acknowledged already.
    await scheduler.ok("acknowledge", { ackTokens: [starting.ackToken] });
    await scheduler.updateTo(launched.taskId?.value ?? "", TASK_FINISHED);
    await scheduler.ok("call", { call: { type: Call_Type.REVIVE } });
    await scheduler.ok("call", { call: { type: Call_Type.REQUEST, request: { requests: [] } } });
  });

  test("Call: RECONCILE_OPERATIONS is answered by an event", async () => {
    const scheduler = await (await suite().attach()).linked();
    const operations = [{ operationId: { value: "never-made" } }];
    await scheduler.ok("call", { call: { type: Call_Type.RECONCILE_OPERATIONS, reconcileOperations: { operations } } });
    const { status } = await scheduler.mesos("updateOperationStatus");
    expect(status).toMatchObject({
      operationId: { value: "never-made" },
      state: OperationState.OPERATION_UNKNOWN,
    });
  });

  test("Call: UPDATE_FRAMEWORK changes the framework, and the change outlives the bridge", async () => {
    const { ownBridge, attach, mesos } = suite();
    const bridge = await ownBridge();
    const roles = [unique("first"), unique("second")];
    const info = frameworkInfo({ roles });
    const scheduler = await attach({ frameworkInfo: info }, bridge);
    await scheduler.linked();
    const id = { value: scheduler.frameworkId };
    const update = (more: object) => {
      const changed = { ...scheduler.opened.frameworkInfo, id, ...more };
      return { call: { type: Call_Type.UPDATE_FRAMEWORK, updateFramework: { frameworkInfo: changed } } };
    };
    await scheduler.ok("call", update({ name: "renamed", roles: roles.slice(1) }));
    const seen = async () => {
      const state = (await getJson(`${mesos.master}/master/state`)) as {
        frameworks: { id: string; name: string; roles: string[] }[];
      };
      return state.frameworks.find((framework) => framework.id === scheduler.frameworkId);
    };
    expect(await seen()).toMatchObject({ name: "renamed", roles: roles.slice(1) });
    const refused = await scheduler.call("call", update({ user: "somebody-else" }));
    expect(refused).toMatchObject({
      code: "INVALID_ARGUMENT",
      reason: "CALL_REFUSED",
      metadata: { http_status: "400" },
    });
    expect(refused.message).toMatch(/Updating 'FrameworkInfo.user' is unsupported/);

    await bridge.kill();
    await bridge.restart();
    const later = await attach({ frameworkName: scheduler.name, frameworkInfo: undefined }, bridge);
    expect(later.opened.frameworkInfo).toMatchObject({ name: "renamed", roles: roles.slice(1) });
    await later.linked();
    expect(await seen()).toMatchObject({ name: "renamed", roles: roles.slice(1) });
  });

  test("Call: a wrong uuid is told by Mesos", async () => {
    const scheduler = await (await suite().attach()).linked();
    const acknowledge = { agentId: { value: "a" }, taskId: { value: "t" }, uuid: Buffer.alloc(16) };
    const answer = await scheduler.call("call", { call: { type: Call_Type.ACKNOWLEDGE, acknowledge } });
    expect(answer.code).toBe("INVALID_ARGUMENT");
  });

  test("inverse offers come and are answered", async () => {
    const { attach, mesos, cleanup } = suite();
    const scheduler = await attach();
    const taskId = await launchOne(scheduler, "exec sleep 100");
    await scheduler.updateTo(taskId, TASK_RUNNING);
    const { hostname, ip } = await machine(mesos.master);
    const schedule = (windows: object[]) =>
      send(`${mesos.master}/maintenance/schedule`, { body: JSON.stringify({ windows }) });
    cleanup.defer(() => schedule([]));
    const start = { nanoseconds: (Date.now() + 3_600_000) * 1_000_000 };
    const answer = await schedule([
      { machine_ids: [{ hostname, ip }], unavailability: { start, duration: { nanoseconds: 3_600_000_000_000 } } },
    ]);
    expect(answer.status, answer.text).toBe(200);
    const [inverse] = (await scheduler.mesos("inverseOffers")).inverseOffers;
    expect(inverse?.agentId?.value).toBeTruthy();
    const second = await attach({ frameworkName: scheduler.name, frameworkInfo: undefined });
    const [again] = (await second.mesos("inverseOffers")).inverseOffers;
    expect(again).toEqual(inverse);
    const acceptInverseOffers = { inverseOfferIds: inverse?.id ? [inverse.id] : [] };
    await second.ok("call", { call: { type: Call_Type.ACCEPT_INVERSE_OFFERS, acceptInverseOffers } });
    await eventually(async () => {
      const status = JSON.stringify(await getJson(`${mesos.master}/maintenance/status`));
      return status.includes('"ACCEPT"') && status.includes(scheduler.frameworkId);
    });
    await schedule([]);
  });

  test("Calls: 500 calls in flight are answered in order, with their tags, and a wrong one stops none", async () => {
    const scheduler = await (await suite().attach()).linked();
    const calls = scheduler.client.calls();
    const revive = { type: Call_Type.REVIVE };
    for (let i = 0; i < 500; i++) {
      const wrong = i === 250;
      const request = { call: wrong ? { type: Call_Type.SUBSCRIBE } : revive, tag: BigInt(i + 1) };
      calls.send(i === 0 ? { header: scheduler.header, ...request } : request);
    }
    calls.end();
    expect(await calls.results.ending()).toMatchObject({ code: "OK" });
    const { received } = calls.results;
    expect(received.map(({ tag }) => tag)).toEqual(Array.from({ length: 500 }, (_, i) => BigInt(i + 1)));
    const failed = received.filter(({ code }) => code !== 0);
    expect(failed).toMatchObject([{ tag: 251n, code: 3, reason: "INVALID_FIELD" }]);
    expect(failed[0]?.message).toMatch(/SUBSCRIBE/);
  });

  test("Calls: acknowledgements, launches and what is missing", async () => {
    const scheduler = await suite().attach();
    const offer = await scheduler.offer();
    const launched = command(offer.agentId, "exit 0");
    const calls = scheduler.client.calls();
    const next = () => calls.results.nextAny();
    calls.send({ tag: 1n });
    expect(await next()).toMatchObject({ tag: 1n, code: 3, reason: "INVALID_FIELD" });
    const accept = { offerIds: ids([offer]), operations: [{ type: 1, launch: { taskInfos: [launched] } }] };
    calls.send({ header: scheduler.header, tag: 2n, call: { type: Call_Type.ACCEPT, accept } });
    expect(await next()).toMatchObject({ tag: 2n, code: 0, message: "", reason: "" });
    calls.send({ tag: 3n, call: { type: Call_Type.ACCEPT, accept } });
    expect(await next()).toMatchObject({ tag: 3n, code: 9, reason: "OFFER_GONE" });
    calls.send({ tag: 4n, call: { type: Call_Type.REVIVE }, ackTokens: ["both"] });
    expect(await next()).toMatchObject({ tag: 4n, code: 3, reason: "INVALID_FIELD" });
    const many = Array<string>(10_001).fill("token");
    calls.send({ tag: 4n, ackTokens: many });
    expect(await next()).toMatchObject({ tag: 4n, code: 3, message: expect.stringContaining("at most 10000 tokens") });
    const long = { offerIds: [{ value: "x".repeat(100_000) }] };
    calls.send({ tag: 4n, call: { type: Call_Type.ACCEPT, accept: long } });
    expect(await next()).toMatchObject({
      tag: 4n,
      code: 9,
      message: expect.stringMatching(/^the offer is no longer open/),
    });
    calls.send({ tag: 5n });
    expect(await next()).toMatchObject({ tag: 5n, code: 3, reason: "INVALID_FIELD" });
    const states: unknown[] = [];
    while (states.at(-1) !== TASK_FINISHED) {
      const { status, ackToken } = await scheduler.owedUpdate(launched.taskId?.value);
      states.push(status.state);
      calls.send({ tag: 6n, ackTokens: [ackToken] });
      expect(await next()).toMatchObject({ tag: 6n, code: 0 });
    }
    calls.send({
      tag: 7n,
      header: { frameworkName: "no-such-framework", attachmentId: "x" },
      call: { type: Call_Type.REVIVE },
    });
    expect(await next()).toMatchObject({ tag: 7n, code: 5, reason: "FRAMEWORK_NOT_FOUND" });
    calls.end();
    expect(await calls.results.ending()).toMatchObject({ code: "OK" });
  });

  test("Calls: a newer client fences the stream of the older one", async () => {
    const { attach } = suite();
    const first = await (await attach()).linked();
    const calls = first.client.calls();
    calls.send({ header: first.header, tag: 1n, call: { type: Call_Type.REVIVE } });
    expect(await calls.results.nextAny()).toMatchObject({ code: 0 });
    await attach({ frameworkName: first.name, frameworkInfo: undefined });
    calls.send({ tag: 2n, call: { type: Call_Type.REVIVE } });
    expect(await calls.results.nextAny()).toMatchObject({ tag: 2n, code: 9, reason: "ATTACHMENT_SUPERSEDED" });
    calls.end();
  });
});

async function machine(master: string): Promise<{ hostname: string; ip: string }> {
  const { slaves } = (await getJson(`${master}/master/slaves`)) as { slaves: { hostname: string; pid: string }[] };
  const [agent] = slaves;
  return { hostname: agent?.hostname ?? "", ip: agent?.pid.replace(/^.*@|:\d+$/g, "") ?? "" };
}
