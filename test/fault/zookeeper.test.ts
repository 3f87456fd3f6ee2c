import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFailed, test } from "vitest";
import { TaskState, TaskStatus_Reason } from "../../gen/mesos/v1/mesos.js";
import { LinkState } from "../../gen/mesosbridge/v1/scheduler.js";
import { ZookeeperDetector } from "../../server/mesos/detect/zookeeperDetector.js";
import { type Bridge, startBridge } from "../support/bridge.js";
import { BridgeScheduler, ids } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import type { MesosCluster } from "../support/cluster.js";
import { startEmbeddedMesos } from "../support/embeddedMesos.js";
import { eventually } from "../support/eventually.js";
import { health, healthIs } from "../support/health.js";
import { task, unique } from "../support/messages.js";
import { realMesosMissing, startRealMesos } from "../support/realMesos.js";
import { startProxy } from "./proxy.js";
import { Contender, masterInfo, startZookeeper, type ZookeeperServer, zookeeperMissing } from "./zookeeperServer.js";

const { LINK_STATE_CONNECTED, LINK_STATE_CONNECTING } = LinkState;
const missing = [realMesosMissing(), await zookeeperMissing()].filter((reason) => reason !== undefined);
const wanted = missing.length === 0 || process.env.CI === "true";
if (missing.length > 0) console.error(`NOT TESTED, masters by ZooKeeper: ${missing.join("; ")}`);

describe.runIf(wanted)("masters by ZooKeeper", () => {
  const all = new Cleanup();
  let zookeeper: ZookeeperServer;
  let real: MesosCluster;
  beforeAll(async () => {
    zookeeper = all.use(await startZookeeper());
    real = all.use(await startRealMesos({ agents: 1 }));
  });
  afterAll(() => all.run());
  // A framework that stays holds the agent's offers: each test ends its own.
  let each = new Cleanup();
  beforeEach(() => {
    each = new Cleanup();
  });
  afterEach(() => each.run());

  /** What one test starts, on a path of its own. */
  async function setUp({ credentials, makePath = true }: { credentials?: string; makePath?: boolean } = {}) {
    const path = `/${unique("mesos")}`;
    const contender = each.use(await Contender.connect(zookeeper.address, path, credentials));
    if (makePath) await contender.makePath(credentials !== undefined);
    return { path, contender };
  }

  async function bridgeAt(path: string, credentials = "", flags: string[] = []): Promise<Bridge> {
    const at = credentials === "" ? "" : `${credentials}@`;
    const bridge = each.use(await startBridge({ master: `zk://${at}${zookeeper.address}${path}`, flags }));
    onTestFailed(() => console.error(bridge.log()));
    return bridge;
  }

  async function attach(bridge: Bridge): Promise<BridgeScheduler> {
    return each.use(await BridgeScheduler.attach(bridge.address));
  }

  /** The next change to a link that looks for a master, for a reason like this. */
  async function lost(scheduler: BridgeScheduler, reason: RegExp): Promise<void> {
    const is = ({ event }: { event?: { $case: string; value: unknown } | undefined }) => {
      if (event?.$case !== "linkChanged") return false;
      const change = event.value as { state: LinkState; reason: string };
      return change.state === LINK_STATE_CONNECTING && reason.test(change.reason);
    };
    await scheduler.stream.next(is, { what: String(reason), timeoutMs: 15_000 });
  }

  test("the bridge waits for a path, for a node and for one that can be read, and says so", async () => {
    const { path, contender } = await setUp({ makePath: false });
    const bridge = await bridgeAt(path);
    const scheduler = await attach(bridge);
    await lost(scheduler, /^no master leads: zk:\S+ does not exist yet$/);
    const early = await scheduler.call("reviveOffers", {});
    expect(early).toMatchObject({ code: "UNAVAILABLE", message: expect.stringContaining("does not exist yet") });

    await contender.makePath();
    await lost(scheduler, /^no master leads: zk:\S+ holds no json.info_ node$/);
    const old = await contender.enter("\u0008\u0001", { prefix: "info_" });
    await lost(scheduler, /holds nodes of masters before Mesos 0.24 only$/);
    await contender.leave(old);
    const node = await contender.enter("}{");
    await lost(scheduler, /^the leader's node zk:\S+json.info_\d+ can't be used: it is not JSON$/);
    await contender.rewrite(node, { address: { port: "x" } });
    await lost(scheduler, /can't be used: its field address.port is not as Mesos writes it$/);
    await contender.rewrite(node, masterInfo("127.0.0.1", real.port));
    const linked = await scheduler.linkChanged(LINK_STATE_CONNECTED);
    expect(linked.master).toBe(`127.0.0.1:${real.port}`);
    await bridge.process.logged(/a Mesos master answers/);
  });

  test("the lowest sequence leads, and others do not matter", async () => {
    const { path, contender } = await setUp();
    await contender.enter(masterInfo("127.0.0.1", real.port));
    await contender.enter(masterInfo("127.0.0.1", 1));
    await contender.enter("garbage");
    await contender.enter("", { prefix: "log_replicas" });
    const scheduler = await attach(await bridgeAt(path));
    await scheduler.linked();
    expect(scheduler.frameworkId).not.toBe("");
  });

  test("another master leads: the framework moves with its id, its offers are void, its tasks are reconciled", async () => {
    const { path, contender } = await setUp();
    // The same cluster at another address: so the tasks are still there.
    const proxy = each.use(await startProxy(real.port));
    const first = await contender.enter(masterInfo("127.0.0.1", real.port));
    const second = await contender.enter(masterInfo("127.0.0.1", proxy.port));
    const bridge = await bridgeAt(path);
    const scheduler = await (await attach(bridge)).linked();
    const { frameworkId } = scheduler;
    const running = task(undefined, { command: { value: "sleep 300", shell: true } });
    const taskId = running.taskId?.value ?? "";
    const used = await scheduler.offer();
    await scheduler.launch(used, { ...running, agentId: used.agentId });
    await scheduler.updateTo(taskId, TaskState.TASK_RUNNING, { timeoutMs: 20_000 });
    const void_ = await scheduler.offer();

    await contender.leave(first);
    await lost(scheduler, new RegExp(`^127.0.0.1:${proxy.port} leads now$`));
    const moved = await scheduler.linkChanged(LINK_STATE_CONNECTED);
    expect(moved.master).toBe(`127.0.0.1:${proxy.port}`);
    await scheduler.mesos("subscribed");
    expect((await scheduler.mesos("subscribed")).frameworkId?.value).toBe(frameworkId);
    const late = task(void_.agentId, { command: { value: "true", shell: true } });
    const gone = await scheduler.call("launchTasks", { offerIds: ids([void_]), tasks: [late] });
    expect(gone).toMatchObject({ code: "FAILED_PRECONDITION", reason: "OFFER_GONE" });
    const reconciled = await scheduler.update(taskId);
    expect(reconciled).toMatchObject({
      state: TaskState.TASK_RUNNING,
      reason: TaskStatus_Reason.REASON_RECONCILIATION,
    });
    const again = await scheduler.offer();
    expect(again.id?.value).not.toBe(void_.id?.value);
    expect(proxy.connections).toBeGreaterThanOrEqual(2);

    await contender.leave(second);
    await lost(scheduler, /^the leading master is gone$/);
    await lost(scheduler, /^no master leads: zk:\S+ holds no json.info_ node$/);
    await bridge.process.logged(/"reason":"no master leads: [^"]*","msg":"no Mesos master: retrying"/);

    const other = each.use(await startEmbeddedMesos({ agents: 1 }));
    await contender.enter(masterInfo("127.0.0.1", other.port));
    const elsewhere = await scheduler.linkChanged(LINK_STATE_CONNECTED);
    expect(elsewhere.master).toBe(`127.0.0.1:${other.port}`);
    const ofOther = await scheduler.mesos("subscribed");
    expect([ofOther.frameworkId?.value, ofOther.masterInfo?.port]).toEqual([frameworkId, other.port]);
    // This cluster has never heard of the task.
    const unknown = await scheduler.update(taskId, { timeoutMs: 20_000 });
    expect(unknown.reason).toBe(TaskStatus_Reason.REASON_RECONCILIATION);
    expect(unknown.state).not.toBe(TaskState.TASK_RUNNING);
    await scheduler.offer();
  });

  test("a ZooKeeper that is down takes nothing from a link that works, and elections count again when it is back", async () => {
    const { path, contender } = await setUp();
    const proxy = each.use(await startProxy(real.port));
    // The contender's client may hang for ever on a server that is just starting, and its session end with that.
    const first = await contender.enter(masterInfo("127.0.0.1", real.port), { forGood: true });
    await contender.enter(masterInfo("127.0.0.1", proxy.port), { forGood: true });
    const bridge = await bridgeAt(path);
    const scheduler = await (await attach(bridge)).linked();
    await scheduler.offer();
    const changes = () => scheduler.stream.received.filter(({ event }) => event?.$case === "linkChanged").length;
    const before = changes();

    await zookeeper.kill();
    try {
      await bridge.process.logged(/"reason":"nothing listens at [^"]*","msg":"ZooKeeper can't be read/);
      await scheduler.ok("suppressOffers", {});
      await scheduler.ok("reviveOffers", {});
      const late = await bridgeAt(path);
      const waiting = await attach(late);
      await lost(waiting, /^ZooKeeper can't be read: nothing listens at/);
      await zookeeper.start();
      await waiting.linkChanged(LINK_STATE_CONNECTED, { timeoutMs: 15_000 });
    } finally {
      await zookeeper.start();
    }
    await bridge.process.logged(/ZooKeeper names the leading master[\s\S]*ZooKeeper names the leading master/);
    expect(changes()).toBe(before);
    const later = each.use(await Contender.connect(zookeeper.address, path));
    await later.leave(first);
    const moved = await scheduler.linkChanged(LINK_STATE_CONNECTED, { timeoutMs: 15_000 });
    expect(moved.master).toBe(`127.0.0.1:${proxy.port}`);
  });

  test("a master that ZooKeeper names and that does not lead yet, or not any more, is no reason to be healthy", async () => {
    const { path, contender } = await setUp();
    const standby = each.use(await startEmbeddedMesos({ agents: 1 }));
    const unavailable = { kind: "unavailable", text: "No leader elected" } as const;
    standby.faults.standDown(unavailable);
    const node = await contender.enter(masterInfo("127.0.0.1", standby.port));
    const bridge = await bridgeAt(path);
    await bridge.process.logged(/"reason":"the master is not ready \(503\): No leader elected"/);
    expect(await health(bridge.address)).toBe("NOT_SERVING");
    standby.faults.standDown(undefined);
    await healthIs(bridge.address, "SERVING");
    const scheduler = await (await attach(bridge)).linked();

    standby.faults.standDown(unavailable);
    standby.faults.dropStream(scheduler.frameworkId);
    await healthIs(bridge.address, "NOT_SERVING");
    await contender.enter(masterInfo("127.0.0.1", real.port));
    await contender.leave(node);
    await scheduler.linkChanged(LINK_STATE_CONNECTED);
    await healthIs(bridge.address, "SERVING");
  });

  test("credentials open nodes that others can't read, and are told to nobody", async () => {
    const secret = "s3cret-of-zookeeper";
    const { path, contender } = await setUp({ credentials: `bridge:${secret}` });
    await contender.enter(masterInfo("127.0.0.1", real.port));
    const without = await bridgeAt(path);
    await lost(await attach(without), /may not be read by this user: give user:password@ before the servers$/);
    const wrong = await bridgeAt(path, `bridge:not-${secret}`);
    await lost(await attach(wrong), /may not be read by this user: check user and password$/);
    const right = await bridgeAt(path, `bridge:${secret}`, ["--log-level", "debug"]);
    const scheduler = await (await attach(right)).linked();
    await contender.removeAll();
    await lost(scheduler, /no master leads/);
    for (const bridge of [without, wrong, right]) expect(bridge.log()).not.toContain(secret);
    for (const { event } of scheduler.stream.received) expect(JSON.stringify(event, bigints)).not.toContain(secret);
  });

  test("a session that expired is followed by another", async () => {
    const { path, contender } = await setUp();
    const first = await contender.enter(masterInfo("127.0.0.1", 1001));
    await contender.enter(masterInfo("127.0.0.1", 1002));
    const proxy = each.use(await startProxy(Number(zookeeper.address.split(":")[1])));
    const lines: string[] = [];
    const note = (fields: object, message: string) => lines.push(`${message} ${JSON.stringify(fields)}`);
    const detector = new ZookeeperDetector(
      { kind: "zookeeper", tls: false, servers: `127.0.0.1:${proxy.port}`, path, auth: undefined },
      {
        log: { debug: note, info: note, warn: note, error: note },
        sessionTimeoutMs: 600,
        connectTimeoutMs: 300,
        maxBackoffMs: 200,
      },
    );
    each.defer(() => detector.close());
    const leaders: (string | undefined)[] = [];
    detector.onLeaderChanged((leader) => leaders.push(leader?.port));
    expect((await detector.next(AbortSignal.timeout(5_000))).port).toBe("1001");

    proxy.pause();
    await eventually(() => detector.describe().includes("does not answer"), { what: "noticing the silence" });
    expect(detector.describe()).toMatch(/^127\.0\.0\.1:1001, the leader by zk:\S+ before ZooKeeper was lost: /);
    // Nobody tells the bridge now; by the time that it hears again, its session is another one.
    await contender.leave(first);
    expect((await detector.next(AbortSignal.timeout(5_000))).port).toBe("1001");
    proxy.resume();
    await eventually(() => leaders.at(-1) === "1002", { what: "the new leader" });
    expect(leaders).toEqual(["1001", "1002"]);
    expect(proxy.connections).toBeGreaterThanOrEqual(2);
  });
});

const bigints = (_: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);
