/** A scheduler of empty tasks through the bridge: LaunchTasks, and acknowledgements on a Calls stream. grpc-js alone. */
import { Client, credentials } from "@grpc/grpc-js";
import {
  CallsRequest,
  CallsResponse,
  LaunchTasksRequest,
  LinkState,
  SubscribeRequest,
  SubscribeResponse,
  TeardownRequest,
} from "../../gen/mesosbridge/v1/scheduler.js";
import { onCommand, report } from "./ipc.js";
import { BATCH_FRAMEWORK, type Start, TaskBatch } from "./taskBatch.js";

const SERVICE = "/mesosbridge.v1.SchedulerService";
const same = (bytes: Buffer): Buffer => bytes;
const failed = (error: Error) => report({ kind: "error", message: error.message });

let batch: TaskBatch | undefined;
let tearDown: () => void = () => {};
let ending = false;

function start({ address, name, command }: Start): void {
  const begun = process.hrtime.bigint();
  const client = new Client(address, credentials.createInsecure(), { "grpc.enable_http_proxy": 0 });
  const header = { frameworkName: name, attachmentId: "", requestId: "" };
  const unary = (method: string, request: Uint8Array, done: () => void) =>
    client.makeUnaryRequest(`${SERVICE}/${method}`, same, same, Buffer.from(request), (error) => {
      if (error) failed(error);
      else done();
    });
  const tasks = new TaskBatch(command, begun, (offerIds, infos) => {
    const request = { header, offerIds, tasks: infos, filters: { refuseSeconds: 0 } };
    unary("LaunchTasks", LaunchTasksRequest.encode(LaunchTasksRequest.fromPartial(request)).finish(), () => {});
  });
  const calls = client.makeBidiStreamRequest(`${SERVICE}/Calls`, same, same);
  calls.on("error", failed);
  calls.on("data", (message: Buffer) => {
    for (const { code, message: text, tag } of CallsResponse.decode(message).results) {
      if (code !== 0) failed(new Error(text));
      for (let i = 0; i < Number(tag); i++) tasks.acknowledged();
    }
  });
  const acknowledge = (ackTokens: string[]) => {
    // The tag comes back: how many of them were answered.
    const request = CallsRequest.fromPartial({ header, ackTokens, tag: BigInt(ackTokens.length) });
    calls.write(Buffer.from(CallsRequest.encode(request).finish()));
  };
  const request = SubscribeRequest.fromPartial({ frameworkName: name, frameworkInfo: BATCH_FRAMEWORK });
  const stream = client.makeServerStreamRequest(
    `${SERVICE}/Subscribe`,
    same,
    same,
    Buffer.from(SubscribeRequest.encode(request).finish()),
  );
  stream.on("error", failed);
  stream.on("data", (message: Buffer) => {
    const tokens: string[] = [];
    for (const { event, ackToken } of SubscribeResponse.decode(message).events) {
      if (event?.$case === "opened") header.attachmentId = event.value.attachmentId;
      // A bridge would wait for its master; a figure that has waited for one is worth nothing.
      if (event?.$case === "linkChanged" && event.value.state === LinkState.LINK_STATE_CONNECTING && !ending) {
        failed(new Error(`the bridge has lost the master: ${event.value.reason}`));
      }
      if (event?.$case === "mesos" && tasks.onEvent(event.value)) tokens.push(ackToken);
    }
    if (tokens.length > 0) acknowledge(tokens);
  });
  batch = tasks;
  tearDown = () => {
    // The master ends the subscription then.
    ending = true;
    const body = TeardownRequest.encode(TeardownRequest.fromPartial({ header })).finish();
    unary("Teardown", body, () => report({ kind: "tornDown" }));
  };
  report({ kind: "started" });
}

onCommand({
  start: (value) => start(value as Start),
  run: (value) => batch?.run(value as number),
  tearDown: () => tearDown(),
});
report({ kind: "ready" });
