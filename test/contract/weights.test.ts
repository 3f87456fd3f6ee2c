import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Call_Type } from "../../gen/mesos/v1/master/master.js";
import { describeEachMesos } from "../support/cluster.js";
import { codecs } from "../support/codec.js";
import { eventually } from "../support/eventually.js";
import { getJson, type RawAnswer, send } from "../support/http.js";
import { frameworkInfo } from "../support/messages.js";
import { OpenOffers } from "../support/openOffers.js";
import { ask, operate, rolesOf } from "../support/operator.js";
import { MesosScheduler } from "../support/scheduler.js";

const cluster = { agents: 4, resources: "cpus:4;mem:1024", flags: { allocation_interval: "100ms" } };
const answer = ({ status, text }: RawAnswer) => [status, text];
interface Weight {
  role: string;
  weight: number;
}

/** Weights of roles, which stay once they are set: each case has roles of its own. */
describeEachMesos("weights", cluster, (mesos) => {
  const shown = async () => (await getJson(`${mesos().master}/weights`)) as Weight[];
  const put = (body: string) => send(`${mesos().master}/weights`, { method: "PUT", body });
  const call = (infos: unknown) =>
    operate(mesos().master, { type: "UPDATE_WEIGHTS", update_weights: { weight_infos: infos } });
  const set = async (weights: Record<string, number>) => {
    const infos = Object.entries(weights).map(([role, weight]) => ({ role, weight }));
    expect(answer(await call(infos))).toEqual([200, ""]);
  };

  test("there are none at first", async () => {
    expect(await shown()).toEqual([]);
    expect(JSON.parse((await operate(mesos().master, { type: "GET_WEIGHTS" })).text)).toEqual({ type: "GET_WEIGHTS" });
    expect(answer(await operate(mesos().master, { type: "UPDATE_WEIGHTS", update_weights: {} }))).toEqual([200, ""]);
    expect(answer(await put("[]"))).toEqual([200, ""]);
    expect(await shown()).toEqual([]);
  });

  describe.each(["UPDATE_WEIGHTS", "PUT /weights"])("%s", (how) => {
    const update = async (infos: readonly object[]) =>
      answer(how === "UPDATE_WEIGHTS" ? await call(infos) : await put(JSON.stringify(infos)));

    test.each<[string, object, string]>([
      ["no role", { weight: 1 }, ": Invalid role '': Role names cannot be the empty string"],
      ["spaces", { role: " \t", weight: -1 }, ": Invalid role '': Role names cannot be the empty string"],
      [
        "a bad role",
        { role: "a b", weight: -1 },
        ": Invalid role 'a b': Role component 'a b' is invalid because it contains backspace or whitespace",
      ],
      [
        "a role with a slash at its end",
        { role: " a/ ", weight: 1 },
        ": Invalid role 'a/': Role 'a/' cannot end with a slash",
      ],
      ["0", { role: "a", weight: 0 }, " for role 'a': Invalid weight '0': Weights must be positive"],
      [
        "a large negative number",
        { role: " a", weight: -1234567.25 },
        " for role 'a': Invalid weight '-1.23457e+06': Weights must be positive",
      ],
      [
        "a small negative number",
        { role: "a", weight: -1e-7 },
        " for role 'a': Invalid weight '-1e-07': Weights must be positive",
      ],
    ])("of %s is refused, and all others with it", async (_, info, text) => {
      const before = await shown();
      expect(await update([{ role: "good", weight: 2 }, info])).toEqual([
        400,
        `Failed to validate update weights request JSON${text}`,
      ]);
      expect(await shown()).toEqual(before);
    });

    test.each(codecs)("sets weights, which are shown as $name", async (codec) => {
      const role = `${how === "UPDATE_WEIGHTS" ? "u" : "p"}-${codec.name}`;
      const infos = [
        { role: `${role}/below`, weight: 0.001 },
        { role: ` ${role}\t`, weight: 1 },
        { role, weight: 1234567.25 },
      ];
      expect(await update(infos)).toEqual([200, ""]);
      const expected = [{ role, weight: 1234567.25 }, infos[0]];
      const mine = (all: readonly { role?: string | undefined; weight?: number | undefined }[]) =>
        all.filter((each) => each.role?.startsWith(role)).sort((a, b) => (a.role ?? "").length - (b.role ?? "").length);
      expect(mine(await shown())).toEqual(expected);
      const { getWeights } = await ask(mesos().master, { type: Call_Type.GET_WEIGHTS }, codec);
      expect(mine(getWeights?.weightInfos ?? [])).toEqual(expected);
      expect(await rolesOf(mesos().master)).toMatchObject({
        [role]: { weight: 1234567.25, quota: { limit: {}, guarantee: {} }, frameworks: [] },
        [`${role}/below`]: { weight: 0.001 },
      });
    });
  });

  test("the role of a weight is known, and so are those above it", async () => {
    await set({ "above/below": 2 });
    expect(await rolesOf(mesos().master)).toMatchObject({ above: { weight: 1 }, "above/below": { weight: 2 } });
  });

  test("one may be infinite", async () => {
    expect(answer(await call([{ role: "infinite", weight: "Infinity" }]))).toEqual([200, ""]);
    expect((await shown()).find(({ role }) => role === "infinite")?.weight).toBe("Infinity");
    const { getWeights } = await ask(mesos().master, { type: Call_Type.GET_WEIGHTS });
    expect(getWeights?.weightInfos.find(({ role }) => role === "infinite")?.weight).toBe(Number.POSITIVE_INFINITY);
    expect((await rolesOf(mesos().master)).infinite?.weight).toBe("Infinity");
    await set({ infinite: 1 });
  });

  test.each<[string, string]>([
    ["", "parse update weights request JSON '': syntax error at line 1 near: "],
    ["x", "parse update weights request JSON 'x': syntax error at line 1 near: x"],
    ["{}", "parse update weights request JSON '{}': Unexpected JSON type parsed"],
    ["[1]", "convert weights JSON array to protobuf '[1]': Expecting a JSON object"],
    ['[{"role":"x"}]', `convert weights JSON array to protobuf '[{"role":"x"}]': Missing required fields: weight`],
    [
      '[{"weight":2,"role":7}]',
      `convert weights JSON array to protobuf '[{"weight":2,"role":7}]': Not expecting a JSON number for field 'role'`,
    ],
  ])("a PUT of '%s' is refused", async (body, text) => {
    expect(answer(await put(body))).toEqual([400, `Failed to ${text}`]);
  });

  test("a call without its parts is refused", async () => {
    expect(answer(await operate(mesos().master, { type: "UPDATE_WEIGHTS" }))).toEqual([
      400,
      "Failed to validate master::Call: Expecting 'update_weights' to be present",
    ]);
    expect(answer(await call([{ role: "a" }]))).toEqual([
      400,
      "Failed to convert JSON into Call protobuf: Missing required fields: update_weights.weight_infos[0].weight",
    ]);
  });

  test.each(["/weights", "/weights/x", "/master/weights"])("%s knows GET and PUT", async (path) => {
    const refused = await send(`${mesos().master}${path}`, { method: "POST", body: "[]" });
    expect(answer(refused)).toEqual([
      405,
      "405 Method Not Allowed. Expecting one of { 'GET', 'PUT' }, but received 'POST'.",
    ]);
    expect(refused.headers.allow).toBe("GET, PUT");
    expect(await getJson(`${mesos().master}${path}`)).toEqual(await shown());
  });

  describe("in offers", () => {
    const schedulers: MesosScheduler[] = [];
    /** A framework that holds all agents while those that are to share them come. */
    let holder: { scheduler: MesosScheduler; offers: OpenOffers };
    beforeEach(async () => {
      holder = await subscribe("holder");
      await holder.offers.until({ cpus: 16 });
    });
    afterEach(async () => {
      for (const scheduler of schedulers.splice(0)) {
        await scheduler.call("TEARDOWN");
        scheduler.stop();
      }
    });

    async function subscribe(role: string): Promise<typeof holder> {
      const scheduler = new MesosScheduler(mesos());
      schedulers.push(scheduler);
      await scheduler.subscribe(frameworkInfo({ roles: [role] }));
      return { scheduler, offers: new OpenOffers(scheduler) };
    }

    /** How many agents frameworks in these roles are offered when all get free at once. */
    async function shared(...roles: string[]): Promise<number[]> {
      const frameworks: (typeof holder)[] = [];
      for (const role of roles) frameworks.push(await subscribe(role));
      await holder.scheduler.send("SUPPRESS");
      await holder.offers.decline(0);
      const counts = () => frameworks.map(({ offers }) => offers.all.length);
      await eventually(() => counts().reduce((sum, count) => sum + count, 0) === 4);
      return counts();
    }

    test("a role with three times the weight is offered three times as much", async () => {
      await set({ "heavy-1": 3 });
      expect(await shared("light-1", "heavy-1")).toEqual([1, 3]);
      const metrics = (await getJson(`${mesos().master}/metrics/snapshot`)) as Record<string, number>;
      expect(metrics).toMatchObject({
        "allocator/mesos/roles/light-1/shares/dominant": 0.25,
        "allocator/mesos/roles/heavy-1/shares/dominant": 0.25,
      });
    });

    test("the weight of a role counts for those below it together", async () => {
      await set({ "heavy-2": 3, "heavy-2/a": 2 });
      expect(await shared("light-2", "heavy-2/a", "heavy-2/b")).toEqual([1, 2, 1]);
    });

    test("a role and those below it share what is theirs", async () => {
      expect(await shared("alone-3", "both-3/a", "both-3/b")).toEqual([2, 1, 1]);
    });

    test("all offers are rescinded when a role that frameworks have gets a weight", async () => {
      const before = holder.offers.all.map(({ id }) => id?.value);
      await set({ stranger: 5, "holder/below": 2 });
      expect(holder.offers.all.map(({ id }) => id?.value)).toEqual(before);
      await set({ holder: 1 });
      await eventually(
        () => holder.offers.all.length === 4 && !holder.offers.all.some(({ id }) => before.includes(id?.value)),
      );
    });
  });
});
