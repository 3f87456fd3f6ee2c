import { afterEach, expect, test } from "vitest";
import { TaskState } from "../../../gen/mesos/v1/mesos.js";
import { Call_Type, Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { AnsweringMaster } from "../../support/answeringMaster.js";
import { startBridge } from "../../support/bridge.js";
import { BridgeScheduler } from "../../support/bridgeScheduler.js";
import { Cleanup } from "../../support/cleanup.js";
import { uuid } from "../../support/scheduler.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

test("a token that a client gives twice is sent to Mesos once, in the order of the first", async () => {
  const master = cleanup.use(await AnsweringMaster.start());
  const bridge = cleanup.use(await startBridge({ master: master.host }));
  const frameworkInfo = { user: "root" };
  const scheduler = cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkInfo }));
  const { send } = await master.subscriptions.next();
  const names = ["first", "second", "third"];
  for (const value of names) {
    const status = { taskId: { value }, agentId: { value: "a" }, state: TaskState.TASK_RUNNING, uuid: uuid() };
    send({ type: Event_Type.UPDATE, update: { status } });
  }
  const tokens: string[] = [];
  for (const name of names) tokens.push((await scheduler.owedUpdate(name)).ackToken);
  await scheduler.ok("acknowledge", { ackTokens: [...tokens, ...tokens, ...tokens.toReversed()] });
  await scheduler.ok("acknowledge", { ackTokens: tokens });
  await scheduler.ok("reviveOffers");
  const calls = master.calls.all.map((request) => request.call());
  const acknowledged = calls.filter(({ type }) => type === Call_Type.ACKNOWLEDGE);
  expect(acknowledged.map(({ acknowledge }) => acknowledge?.taskId?.value)).toEqual(names);
});
