import { rm, symlink, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Offer, TaskState } from "../../gen/mesos/v1/mesos.js";
import { Cleanup } from "../support/cleanup.js";
import { describeEachMesos } from "../support/cluster.js";
import { eventually } from "../support/eventually.js";
import { ExecutorHost, MesosExecutor } from "../support/executor.js";
import { getJson, send } from "../support/http.js";
import { frameworkInfo, launch, task } from "../support/messages.js";
import { MesosScheduler } from "../support/scheduler.js";

/** Whatever is looked at, of all things. */
interface Model {
  readonly id?: string;
  readonly pid?: string;
  readonly directory?: string;
  readonly completed_executors?: Model[];
  readonly completed_frameworks?: Model[];
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
  /** What was left to offer. */
  let rest: Offer;
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
    rest = await scheduler.offer();
    await eventually(async () => {
      const [slave] = (await get("/slaves")).slaves ?? [];
      const offered = slave?.offered_resources_full?.find(({ name }) => name === "cpus");
      const { completed_executors } = mine((await getJson(`${(await agent()).own}/state`)) as Model) ?? {};
      return offered?.scalar?.value === 7.7 && completed_executors?.length === 1;
    });
  }, 60_000);
  afterAll(() => cleanup.run());

  const get = async (path: string) => (await getJson(mesos().master + path)) as Model;
  /** Where an agent's own endpoints are, and where those of its process. */
  async function agent(): Promise<{ own: string; process: string }> {
    const [slave] = (await get("/slaves")).slaves ?? [];
    const [id, address] = slave?.pid?.split("@") ?? [];
    return { own: `http://${address}/${id}`, process: `http://${address}` };
  }

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

  describe("at the agent", () => {
    const look = async (url: string) => {
      const { status, text } = await send(url, { method: "GET" });
      return { status, text };
    };

    async function sandbox(executorId: string): Promise<string> {
      const framework = mine((await getJson(`${(await agent()).own}/state`)) as Model);
      const all = [...((framework?.executors ?? []) as Model[]), ...(framework?.completed_executors ?? [])];
      return all.find(({ id }) => id === executorId)?.directory ?? "";
    }

    test("/state has its executors, also those that ended", async () => {
      const framework = mine((await getJson(`${(await agent()).own}/state`)) as Model);
      const executors = (framework?.executors ?? []) as Model[];
      expect(executors.find(({ id }) => id === "executor")).toMatchObject({ type: "CUSTOM", name: "my executor" });
      expect(executors.map(({ id }) => id).sort()).toEqual(["executor", "live"]);
      expect(framework?.completed_executors).toMatchObject([
        {
          id: "ended",
          source: "ended",
          tasks: [],
          queued_tasks: [],
          completed_tasks: [{ id: "ended", state: "TASK_FINISHED" }],
        },
      ]);
      const [live] = executors.find(({ id }) => id === "live")?.tasks ?? [];
      for (const { container_status } of live?.statuses ?? [])
        expect(container_status).not.toHaveProperty("executor_pid");
    });

    test("/state remembers a framework that is gone", async () => {
      const gone = cleanup.use(new MesosScheduler(mesos()));
      const { frameworkId } = await gone.subscribe(frameworkInfo());
      await scheduler.decline([rest], 3600);
      const offer = await gone.offer({ timeoutMs: 20_000 });
      const launched = task(offer.agentId, { taskId: { value: "last" }, command: { value: "true" } });
      await gone.accept([offer], [launch(launched)], 0);
      while ((await gone.update("last")).state !== TASK_FINISHED);
      await gone.send("TEARDOWN");
      const { own } = await agent();
      const completed = await eventually(async () => {
        const { completed_frameworks } = (await getJson(`${own}/state`)) as Model;
        return completed_frameworks?.find(({ id }) => id === frameworkId?.value);
      });
      expect(completed).toMatchObject({ executors: [], completed_executors: [{ id: "last" }] });
    });

    test("what executors use", async () => {
      const { own } = await agent();
      const statistics = (await getJson(`${own}/monitor/statistics`)) as (Model & { executor_id: string })[];
      expect(statistics.map(({ executor_id }) => executor_id).sort()).toEqual(["executor", "live"]);
      expect(statistics.find(({ executor_id }) => executor_id === "executor")).toEqual({
        executor_id: "executor",
        executor_name: "my executor",
        framework_id: scheduler.frameworkId,
        source: "source",
        statistics: {
          cpus_soft_limit: 0.2,
          cpus_system_time_secs: expect.any(Number),
          cpus_user_time_secs: expect.any(Number),
          mem_limit_bytes: 64 * 1024 * 1024,
          mem_rss_bytes: expect.any(Number),
          mem_soft_limit_bytes: 64 * 1024 * 1024,
          timestamp: expect.any(Number),
        },
      });
      const containers = (await getJson(`${own}/containers`)) as { executor_id: string; status: object }[];
      expect(containers.find(({ executor_id }) => executor_id === "executor")?.status).toMatchObject({
        container_id: { value: expect.any(String) },
        executor_pid: expect.any(Number),
      });
    });

    test("files of an executor that has ended", async () => {
      const { process } = await agent();
      const directory = await sandbox("ended");
      await writeFile(join(directory, "data"), Buffer.from([0x61, 0x22, 0xc3, 0xa4, 0x0a]));
      const listed = (await getJson(`${process}/files/browse?path=${directory}`)) as { path: string }[];
      expect(listed.map(({ path }) => path)).toEqual(["data", "stderr", "stdout"].map((name) => join(directory, name)));
      const { uid } = userInfo();
      expect(listed[0]).toMatchObject({
        nlink: 1,
        size: 5,
        mode: "-rw-r--r--",
        uid: uid === 0 ? "root" : expect.any(String),
      });
      const virtual = `/frameworks/${scheduler.frameworkId}/executors/ended/runs/latest`;
      for (const path of [directory, virtual]) {
        const read = (query: string) => getJson(`${process}/files/read?path=${path}/data${query}`);
        expect(await read("")).toEqual({ data: "", offset: 5 });
        expect(await read("&offset=0")).toEqual({ data: 'a"ä\n', offset: 0 });
        expect(await read("&offset=1&length=1")).toEqual({ data: '"', offset: 1 });
        expect(await read("&offset=9")).toEqual({ data: "", offset: 9 });
      }
      expect(await look(`${process}/files/download?path=${directory}/data`)).toEqual({ status: 200, text: 'a"ä\n' });
      expect(Object.entries((await getJson(`${process}/files/debug`)) as object)).toContainEqual([virtual, directory]);
    });

    test.each([
      ["browse", "", 400, "Expecting 'path=value' in query.\n"],
      ["read", "?path=nope", 404, ""],
      ["browse", "?path=/etc", 404, ""],
      ["browse", "?path=DIR/nope", 404, ""],
      ["browse", "?path=DIR/stdout", 200, "[]"],
      ["read", "?path=DIR&offset=0", 400, "Cannot read a directory.\n"],
      ["download", "?path=DIR", 400, "Cannot download a directory.\n"],
      ["read", "?path=DIR/../..", 400, "'DIR/../..' is inaccessible.\n"],
      ["read", "?path=DIR/stdout&offset=x", 400, "Failed to parse offset: Failed to convert 'x' to number.\n"],
      ["read", "?path=DIR/stdout&offset=0&length=x", 400, "Failed to parse length: Failed to convert 'x' to number.\n"],
      ["read", "?path=DIR/stdout&offset=-2", 400, "Negative offset provided: -2.\n"],
    ])("/files/%s%s is answered %d", async (name, query, status, text) => {
      const directory = await sandbox("ended");
      const { process } = await agent();
      const answer = await look(`${process}/files/${name}${query.replace("DIR", directory)}`);
      expect(answer).toEqual({ status, text: text.replace("DIR", directory) });
    });

    test("a link out of a sandbox leads nowhere", async () => {
      const directory = await sandbox("ended");
      const { process } = await agent();
      await symlink("/etc/hostname", join(directory, "out"));
      const answer = await look(`${process}/files/read?path=${directory}/out&offset=0`);
      await rm(join(directory, "out"));
      expect(answer).toEqual({ status: 400, text: `'${directory}/out' is inaccessible.\n` });
    });

    test("flags", async () => {
      expect(await getJson(`${(await agent()).own}/flags`)).toMatchObject({
        flags: { work_dir: expect.any(String), executor_registration_timeout: "1mins" },
      });
    });
  });
});
