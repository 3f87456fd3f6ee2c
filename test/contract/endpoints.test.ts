import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TaskState } from "../../gen/mesos/v1/mesos.js";
import { Cleanup } from "../support/cleanup.js";
import { describeEachMesos } from "../support/cluster.js";
import { ExecutorHost, MesosExecutor } from "../support/executor.js";
import { getJson, send } from "../support/http.js";
import { frameworkInfo, launch, task } from "../support/messages.js";
import { MesosScheduler } from "../support/scheduler.js";

/** Whatever is looked at, of all things. */
interface Model {
  readonly id?: string;
  readonly name?: string;
  readonly slaves?: Model[];
  readonly frameworks?: Model[];
  readonly roles?: Model[];
  readonly tasks?: Model[];
  readonly completed_tasks?: Model[];
  readonly statuses?: Model[];
  readonly container_status?: object;
  readonly executors?: unknown;
  readonly offer_constraints?: unknown;
  readonly scalar?: { readonly value: number };
  readonly reserved_resources_full?: object;
  readonly unreserved_resources_full?: Model[];
  readonly used_resources_full?: Model[];
  readonly offered_resources_full?: Model[];
}

const { TASK_RUNNING, TASK_FINISHED } = TaskState;

/** One cluster, one framework: a task that ended, one that runs, and one on an executor of its own. */
describeEachMesos("what a cluster shows", { flags: { allocation_interval: "100ms" } }, (mesos) => {
  const cleanup = new Cleanup();
  let scheduler: MesosScheduler;
  let agentId: string;
  beforeAll(async () => {
    scheduler = cleanup.use(new MesosScheduler(mesos()));
    cleanup.defer(() => scheduler.call("TEARDOWN"));
    const name = { selector: { $case: "attributeName" as const, value: "rack" } };
    const absent = { predicate: { $case: "notExists" as const, value: {} } };
    const groups = [{ attributeConstraints: [{ selector: name, predicate: absent }] }];
    await scheduler.subscribe(frameworkInfo({ name: "shown" }), {
      suppressedRoles: [],
      offerConstraints: { roleConstraints: { "*": { groups } } },
    });
    const host = cleanup.use(await ExecutorHost.start());
    const offer = await scheduler.offer();
    agentId = offer.agentId?.value ?? "";
    const of = (id: string, more: object) => task(offer.agentId, { name: id, taskId: { value: id }, ...more });
    await scheduler.accept(
      [offer],
      [
        launch(
          of("ended", { command: { value: "echo some output" } }),
          of("live", { command: { value: "exec sleep 1000" } }),
          of("own", { executor: host.info("executor", { name: "my executor", source: "source" }) }),
        ),
      ],
      0,
    );
    const until = async (id: string, state: TaskState) => {
      while ((await scheduler.update(id)).state !== state);
    };
    await until("ended", TASK_FINISHED);
    await until("live", TASK_RUNNING);
    const executor = cleanup.use(MesosExecutor.of(await host.process("executor")));
    await executor.subscribe();
    await executor.stream.next("launch");
    await executor.update({ value: "own" }, TASK_RUNNING);
    await until("own", TASK_RUNNING);
    await scheduler.offer();
  }, 60_000);
  afterAll(() => cleanup.run());

  const get = async (path: string) => (await getJson(mesos().master + path)) as Model;
  const mine = ({ frameworks }: Model) => frameworks?.find(({ id }) => id === scheduler.frameworkId);

  describe("at the master", () => {
    test.each(["/master/state", "/frameworks"])("%s has its frameworks", async (path) => {
      const framework = mine(await get(path));
      expect(framework).not.toHaveProperty("suppressed_roles");
      const absent = { selector: { attribute_name: "rack" }, predicate: { not_exists: {} } };
      expect(framework?.offer_constraints).toEqual({
        role_constraints: { "*": { groups: [{ attribute_constraints: [absent] }] } },
      });
      expect(framework?.executors).toMatchObject([{ executor_id: "executor", type: "CUSTOM", slave_id: agentId }]);
      const statuses = [framework?.tasks, framework?.completed_tasks].flatMap((tasks) =>
        (tasks ?? []).flatMap((each) => each.statuses ?? []),
      );
      expect(statuses).toHaveLength(6);
      for (const { container_status } of statuses) {
        expect(Object.keys(container_status ?? {}).sort()).toEqual(["container_id", "network_infos"]);
      }
    });

    test("/slaves has resources as they are", async () => {
      const { slaves } = await get("/slaves");
      const amounts = (resources: Model[] | undefined) =>
        Object.fromEntries((resources ?? []).map(({ name, scalar }) => [name, scalar?.value]));
      const [slave] = slaves ?? [];
      expect(slave?.reserved_resources_full).toEqual({});
      expect(amounts(slave?.unreserved_resources_full)).toEqual({
        cpus: 8,
        mem: 8192,
        disk: 10240,
        ports: undefined,
      });
      expect(amounts(slave?.used_resources_full)).toEqual({ cpus: 0.3, mem: 96 });
      expect(amounts(slave?.offered_resources_full)).toEqual({ cpus: 7.7, mem: 8096, disk: 10240, ports: undefined });
      const [used] = slave?.used_resources_full ?? [];
      expect(used).toMatchObject({ role: "*", allocation_info: { role: "*" } });
    });

    test("a query names one of them", async () => {
      const { frameworkId = "" } = scheduler;
      expect((await get(`/slaves?slave_id=${agentId}`)).slaves).toHaveLength(1);
      expect((await get("/slaves?slave_id=nope")).slaves).toEqual([]);
      expect((await get(`/frameworks?framework_id=${frameworkId}`)).frameworks).toHaveLength(1);
      expect((await get("/frameworks?framework_id=nope")).frameworks).toEqual([]);
      const tasks = async (query: string) => (await get(`/tasks?framework_id=${frameworkId}${query}`)).tasks;
      const ids = async (query: string) => (await tasks(query))?.map(({ id }) => id);
      expect(await ids("&order=asc")).toEqual([...((await ids("")) ?? [])].reverse());
      expect(await ids("&task_id=live")).toEqual(["live"]);
      expect(await ids("&order=asc&limit=1&offset=2")).toEqual([(await ids(""))?.[0]]);
      expect(await ids("&limit=2")).toHaveLength(2);
    });

    test("/state-summary counts tasks", async () => {
      const summary = await get("/master/state-summary");
      const counted = { TASK_RUNNING: 2, TASK_FINISHED: 1, TASK_FAILED: 0, TASK_UNREACHABLE: 0 };
      expect(mine(summary)).toMatchObject({ name: "shown", ...counted, slave_ids: [agentId], active: true });
      expect(mine(summary)).not.toHaveProperty("tasks");
      expect(summary.slaves).toMatchObject([{ id: agentId, ...counted, framework_ids: [scheduler.frameworkId] }]);
    });

    test("/roles tells what is allocated", async () => {
      const { roles } = await get("/roles");
      expect(roles?.find(({ name }) => name === "*")).toEqual({
        name: "*",
        weight: 1,
        quota: { role: "*", guarantee: {}, limit: {}, consumed: { cpus: 0.3, mem: 96 } },
        resources: { cpus: 8, disk: 10240, mem: 8192, ports: 1001 },
        allocated: { cpus: 0.3, mem: 96 },
        offered: { cpus: 7.7, disk: 10240, mem: 8096, ports: 1001 },
        reserved: {},
        frameworks: [scheduler.frameworkId],
      });
    });

    test("metrics are the process's, and tell of resources and queues", async () => {
      expect(await send(`${mesos().master}/master/metrics/snapshot`, { method: "GET" })).toMatchObject({ status: 404 });
      const metrics = (await getJson(`${mesos().master}/metrics/snapshot`)) as Record<string, number>;
      expect(metrics).toMatchObject({
        "master/cpus_total": 8,
        "master/cpus_used": 0.3,
        "master/mem_percent": 96 / 8192,
      });
      const queues = ["dispatches", "http_requests", "messages"].map((name) => metrics[`master/event_queue_${name}`]);
      for (const length of queues) expect(length).toBeGreaterThanOrEqual(0);
    });

    test("there are no weights, and logging is at its level", async () => {
      expect(await get("/weights")).toEqual([]);
      expect(await send(`${mesos().master}/logging/toggle`, { method: "GET" })).toMatchObject({
        status: 200,
        text: "0\n",
      });
    });
  });
});
