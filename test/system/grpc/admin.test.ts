import { type ClientError, createChannel, createClient, Status } from "nice-grpc";
import { beforeAll, describe, expect, test } from "vitest";
import { Call_Type, Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { type AdminServiceClient, AdminServiceDefinition, LogLevel } from "../../../gen/mesosbridge/v1/admin.js";
import { AnsweringMaster } from "../../support/answeringMaster.js";
import { type Bridge, startBridge } from "../../support/bridge.js";
import { BridgeScheduler } from "../../support/bridgeScheduler.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import { task, unique } from "../../support/messages.js";

const cleanup = cleanupAfterAll();
let master: AnsweringMaster;
let bridge: Bridge;
let admin: AdminServiceClient;

beforeAll(async () => {
  master = cleanup.use(await AnsweringMaster.start());
  bridge = cleanup.use(await startBridge({ master: master.host, flags: ["--audit-log", "-"] }));
  const channel = createChannel(bridge.address);
  cleanup.defer(() => channel.close());
  admin = createClient(AdminServiceDefinition, channel);
});

async function attached(frameworkName = unique("framework")): Promise<BridgeScheduler> {
  const scheduler = cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkName }));
  return scheduler.linked();
}

/** The next client of a framework, which leaves the framework as it is. */
async function attachedAgain(frameworkName: string): Promise<BridgeScheduler> {
  return cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkName, frameworkInfo: undefined }));
}

/** A scheduler with a task that runs. */
async function running() {
  const scheduler = await attached();
  const { frameworkId, send } = await subscriptionOf(scheduler);
  const offer = { id: { value: unique("offer") }, agentId: { value: "agent" }, hostname: "host" };
  send({ type: Event_Type.OFFERS, offers: { offers: [{ ...offer, frameworkId: { value: frameworkId } }] } });
  const launched = task({ value: "agent" }, { command: { value: "true" } });
  await scheduler.launch(await scheduler.offer(), launched);
  return { scheduler, taskId: launched.taskId };
}

async function subscriptionOf(scheduler: BridgeScheduler) {
  for (;;) {
    const subscription = await master.subscriptions.next({ what: "its subscription" });
    if (subscription.frameworkId === scheduler.frameworkId) return subscription;
  }
}

/** How a call fails. */
async function failure(call: Promise<unknown>): Promise<Pick<ClientError, "code" | "details">> {
  const error = await call.then(
    () => undefined,
    (reason: ClientError) => reason,
  );
  return { code: error?.code ?? Status.OK, details: error?.details ?? "" };
}

describe("ListAttachments", () => {
  test("shows who is attached, in pages by the frameworks' names", async () => {
    const prefix = unique("listed");
    const names = ["a", "b", "c"].map((letter) => `${prefix}-${letter}`);
    const schedulers = await Promise.all(names.map(attached));
    const seen: string[] = [];
    for (let pageToken = ""; ; ) {
      const page = await admin.listAttachments({ pageSize: 2, pageToken });
      expect(page.attachments.length).toBeLessThanOrEqual(2);
      seen.push(...page.attachments.map(({ frameworkName }) => frameworkName));
      pageToken = page.nextPageToken;
      if (pageToken === "") break;
    }
    expect(seen.filter((name) => name.startsWith(prefix))).toEqual(names);
    const { attachments } = await admin.listAttachments({ frameworkName: names[1] ?? "" });
    expect(attachments).toMatchObject([
      {
        frameworkName: names[1],
        frameworkId: { value: schedulers[1]?.frameworkId },
        attachmentId: schedulers[1]?.header.attachmentId,
        identity: "anonymous",
        peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
        attachTime: expect.any(Date),
      },
    ]);
    expect(Math.abs(Date.now() - (attachments[0]?.attachTime?.getTime() ?? 0))).toBeLessThan(60_000);
  });

  test("shows none of a framework whose client has gone", async () => {
    const scheduler = await attached();
    scheduler.stop();
    await eventually(async () => {
      const { attachments } = await admin.listAttachments({ frameworkName: scheduler.name });
      return attachments.length === 0;
    });
  });

  test("of a framework without a session is NOT_FOUND", async () => {
    expect(await failure(admin.listAttachments({ frameworkName: "nobody" }))).toMatchObject({ code: Status.NOT_FOUND });
  });
});

describe("EndAttachment", () => {
  test("ends the stream, and takes no more calls of that client, which may attach again", async () => {
    const scheduler = await attached();
    const { attachmentId } = scheduler.header;
    await admin.endAttachment({ frameworkName: scheduler.name, attachmentId });
    expect(await scheduler.stream.ended).toMatchObject({ code: "ABORTED", reason: "ATTACHMENT_ENDED" });
    expect(await scheduler.call("reviveOffers")).toMatchObject({ reason: "NOT_ATTACHED" });
    const again = await attachedAgain(scheduler.name);
    expect(again.frameworkId).toBe(scheduler.frameworkId);
    expect(again.opened.resumed).toBe(false);
    await again.ok("reviveOffers");
  });

  test("does not make an older client the one that may call", async () => {
    const older = await attached();
    const newer = await attachedAgain(older.name);
    await admin.endAttachment({ frameworkName: older.name, attachmentId: newer.header.attachmentId });
    expect(await older.call("reviveOffers")).toMatchObject({ reason: "ATTACHMENT_SUPERSEDED" });
  });

  test("of another attachment than the one that is there does nothing", async () => {
    const older = await attached();
    const newer = await attachedAgain(older.name);
    const { attachmentId } = older.header;
    const { code, details } = await failure(admin.endAttachment({ frameworkName: older.name, attachmentId }));
    expect(code).toBe(Status.FAILED_PRECONDITION);
    expect(details).toMatch(/attachment/);
    await newer.ok("reviveOffers");
  });

  test("begins the lease", async () => {
    const scheduler = cleanup.use(
      await BridgeScheduler.attach(bridge.address, {
        frameworkName: unique("leased"),
        lease: { seconds: 0n, nanos: 1 },
      }),
    );
    const { frameworkName, attachmentId } = scheduler.header;
    await admin.endAttachment({ frameworkName, attachmentId });
    await eventually(async () => (await failure(admin.listAttachments({ frameworkName }))).code === Status.NOT_FOUND);
  });
});

describe("KillTask", () => {
  test("sends a KILL with the task's agent and the policy that is given", async () => {
    const { scheduler, taskId } = await running();
    const killPolicy = { gracePeriod: { nanoseconds: 5n } };
    await admin.killTask({ frameworkName: scheduler.name, taskId, killPolicy });
    const call = (await master.call("KILL")).call();
    expect(call.frameworkId?.value).toBe(scheduler.frameworkId);
    expect(call.kill).toMatchObject({ taskId, agentId: { value: "agent" }, killPolicy });
  });

  test("of a task that is not known, or has ended, sends nothing", async () => {
    const { scheduler, taskId } = await running();
    const unknown = await failure(admin.killTask({ frameworkName: scheduler.name, taskId: { value: "none" } }));
    expect(unknown).toMatchObject({
      code: Status.INVALID_ARGUMENT,
      details: expect.stringContaining("task_id is not a task that runs"),
    });
    expect((await failure(admin.killTask({ frameworkName: scheduler.name }))).details).toMatch(/^task_id is required/);
    await admin.killTask({ frameworkName: scheduler.name, taskId });
    const { kill, type } = (await master.call("KILL")).call();
    expect([type && Call_Type[type], kill?.taskId?.value]).toEqual(["KILL", taskId?.value]);
  });
});

describe("TeardownFramework", () => {
  test("removes the framework, and tells its client", async () => {
    const scheduler = await attached();
    await admin.teardownFramework({ frameworkName: scheduler.name });
    const call = (await master.call("TEARDOWN")).call();
    expect(call.frameworkId?.value).toBe(scheduler.frameworkId);
    const ending = await scheduler.stream.ended;
    expect(ending).toMatchObject({ code: "FAILED_PRECONDITION", reason: "FRAMEWORK_REMOVED" });
    expect(ending.message).toMatch(/an operator of the bridge has torn the framework down/);
    const again = await attached(scheduler.name);
    expect(again.frameworkId).not.toBe(scheduler.frameworkId);
  });

  test("a client that tears its own framework down gets no error", async () => {
    const scheduler = await attached();
    await scheduler.ok("teardown");
    expect(await scheduler.stream.ended).toMatchObject({ code: "OK" });
  });

  test.each([
    ["no name", "", Status.INVALID_ARGUMENT],
    ["a name that has no session", "nobody", Status.NOT_FOUND],
  ])("%s is an error", async (_, frameworkName, code) => {
    expect((await failure(admin.teardownFramework({ frameworkName }))).code).toBe(code);
  });
});

test("SetLogLevel changes what is logged, and gives the level before", async () => {
  expect(await admin.setLogLevel({ level: LogLevel.LOG_LEVEL_ERROR })).toMatchObject({
    previousLevel: LogLevel.LOG_LEVEL_INFO,
  });
  const silent = await attached();
  expect(await admin.setLogLevel({ level: LogLevel.LOG_LEVEL_INFO })).toMatchObject({
    previousLevel: LogLevel.LOG_LEVEL_ERROR,
  });
  const loud = await attached();
  await eventually(() => bridge.log().includes(loud.name));
  expect(bridge.log()).not.toContain(silent.name);
  expect((await failure(admin.setLogLevel({}))).details).toMatch(/^level is required: use LOG_LEVEL_DEBUG, /);
});

test("what operators do is in the log", async () => {
  const scheduler = await attached();
  await admin.endAttachment({ frameworkName: scheduler.name, attachmentId: scheduler.header.attachmentId });
  await eventually(() => {
    const lines = bridge
      .log()
      .split("\n")
      .filter((line) => line.includes("an operator ended an attachment"));
    const line = lines.find((each) => each.includes(scheduler.name)) ?? "{}";
    expect(JSON.parse(line)).toMatchObject({ framework: scheduler.name, identity: "anonymous" });
    return true;
  });
});
