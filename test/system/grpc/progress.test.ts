import { expect, test } from "vitest";
import { AnsweringMaster } from "../../support/answeringMaster.js";
import { startBridge } from "../../support/bridge.js";
import { BridgeScheduler, isSnapshotEnd } from "../../support/bridgeScheduler.js";
import { cleanupAfterAll } from "../../support/cleanup.js";

const cleanup = cleanupAfterAll();

test("a stream on which nothing happens says so after each interval, the first one included", async () => {
  const master = cleanup.use(await AnsweringMaster.start());
  const bridge = cleanup.use(await startBridge({ master: master.host }));
  const scheduler = cleanup.use(await BridgeScheduler.attach(bridge.address));
  await scheduler.linked();
  const idle = await scheduler.stream.next(
    (event) => event.event?.$case === "progress" && !isSnapshotEnd(event),
    // The interval is 15 s: a message that waits for the end of the next one comes too late.
    { timeoutMs: 25_000 },
  );
  expect(idle.event).toMatchObject({ $case: "progress", value: { snapshotEnd: false } });
});
