import { afterAll, beforeAll, expect, test } from "vitest";
import { DiscoveryInfo_Visibility, HealthCheck_Type, type Offer, TaskState } from "../../gen/mesos/v1/mesos.js";
import { Cleanup } from "../support/cleanup.js";
import { describeEachMesos } from "../support/cluster.js";
import { ExecutorHost, MesosExecutor } from "../support/executor.js";
import { getJson, send } from "../support/http.js";
import { frameworkInfo, launch, task } from "../support/messages.js";
import { MesosScheduler, uuid } from "../support/scheduler.js";

interface Model extends Record<string, unknown> {
  readonly frameworks: readonly Model[];
  readonly executors: readonly Model[];
  readonly tasks: readonly Model[];
  readonly queued_tasks: readonly Model[];
  readonly slaves: readonly (Model & { readonly pid: string })[];
  readonly statuses: readonly Model[];
}

const { TASK_RUNNING } = TaskState;
const described = {
  labels: { labels: [{ key: "l", value: "v" }] },
  discovery: { visibility: DiscoveryInfo_Visibility.CLUSTER, name: "d", ports: { ports: [{ number: 5 }] } },
};
const discovery = { visibility: "CLUSTER", name: "d", ports: { ports: [{ number: 5 }] } };

/** A framework with one executor that the test speaks for, and what is told of it and its tasks. */
describeEachMesos("shown", { flags: { allocation_interval: "100ms" } }, (mesos) => {
  const cleanup = new Cleanup();
  let scheduler: MesosScheduler;
  let host: ExecutorHost;
  let offer: Offer;
  beforeAll(async () => {
    host = cleanup.use(await ExecutorHost.start());
    scheduler = cleanup.use(new MesosScheduler(mesos()));
    cleanup.defer(() => scheduler.call("TEARDOWN"));
    await scheduler.subscribe(frameworkInfo({ principal: "somebody", roles: ["shown"] }));
    offer = await scheduler.offer();
  });
  afterAll(() => cleanup.run());

  async function agent(): Promise<{ own: string; process: string; id: unknown }> {
    const { slaves } = (await getJson(`${mesos().master}/slaves`)) as Model;
    const [name, address] = slaves[0]?.pid.split("@") ?? [];
    return { own: `http://${address}/${name}`, process: `http://${address}`, id: slaves[0]?.id };
  }
  const mine = ({ frameworks }: Model) => frameworks.find(({ id }) => id === scheduler.frameworkId);
  const atMaster = async () => mine((await getJson(`${mesos().master}/frameworks`)) as Model);
  const atAgent = async () => mine((await getJson(`${(await agent()).own}/state`)) as Model);

  test("what tasks are described with, at the master and at the agent", async () => {
    const executor = host.info("shown", { labels: { labels: [{ key: "e" }] } });
    const command = { ...executor.command, user: "root", uris: [{ value: "/etc/hostname", extract: false }] };
    const tasks = ["a", "b"].map((id) =>
      task(offer.agentId, { taskId: { value: id }, executor: { ...executor, command }, ...described }),
    );
    await scheduler.accept([offer], [launch(...tasks)], 0);
    const speaker = await host.process("shown");
    expect((await atAgent())?.executors[0]?.queued_tasks).toMatchObject([
      { id: "a", role: "shown", discovery },
      { id: "b", role: "shown", discovery },
    ]);
    const executing = cleanup.use(MesosExecutor.of(speaker));
    await executing.subscribe();
    await executing.stream.next("launch");
    await executing.stream.next("launch");
    await executing.update({ value: "a" }, TASK_RUNNING);
    await scheduler.update("a");
    for (const framework of [await atMaster(), (await atAgent())?.executors[0]]) {
      expect(framework?.tasks.find(({ id }) => id === "a")).toMatchObject({ user: "root", discovery });
    }
    expect((await atMaster())?.executors).toMatchObject([
      {
        command: { uris: [{ value: "/etc/hostname", executable: false }] },
        labels: [{ key: "e" }],
      },
    ]);
    expect(await atAgent()).toMatchObject({ principal: "somebody" });

    // An update for another agent is not the executor's to send, and of one state there is one status.
    const status = { taskId: { value: "a" }, state: TASK_RUNNING, source: 2, uuid: uuid(), message: "elsewhere" };
    const other = { update: { status: { ...status, agentId: { value: "other" } } } };
    expect((await executing.call("UPDATE", other)).status).toBe(202);
    await executing.update({ value: "a" }, TASK_RUNNING, { message: "again" });
    expect(await scheduler.update("a")).toMatchObject({ message: "again" });
    const [shown] = (await atAgent())?.executors[0]?.tasks.filter(({ id }) => id === "a") ?? [];
    expect(shown?.statuses).toHaveLength(1);

    // Its events come after SUBSCRIBED, receipts too.
    const late = { status: { ...status, uuid: uuid(), taskId: { value: "b" } } };
    const stream = await executing.open({ unacknowledgedUpdates: [late], unacknowledgedTasks: tasks.slice(1) });
    expect((await stream.nextAny()).event.subscribed).toBeDefined();
    expect((await stream.nextAny()).event.acknowledged).toMatchObject({ taskId: { value: "b" } });
  });

  test("a command task's container and health check", async () => {
    const rest = await scheduler.offer();
    const launched = task(rest.agentId, {
      taskId: { value: "checked" },
      command: { value: "exec sleep 1000" },
      container: { type: 2 },
      healthCheck: { type: HealthCheck_Type.TCP, tcp: { port: 1 }, gracePeriodSeconds: 1000 },
    });
    await scheduler.accept([rest], [launch(launched)], 0);
    while ((await scheduler.update("checked")).state !== TASK_RUNNING);
    const shown = (await atMaster())?.tasks.find(({ id }) => id === "checked");
    expect(shown).toMatchObject({
      container: { type: "MESOS" },
      health_check: { type: "TCP", tcp: { protocol: "IPv4", port: 1 }, interval_seconds: 10 },
    });
    expect(shown).not.toHaveProperty("user");
  });

  test("offers in the master's own form, whatever the framework reads", async () => {
    // Before there is another one that it could go to.
    const left = await scheduler.offer();
    const plain = cleanup.use(new MesosScheduler(mesos()));
    cleanup.defer(() => plain.call("TEARDOWN"));
    await plain.subscribe({ user: "root", name: "plain" });
    await scheduler.send("SUPPRESS");
    await scheduler.decline([left], 3600);
    const seen = await plain.offer({ timeoutMs: 20_000 });
    expect(seen.allocationInfo).toBeUndefined();
    const headers = { "Content-Type": "application/json" };
    const { text } = await send(`${mesos().master}/api/v1`, { headers, body: '{"type":"GET_FRAMEWORKS"}' });
    const { frameworks } = JSON.parse(text).get_frameworks as {
      frameworks: { offers?: Model[]; framework_info: Model }[];
    };
    const [held] = frameworks.find(({ framework_info }) => framework_info.name === "plain")?.offers ?? [];
    expect(held?.allocation_info).toEqual({ role: "*" });
    for (const resource of (held?.resources ?? []) as Model[]) {
      expect(resource).toMatchObject({ allocation_info: { role: "*" } });
      expect(resource).not.toHaveProperty("role");
    }
  });

  test("resources in the order of the agent's flag, offers in their own", async () => {
    const { own } = await agent();
    const names = (all: unknown) => (all as Model[]).map(({ name }) => name);
    const state = (await getJson(`${own}/state`)) as Model;
    expect(names(state.unreserved_resources_full)).toEqual(["cpus", "mem", "disk", "ports"]);
    expect(offer.resources.map(({ name }) => name)).toEqual(["ports", "cpus", "mem", "disk"]);
    expect(state).toMatchObject({ master_hostname: "localhost" });
  });

  test("metrics of an agent and of its machine", async () => {
    const { process } = await agent();
    expect(await getJson(`${process}/metrics/snapshot`)).toMatchObject({
      "slave/registered": 1,
      "slave/frameworks_active": 1,
      "slave/executors_running": 2,
      "slave/tasks_running": 3,
      "slave/cpus_total": 8,
      "slave/mem_total": 8192,
      "slave/cpus_revocable_total": 0,
      "system/cpus_total": expect.any(Number),
    });
    const metrics = (await getJson(`${mesos().master}/metrics/snapshot`)) as Record<string, number>;
    expect(metrics).toMatchObject({ "master/mem_revocable_used": 0, "system/mem_total_bytes": expect.any(Number) });
    expect(metrics).not.toHaveProperty("master/tasks_unknown");
  });

  test("a time that is too long is told as C++ prints it", async () => {
    const long = cleanup.use(new MesosScheduler(mesos()));
    const stream = await long.open(frameworkInfo({ failoverTimeout: 9.3e9 }));
    const message = "The framework failover_timeout (9.3e+09) is invalid";
    expect((await stream.nextAny()).event.error).toEqual({ message });
  });
});
