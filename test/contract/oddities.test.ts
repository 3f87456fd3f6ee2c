import { afterEach, describe, expect, test } from "vitest";
import {
  ContainerInfo_Type,
  type Offer,
  Offer_Operation_Type,
  Resource_ReservationInfo_Type,
  TaskState,
  TaskStatus_Reason,
  TaskStatus_Source,
  Value_Type,
} from "../../gen/mesos/v1/mesos.js";
import { describeEachMesos } from "../support/cluster.js";
import { getJson, send } from "../support/http.js";
import { frameworkInfo, launch, type PartialTask, resources, task } from "../support/messages.js";
import { MesosScheduler } from "../support/scheduler.js";

const asJson = { "Content-Type": "application/json" };
const { TASK_ERROR, TASK_FAILED } = TaskState;

/** What a careful client never sends, and what others do. */
describeEachMesos("odd calls", { flags: { allocation_interval: "100ms" } }, (mesos) => {
  const schedulers: MesosScheduler[] = [];
  afterEach(async () => {
    for (const scheduler of schedulers.splice(0)) {
      await scheduler.call("TEARDOWN");
      scheduler.stop();
    }
  });

  async function subscribe(): Promise<{ scheduler: MesosScheduler; offer: Offer }> {
    const scheduler = new MesosScheduler(mesos());
    schedulers.push(scheduler);
    await scheduler.subscribe(frameworkInfo());
    return { scheduler, offer: await scheduler.offer() };
  }

  const post = (body: object, path = "/api/v1/scheduler", headers: Record<string, string> = asJson) =>
    send(mesos().master + path, { headers, body: JSON.stringify(body) });

  const [cpus] = resources("cpus:1");
  const reserved = (...roles: string[]) => roles.map((role) => ({ type: Resource_ReservationInfo_Type.DYNAMIC, role }));

  test.each<[string, PartialTask, string]>([
    [
      "an amount that is none at three decimals",
      { resources: resources("cpus:0.0001") },
      "Resource 'cpus:0' is invalid: Invalid scalar resource: value <= 0",
    ],
    [
      "a negative amount",
      { resources: resources("cpus:-1") },
      "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0",
    ],
    [
      "a resource without its value",
      { resources: [{ name: "cpus", type: Value_Type.SCALAR }] },
      "Resource 'cpus:0' is invalid: Invalid scalar resource",
    ],
    [
      "a range that ends before it begins",
      { resources: resources("cpus:1;ports:[5-1]") },
      "Resource 'ports:[5-1]' is invalid: Invalid ranges resource: begin > end",
    ],
    [
      "ranges that overlap",
      { resources: resources("cpus:1;ports:[31000-31005,31003-31006]") },
      "Resource 'ports:[31000-31005, 31003-31006]' is invalid: Invalid ranges resource: overlapping ranges",
    ],
    [
      "a role beside a reservation",
      { resources: [{ ...cpus, role: "zz", reservations: reserved("zz") }] },
      "Resource 'cpus(reservations: [(DYNAMIC,zz)]):1' is invalid: Invalid resource format: 'Resource.role' and 'Resource.reservation' must either be both set or both not set if the single reservation in 'Resource.reservations' is DYNAMIC",
    ],
    [
      "a role beside two reservations",
      { resources: [{ ...cpus, role: "zz", reservations: reserved("zz", "zz/a") }] },
      "Resource 'cpus(reservations: [(DYNAMIC,zz),(DYNAMIC,zz/a)]):1' is invalid: Invalid resource format: 'Resource.role' must not be set if there is more than one reservation in 'Resource.reservations'",
    ],
    [
      "a Docker container without Docker",
      { container: { type: ContainerInfo_Type.DOCKER } },
      "Task's `ContainerInfo` is invalid: DockerInfo 'docker' is not set for DOCKER typed ContainerInfo",
    ],
    [
      "a volume of nothing",
      { container: { type: ContainerInfo_Type.MESOS, volumes: [{ mode: 1, containerPath: "x" }] } },
      "Task's `ContainerInfo` is invalid: Invalid volume: Only one of them should be set: 'host_path', 'image' and 'source'",
    ],
  ])("a task with %s is refused", async (_, more, message) => {
    const { scheduler, offer } = await subscribe();
    const launched = task(offer.agentId, { command: { value: "true" }, ...more });
    await scheduler.accept([offer], [launch(launched)], 0);
    const reason = TaskStatus_Reason.REASON_TASK_INVALID;
    expect(await scheduler.update(launched.taskId?.value)).toMatchObject({ state: TASK_ERROR, reason, message });
  });

  test.each([
    ["with no file name for its output", { value: "/etc/hostname", outputFile: "" }, "URI output file path is empty"],
    [
      "with an output outside of the sandbox",
      { value: "/etc/hostname", outputFile: "/absolute" },
      "URI output file must be within the sandbox directory",
    ],
    ["with a backslash", { value: "a\\b" }, "Illegal characters in URI"],
  ])("a URI %s is not fetched", async (_, uri, why) => {
    const { scheduler, offer } = await subscribe();
    const launched = task(offer.agentId, { command: { value: "true", uris: [uri] } });
    await scheduler.accept([offer], [launch(launched)], 0);
    expect(await scheduler.update(launched.taskId?.value)).toMatchObject({
      state: TASK_FAILED,
      reason: TaskStatus_Reason.REASON_CONTAINER_LAUNCH_FAILED,
      message: `Failed to launch container: Could not fetch: ${why}`,
      source: TaskStatus_Source.SOURCE_AGENT,
    });
  });

  test("an operation without its part does nothing", async () => {
    const { scheduler, offer } = await subscribe();
    await scheduler.accept([offer], [{ type: Offer_Operation_Type.LAUNCH }], 0);
    expect((await scheduler.offer()).agentId).toEqual(offer.agentId);
    expect(scheduler.stream.has(({ update }) => update !== undefined)).toBe(false);
  });

  test("an empty framework id in a SUBSCRIBE is none", async () => {
    const scheduler = new MesosScheduler(mesos());
    schedulers.push(scheduler);
    await scheduler.subscribe(frameworkInfo({ id: { value: "" } }));
    expect(scheduler.frameworkId).toMatch(/-\d{4}$/);
  });

  test("a uuid's variant does not matter, its version does", async () => {
    const { scheduler } = await subscribe();
    const acknowledge = (hex: string) =>
      scheduler.call("ACKNOWLEDGE", {
        acknowledge: { agentId: { value: "a" }, taskId: { value: "t" }, uuid: Buffer.from(hex, "hex") },
      });
    expect((await acknowledge("00000000000010004000000000000000")).status).toBe(202);
    expect((await acknowledge("00000000000050008000000000000000")).status).toBe(202);
    expect((await acknowledge("00000000000060008000000000000000")).status).toBe(400);
    expect((await acknowledge("000000000000e0008000000000000000")).status).toBe(400);
  });

  test("an empty Accept allows nothing", async () => {
    const body = { type: "SUBSCRIBE", subscribe: { framework_info: { user: "root", name: "n" } } };
    expect(await post(body, undefined, { ...asJson, Accept: "" })).toMatchObject({ status: 406 });
  });

  test("required fields count within a map as well", async () => {
    const group = { attribute_constraints: [{}] };
    const subscription = {
      framework_info: { user: "root", name: "n" },
      offer_constraints: { role_constraints: { "*": { groups: [group] } } },
    };
    const { status, text } = await post({ type: "SUBSCRIBE", subscribe: subscription });
    const path = "subscribe.offer_constraints.role_constraints[0].value.groups[0].attribute_constraints[0]";
    const missing = `Missing required fields: ${path}.selector, ${path}.predicate`;
    expect([status, text]).toEqual([400, `Failed to convert JSON into Call protobuf: ${missing}`]);
  });

  describe("what operators look at", () => {
    test.each([
      ["/frameworks", ["completed_frameworks", "frameworks", "unregistered_frameworks"]],
      ["/master/tasks", ["tasks"]],
      ["/slaves", ["recovered_slaves", "slaves"]],
      ["/flags", ["flags"]],
      ["/state-summary", ["frameworks", "hostname", "slaves"]],
      ["/master/roles", ["roles"]],
      ["/quota", []],
      [
        "/system/stats.json",
        ["avg_load_15min", "avg_load_1min", "avg_load_5min", "cpus_total", "mem_free_bytes", "mem_total_bytes"],
      ],
      ["/slaves?slave_id=nope", ["recovered_slaves", "slaves"]],
    ])("GET %s", async (path, keys) => {
      expect(Object.keys((await getJson(mesos().master + path)) as object).sort()).toEqual(keys);
    });

    test("the version is the process's, not the master's", async () => {
      expect(await send(`${mesos().master}/version`, { method: "GET" })).toMatchObject({ status: 200 });
      expect(await send(`${mesos().master}/master/version`, { method: "GET" })).toMatchObject({ status: 404 });
    });

    test.each([
      ["GET_AGENTS", ["agents", "recovered_agents"]],
      ["GET_FRAMEWORKS", ["completed_frameworks", "frameworks"]],
      ["GET_TASKS", ["completed_tasks", "tasks", "unreachable_tasks"]],
      ["GET_EXECUTORS", ["executors"]],
      ["GET_QUOTA", ["status"]],
      ["GET_LOGGING_LEVEL", ["level"]],
    ])("%s has its lists, also empty ones", async (type, keys) => {
      const { status, text } = await post({ type }, "/api/v1");
      expect(status).toBe(200);
      const answer = JSON.parse(text) as Record<string, object>;
      expect(answer.type).toBe(type);
      expect(Object.keys(answer[type.toLowerCase()] ?? {}).sort()).toEqual(keys);
    });

    test.each(["DRAIN_AGENT", "UPDATE_QUOTA", "RESERVE_RESOURCES", "SET_LOGGING_LEVEL"])(
      "%s without its part is refused",
      async (type) => {
        const text = `Failed to validate master::Call: Expecting '${type.toLowerCase()}' to be present`;
        expect(await post({ type }, "/api/v1")).toMatchObject({ status: 400, text });
      },
    );
  });
});
