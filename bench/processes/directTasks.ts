/** A scheduler of empty tasks straight on Mesos's API: ACCEPT, and an ACKNOWLEDGE for each update, pipelined. */
import { Client } from "undici";
import { Call, Call_Type, Event } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { RecordReader } from "../../wire/recordio.js";
import { onCommand, report } from "./ipc.js";
import { BATCH_FRAMEWORK, launchCall, type Start, TaskBatch } from "./taskBatch.js";

const PATH = "/api/v1/scheduler";
const TYPE = "application/x-protobuf";
const PIPELINING = 64;

let batch: TaskBatch | undefined;
let tearDown: () => void = () => {};
let ending = false;

async function start({ address, command }: Start): Promise<void> {
  const begun = process.hrtime.bigint();
  const origin = `http://${address}`;
  const subscribe = Call.fromPartial({ type: Call_Type.SUBSCRIBE, subscribe: { frameworkInfo: BATCH_FRAMEWORK } });
  const response = await new Client(origin, { bodyTimeout: 0 }).request({
    method: "POST",
    path: PATH,
    headers: { "content-type": TYPE, accept: TYPE },
    body: Buffer.from(Call.encode(subscribe).finish()),
  });
  const calls = new Client(origin, { pipelining: PIPELINING });
  const headers = { "content-type": TYPE, "mesos-stream-id": String(response.headers["mesos-stream-id"]) };
  const send = (call: Call, done: () => void) => {
    let status = 0;
    calls.dispatch(
      // Both are needed for undici to pipeline a POST.
      { method: "POST", path: PATH, headers, body: Call.encode(call).finish(), idempotent: true, blocking: false },
      {
        onRequestStart: () => {},
        onResponseStart: (_, code) => {
          status = code;
        },
        onResponseData: () => {},
        onResponseError: (_, error) => {
          if (!ending) failed(error);
        },
        onResponseEnd: () => (status === 202 ? done() : failed(new Error(`the master answered ${status}`))),
      },
    );
  };
  let frameworkId = "";
  const tasks = new TaskBatch(command, begun, (offerIds, infos) =>
    send(launchCall(frameworkId, offerIds, infos), () => {}),
  );
  const acknowledge = (event: Event) => {
    const { agentId, taskId, uuid } = event.update?.status ?? {};
    const call = { type: Call_Type.ACKNOWLEDGE, frameworkId: { value: frameworkId } };
    send(Call.fromPartial({ ...call, acknowledge: { agentId, taskId, uuid } }), () => tasks.acknowledged());
  };
  const records = new RecordReader();
  response.body.on("error", () => {});
  response.body.on("close", () =>
    ending ? report({ kind: "tornDown" }) : failed(new Error("the master has ended the subscription")),
  );
  response.body.on("data", (chunk: Buffer) =>
    records.push(chunk, (record) => {
      const event = Event.decode(record);
      frameworkId ||= event.subscribed?.frameworkId?.value ?? "";
      if (tasks.onEvent(event)) acknowledge(event);
    }),
  );
  batch = tasks;
  tearDown = () => {
    const call = Call.fromPartial({ type: Call_Type.TEARDOWN, frameworkId: { value: frameworkId } });
    // Mesos ends the connections of a framework that is gone, this call's perhaps before its answer.
    ending = true;
    send(call, () => {});
  };
  report({ kind: "started" });
}

const failed = (error: Error) => report({ kind: "error", message: error.message });

onCommand({
  start: (value) => {
    start(value as Start).catch(failed);
  },
  run: (value) => batch?.run(value as number),
  tearDown: () => tearDown(),
});
report({ kind: "ready" });
