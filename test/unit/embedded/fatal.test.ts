import { expect, test } from "vitest";
import { cluster } from "./support/cluster.js";
import { commandTask, type Offer, Scheduler, scalar, small } from "./support/peer.js";

/** What a 1.11.0 master does not survive, the embedded one refuses and says so, in its answer and in its log. */

const reservations = [{ type: "DYNAMIC", role: "r" }];
const reserved = (name: string, value: number) => scalar(name, value, { reservations });
const volume = (id: string, size: number, more: object = {}) =>
  scalar("disk", size, {
    reservations,
    disk: { persistence: { id }, volume: { container_path: "data", mode: "RW" } },
    ...more,
  });
const noRanges = { name: "ports", type: "RANGES", ranges: { range: [] }, reservations };

const reserve = (...resources: object[]) => ({ type: "RESERVE", reserve: { resources } });
const unreserve = (...resources: object[]) => ({ type: "UNRESERVE", unreserve: { resources } });
const create = (...volumes: object[]) => ({ type: "CREATE", create: { volumes } });
const destroy = (...volumes: object[]) => ({ type: "DESTROY", destroy: { volumes } });

const EMPTY = "Cannot determine resource provider for empty resources";
const ABORTED = "A Mesos 1.11.0 master would have aborted on this: ";

async function reserver(lines: string[]): Promise<Scheduler> {
  const { url } = await cluster({ flags: { allocation_interval: "50ms" }, log: (line) => lines.push(line) });
  const capabilities = [{ type: "MULTI_ROLE" }, { type: "RESERVATION_REFINEMENT" }, { type: "SHARED_RESOURCES" }];
  return Scheduler.subscribe(url, { roles: ["r"], capabilities });
}

const accept = (scheduler: Scheduler, offer: Offer, operations: readonly object[]) =>
  scheduler.call("ACCEPT", { accept: { offer_ids: [offer.id], operations } });

test.each([
  ["RESERVE of 0 cpus", [reserve(reserved("cpus", 0))], EMPTY],
  ["RESERVE of nothing twice", [reserve(reserved("cpus", 0), noRanges)], EMPTY],
  ["UNRESERVE of 0 beside more", [reserve(reserved("disk", 10)), unreserve(noRanges, reserved("disk", 10))], EMPTY],
  ["CREATE of a volume of 0", [reserve(reserved("disk", 10)), create(volume("a", 10), volume("b", 0))], EMPTY],
  [
    "DESTROY of a volume of 0 beside another one",
    [reserve(reserved("disk", 10)), create(volume("a", 10)), destroy(volume("a", 10), volume("a", 0))],
    EMPTY,
  ],
  ["RESERVE of too much", [reserve(reserved("cpus", 9.2e15), reserved("cpus", 9.2e15))], "add up to more"],
  [
    "CREATE of a shared volume twice",
    [reserve(reserved("disk", 20)), create(volume("a", 10, { shared: {} }), volume("a", 10, { shared: {} }))],
    "Persistence ID 'a' is not unique, and shared",
  ],
])("%s is refused", async (_, operations, why) => {
  const lines: string[] = [];
  const scheduler = await reserver(lines);
  const named = operations.map((operation, i) =>
    i === operations.length - 1 ? { ...operation, id: { value: "fatal" } } : operation,
  );
  await accept(scheduler, await scheduler.offer(), named);
  const { status } = (await scheduler.events.next("UPDATE_OPERATION_STATUS")).update_operation_status;
  expect(status).toMatchObject({ operation_id: { value: "fatal" }, state: "OPERATION_ERROR" });
  expect(status.message).toContain(ABORTED);
  expect(status.message).toContain(why);
  expect(lines.filter((line) => line.includes(ABORTED))).toHaveLength(1);
});

test.each([reserve(), unreserve(), create(), destroy()])("an empty list is refused in $type", async (operation) => {
  const scheduler = await reserver([]);
  await accept(scheduler, await scheduler.offer(), [{ ...operation, id: { value: "empty" } }]);
  const { status } = (await scheduler.events.next("UPDATE_OPERATION_STATUS")).update_operation_status;
  expect(status).toMatchObject({ operation_id: { value: "empty" }, state: "OPERATION_ERROR" });
  expect(status.message).toContain("The resources have multiple resource providers: ");
});

test("RESERVE of something, with nothing beside it, is taken", async () => {
  const lines: string[] = [];
  const scheduler = await reserver(lines);
  const operation = reserve(reserved("cpus", 0), reserved("disk", 10));
  await accept(scheduler, await scheduler.offer(), [{ ...operation, id: { value: "some" } }]);
  const { status } = (await scheduler.events.next("UPDATE_OPERATION_STATUS")).update_operation_status;
  expect(status.state).toBe("OPERATION_FINISHED");
  expect(lines.filter((line) => line.includes(ABORTED))).toEqual([]);
});

test.each([
  ["one task twice", ["a", "b", "a"], small(), "Duplicate task a in a task group"],
  ["more than can be added up", ["a", "b"], [scalar("cpus", 9e15)], "add up to more"],
])("a group of %s is refused", async (_, ids, resources, why) => {
  const lines: string[] = [];
  const { url } = await cluster({ log: (line) => lines.push(line) });
  const scheduler = await Scheduler.subscribe(url);
  const offer = await scheduler.offer();
  const framework_id = { value: scheduler.frameworkId };
  const own = [...small(), scalar("disk", 10)];
  const executor = { type: "DEFAULT", executor_id: { value: "d" }, framework_id, resources: own };
  const tasks = ids.map((id) => ({ ...commandTask(offer, id, "true"), resources }));
  await accept(scheduler, offer, [{ type: "LAUNCH_GROUP", launch_group: { executor, task_group: { tasks } } }]);
  const status = await scheduler.update("a");
  expect(status.state).toBe("TASK_ERROR");
  expect(status.message).toContain(ABORTED);
  expect(status.message).toContain(why);
  expect(lines.filter((line) => line.includes(ABORTED))).toHaveLength(1);
});

test.each([
  ["RESERVE_RESOURCES of 0 cpus", { type: "RESERVE_RESOURCES", resources: [reserved("cpus", 0)] }],
  ["UNRESERVE_RESOURCES of no ports", { type: "UNRESERVE_RESOURCES", resources: [noRanges] }],
  ["CREATE_VOLUMES of a volume of 0", { type: "CREATE_VOLUMES", volumes: [volume("a", 0)] }],
])("an operator's %s is refused", async (_, { type, ...lists }) => {
  const lines: string[] = [];
  const { url, agentIds } = await cluster({ log: (line) => lines.push(line) });
  const part = { agent_id: { value: agentIds[0] }, ...lists };
  const answer = await fetch(`${url}/api/v1`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ type, [type.toLowerCase()]: part }),
  });
  expect([answer.status, await answer.text()]).toEqual([400, `${ABORTED}${EMPTY}`]);
  expect(lines.some((line) => line.includes(ABORTED))).toBe(true);
});

test("an operation on an agent that is away is a conflict, and nothing of it is lost", async () => {
  const started = await cluster();
  const { url, agentIds } = started;
  const part = { agent_id: { value: agentIds[0] }, resources: [reserved("cpus", 1)] };
  const reserveIt = () =>
    fetch(`${url}/api/v1`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ type: "RESERVE_RESOURCES", reserve_resources: part }),
    });
  await started.stopAgent(0);
  const refused = await reserveIt();
  expect([refused.status, await refused.text()]).toEqual([
    409,
    `Agent ${agentIds[0]} is disconnected: try again when it is back`,
  ]);
  await started.startAgent(0);
  expect((await reserveIt()).status).toBe(202);
});
