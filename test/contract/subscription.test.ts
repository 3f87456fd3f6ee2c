import { afterAll, describe, expect, test } from "vitest";
import { FrameworkInfo_Capability_Type } from "../../gen/mesos/v1/mesos.js";
import { Event_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { describeEachMesos } from "../support/cluster.js";
import { codecs, json, protobuf } from "../support/codec.js";
import { eventually } from "../support/eventually.js";
import { getJson, send } from "../support/http.js";
import { frameworkInfo } from "../support/messages.js";
import { MesosScheduler, type PartialFrameworkInfo } from "../support/scheduler.js";

/** What comes on a subscription, who may have one, and how it ends. */
describeEachMesos("subscriptions", { flags: { allocation_interval: "100ms" } }, (mesos) => {
  const cleanup = new Cleanup();
  afterAll(() => cleanup.run());
  const newScheduler = (codec = json) => cleanup.use(new MesosScheduler({ ...mesos(), codec }));
  /** Without offers, so that schedulers of other cases are not disturbed. */
  const quiet = { suppressedRoles: ["*"] };
  const types = (scheduler: MesosScheduler) => scheduler.stream.received.map(({ event }) => event.type);

  describe.each(codecs)("as $name", (codec) => {
    test("begin with SUBSCRIBED and a HEARTBEAT", async () => {
      const scheduler = newScheduler(codec);
      const subscribed = await scheduler.subscribe(frameworkInfo(), quiet);
      await scheduler.stream.take(({ type }) => type === Event_Type.HEARTBEAT, { what: "HEARTBEAT" });
      expect(types(scheduler)).toEqual([Event_Type.SUBSCRIBED, Event_Type.HEARTBEAT]);
      expect(scheduler.stream.headers).toMatchObject({
        "content-type": codec.mediaType,
        "transfer-encoding": "chunked",
      });
      expect(subscribed.heartbeatIntervalSeconds).toBe(15);
      expect(subscribed.frameworkId?.value).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-\d{4,}$/);
      const { masterInfo } = subscribed;
      expect(masterInfo).toMatchObject({
        id: subscribed.frameworkId?.value?.replace(/-\d+$/, ""),
        port: mesos().port,
        pid: `master@127.0.0.1:${mesos().port}`,
        // The bytes of the address as they lie in memory, read as a number.
        ip: 0x0100007f,
        address: { ip: "127.0.0.1", port: mesos().port },
      });
      expect(masterInfo?.hostname).toBe(masterInfo?.address?.hostname);
      expect(masterInfo?.version).toMatch(/^1\.11\.\d/);
    });

    test.each<[string, PartialFrameworkInfo, string | RegExp]>([
      [
        "a role of two words",
        { roles: ["a b"] },
        "'FrameworkInfo.roles' contains invalid role: Role component 'a b' is invalid because it contains backspace or whitespace",
      ],
      ["a role that starts with a slash", { roles: ["/a"] }, /^'FrameworkInfo.roles' contains invalid role: /],
      ["a role that ends with a slash", { roles: ["a/"] }, /^'FrameworkInfo.roles' contains invalid role: /],
      ["a role with an empty component", { roles: ["a//b"] }, /^'FrameworkInfo.roles' contains invalid role: /],
      ["a role with a star below", { roles: ["a/*"] }, /^'FrameworkInfo.roles' contains invalid role: /],
      ["a role that starts with a dash", { roles: ["-a"] }, /^'FrameworkInfo.roles' contains invalid role: /],
      ["a role twice", { roles: ["a", "a"] }, /^'FrameworkInfo.roles' contains duplicate items: /],
      [
        "role and MULTI_ROLE",
        { role: "a", roles: [] },
        "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable",
      ],
      [
        "roles without MULTI_ROLE",
        { roles: ["a"], capabilities: [] },
        "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable",
      ],
      ["a slash in its id", { id: { value: "a/b" } }, /'a\/b' contains invalid characters/],
      ["an id that is a dot", { id: { value: "." } }, /'\.' is disallowed/],
      ["an id of 256 characters", { id: { value: "x".repeat(256) } }, /ID must not be greater than 255 characters/],
      [
        "a failover timeout that is no duration",
        { failoverTimeout: 1e12 },
        "The framework failover_timeout (1e+12) is invalid",
      ],
      [
        "a failover timeout of 300 years",
        { failoverTimeout: 9_467_280_000 },
        "The framework failover_timeout (9.46728e+09) is invalid",
      ],
    ])("refuse %s with ERROR and nothing else", async (_, info, message) => {
      const scheduler = newScheduler(codec);
      const stream = await scheduler.open(frameworkInfo(info), { suppressedRoles: [] });
      const error = await stream.next("error");
      await stream.ended;
      expect(error.message).toEqual(typeof message === "string" ? message : expect.stringMatching(message));
      expect(types(scheduler)).toEqual([Event_Type.ERROR]);
    });

    test("refuse to suppress a role that is not the framework's", async () => {
      const scheduler = newScheduler(codec);
      const stream = await scheduler.open(frameworkInfo({ roles: ["x"] }), { suppressedRoles: ["y"] });
      expect((await stream.next("error")).message).toBe("Suppressed role 'y' is not contained in the list of roles");
      await stream.ended;
    });

    test("go over to who subscribes with the same id", async () => {
      const first = newScheduler(codec);
      await first.subscribe(frameworkInfo(), quiet);
      const second = newScheduler(codec);
      const id = { value: first.frameworkId ?? "" };
      const { frameworkId } = await second.subscribe(frameworkInfo({ id }), quiet);
      expect(frameworkId?.value).toBe(first.frameworkId);
      expect((await first.stream.next("error")).message).toBe("Framework failed over");
      await first.stream.ended;
      expect(types(first)).toEqual([Event_Type.SUBSCRIBED, Event_Type.HEARTBEAT, Event_Type.ERROR]);
      expect(second.streamId).not.toBe(first.streamId);
      // The one before is an impostor now, and told apart from one that lost its stream.
      expect((await first.call("REVIVE")).status).toBe(400);
      expect((await second.call("SUPPRESS")).status).toBe(202);
    });

    test("end without an ERROR at TEARDOWN, and the id is burnt", async () => {
      const scheduler = newScheduler(codec);
      await scheduler.subscribe(frameworkInfo(), quiet);
      await scheduler.send("TEARDOWN");
      await scheduler.stream.ended;
      expect(types(scheduler)).toEqual([Event_Type.SUBSCRIBED, Event_Type.HEARTBEAT]);
      const again = newScheduler(codec);
      const stream = await again.open(frameworkInfo({ id: { value: scheduler.frameworkId ?? "" } }));
      expect((await stream.next("error")).message).toBe("Framework has been removed");
      await stream.ended;
    });

    test("take an id that the master does not know", async () => {
      const scheduler = newScheduler(codec);
      const id = { value: `unknown-${codec.name}` };
      const { frameworkId } = await scheduler.subscribe(frameworkInfo({ id }), quiet);
      expect(frameworkId).toMatchObject(id);
    });

    test("take an empty id for none", async () => {
      const scheduler = newScheduler(codec);
      const { frameworkId } = await scheduler.subscribe(frameworkInfo({ id: { value: "" } }), quiet);
      expect(frameworkId?.value).toMatch(/-\d{4,}$/);
    });

    test("survive a change from one codec to the other", async () => {
      const first = newScheduler(codec);
      await first.subscribe(frameworkInfo(), quiet);
      const second = newScheduler(codec === json ? protobuf : json);
      await second.subscribe(frameworkInfo({ id: { value: first.frameworkId ?? "" } }), quiet);
      expect(second.frameworkId).toBe(first.frameworkId);
    });
  });

  test("nothing but the id is unique", async () => {
    const info = frameworkInfo();
    const [one, two] = [newScheduler(), newScheduler()];
    await one.subscribe(info, quiet);
    await two.subscribe(info, quiet);
    expect(one.frameworkId).not.toBe(two.frameworkId);
    const number = (scheduler: MesosScheduler) => Number(scheduler.frameworkId?.match(/(\d+)$/)?.[1]);
    expect(number(two)).toBe(number(one) + 1);
  });

  test("heartbeats come every 15 seconds", { timeout: 30_000 }, async () => {
    const scheduler = newScheduler();
    await scheduler.subscribe(frameworkInfo(), quiet);
    const heartbeat = () => scheduler.stream.take(({ type }) => type === Event_Type.HEARTBEAT, { timeoutMs: 20_000 });
    const [first, second] = [await heartbeat(), await heartbeat()];
    expect(second.at - first.at).toBeGreaterThan(14_000);
    expect(second.at - first.at).toBeLessThan(16_500);
  });

  test("JSON names its fields as the protos do, writes defaults and never an empty list", async () => {
    const scheduler = newScheduler(json);
    await scheduler.subscribe(frameworkInfo(), quiet);
    const [subscribed, heartbeat] = scheduler.stream.received.map(({ record }) => Buffer.from(record).toString());
    expect(subscribed).toContain('"heartbeat_interval_seconds":15.0');
    expect(subscribed).not.toContain("[]");
    const parsed = JSON.parse(subscribed ?? "") as { subscribed: object };
    expect(Object.keys(parsed.subscribed).sort()).toEqual([
      "framework_id",
      "heartbeat_interval_seconds",
      "master_info",
    ]);
    await eventually(() => scheduler.stream.received.length > 1);
    expect(heartbeat ?? Buffer.from(scheduler.stream.received[1]?.record ?? []).toString()).toBe(
      '{"type":"HEARTBEAT"}',
    );
  });

  test("keep user and checkpoint, refuse another principal, take the rest", async () => {
    const first = newScheduler();
    await first.subscribe(frameworkInfo({ principal: "one", checkpoint: true }), quiet);
    const id = { value: first.frameworkId ?? "" };
    const other = await newScheduler().open(frameworkInfo({ id, principal: "two", checkpoint: true }));
    expect((await other.next("error")).message).toBe("Changing framework's principal is not allowed.");
    await other.ended;
    const second = newScheduler();
    const info = { id, principal: "one", name: "renamed", user: "nobody", checkpoint: false, failoverTimeout: 30 };
    await second.subscribe(frameworkInfo(info), quiet);
    const { frameworks } = (await getJson(`${mesos().master}/master/state`)) as { frameworks: { id: string }[] };
    expect(frameworks.find((framework) => framework.id === first.frameworkId)).toMatchObject({
      name: "renamed",
      user: "root",
      checkpoint: true,
      failover_timeout: 30,
    });
  });

  test("a framework with a failover timeout of 0 is gone with its stream", async () => {
    const scheduler = newScheduler();
    await scheduler.subscribe(frameworkInfo({ failoverTimeout: 0 }), quiet);
    scheduler.stream.stop();
    await eventually(async () => (await scheduler.call("REVIVE")).text === "Framework cannot be found");
    const stream = await newScheduler().open(frameworkInfo({ id: { value: scheduler.frameworkId ?? "" } }));
    expect((await stream.next("error")).message).toBe("Framework has been removed");
  });

  test("a framework comes back within its failover timeout", async () => {
    const scheduler = newScheduler();
    await scheduler.subscribe(frameworkInfo({ failoverTimeout: 2 }), quiet);
    scheduler.stream.stop();
    await eventually(async () => (await scheduler.call("REVIVE")).text === "Framework is not subscribed");
    const again = newScheduler();
    const id = { value: scheduler.frameworkId ?? "" };
    await again.subscribe(frameworkInfo({ id, failoverTimeout: 1 }), quiet);
    expect(again.frameworkId).toBe(id.value);
    // The timer of the first disconnection has no say any more; that of the next one has.
    again.stream.stop();
    await eventually(async () => (await again.call("REVIVE")).text === "Framework cannot be found");
  });

  test("the role whitelist, user and unknown capability numbers are no obstacle here", async () => {
    const scheduler = newScheduler(protobuf);
    const { MULTI_ROLE } = FrameworkInfo_Capability_Type;
    const capabilities = [{ type: MULTI_ROLE }, { type: 99 as FrameworkInfo_Capability_Type }];
    await scheduler.subscribe(frameworkInfo({ capabilities, user: "nobody" }), quiet);
    expect(scheduler.frameworkId).toBeDefined();
  });

  describe("UPDATE_FRAMEWORK", () => {
    test("changes what may change", async () => {
      const scheduler = newScheduler();
      await scheduler.subscribe(frameworkInfo(), quiet);
      const id = { value: scheduler.frameworkId ?? "" };
      const update = (info: PartialFrameworkInfo) =>
        scheduler.call("UPDATE_FRAMEWORK", {
          updateFramework: { frameworkInfo: frameworkInfo({ id, ...info }), ...quiet },
        });
      expect(await update({ name: "updated" })).toMatchObject({ status: 200, text: "" });
      const { frameworks } = (await getJson(`${mesos().master}/master/state`)) as { frameworks: { id: string }[] };
      expect(frameworks.find((framework) => framework.id === id.value)).toMatchObject({ name: "updated" });

      const user = await update({ user: "other" });
      expect(user.status).toBe(400);
      expect(user.text).toContain(
        "Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'root' to 'other'",
      );
      const checkpoint = await update({ checkpoint: true });
      expect(checkpoint.status).toBe(400);
      expect(checkpoint.text).toContain("Updating 'FrameworkInfo.checkpoint' is unsupported");
      expect((await update({ roles: ["a b"] })).text).toMatch(/^Supplied FrameworkInfo is not valid: /);
    });

    test("takes suppressed roles as they are given", async () => {
      const scheduler = newScheduler();
      await scheduler.subscribe(frameworkInfo(), quiet);
      const id = { value: scheduler.frameworkId ?? "" };
      const frameworkUpdate = { frameworkInfo: frameworkInfo({ id }) };
      const wrong = await scheduler.call("UPDATE_FRAMEWORK", {
        updateFramework: { ...frameworkUpdate, suppressedRoles: ["y"] },
      });
      expect(wrong.status).toBe(400);
      // None suppressed any more: offers come.
      expect((await scheduler.call("UPDATE_FRAMEWORK", { updateFramework: frameworkUpdate })).status).toBe(200);
      await scheduler.offers();
      await scheduler.send("TEARDOWN");
    });
  });

  test("an operator's teardown ends the stream as the scheduler's own does", async () => {
    const scheduler = newScheduler();
    await scheduler.subscribe(frameworkInfo(), quiet);
    const body = JSON.stringify({ type: "TEARDOWN", teardown: { framework_id: { value: scheduler.frameworkId } } });
    const answer = await send(`${mesos().master}/api/v1`, { body, headers: { "Content-Type": "application/json" } });
    expect(answer.status).toBe(200);
    await scheduler.stream.ended;
    expect((await scheduler.call("REVIVE")).text).toBe("Framework cannot be found");
  });
});
