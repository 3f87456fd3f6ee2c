import { afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  FrameworkInfo_Capability_Type as Capability,
  Offer_Operation_Type,
  TaskState,
} from "../../gen/mesos/v1/mesos.js";
import { describeEachMesos } from "../support/cluster.js";
import { eventually } from "../support/eventually.js";
import { getJson, type RawAnswer, send } from "../support/http.js";
import { frameworkInfo, launch, scalar, task } from "../support/messages.js";
import { MesosScheduler } from "../support/scheduler.js";

interface JsonResource {
  readonly name: string;
  readonly type: "SCALAR" | "RANGES";
  readonly scalar?: { readonly value: number };
  readonly ranges?: { readonly range: readonly { readonly begin: number; readonly end: number }[] };
  readonly reservations?: readonly object[];
  readonly disk?: object;
  readonly [more: string]: unknown;
}

interface AgentModel {
  readonly id: string;
  readonly pid: string;
  readonly hostname: string;
  readonly reserved_resources_full: Record<string, JsonResource[]>;
  readonly unreserved_resources_full: JsonResource[];
}

const AGENT = "AGENT";
const RESERVED_DISK = [{ type: "STATIC", role: "stat" }];
const cluster = {
  agents: 2,
  resources: "cpus:4;mem:1024;disk:1024;ports:[31000-31009];disk(stat):100",
  flags: { allocation_interval: "100ms" },
};

const dynamic = (role: string, more: object = {}) => ({ type: "DYNAMIC", role, ...more });
const plain = (name: string, value: number, more: object = {}): JsonResource => ({
  name,
  type: "SCALAR",
  scalar: { value },
  ...more,
});
const reserved = (name: string, value: number, role: string, more: object = {}): JsonResource =>
  plain(name, value, { reservations: [dynamic(role)], ...more });
const volume = (value: number, id: string, more: object = {}, where: object = {}): JsonResource =>
  plain("disk", value, {
    reservations: RESERVED_DISK,
    disk: { persistence: { id }, volume: { container_path: `in-${id}`, mode: "RW", ...where } },
    ...more,
  });
const staticDisk = (value: number) => plain("disk", value, { reservations: RESERVED_DISK });
const ports = (begin: number, end: number, role: string): JsonResource => ({
  name: "ports",
  type: "RANGES",
  ranges: { range: [{ begin, end }] },
  reservations: [dynamic(role)],
});

/** Calls and forms of an operator that reserve resources and make volumes, and what comes of them. */
describeEachMesos("reservations and volumes of an operator", cluster, (mesos) => {
  let agent: AgentModel;
  const schedulers: MesosScheduler[] = [];
  beforeAll(async () => {
    agent = (await models())[0] ?? fail("there is no agent");
  });
  afterEach(async () => {
    for (const scheduler of schedulers.splice(0)) {
      await scheduler.call("TEARDOWN");
      scheduler.stop();
    }
    await eventually(async () => clean(), { what: "an agent without reservations" });
  });

  async function models(): Promise<AgentModel[]> {
    const { slaves } = (await getJson(`${mesos().master}/slaves`)) as { slaves: AgentModel[] };
    return slaves.sort((a, b) => a.id.localeCompare(b.id));
  }

  async function held(): Promise<JsonResource[]> {
    const model = (await models()).find(({ id }) => id === agent.id);
    return Object.values(model?.reserved_resources_full ?? {}).flat();
  }

  /** As short texts, in order: `cpus(r):1`, `disk(stat)[id]:10`. */
  async function heldTexts(): Promise<string[]> {
    const texts = (await held()).map(({ name, scalar: amount, ranges, reservations = [], disk }) => {
      const roles = (reservations as { role: string }[]).map(({ role }) => role).join(",");
      const { persistence } = (disk ?? {}) as { persistence?: { id: string } };
      const value = amount?.value ?? ranges?.range.map(({ begin, end }) => `${begin}-${end}`).join();
      return `${name}(${roles})${persistence ? `[${persistence.id}]` : ""}:${value}`;
    });
    return texts.sort();
  }

  /** Takes all volumes and reservations away again. */
  async function clean(): Promise<boolean> {
    for (const { role: _role, reservation: _reservation, ...each } of await held()) {
      const isVolume = each.disk !== undefined;
      const isDynamic = (each.reservations as { type: string }[]).at(-1)?.type === "DYNAMIC";
      if (isVolume) await destroy([each]);
      else if (isDynamic) await unreserve([each]);
    }
    return (await heldTexts()).join() === "disk(stat):100";
  }

  async function operator(type: string, part: object, agentId: string | undefined = agent.id): Promise<Answer> {
    const body = JSON.stringify({
      type,
      [type.toLowerCase()]: { ...(agentId !== undefined && { agent_id: { value: agentId } }), ...part },
    });
    const headers = { "Content-Type": "application/json", Accept: "application/json" };
    return answerOf(await send(`${mesos().master}/api/v1`, { headers, body }));
  }

  function answerOf({ status, text }: RawAnswer): Answer {
    return [status, text.replace(`agent ${agent.id} at ${agent.pid} (${agent.hostname})`, AGENT)];
  }

  const reserve = (list: readonly object[], source?: readonly object[], agentId?: string) =>
    operator("RESERVE_RESOURCES", { resources: list, source }, agentId);
  const unreserve = (list: readonly object[], agentId?: string) =>
    operator("UNRESERVE_RESOURCES", { resources: list }, agentId);
  const create = (volumes: readonly object[], agentId?: string) => operator("CREATE_VOLUMES", { volumes }, agentId);
  const destroy = (volumes: readonly object[], agentId?: string) => operator("DESTROY_VOLUMES", { volumes }, agentId);
  const grow = (of: object, addition: object, agentId?: string) =>
    operator("GROW_VOLUME", { volume: of, addition }, agentId);
  const shrink = (of: object, subtract: number, agentId?: string) =>
    operator("SHRINK_VOLUME", { volume: of, subtract: { value: subtract } }, agentId);
  const form = async (path: string, body: string) => answerOf(await send(`${mesos().master}${path}`, { body }));
  const lists = (parts: Record<string, unknown>) =>
    Object.entries(parts)
      .map(
        ([name, value]) => `${name}=${encodeURIComponent(typeof value === "string" ? value : JSON.stringify(value))}`,
      )
      .join("&");

  describe("what they do", () => {
    test("resources are reserved, also refined, and unreserved", async () => {
      expect(await reserve([reserved("cpus", 1, "r"), reserved("mem", 64, "s"), ports(31000, 31002, "r")])).toEqual(
        DONE,
      );
      expect(await heldTexts()).toEqual(["cpus(r):1", "disk(stat):100", "mem(s):64", "ports(r):31000-31002"]);
      const refined = plain("cpus", 0.5, { reservations: [dynamic("r"), dynamic("r/x")] });
      expect(await reserve([refined])).toEqual(DONE);
      expect(await heldTexts()).toContain("cpus(r,r/x):0.5");
      // The inner reservation goes first, and then the outer one, in one call.
      expect(await unreserve([refined, reserved("cpus", 1, "r")])).toEqual(DONE);
      expect(await unreserve([reserved("mem", 64, "s"), ports(31001, 31001, "r")])).toEqual(DONE);
      expect((await held()).find(({ name }) => name === "ports")?.ranges?.range).toEqual([
        { begin: 31000, end: 31000 },
        { begin: 31002, end: 31002 },
      ]);
    });

    test("principal and labels of a reservation are kept, and count", async () => {
      const labels = { labels: [{ key: "a", value: "b" }, { key: "c" }] };
      const labelled = plain("cpus", 1, { reservations: [dynamic("r", { principal: "joe", labels })] });
      expect(await reserve([labelled])).toEqual(DONE);
      expect((await held()).find(({ name }) => name === "cpus")).toMatchObject(labelled);
      const [status, text] = await unreserve([reserved("cpus", 1, "r")]);
      expect(status).toBe(409);
      expect(text).toContain("cpus(reservations: [(DYNAMIC,r,joe,{a: b, c})]):1");
      expect(await unreserve([labelled])).toEqual(DONE);
    });

    test("the older form of a reservation is taken", async () => {
      expect(await reserve([plain("cpus", 1, { role: "r", reservation: { principal: "joe" } })])).toEqual(DONE);
      expect((await held()).find(({ name }) => name === "cpus")).toMatchObject({
        role: "r",
        reservation: { principal: "joe" },
        reservations: [dynamic("r", { principal: "joe" })],
      });
    });

    test("volumes are made, grow, shrink and are destroyed", async () => {
      expect(await create([volume(10, "one"), volume(20, "two")])).toEqual(DONE);
      expect(await grow(volume(10, "one"), staticDisk(5))).toEqual(DONE);
      expect(await shrink(volume(20, "two"), 5)).toEqual(DONE);
      expect(await heldTexts()).toEqual(["disk(stat):70", "disk(stat)[one]:15", "disk(stat)[two]:15"]);
      expect(await destroy([volume(15, "one"), volume(15, "two")])).toEqual(DONE);
      expect(await heldTexts()).toEqual(["disk(stat):100"]);
    });

    test("a reservation moves from its source to another role, up, down and aside", async () => {
      const deep = plain("cpus", 1, { reservations: [dynamic("q"), dynamic("q/a")] });
      const aside = plain("cpus", 1, { reservations: [dynamic("q"), dynamic("q/b")] });
      const steps = [plain("cpus", 1), reserved("cpus", 1, "r"), reserved("cpus", 1, "s"), deep, aside];
      for (const [index, source] of steps.slice(0, -1).entries()) {
        expect(await reserve([steps[index + 1] ?? {}], [source])).toEqual(DONE);
      }
      expect(await heldTexts()).toEqual(["cpus(q,q/b):1", "disk(stat):100"]);
      expect(await reserve([reserved("cpus", 1, "r")], [aside])).toEqual(DONE);
      // With itself for a source nothing changes.
      expect(await reserve([reserved("cpus", 1, "r")], [reserved("cpus", 1, "r")])).toEqual(DONE);
      expect(await heldTexts()).toEqual(["cpus(r):1", "disk(stat):100"]);
    });

    test("a static reservation can be moved, and nothing becomes one", async () => {
      const other = (await models()).find(({ id }) => id !== agent.id)?.id;
      expect(await reserve([reserved("disk", 1, "r")], [staticDisk(1)], other)).toEqual(DONE);
      expect(await reserve([staticDisk(1)], [reserved("disk", 1, "r")])).toEqual([
        400,
        `Invalid RESERVE operation on ${AGENT}: Resource disk(reservations: [(STATIC,stat)]):1 is not dynamically reserved`,
      ]);
      expect(await unreserve([reserved("disk", 1, "r")], other)).toEqual(DONE);
    });

    test("forms do the same", async () => {
      const slaveId = agent.id;
      const all = (path: string, parts: Record<string, unknown>) => form(path, lists({ slaveId, ...parts }));
      expect(await all("/reserve", { resources: [reserved("cpus", 1, "r"), reserved("disk", 10, "r")] })).toEqual(DONE);
      expect(
        await all("/master/reserve", { resources: [reserved("cpus", 1, "s")], source: [reserved("cpus", 1, "r")] }),
      ).toEqual(DONE);
      const made = volume(5, "one", { reservations: [dynamic("r")] });
      expect(await all("/create-volumes", { volumes: [made] })).toEqual(DONE);
      expect(await heldTexts()).toEqual(["cpus(s):1", "disk(r):5", "disk(r)[one]:5", "disk(stat):100"]);
      expect(await all("/master/destroy-volumes", { volumes: [made] })).toEqual(DONE);
      // A plus is a space, and a semicolon parts as an ampersand does.
      const spaced = encodeURIComponent(JSON.stringify([reserved("cpus", 1, "s")])).replaceAll("%22cpus", "+%22cpus");
      expect(await form("/master/unreserve", `resources=${spaced};slaveId=${slaveId}`)).toEqual(DONE);
      expect(await heldTexts()).toEqual(["disk(r):10", "disk(stat):100"]);
    });
  });

  describe("what is refused", () => {
    const provider = (value: string) => ({ provider_id: { value } });
    const gone = "No agent found with specified ID";
    const noProvider = "Invalid resources: The resources have multiple resource providers: ";
    const notCall = (why: string) => `Failed to validate master::Call: ${why}`;
    const bad = (text: string, why: string) => `Resource '${text}' is invalid: ${why}`;
    const cpusOfR = "cpus(reservations: [(DYNAMIC,r)])";
    const ofR = "disk(reservations: [(DYNAMIC,r)])";
    const tooSmall = "Invalid scalar resource: value <= 0";

    test.each<[string, () => Promise<Answer>, string]>([
      ["an unknown agent", () => reserve([reserved("cpus", 1, "r")], undefined, "nope"), gone],
      ["an unknown agent, of nothing", () => unreserve([], "nope"), gone],
      ["an unknown agent, volumes", () => create([], "nope"), gone],
      ["an unknown agent, volumes to destroy", () => destroy([], "nope"), gone],
      ["an unknown agent, a volume to grow", () => grow(volume(1, "v"), staticDisk(1), "nope"), gone],
      ["an unknown agent, a volume to shrink", () => shrink(volume(2, "v"), 1, "nope"), gone],
      [
        "no agent",
        () =>
          send(`${mesos().master}/api/v1`, {
            headers: { "Content-Type": "application/json" },
            body: '{"type":"RESERVE_RESOURCES","reserve_resources":{}}',
          }).then(answerOf),
        "Failed to convert JSON into Call protobuf: Missing required fields: reserve_resources.agent_id",
      ],
      [
        "a volume to grow without its agent",
        () => operatorWithout("GROW_VOLUME", { volume: volume(1, "v"), addition: staticDisk(1) }),
        notCall("Expecting 'agent_id' to be present; only agent default resources are supported right now"),
      ],
      [
        "a volume to shrink without its agent",
        () => operatorWithout("SHRINK_VOLUME", { volume: volume(1, "v"), subtract: { value: 1 } }),
        notCall("Expecting 'agent_id' to be present; only agent default resources are supported right now"),
      ],
      ["nothing to reserve", () => reserve([]), `Invalid RESERVE operation on ${AGENT}: ${noProvider}`],
      ["nothing to unreserve", () => unreserve([]), `Invalid UNRESERVE operation: ${noProvider}`],
      ["nothing to create", () => create([]), `Invalid CREATE operation on ${AGENT}: ${noProvider}`],
      ["nothing to destroy", () => destroy([]), `Invalid DESTROY operation: ${noProvider}`],
      [
        "unreserved resources",
        () => reserve([plain("cpus", 1)]),
        `Invalid RESERVE operation on ${AGENT}: Resource cpus:1 is not dynamically reserved`,
      ],
      [
        "unreserved ones to unreserve",
        () => unreserve([plain("cpus", 1)]),
        "Invalid UNRESERVE operation: Resource cpus:1 is not dynamically reserved",
      ],
      ["a negative amount", () => reserve([reserved("cpus", -1, "r")]), notCall(bad(`${cpusOfR}:-1`, tooSmall))],
      ["too small an amount", () => unreserve([reserved("cpus", 0.0001, "r")]), notCall(bad(`${cpusOfR}:0`, tooSmall))],
      [
        "a negative source",
        () => reserve([reserved("cpus", 1, "r")], [reserved("cpus", -1, "r")]),
        bad(`${cpusOfR}:-1`, tooSmall),
      ],
      [
        "the role of all",
        () => reserve([reserved("cpus", 1, "*")]),
        notCall(bad("cpus(reservations: [(DYNAMIC,*)]):1", 'Invalid reservation: role "*" cannot be reserved')),
      ],
      [
        "no role",
        () => reserve([plain("cpus", 1, { reservations: [{ type: "DYNAMIC" }] })]),
        notCall(
          bad(
            "cpus(reservations: [(DYNAMIC,)]):1",
            "Invalid reservation: 'Resource.ReservationInfo.role' field must be set.",
          ),
        ),
      ],
      [
        "a shared resource",
        () => reserve([reserved("cpus", 1, "r", { shared: {} })]),
        notCall(bad(`${cpusOfR}<SHARED>:1`, "Resource cpus cannot be shared")),
      ],
      [
        "an allocated one",
        () => reserve([reserved("cpus", 1, "r", { allocation_info: { role: "r" } })]),
        `Invalid RESERVE operation on ${AGENT}: A reserve operation was attempted with an allocated resource, but the operator API only allows reservations to be made to unallocated resources`,
      ],
      [
        "a revocable one",
        () => reserve([reserved("cpus", 1, "r", { revocable: {} })]),
        `Invalid RESERVE operation on ${AGENT}: Invalid resources: Invalid ReservationInfo: Dynamically reserved resource ${cpusOfR}{REV}:1 cannot be created from revocable resources`,
      ],
      [
        "half a GPU",
        () => reserve([reserved("gpus", 1.5, "r")]),
        `Invalid RESERVE operation on ${AGENT}: Invalid resources: Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer`,
      ],
      [
        "one of a provider beside one of none",
        () => destroy([volume(1, "v", provider("x")), volume(1, "w")]),
        "Invalid DESTROY operation: Invalid resources: Some resources have a resource provider and some do not",
      ],
      [
        "a source of another amount",
        () => reserve([reserved("cpus", 0.5, "r")], [plain("cpus", 1)]),
        `Invalid RESERVE operation on ${AGENT}: Source and target resources should refer to identical resource quantities: cpus:1 vs. cpus:0.5`,
      ],
      [
        "a source of something else",
        () => reserve([reserved("mem", 1, "r")], [plain("cpus", 1)]),
        `Invalid RESERVE operation on ${AGENT}: Source and target resources should refer to identical resource quantities: cpus:1 vs. mem:1`,
      ],
      [
        "a source of several reservations",
        () => reserve([reserved("cpus", 1.5, "r")], [reserved("cpus", 1, "q"), plain("cpus", 0.5)]),
        `Invalid RESERVE operation on ${AGENT}: Invalid source: Mixed reservations are not supported[{"name":"cpus","reservations":[{"role":"q","type":"DYNAMIC"}],"scalar":{"value":1.0},"type":"SCALAR"},{"name":"cpus","scalar":{"value":0.5},"type":"SCALAR"}]`,
      ],
      [
        "several reservations from one source",
        () => reserve([reserved("cpus", 0.5, "r"), reserved("cpus", 0.5, "s")], [plain("cpus", 1)]),
        `Invalid RESERVE operation on ${AGENT}: Invalid resources: Mixed reservations are not supported[{"name":"cpus","reservations":[{"role":"r","type":"DYNAMIC"}],"scalar":{"value":0.5},"type":"SCALAR"},{"name":"cpus","reservations":[{"role":"s","type":"DYNAMIC"}],"scalar":{"value":0.5},"type":"SCALAR"}]`,
      ],
      [
        "a source of another amount, not reserved after",
        () => reserve([plain("cpus", 2)], [plain("cpus", 1)]),
        `Invalid RESERVE operation on ${AGENT}: Source and target resources should refer to identical resource quantities: cpus:1 vs. cpus:2`,
      ],
      [
        "a volume to unreserve",
        () => unreserve([volume(1, "v", { reservations: [dynamic("r")] })]),
        `Invalid UNRESERVE operation: A dynamically reserved persistent volume ${ofR}[v:in-v]:1 cannot be unreserved directly. Please destroy the persistent volume first then unreserve the resource`,
      ],
      [
        "a volume of unreserved disk",
        () => create([volume(1, "v", { reservations: [] })]),
        `Invalid CREATE operation on ${AGENT}: Invalid resources: Invalid DiskInfo: Persistent volumes cannot be created from unreserved resources`,
      ],
      [
        "a volume with a path on the host",
        () => create([volume(1, "v", {}, { host_path: "/tmp" })]),
        `Invalid CREATE operation on ${AGENT}: Invalid resources: Invalid DiskInfo: Expecting 'host_path' to be unset for persistent volume`,
      ],
      [
        "a read-only volume",
        () => create([volume(1, "v", {}, { mode: "RO" })]),
        `Invalid CREATE operation on ${AGENT}: Not a persistent volume: Read-only persistent volume not supported`,
      ],
      [
        "a volume without an id that can be",
        () => create([volume(1, "a/b")]),
        `Invalid CREATE operation on ${AGENT}: Invalid resources: Invalid DiskInfo: Invalid persistence ID for persistent volume: 'a/b' contains invalid characters`,
      ],
      [
        "the same volume twice",
        () => create([volume(1, "v"), volume(1, "v")]),
        `Invalid CREATE operation on ${AGENT}: Persistence ID 'v' is not unique`,
      ],
      [
        "plain disk for a volume",
        () => create([staticDisk(1)]),
        `Invalid CREATE operation on ${AGENT}: Not a persistent volume: Resource disk(reservations: [(STATIC,stat)]):1 does not have DiskInfo`,
      ],
      [
        "plain disk to destroy",
        () => destroy([staticDisk(1)]),
        "Invalid DESTROY operation: Not a persistent volume: Resource disk(reservations: [(STATIC,stat)]):1 does not have DiskInfo",
      ],
      ["an unknown volume", () => destroy([volume(1, "v")]), "Invalid DESTROY operation: Persistent volumes not found"],
      [
        "a disk of cpus",
        () => create([{ ...volume(1, "v"), name: "cpus" }]),
        bad("cpus(reservations: [(STATIC,stat)])[v:in-v]:1", "DiskInfo should not be set for cpus resource"),
      ],
      ["less to grow by", () => grow(volume(1, "v"), staticDisk(-1)), tooSmall],
      [
        "nothing to grow by",
        () => grow(staticDisk(1), staticDisk(0)),
        `Invalid GROW_VOLUME operation on ${AGENT}: The size of 'GrowVolume.addition' field must be greater than zero`,
      ],
      [
        "plain disk to grow",
        () => grow(staticDisk(1), staticDisk(1)),
        `Invalid GROW_VOLUME operation on ${AGENT}: Invalid persistent volume in the 'GrowVolume.volume' field: Resource disk(reservations: [(STATIC,stat)]):1 does not have DiskInfo`,
      ],
      [
        "a volume to grow by disk of another role",
        () => grow(volume(1, "v"), reserved("disk", 1, "r")),
        `Invalid GROW_VOLUME operation on ${AGENT}: Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields`,
      ],
      [
        "a volume of a provider to grow",
        () => grow(volume(1, "v", provider("x")), staticDisk(1)),
        `Invalid GROW_VOLUME operation on ${AGENT}: Growing a volume from a resource provider is not supported`,
      ],
      [
        "a shared volume to grow",
        () => grow(volume(1, "v", { shared: {} }), staticDisk(1)),
        `Invalid GROW_VOLUME operation on ${AGENT}: Growing a shared persistent volume is not supported`,
      ],
      [
        "nothing to shrink by",
        () => shrink(staticDisk(1), 0),
        `Invalid SHRINK_VOLUME operation on ${AGENT}: Value of 'ShrinkVolume.subtract' must be greater than zero`,
      ],
      [
        "all of a volume",
        () => shrink(staticDisk(1), 0.9999),
        `Invalid SHRINK_VOLUME operation on ${AGENT}: Value of 'ShrinkVolume.subtract' must be smaller than the size of 'ShrinkVolume.volume'`,
      ],
      [
        "plain disk to shrink",
        () => shrink(staticDisk(2), 1),
        `Invalid SHRINK_VOLUME operation on ${AGENT}: Invalid persistent volume in the 'ShrinkVolume.volume' field: Resource disk(reservations: [(STATIC,stat)]):2 does not have DiskInfo`,
      ],
      [
        "a shared volume to shrink",
        () => shrink(volume(2, "v", { shared: {} }), 1),
        `Invalid SHRINK_VOLUME operation on ${AGENT}: Shrinking a shared persistent volume is not supported`,
      ],
    ])("%s", async (_name, attempt, why) => {
      expect(await attempt()).toEqual([400, why]);
      expect(await heldTexts()).toEqual(["disk(stat):100"]);
    });

    async function operatorWithout(type: string, part: object): Promise<Answer> {
      const headers = { "Content-Type": "application/json" };
      const body = JSON.stringify({ type, [type.toLowerCase()]: part });
      return answerOf(await send(`${mesos().master}/api/v1`, { headers, body }));
    }

    test.each<[string, () => Promise<Answer>, string]>([
      ["more than there is", () => reserve([reserved("cpus", 2, "r"), reserved("cpus", 3, "r")]), "cpus:5"],
      ["what there isn't", () => reserve([reserved("foo", 1, "r")]), "foo:1"],
      [
        "a reservation that isn't there",
        () => unreserve([reserved("cpus", 1, "r"), reserved("cpus", 2, "r")]),
        "cpus(reservations: [(DYNAMIC,r)]):1",
      ],
      [
        "a refinement of what isn't reserved",
        () => reserve([plain("cpus", 1, { reservations: [dynamic("r"), dynamic("r/x")] })]),
        "cpus(reservations: [(DYNAMIC,r)]):1",
      ],
      [
        "a source that isn't there",
        () => reserve([reserved("cpus", 1, "r")], [reserved("cpus", 1, "s")]),
        "cpus(reservations: [(DYNAMIC,s)]):1",
      ],
      [
        "a second volume too large",
        () => create([volume(1, "v"), volume(100, "w")]),
        "disk(reservations: [(STATIC,stat)]):100",
      ],
      [
        "a volume of no such disk",
        () => create([volume(1, "v", { reservations: [dynamic("r")] })]),
        "disk(reservations: [(DYNAMIC,r)]):1",
      ],
      [
        "a volume to grow that isn't there",
        () => grow(volume(1, "v"), staticDisk(2)),
        "disk(reservations: [(STATIC,stat)])[v:in-v]:1; disk(reservations: [(STATIC,stat)]):2",
      ],
      [
        "a volume to shrink that isn't there",
        () => shrink(volume(2, "v"), 1),
        "disk(reservations: [(STATIC,stat)])[v:in-v]:2",
      ],
    ])("a conflict: %s", async (_name, attempt, lacking) => {
      const [status, text] = await attempt();
      expect(status).toBe(409);
      const [available = "", missing] = text.split(" does not contain ");
      expect(missing).toBe(lacking);
      expect(available.split("; ")).toEqual(expect.arrayContaining(["cpus:4", "mem:1024", "ports:[31000-31009]"]));
      expect(await heldTexts()).toEqual(["disk(stat):100"]);
    });

    test("a persistence id that is taken, and a volume twice in one call", async () => {
      expect(await create([volume(5, "v")])).toEqual(DONE);
      expect(await create([volume(6, "v")])).toEqual([
        400,
        `Invalid CREATE operation on ${AGENT}: Persistence ID 'v' is not unique`,
      ]);
      expect(await destroy([volume(6, "v")])).toEqual([400, "Invalid DESTROY operation: Persistent volumes not found"]);
      const [status, text] = await destroy([volume(5, "v"), volume(5, "v")]);
      expect([status, text.split(" does not contain ")[1]]).toEqual([
        409,
        "disk(reservations: [(STATIC,stat)])[v:in-v]:5",
      ]);
    });

    describe.each([
      ["reserve", "resources", "Error parsing"],
      ["unreserve", "resources", "Error in parsing"],
      ["create-volumes", "volumes", "Error in parsing"],
      ["destroy-volumes", "volumes", "Error in parsing"],
    ])("by /%s", (name, list, failed) => {
      test.each(["GET", "PUT"])("%s", async (method) => {
        const answer = await send(`${mesos().master}/master/${name}`, { method });
        expect(answerOf(answer)).toEqual([
          405,
          `405 Method Not Allowed. Expecting one of { 'POST' }, but received '${method}'.`,
        ]);
        expect(answer.headers.allow).toBe("POST");
      });

      test.each([
        ["", "Missing 'slaveId' query parameter in the request body"],
        [`${list}=[]`, "Missing 'slaveId' query parameter in the request body"],
        ["slaveId", `Missing '${list}' query parameter in the request body`],
        ["slaveId=%zz", "Unable to decode query string: Malformed % escape in '%zz': '%zz'"],
        ["a=%4", "Unable to decode query string: Malformed % escape in '%4': '%4'"],
        [
          `slaveId=x&${list}={}`,
          `${failed} '${list}' query parameter in the request body: Unexpected JSON type parsed`,
        ],
        [
          `slaveId=x&${list}=`,
          `${failed} '${list}' query parameter in the request body: syntax error at line 1 near: `,
        ],
        [`slaveId=x&${list}=[1]`, `${failed} '${list}' query parameter in the request body: Expecting a JSON object`],
        [
          `slaveId=x&${list}=[{}]`,
          `${failed} '${list}' query parameter in the request body: Missing required fields: name, type`,
        ],
        [`slaveId=x&${list}=[]`, gone],
      ])("'%s'", async (body, why) => {
        expect(await form(`/${name}`, body)).toEqual([400, why]);
      });

      test("a resource that can't be", async () => {
        const body = lists({ slaveId: agent.id, [list]: [reserved("cpus", -1, "r")] });
        expect(await form(`/${name}`, body)).toEqual([400, bad(`${cpusOfR}:-1`, tooSmall)]);
      });
    });

    test("a form's source that can't be read", async () => {
      expect(await form("/reserve", lists({ slaveId: agent.id, resources: [], source: {} }))).toEqual([
        400,
        "Error parsing 'source' query parameter in the request body: Unexpected JSON type parsed",
      ]);
    });
  });

  describe("what schedulers see", () => {
    const capabilities = [
      Capability.MULTI_ROLE,
      Capability.RESERVATION_REFINEMENT,
      Capability.PARTITION_AWARE,
      Capability.SHARED_RESOURCES,
    ].map((type) => ({ type }));

    async function subscribe(role: string): Promise<MesosScheduler> {
      const scheduler = new MesosScheduler(mesos());
      schedulers.push(scheduler);
      await scheduler.subscribe(frameworkInfo({ roles: [role], capabilities }));
      return scheduler;
    }

    const offerOf = (scheduler: MesosScheduler) => async () => {
      for (;;) {
        const found = (await scheduler.offers()).find(({ agentId }) => agentId?.value === agent.id);
        if (found) return found;
      }
    };

    test("only the offers that hold some of it are rescinded, and a new one comes at once", async () => {
      expect(await reserve([reserved("cpus", 1, "s"), reserved("mem", 64, "s")])).toEqual(DONE);
      const [one, two] = [await subscribe("r"), await subscribe("s")];
      const first = await offerOf(one)();
      await offerOf(two)();
      expect(await reserve([reserved("cpus", 1, "r")])).toEqual(DONE);
      expect((await one.stream.next("rescind")).offerId).toEqual(first.id);
      const next = await offerOf(one)();
      const ofRole = next.resources.filter(({ reservations }) => reservations.at(-1)?.role === "r");
      expect(scalar(ofRole, "cpus")).toBe(1);
      // The other role's offer did not hold what was needed.
      expect(two.stream.has(({ rescind }) => rescind !== undefined)).toBe(false);
      expect(await unreserve([reserved("cpus", 1, "s")])).toEqual(DONE);
      await two.stream.next("rescind");
    });

    test("offers are rescinded for what then can't be, and for nothing that they lack", async () => {
      const scheduler = await subscribe("r");
      const offer = await offerOf(scheduler)();
      const [status] = await reserve([reserved("foo", 1, "r")]);
      expect(status).toBe(409);
      expect(scheduler.stream.has(({ rescind }) => rescind !== undefined)).toBe(false);
      const rescinded = performance.now();
      expect((await reserve([reserved("cpus", 100, "r")]))[0]).toBe(409);
      expect((await scheduler.stream.next("rescind")).offerId).toEqual(offer.id);
      await offerOf(scheduler)();
      // As if it had been declined without a time.
      expect(performance.now() - rescinded).toBeGreaterThan(4500);
    });

    test("volumes in use stay, and what tasks use is not there", async () => {
      const ofR = (size: number, id: string, more: object = {}) =>
        volume(size, id, { reservations: [dynamic("r")], ...more });
      expect(await reserve([reserved("cpus", 1, "r"), reserved("mem", 64, "r"), reserved("disk", 40, "r")])).toEqual(
        DONE,
      );
      expect(await create([ofR(10, "used"), ofR(10, "free"), ofR(10, "shared", { shared: {} })])).toEqual(DONE);
      const scheduler = await subscribe("r");
      const offer = await offerOf(scheduler)();
      const isUsed = (id: string | undefined) => id === "used" || id === "shared";
      const volumes = offer.resources.filter(({ disk }) => isUsed(disk?.persistence?.id));
      expect(volumes).toHaveLength(2);
      const cpus = offer.resources.find(({ name, reservations }) => name === "cpus" && reservations.length > 0);
      const mem = offer.resources.find(({ name, reservations }) => name === "mem" && reservations.length > 0);
      const own = [
        { ...cpus, scalar: { value: 0.1 } },
        { ...mem, scalar: { value: 32 } },
      ];
      const launched = task(offer.agentId, { resources: [...volumes, ...own], command: { value: "exec sleep 1000" } });
      await scheduler.accept([offer], [launch(launched)], 0);
      expect((await scheduler.update(launched.taskId?.value)).state).toBe(TaskState.TASK_STARTING);
      const inUse = [400, "Invalid DESTROY operation: Persistent volumes in use"];
      expect(await destroy([ofR(10, "used")])).toEqual(inUse);
      expect(await destroy([ofR(10, "shared", { shared: {} })])).toEqual(inUse);
      expect(await destroy([ofR(10, "free"), ofR(10, "used")])).toEqual(inUse);
      expect(await destroy([ofR(10, "free")])).toEqual(DONE);
      for (const attempt of [
        () => grow(ofR(10, "used"), reserved("disk", 5, "r")),
        () => shrink(ofR(10, "used"), 5),
        () => unreserve([reserved("cpus", 1, "r")]),
      ]) {
        expect((await attempt())[0]).toBe(409);
      }
      // A shared volume is there for others while a task uses it.
      expect((await grow(ofR(10, "used"), reserved("disk", 5, "r")))[1]).toContain("[shared:in-shared]<SHARED>:10<1>");
      expect(await unreserve([reserved("cpus", 0.9, "r")])).toEqual(DONE);
      await scheduler.call("TEARDOWN");
    });

    test("what an operator reserved a framework can use and give back", async () => {
      expect(await reserve([reserved("cpus", 1, "r")])).toEqual(DONE);
      const scheduler = await subscribe("r");
      const offer = await offerOf(scheduler)();
      const cpus = offer.resources.filter(({ name, reservations }) => name === "cpus" && reservations.length > 0);
      const unreserveIt = { type: Offer_Operation_Type.UNRESERVE, unreserve: { resources: cpus } };
      await scheduler.accept([offer], [unreserveIt], 0);
      await eventually(async () => (await heldTexts()).join() === "disk(stat):100", {
        what: "the end of the reservation",
      });
    });

    /** The scheduler API has the same checks. */
    test.each<[string, object, string]>([
      [
        "a volume to reserve",
        { type: "RESERVE", reserve: { resources: [volume(1, "v", { reservations: [dynamic("r")] })] } },
        " does not contain disk(allocated: r)[v:in-v]:1",
      ],
      [
        "a revocable resource",
        { type: "RESERVE", reserve: { resources: [reserved("cpus", 1, "r", { revocable: {} })] } },
        "Invalid resources: Invalid ReservationInfo: Dynamically reserved resource cpus(allocated: r)(reservations: [(DYNAMIC,r)]){REV}:1 cannot be created from revocable resources; on AGENT",
      ],
      [
        "half a GPU",
        { type: "RESERVE", reserve: { resources: [reserved("gpus", 1.5, "r")] } },
        "Invalid resources: Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer; on AGENT",
      ],
      [
        "the role of all",
        { type: "RESERVE", reserve: { resources: [reserved("cpus", 1, "*")] } },
        'is invalid: Invalid reservation: role "*" cannot be reserved',
      ],
      [
        "less to grow by",
        { type: "GROW_VOLUME", grow_volume: { volume: volume(5, "v"), addition: staticDisk(-1) } },
        "Operation attempted with invalid resources: Invalid scalar resource: value <= 0",
      ],
      [
        "all of plain disk to shrink",
        { type: "SHRINK_VOLUME", shrink_volume: { volume: reserved("disk", 1, "r"), subtract: { value: 1 } } },
        "Value of 'ShrinkVolume.subtract' must be smaller than the size of 'ShrinkVolume.volume'; on AGENT",
      ],
      [
        "nothing to grow plain disk by",
        {
          type: "GROW_VOLUME",
          grow_volume: { volume: reserved("disk", 1, "r"), addition: reserved("disk", 0, "r") },
        },
        "The size of 'GrowVolume.addition' field must be greater than zero; on AGENT",
      ],
      [
        "plain disk to destroy",
        { type: "DESTROY", destroy: { volumes: [reserved("disk", 1, "r")] } },
        "Not a persistent volume: Resource disk(reservations: [(DYNAMIC,r)]):1 does not have DiskInfo; on AGENT",
      ],
    ])("an operation of a framework is refused: %s", async (_name, operation, why) => {
      const scheduler = await subscribe("r");
      const offer = await offerOf(scheduler)();
      const body = {
        type: "ACCEPT",
        framework_id: { value: scheduler.frameworkId },
        accept: {
          offer_ids: [{ value: offer.id?.value }],
          operations: [{ id: { value: "operation" }, ...operation }],
          filters: { refuse_seconds: 0 },
        },
      };
      const headers = { "Content-Type": "application/json", "Mesos-Stream-Id": scheduler.streamId ?? "" };
      expect((await send(scheduler.url, { headers, body: JSON.stringify(body) })).status).toBe(202);
      const { status } = await scheduler.stream.next("updateOperationStatus");
      const [, text] = answerOf({ status: 0, headers: {}, text: status?.message ?? "" });
      expect(text).toContain(why);
    });
  });
});

type Answer = [status: number, text: string];
const DONE: Answer = [202, ""];

function fail(why: string): never {
  throw new Error(why);
}
