import { afterEach, expect, test } from "vitest";
import { LinkState } from "../../gen/mesosbridge/v1/scheduler.js";
import { AnsweringMaster } from "../support/answeringMaster.js";
import { startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { eventually } from "../support/eventually.js";
import { frameworkInfo } from "../support/messages.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

test("neither a client that attaches with another FrameworkInfo nor a subscription that breaks for a moment leaves a warning", async () => {
  const master = cleanup.use(await AnsweringMaster.start());
  const bridge = cleanup.use(await startBridge({ master: master.host }));
  const request = { frameworkName: "changes", frameworkInfo: frameworkInfo() };
  const first = await cleanup.use(await BridgeScheduler.attach(bridge.address, request)).linked();
  first.stop();
  await master.subscriptions.next();
  const changed = { ...request, frameworkInfo: { ...frameworkInfo(), hostname: "another" } };
  const second = cleanup.use(await BridgeScheduler.attach(bridge.address, changed));
  const again = await master.subscriptions.next();
  await eventually(() => bridge.log().split('"msg":"subscribed"').length === 3);
  expect(bridge.log()).toContain("the framework subscribes anew");
  again.connection.end();
  await second.linkChanged(LinkState.LINK_STATE_CONNECTING);
  await eventually(() => bridge.log().split('"msg":"no subscription"').length === 3);
  await second.linkChanged(LinkState.LINK_STATE_CONNECTED);
  expect(bridge.log()).not.toMatch(/"level":"(warn|error)"/);
});
