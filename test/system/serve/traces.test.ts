import { Metadata } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { TaskState } from "../../../gen/mesos/v1/mesos.js";
import { startBridge } from "../../support/bridge.js";
import { BridgeScheduler } from "../../support/bridgeScheduler.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { startEmbeddedMesos } from "../../support/embeddedMesos.js";
import { eventually } from "../../support/eventually.js";
import { task } from "../../support/messages.js";
import { OtlpReceiver, type ReceivedSpan } from "../../support/otlpReceiver.js";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CLIENT_SPAN = "b7ad6b7169203331";
const LAUNCH = "mesosbridge.v1.SchedulerService/LaunchTasks";
const REVIVE = "mesosbridge.v1.SchedulerService/ReviveOffers";

function traced(sampled: boolean, traceId = TRACE): Metadata {
  const metadata = new Metadata();
  metadata.set("traceparent", `00-${traceId}-${CLIENT_SPAN}-${sampled ? "01" : "00"}`);
  return metadata;
}

describe("the trace of a client's launch", () => {
  const cleanup = cleanupAfterAll();

  async function serving(...flags: string[]) {
    const receiver = cleanup.use(await OtlpReceiver.start());
    const mesos = cleanup.use(await startEmbeddedMesos());
    const bridge = cleanup.use(
      await startBridge({ master: mesos.master, flags: ["--traces", receiver.url, ...flags] }),
    );
    const scheduler = await cleanup.use(await BridgeScheduler.attach(bridge.address)).linked();
    return { receiver, bridge, scheduler };
  }

  test("reaches from the call over the request to the master and the first update to its acknowledgement", async () => {
    const { receiver, scheduler } = await serving();
    const offer = await scheduler.offer();
    const launched = task(offer.agentId, { command: { value: "true" } });
    const tasks = [launched];
    const { code } = await scheduler.call(
      "launchTasks",
      { offerIds: [offer.id ?? {}], tasks },
      { metadata: traced(true) },
    );
    expect(code).toBe("OK");
    await scheduler.updateTo(launched.taskId?.value ?? "", TaskState.TASK_FINISHED);
    const acknowledged = await receiver.span("ACKNOWLEDGE");
    const [call, request, update] = await Promise.all(
      [LAUNCH, "ACCEPT", "first update"].map((name) => receiver.span(name)),
    );
    const chain = [call, request, update, acknowledged] as ReceivedSpan[];
    expect(chain.map(({ traceId }) => traceId)).toEqual([TRACE, TRACE, TRACE, TRACE]);
    expect(chain.map(({ parentId }) => parentId)).toEqual([
      CLIENT_SPAN,
      ...chain.slice(0, 3).map(({ spanId }) => spanId),
    ]);
    expect(chain.map(({ kind }) => kind)).toEqual([2, 3, 1, 3]);
    expect(update?.attributes).toMatchObject({
      "mesos.framework.name": scheduler.name,
      "mesos.task.id": launched.taskId?.value,
      "mesos.task.state": "TASK_STARTING",
    });
    expect(receiver.spans).toHaveLength(4);
  });

  test("fails where the launch does, and names the reason", async () => {
    const { receiver, scheduler } = await serving();
    const offerIds = [{ value: "gone" }];
    const launched = task({ value: "a" }, { command: { value: "true" } });
    const options = { metadata: traced(true) };
    expect(await scheduler.call("launchTasks", { offerIds, tasks: [launched] }, options)).toMatchObject({
      reason: "OFFER_GONE",
    });
    const call = await receiver.span(LAUNCH);
    expect(call).toMatchObject({ failed: true, attributes: { "error.type": "OFFER_GONE" } });
    expect(receiver.spans).toHaveLength(1);
  });

  test("is linked with the one of a call that acknowledges updates of several launches", async () => {
    const { receiver, scheduler } = await serving();
    const traces = [TRACE, "4bf92f3577b34da6a3ce929d0e0e4736"];
    const ackTokens: string[] = [];
    for (const trace of traces) {
      const offer = await scheduler.offer();
      const launched = task(offer.agentId, { command: { value: "sleep 1000" } });
      const request = { offerIds: [offer.id ?? {}], tasks: [launched], filters: { refuseSeconds: 0 } };
      await scheduler.call("launchTasks", request, { metadata: traced(true, trace) });
      ackTokens.push((await scheduler.owedUpdate(launched.taskId?.value)).ackToken);
    }
    const own = "00f067aa0ba902b7".repeat(2);
    await scheduler.call("acknowledge", { ackTokens }, { metadata: traced(true, own) });
    const call = await receiver.span("mesosbridge.v1.SchedulerService/Acknowledge");
    const acknowledgements = await Promise.all(
      traces.map((trace) => receiver.span("ACKNOWLEDGE", ({ traceId }) => traceId === trace)),
    );
    expect(call.traceId).toBe(own);
    expect(call.links.sort()).toEqual(acknowledgements.map(({ spanId }) => spanId).sort());
    expect(acknowledgements.map(({ links }) => links)).toEqual([[call.spanId], [call.spanId]]);
  });

  test("is made where the client's traceparent says so, and nowhere else", async () => {
    const { receiver, scheduler } = await serving();
    const revive = (metadata?: Metadata) => scheduler.call("reviveOffers", {}, metadata && { metadata });
    const junk = new Metadata();
    junk.set("traceparent", "00-junk");
    for (const metadata of [traced(false), junk, undefined, traced(true)]) await revive(metadata);
    await receiver.span(REVIVE);
    expect(receiver.spans.map(({ name }) => name).sort()).toEqual(["REVIVE", REVIVE]);
  });

  test("begins at the bridge for a share of the calls without one", async () => {
    const { receiver, scheduler } = await serving("--traces-percent", "100");
    await scheduler.ok("reviveOffers");
    expect(await receiver.span(REVIVE)).toMatchObject({ parentId: "", failed: false });
  });

  test("is dropped while no collector takes it, of which the log has two lines", async () => {
    const { receiver, bridge, scheduler } = await serving();
    receiver.status = 400;
    const revive = () => scheduler.call("reviveOffers", {}, { metadata: traced(true) });
    await revive();
    await bridge.process.logged(/"level":"warn".*traces can't be sent/);
    const refused = receiver.requests;
    await revive();
    await eventually(() => receiver.requests > refused);
    receiver.status = 200;
    await revive();
    await bridge.process.logged(/"level":"info".*traces are sent again/);
    await receiver.span(REVIVE);
    expect(bridge.log().match(/traces can't be sent/g)).toHaveLength(1);
  });

  test("is sent before the bridge ends", async () => {
    const { receiver, bridge, scheduler } = await serving();
    await scheduler.call("reviveOffers", {}, { metadata: traced(true) });
    await bridge.terminate();
    expect(receiver.spans.map(({ name }) => name).sort()).toEqual(["REVIVE", REVIVE]);
  });
});
