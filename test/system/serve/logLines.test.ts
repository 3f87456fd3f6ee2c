import { afterEach, expect, test } from "vitest";
import { Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { AnsweringMaster } from "../../support/answeringMaster.js";
import { type Bridge, startBridge } from "../../support/bridge.js";
import { BridgeScheduler } from "../../support/bridgeScheduler.js";
import { Cleanup } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import { task } from "../../support/messages.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

interface Line {
  level: string;
  msg: string;
  framework?: string;
  [field: string]: unknown;
}

function linesOf(bridge: Bridge): Line[] {
  const lines = bridge.log().split("\n");
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Line);
}

/** Waits for that many lines with a text. */
async function logged(bridge: Bridge, msg: string, count = 1): Promise<void> {
  await eventually(() => linesOf(bridge).filter((line) => line.msg === msg).length >= count, { what: msg });
}

test("a framework's life can be read in the log, and nothing in it is a warning", async () => {
  const master = cleanup.use(await AnsweringMaster.start());
  const bridge = cleanup.use(await startBridge({ master: master.host }));
  const frameworkName = "jobs";
  const lease = { seconds: 0n, nanos: 300_000_000 };

  const first = cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkName }));
  await first.linked();
  const subscription = await master.subscriptions.next();
  const offer = { id: { value: "o1" }, agentId: { value: "a1" }, hostname: "host" };
  const offers = [{ ...offer, frameworkId: { value: subscription.frameworkId } }];
  subscription.send({ type: Event_Type.OFFERS, offers: { offers } });
  const tasks = ["t1", "t2"].map((value) => task({ value: "a1" }, { taskId: { value }, command: { value: "true" } }));
  await first.launch(await first.offer(), ...tasks);
  await first.ok("killTask", { taskId: { value: "t1" }, agentId: { value: "a1" } });

  // A newer client takes its place, leaves, and comes back too late.
  const second = await BridgeScheduler.attach(bridge.address, { frameworkName, frameworkInfo: undefined, lease });
  await logged(bridge, "detached");
  second.stop();
  await logged(bridge, "the lease ran out");

  const third = cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkName, frameworkInfo: undefined }));
  await third.linked();
  await third.ok("teardown");
  await logged(bridge, "detached", 3);
  const fourth = cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkName }));
  await fourth.linked();
  await bridge.terminate();

  const lines = linesOf(bridge);
  expect(lines.filter(({ level }) => level !== "info")).toEqual([]);
  const life = lines.filter(({ framework, msg }) => framework === frameworkName && msg !== "no subscription");
  const identity = "anonymous";
  const attached = {
    msg: "attached",
    attachment: expect.any(String),
    identity,
    peer: expect.stringMatching(/^127/),
    userAgent: expect.stringMatching(/node/),
    mode: "snapshot",
  };
  const detached = (reason: RegExp, more: object = {}) => ({
    msg: "detached",
    identity,
    reason: expect.stringMatching(reason),
    ...more,
  });
  const subscribed = { msg: "subscribed" };
  const expected = [
    attached,
    subscribed,
    { msg: "launched", tasks: 2, agent: "a1", outcome: "accepted" },
    { msg: "a kill was accepted", task: "t1", agent: "a1", outcome: "accepted" },
    detached(/a newer client/, { error: "ATTACHMENT_SUPERSEDED" }),
    attached,
    detached(/the client ended its stream/),
    { msg: "the lease begins", leaseMs: 300, policy: "disconnect" },
    { msg: "the lease ran out", policy: "disconnect" },
    attached,
    subscribed,
    { msg: "torn down", wantedBy: "client" },
    detached(/the session has ended/),
    attached,
    subscribed,
    detached(/the bridge is shutting down/, { error: "BRIDGE_SHUTTING_DOWN" }),
  ];
  expect(life).toEqual(expected.map((line) => expect.objectContaining(line)));
});
