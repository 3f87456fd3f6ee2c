import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  FrameworkInfo_Capability_Type,
  type Offer,
  Offer_Operation_Type,
  Resource_ReservationInfo_Type,
  TaskState,
  TaskStatus_Reason,
  TaskStatus_Source,
} from "../../gen/mesos/v1/mesos.js";
import { startProcess } from "../support/childProcess.js";
import { Cleanup } from "../support/cleanup.js";
import { DrainingOperator } from "../support/draining.js";
import { eventually } from "../support/eventually.js";
import { ExecutorHost, MesosExecutor } from "../support/executor.js";
import { getJson, send } from "../support/http.js";
import { frameworkInfo, launch, type PartialTask, resources, task, unique } from "../support/messages.js";
import { operate } from "../support/operator.js";
import { at } from "../support/paths.js";
import { realMesosMissing, startRealMesos } from "../support/realMesos.js";
import { MesosScheduler } from "../support/scheduler.js";

/** A cluster in processes of its own, which a test can kill. */
interface KilledCluster {
  readonly master: string;
  crash(): Promise<unknown>;
  recover(): Promise<unknown>;
  stop(): Promise<unknown>;
}

const flags = { allocation_interval: "100ms", executor_reregistration_timeout: "4secs" };
const only = process.env.MESOS;

async function startEmbedded(): Promise<KilledCluster> {
  const workDir = await mkdtemp(join(tmpdir(), "kept-mesos-"));
  const run = async (port: string) => {
    const flagArgs = Object.entries(flags).flatMap(([name, value]) => ["--flag", `${name}=${value}`]);
    const args = ["local", "--keep", "--agents", "2", "--port", port, "--work-dir", workDir, ...flagArgs];
    return startProcess({
      command: process.execPath,
      args: [at("dist/server/main.js"), ...args],
      ready: /^ready (http:\/\/\S+)$/m,
    });
  };
  let running = await run("0");
  const master = running.ready[1] ?? "";
  return {
    master,
    crash: () => running.kill(),
    async recover() {
      running = await run(new URL(master).port);
    },
    async stop() {
      await running.stop();
      await rm(workDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

const kinds = [
  {
    kind: "real",
    start: (): Promise<KilledCluster> => startRealMesos({ agents: 2, flags }),
    missing: realMesosMissing(),
  },
  { kind: "embedded", start: startEmbedded, missing: undefined },
].filter(({ kind }) => only === undefined || only === kind);

const { TASK_STARTING, TASK_RUNNING, TASK_FINISHED, TASK_KILLED, TASK_FAILED, TASK_GONE } = TaskState;

/** SIGKILL of master and agents, and another run with the same work directory. Both kinds at the same time. */
describe.each(kinds)("a killed cluster that keeps its work directory, $kind Mesos", { concurrent: true }, (each) => {
  describe.sequential("cases", () => testCluster(each));
});

function testCluster({ start, missing }: (typeof kinds)[number]): void {
  let cluster: KilledCluster;
  let host: ExecutorHost;
  const all = new Cleanup();
  beforeAll(async () => {
    if (missing !== undefined) throw new Error(missing);
    cluster = all.use(await start());
    host = all.use(await ExecutorHost.start());
  }, 60_000);
  afterAll(() => all.run());
  const schedulers: MesosScheduler[] = [];
  afterEach(async () => {
    for (const scheduler of schedulers.splice(0)) {
      await scheduler.call("TEARDOWN").catch(() => {});
      scheduler.stop();
    }
  });

  async function subscribe(more: object = {}, earlier?: MesosScheduler): Promise<MesosScheduler> {
    const scheduler = new MesosScheduler(cluster);
    if (earlier) scheduler.follows(earlier);
    schedulers.push(scheduler);
    await scheduler.subscribe(frameworkInfo({ checkpoint: true, failoverTimeout: 600, ...more }));
    return scheduler;
  }

  const again = (scheduler: MesosScheduler, more: object = {}) =>
    subscribe({ id: { value: scheduler.frameworkId ?? "" }, ...more }, scheduler);

  async function run(
    scheduler: MesosScheduler,
    value: string,
    more: PartialTask = {},
  ): Promise<PartialTask & { offer: Offer }> {
    const offer = await scheduler.offer();
    const launched = task(offer.agentId, { command: { value }, ...more });
    await scheduler.accept([offer], [launch(launched)], 0);
    expect((await scheduler.update(launched.taskId?.value)).state).toBe(TASK_STARTING);
    expect((await scheduler.update(launched.taskId?.value)).state).toBe(TASK_RUNNING);
    return { ...launched, offer };
  }

  async function agentIds(): Promise<string[]> {
    const { slaves } = (await getJson(`${cluster.master}/slaves`)) as { slaves: { id: string }[] };
    return slaves.map(({ id }) => id).sort();
  }

  test("agents have their ids, and a command task goes on and is killed", { timeout: 90_000 }, async () => {
    const before = await subscribe();
    const ids = await agentIds();
    const { taskId } = await run(before, "exec sleep 1000");
    await cluster.crash();
    await cluster.recover();
    expect(await eventually(async () => ((await agentIds()).length === 2 ? agentIds() : undefined))).toEqual(ids);
    const after = await again(before);
    await after.send("RECONCILE", { reconcile: { tasks: [{ taskId: { value: taskId?.value ?? "" } }] } });
    expect(await after.update(taskId?.value)).toMatchObject({
      state: TASK_RUNNING,
      reason: TaskStatus_Reason.REASON_RECONCILIATION,
    });
    await after.send("KILL", { kill: { taskId } });
    expect(await after.update(taskId?.value)).toMatchObject({
      state: TASK_KILLED,
      source: TaskStatus_Source.SOURCE_EXECUTOR,
    });
  });

  test("an agent that drains goes on with it", { timeout: 90_000 }, async () => {
    const operator = new DrainingOperator(cluster);
    const before = await subscribe();
    const offer = await before.offer();
    const agentId = offer.agentId?.value ?? "";
    const executorInfo = host.info(unique("executor"));
    const launched = task(offer.agentId, { executor: executorInfo });
    await before.accept([offer], [launch(launched)], 0);
    const executor = all.use(MesosExecutor.of(await host.process(executorInfo.executorId?.value ?? "")));
    await executor.subscribe();
    await executor.stream.next("launch");
    const taskId = { value: launched.taskId?.value ?? "" };
    await executor.update(taskId, TASK_RUNNING);
    await before.update(taskId.value);
    expect(await operator.drain(agentId, { max_grace_period: { seconds: 5 } })).toMatchObject({ status: 200 });
    await executor.stream.next("kill");
    await cluster.crash();
    const recovered = cluster.recover();
    await eventually(() => executor.subscribe(), { timeoutMs: 20_000 });
    await recovered;
    // From the agent's own memory, and from the master's.
    for (const _ of ["agent", "master"]) {
      expect((await executor.stream.next("kill")).killPolicy?.gracePeriod?.nanoseconds).toBe(5_000_000_000n);
    }
    const after = await again(before);
    await executor.update(taskId, TASK_KILLED);
    expect(await after.update(taskId.value)).toMatchObject({
      state: TASK_KILLED,
      reason: TaskStatus_Reason.REASON_AGENT_DRAINING,
    });
    await operator.inState(agentId, "DRAINED");
    executor.stop();
    await after.send("TEARDOWN");
    await operator.reset();
  });

  test("a command task that ends while nobody looks tells how", { timeout: 90_000 }, async () => {
    const directory = await all.tempDir();
    const [go, done] = [join(directory, "go"), join(directory, "done")];
    const before = await subscribe();
    const { taskId } = await run(before, `while [ ! -e ${go} ]; do sleep 0.05; done; touch ${done}; exit 5`);
    await cluster.crash();
    await writeFile(go, "");
    await eventually(() => readFile(done).then(() => true));
    await cluster.recover();
    const after = await again(before);
    expect(await after.update(taskId?.value, { timeoutMs: 20_000 })).toMatchObject({
      state: TASK_FAILED,
      message: "Command exited with status 5",
      source: TaskStatus_Source.SOURCE_EXECUTOR,
    });
  });

  test("updates that were not acknowledged come, and once acknowledged no more", { timeout: 90_000 }, async () => {
    const before = await subscribe();
    const offer = await before.offer();
    const launched = task(offer.agentId, { command: { value: "exit 0" } });
    const taskId = launched.taskId?.value;
    await before.accept([offer], [launch(launched)], 0);
    const first = await before.update(taskId);
    const second = await before.update(taskId, { acknowledge: false });
    expect([first.state, second.state]).toEqual([TASK_STARTING, TASK_RUNNING]);
    await cluster.crash();
    await cluster.recover();
    const after = await again(before);
    expect(await after.update(taskId, { timeoutMs: 20_000 })).toMatchObject({ state: TASK_RUNNING, uuid: second.uuid });
    expect((await after.update(taskId)).state).toBe(TASK_FINISHED);
    await after.send("RECONCILE", {
      reconcile: { tasks: [{ taskId: { value: taskId ?? "" }, agentId: offer.agentId }] },
    });
    expect((await after.update(taskId)).state).toBe(TASK_GONE);
  });

  test("an executor of the framework's own subscribes again, and what it had told is told", {
    timeout: 90_000,
  }, async () => {
    const before = await subscribe();
    const offer = await before.offer();
    const executorId = unique("executor");
    const launched = task(offer.agentId, { executor: host.info(executorId) });
    await before.accept([offer], [launch(launched)], 0);
    const process = await host.process(executorId);
    const executor = all.use(MesosExecutor.of(process));
    await executor.subscribe();
    await executor.stream.next("launch");
    const stored = await executor.update(taskIdOf(launched), TASK_RUNNING);
    await executor.stream.next("acknowledged");
    await cluster.crash();
    // Not stored by anybody: it goes with the subscription.
    const finished = executor.status(taskIdOf(launched), TASK_FINISHED);
    const recovering = cluster.recover();
    const back = all.use(MesosExecutor.of(process));
    await eventually(() => back.subscribe({ unacknowledgedTasks: [], unacknowledgedUpdates: [{ status: finished }] }), {
      timeoutMs: 60_000,
    });
    await back.stream.next("acknowledged");
    await recovering;
    const after = await again(before);
    expect(await after.update(launched.taskId?.value, { timeoutMs: 20_000 })).toMatchObject({ uuid: stored.uuid });
    expect(await after.update(launched.taskId?.value)).toMatchObject({ state: TASK_FINISHED, uuid: finished.uuid });
    process.exit(0);
    await process.gone;
  });

  test("an executor that does not come back is ended, and its task with it", { timeout: 90_000 }, async () => {
    const before = await subscribe();
    const offer = await before.offer();
    const executorId = unique("executor");
    const launched = task(offer.agentId, { executor: host.info(executorId) });
    await before.accept([offer], [launch(launched)], 0);
    const process = await host.process(executorId);
    const executor = all.use(MesosExecutor.of(process));
    await executor.subscribe();
    await executor.stream.next("launch");
    await executor.update(taskIdOf(launched), TASK_RUNNING);
    expect((await before.update(launched.taskId?.value)).state).toBe(TASK_RUNNING);
    await cluster.crash();
    await cluster.recover();
    const after = await again(before);
    const lost = await after.update(launched.taskId?.value, { timeoutMs: 30_000 });
    expect(lost).toMatchObject({
      state: TASK_GONE,
      reason: TaskStatus_Reason.REASON_EXECUTOR_REREGISTRATION_TIMEOUT,
      message: "Executor did not reregister within 4secs",
      source: TaskStatus_Source.SOURCE_AGENT,
    });
    await process.gone;
  });

  test("an executor that ends while nobody looks has failed its task", { timeout: 90_000 }, async () => {
    const before = await subscribe();
    const offer = await before.offer();
    const executorId = unique("executor");
    const launched = task(offer.agentId, { executor: host.info(executorId) });
    await before.accept([offer], [launch(launched)], 0);
    const process = await host.process(executorId);
    const executor = all.use(MesosExecutor.of(process));
    await executor.subscribe();
    await executor.stream.next("launch");
    await executor.update(taskIdOf(launched), TASK_RUNNING);
    expect((await before.update(launched.taskId?.value)).state).toBe(TASK_RUNNING);
    await cluster.crash();
    process.exit(0);
    await process.gone;
    await cluster.recover();
    const after = await again(before);
    expect(await after.update(launched.taskId?.value, { timeoutMs: 30_000 })).toMatchObject({
      state: TASK_FAILED,
      reason: TaskStatus_Reason.REASON_EXECUTOR_TERMINATED,
      message: "Executor terminated",
      source: TaskStatus_Source.SOURCE_AGENT,
      executorId: { value: executorId },
    });
    expect(after.stream.has(({ failure }) => failure !== undefined)).toBe(false);
  });

  test("reservations, volumes and planned maintenance are kept", { timeout: 90_000 }, async () => {
    const role = "kept";
    const capabilities = [
      FrameworkInfo_Capability_Type.MULTI_ROLE,
      FrameworkInfo_Capability_Type.RESERVATION_REFINEMENT,
    ].map((type) => ({ type }));
    const before = await subscribe({ roles: [role], capabilities });
    const offer = await before.offer();
    const reservation = { type: Resource_ReservationInfo_Type.DYNAMIC, role };
    const [disk] = resources("disk:16", { reservations: [reservation] });
    const volume = {
      ...disk,
      disk: { persistence: { id: unique("volume") }, volume: { containerPath: "data", mode: 1 } },
    };
    await before.accept(
      [offer],
      [
        { type: Offer_Operation_Type.RESERVE, reserve: { resources: disk ? [disk] : [] } },
        { type: Offer_Operation_Type.CREATE, create: { volumes: [volume] } },
      ],
      0,
    );
    const id = volume.disk.persistence.id;
    const hasVolume = (each: Offer) => each.resources.some(({ disk: own }) => own?.persistence?.id === id);
    await before.stream.nextWhere("offers", ({ offers }) => offers.some(hasVolume));
    const windows = [{ machine_ids: [{ hostname: "elsewhere" }], unavailability: { start: { nanoseconds: 7 } } }];
    const schedule = `${cluster.master}/maintenance/schedule`;
    expect(await send(schedule, { body: JSON.stringify({ windows }) })).toMatchObject({ status: 200 });
    const operations = async (): Promise<object[]> => {
      const { text } = await operate(cluster.master, { type: "GET_OPERATIONS" });
      const { get_operations: all = {} } = JSON.parse(text) as { get_operations?: { operations?: object[] } };
      return all.operations ?? [];
    };
    const form = (list: object[]) =>
      `slaveId=${offer.agentId?.value}&resources=${encodeURIComponent(JSON.stringify(list))}`;
    const reservations = [{ type: "DYNAMIC", role: "operator" }];
    const byOperator = form([{ name: "cpus", type: "SCALAR", scalar: { value: 0.5 }, reservations }]);
    expect(await send(`${cluster.master}/reserve`, { body: byOperator })).toMatchObject({ status: 202 });
    // The master's answer says nothing of the agent, which does not start again if it is killed while it writes that down.
    await eventually(async () => (await operations()).length === 0, { what: "the end of the operation at the agent" });
    await cluster.crash();
    await cluster.recover();
    expect(await send(`${cluster.master}/unreserve`, { body: byOperator })).toMatchObject({ status: 202 });
    const after = await again(before, { roles: [role], capabilities });
    const { offers } = await after.stream.nextWhere("offers", (event) => event.offers.some(hasVolume), {
      timeoutMs: 30_000,
    });
    expect(offers.find(hasVolume)?.agentId).toEqual(offer.agentId);
    expect(await getJson(schedule)).toEqual({ windows });
    expect(await send(schedule, { body: "{}" })).toMatchObject({ status: 200 });
  });

  test("tasks of a framework without checkpoints are gone", { timeout: 90_000 }, async () => {
    const before = await subscribe({ checkpoint: false });
    const file = join(await all.tempDir(), "pid");
    const { taskId, offer } = await run(before, `echo $$ > ${file}; exec sleep 1000`);
    const pid = Number(await eventually(async () => (await readFile(file, "utf8")).trim()));
    await cluster.crash();
    await cluster.recover();
    const after = await again(before, { checkpoint: false });
    await eventually(async () => {
      await after.send("RECONCILE", {
        reconcile: { tasks: [{ taskId: { value: taskId?.value ?? "" }, agentId: offer.agentId }] },
      });
      return (await after.update(taskId?.value)).state === TASK_GONE;
    });
    await eventually(() => !isAlive(pid), { what: "the end of the task's process" });
  });
}

const taskIdOf = ({ taskId }: PartialTask) => ({ value: taskId?.value ?? "" });

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
