import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFailed, test } from "vitest";
import { LinkState } from "../../gen/mesosbridge/v1/scheduler.js";
import { AnsweringMaster } from "../support/answeringMaster.js";
import { startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { cleanupAfterAll } from "../support/cleanup.js";

const cleanup = cleanupAfterAll();

test("a bridge that is stopped and goes on keeps its subscription, and its calls get their answers", async () => {
  const master = cleanup.use(await AnsweringMaster.start());
  master.heartbeatSeconds = 1;
  const flags = ["--missed-heartbeats", "2", "--call-timeout", "1s"];
  const bridge = cleanup.use(await startBridge({ master: master.host, flags }));
  onTestFailed(() => console.error(bridge.log()));
  const scheduler = cleanup.use(await BridgeScheduler.attach(bridge.address));
  await scheduler.linked();
  const { connection } = await master.subscriptions.next();
  const beats = setInterval(() => connection.heartbeat(), 200);
  cleanup.defer(() => clearInterval(beats));
  master.answerCalls(false);
  for (let i = 0; i < 3; i++) {
    const call = scheduler.call("reviveOffers");
    const revive = await master.call("REVIVE");
    bridge.process.signal("SIGSTOP");
    try {
      revive.connection.answer(202);
      await sleep(3_500);
    } finally {
      bridge.process.signal("SIGCONT");
    }
    expect(await call).toMatchObject({ code: "OK" });
  }
  master.answerCalls(true);
  await scheduler.ok("reviveOffers");
  expect(master.subscriptions.waiting).toBe(0);
  expect(bridge.log()).not.toContain("no subscription");

  // A master that falls silent, though, is noticed by a bridge that stood still as well.
  clearInterval(beats);
  bridge.process.signal("SIGSTOP");
  await sleep(1_500);
  bridge.process.signal("SIGCONT");
  const { reason } = await scheduler.linkChanged(LinkState.LINK_STATE_CONNECTING);
  expect(reason).toContain("was silent for 2000 ms");
});
