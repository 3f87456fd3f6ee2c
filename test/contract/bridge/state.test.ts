import { describe, expect, test } from "vitest";
import { TaskState } from "../../../gen/mesos/v1/mesos.js";
import { SubscribeMode } from "../../../gen/mesosbridge/v1/scheduler.js";
import { type BridgeScheduler, ids } from "../../support/bridgeScheduler.js";
import { describeBridge } from "../../support/describeBridge.js";
import { resources, task } from "../../support/messages.js";
import { removeAtMaster } from "../../support/removeAtMaster.js";

const cluster = { agents: 1, resources: "cpus:4;mem:2048;disk:1000" };
const { TASK_RUNNING, TASK_ERROR } = TaskState;
const sleep = { command: { value: "exec sleep 100" } };

/** What a scheduler has to remember, the bridge remembers. */
describeBridge("the state of a scheduler", cluster, (suite) => {
  const again = ({ name }: BridgeScheduler, bridge = suite().bridge) =>
    suite().attach({ frameworkName: name, frameworkInfo: undefined }, bridge);

  async function put(scheduler: BridgeScheduler, key: string, value: string, ifVersion?: bigint): Promise<bigint> {
    return (await scheduler.ok("putState", { key, value: Buffer.from(value), ifVersion })).version;
  }

  async function get(scheduler: BridgeScheduler, key: string): Promise<string | undefined> {
    const { entry } = await scheduler.ok("getState", { key });
    return entry && `${entry.value} ${entry.version}`;
  }

  async function list(scheduler: BridgeScheduler, request: { prefix?: string; pageSize?: number; pageToken?: string }) {
    const { entries, nextPageToken } = await scheduler.ok("listState", request);
    return { keys: entries.map(({ key }) => key), nextPageToken, entries };
  }

  test("survives the bridge, and has a new version with each write", async () => {
    const bridge = await suite().ownBridge();
    const first = await suite().attach({}, bridge);
    expect(await get(first, "a")).toBeUndefined();
    expect([await put(first, "a", "one"), await put(first, "a", "two"), await put(first, "b", "")]).toEqual([
      1n,
      2n,
      3n,
    ]);
    await first.ok("deleteState", { key: "b" });
    await first.ok("deleteState", { key: "b" });
    await bridge.kill();
    await bridge.restart();
    const second = await again(first, bridge);
    expect([await get(second, "a"), await get(second, "b")]).toEqual(["two 2", undefined]);
    expect(await put(second, "b", "again")).toBe(4n);
  });

  test("is written only if the key has the version that the client expects", async () => {
    const scheduler = await suite().attach();
    expect(await put(scheduler, "a", "one", 0n)).toBe(1n);
    expect(await put(scheduler, "a", "two", 1n)).toBe(2n);
    const stale = await scheduler.call("putState", { key: "a", value: Buffer.from("three"), ifVersion: 1n });
    expect(stale).toMatchObject({
      code: "ABORTED",
      reason: "STATE_CHANGED",
      metadata: { key: "a", version: "2", field: "if_version" },
      message:
        "nothing was changed: the key 'a' has version 2, and by if_version it must have version 1: read it again, and decide anew",
    });
    expect(await scheduler.call("deleteState", { key: "a", ifVersion: 1n })).toMatchObject({ reason: "STATE_CHANGED" });
    expect(await scheduler.call("deleteState", { key: "b", ifVersion: 1n })).toMatchObject({ reason: "STATE_CHANGED" });
    expect(await scheduler.call("putState", { key: "a", ifVersion: 2n ** 64n - 1n })).toMatchObject({
      reason: "STATE_CHANGED",
    });
    expect(await get(scheduler, "a")).toBe("two 2");
    await scheduler.ok("deleteState", { key: "a", ifVersion: 2n });
    await scheduler.ok("deleteState", { key: "a", ifVersion: 0n });
  });

  test("is listed in the order of its keys, page by page", async () => {
    const scheduler = await suite().attach();
    for (const key of ["jobs/2", "other", "jobs/10", "jobs", "jobs/1"]) await put(scheduler, key, `of ${key}`);
    expect((await list(scheduler, {})).keys).toEqual(["jobs", "jobs/1", "jobs/10", "jobs/2", "other"]);
    const first = await list(scheduler, { prefix: "jobs/", pageSize: 2 });
    expect(first.keys).toEqual(["jobs/1", "jobs/10"]);
    expect(first.entries[0]?.value.toString()).toBe("of jobs/1");
    await scheduler.ok("deleteState", { key: "jobs/10" });
    const second = await list(scheduler, { prefix: "jobs/", pageSize: 2, pageToken: first.nextPageToken });
    expect([second.keys, second.nextPageToken]).toEqual([["jobs/2"], ""]);
    const large = Buffer.alloc(512 * 1024);
    for (let i = 0; i < 7; i++) await scheduler.ok("putState", { key: `large/${i}`, value: large });
    const page = await list(scheduler, { prefix: "large/" });
    expect(page.keys.length).toBe(5);
    expect((await list(scheduler, { prefix: "large/", pageToken: page.nextPageToken })).keys.length).toBe(2);
  });

  test("is for the active client alone", async () => {
    const first = await suite().attach();
    await put(first, "a", "one");
    const { name: frameworkName } = first;
    const mode = SubscribeMode.SUBSCRIBE_MODE_STANDBY;
    const standby = await suite().attach({ frameworkName, frameworkInfo: undefined, mode });
    const second = await again(first);
    for (const [client, reason] of [
      [standby, "NOT_ACTIVE"],
      [first, "ATTACHMENT_SUPERSEDED"],
    ] as const) {
      const { header } = client;
      expect(await second.client.call("putState", { header, key: "a", value: Buffer.from("x") })).toMatchObject({
        reason,
      });
      expect(await second.client.call("deleteState", { header, key: "a" })).toMatchObject({ reason });
      expect(await second.client.call("getState", { header, key: "a" })).toMatchObject({ reason });
      expect(await second.client.call("listState", { header })).toMatchObject({ reason });
    }
    expect(await get(second, "a")).toBe("one 1");
  });

  test("goes with a teardown, and stays if Mesos has removed the framework and the client continues", async () => {
    const { mesos } = suite();
    const first = await suite().attach();
    await first.linked();
    await put(first, "a", "one");
    await removeAtMaster(mesos.master, first.frameworkId, first.name);
    await first.stream.ending();
    const second = await suite().attach({
      frameworkName: first.name,
      frameworkInfo: undefined,
      replaceRemoved: true,
    });
    expect((await second.mesos("subscribed")).frameworkId?.value).not.toBe(first.frameworkId);
    expect(await get(second, "a")).toBe("one 1");
    expect(await put(second, "b", "two")).toBe(2n);
    await second.ok("teardown");
    const third = await suite().attach({ frameworkName: first.name });
    expect(await get(third, "a")).toBeUndefined();
  });

  describe("of a launch", () => {
    test("is there if Mesos has got the launch, also if a task fails then", async () => {
      const scheduler = await suite().attach();
      const offer = await scheduler.offer();
      const info = task(offer.agentId, { ...sleep, resources: resources("cpus:1000;mem:32") });
      const id = info.taskId?.value ?? "";
      await put(scheduler, "gone", "");
      const { stateVersion } = await scheduler.ok("launchTasks", {
        offerIds: ids([offer]),
        tasks: [info],
        state: [
          { key: "next", value: Buffer.from("18") },
          { key: "gone", delete: true },
        ],
      });
      expect(stateVersion).toBe(2n);
      await scheduler.updateTo(id, TASK_ERROR);
      const second = await again(scheduler);
      expect([await get(second, "next"), await get(second, "gone")]).toEqual(["18 2", undefined]);
    });

    test("is not changed by one that is not made", async () => {
      const scheduler = await suite().attach();
      const offer = await scheduler.offer();
      const info = task(offer.agentId, sleep);
      const id = info.taskId?.value ?? "";
      await put(scheduler, "a", "old");
      const launchWith = (request: object) =>
        scheduler.call("launchTasks", {
          offerIds: ids([offer]),
          tasks: [info],
          state: [{ key: "a", value: Buffer.from("new") }],
          ...request,
        });
      expect(await launchWith({ offerIds: [{ value: "gone" }] })).toMatchObject({ reason: "OFFER_GONE" });
      expect(await launchWith({ state: [{ key: "a", ifVersion: 7n }] })).toMatchObject({
        reason: "STATE_CHANGED",
        metadata: { field: "state[0].if_version" },
      });
      const bad: [object[], string][] = [
        [[{ key: "a" }, { key: "a" }], "state[1].key must not be that of another change: send one for each key"],
        [[{ key: "a b" }], "state[0].key must have 1 to 255 letters, digits and characters of ._-:/"],
        [[{ key: "a", value: Buffer.from("x"), delete: true }], "state[0].value must be empty if the key is deleted"],
        [
          Array.from({ length: 1_001 }, (_, i) => ({ key: `k${i}` })),
          "state must have at most 1000 changes, and has 1001",
        ],
      ];
      for (const [state, message] of bad) expect(await launchWith({ state })).toMatchObject({ message });
      const large = { state: [{ key: "a", value: Buffer.alloc(300_000) }], cookies: { [id]: Buffer.alloc(300_000) } };
      expect((await launchWith(large)).message).toMatch(
        /^state must have at most 512 KiB in all, together with cookies, and has 6\d{5} bytes$/,
      );
      expect(await get(scheduler, "a")).toBe("old 1");
      expect(await launchWith({})).toMatchObject({ code: "OK", response: { stateVersion: 2n } });
      await scheduler.updateTo(id, TASK_RUNNING);
    });
  });

  test("has no bad keys, values or pages", async () => {
    const scheduler = await suite().attach();
    const text = "must have 1 to 255 letters, digits and characters of ._-:/";
    for (const key of ["", "a b", "é", "a\n", "x".repeat(256)]) {
      expect(await scheduler.call("putState", { key })).toMatchObject({
        reason: "INVALID_FIELD",
        message: `key ${text}`,
      });
      expect(await scheduler.call("getState", { key })).toMatchObject({ reason: "INVALID_FIELD" });
      expect(await scheduler.call("deleteState", { key })).toMatchObject({ reason: "INVALID_FIELD" });
    }
    expect(await scheduler.call("listState", { prefix: "a b" })).toMatchObject({ message: `prefix ${text}` });
    expect(await scheduler.call("listState", { pageSize: -1 })).toMatchObject({ reason: "INVALID_FIELD" });
    expect(await scheduler.call("listState", { pageToken: "?" })).toMatchObject({ reason: "INVALID_FIELD" });
    expect(await scheduler.call("putState", { key: "a", value: Buffer.alloc(512 * 1024 + 1) })).toMatchObject({
      message: "value must have at most 512 KiB, and has 524289 bytes",
    });
    expect((await list(scheduler, {})).keys).toEqual([]);
    await scheduler.ok("putState", { key: "x".repeat(255), value: Buffer.alloc(512 * 1024) });
  });
});
