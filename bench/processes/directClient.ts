/**
 * A scheduler straight on Mesos's API, without the bridge: subscribes, counts or times events, and makes pipelined
 * calls with undici. What the bridge is compared with.
 */
import { Client } from "undici";
import { Call, Call_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { RecordReader } from "../../wire/recordio.js";
import { onCommand, report } from "./ipc.js";
import { Latencies } from "./latencies.js";

let bytes = 0;
let waitingForBytes = 0;
let first = 0n;
let latencies: Latencies | undefined;
/** Bytes are counted, and nothing is looked at. */
let onlyCounts = false;
let origin = "";

async function subscribe(master: string): Promise<void> {
  origin = `http://${master}`;
  const client = new Client(origin, { bodyTimeout: 0 });
  const call = Call.fromPartial({
    type: Call_Type.SUBSCRIBE,
    subscribe: { frameworkInfo: { user: "root", name: "direct" } },
  });
  const headers = { "content-type": "application/x-protobuf", accept: "application/x-protobuf" };
  const { body } = await client.request({
    method: "POST",
    path: "/api/v1/scheduler",
    headers,
    body: Buffer.from(Call.encode(call).finish()),
  });
  const records = new RecordReader();
  body.on("error", () => {});
  body.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (!onlyCounts) records.push(chunk, onRecord);
    if (waitingForBytes > 0 && bytes >= waitingForBytes) {
      waitingForBytes = 0;
      report({ kind: "counted", seconds: Number(process.hrtime.bigint() - first) / 1e9 });
    }
  });
  report({ kind: "attached" });
}

function onRecord(event: Uint8Array): void {
  if (!latencies || event[1] !== 5) return;
  const sent = Buffer.from(event.buffer, event.byteOffset, event.length).readBigUInt64LE(event.length - 8);
  latencies.add(Number(process.hrtime.bigint() - sent) / 1e6);
}

interface MakeCalls {
  readonly count: number;
  readonly rate: number;
  readonly window: number;
}

function makeCalls(value: unknown): void {
  const { count, rate, window } = value as MakeCalls;
  const client = new Client(origin, { pipelining: 64 });
  const body = Buffer.from(
    Call.encode(Call.fromPartial({ type: Call_Type.REVIVE, frameworkId: { value: "bench" } })).finish(),
  );
  const headers = {
    "content-type": "application/x-protobuf",
    "mesos-stream-id": "8ba7c0f0-0000-4000-8000-000000000000",
  };
  const measured = new Latencies();
  const begin = process.hrtime.bigint();
  let sent = 0;
  let answered = 0;
  const one = () => {
    sent++;
    const started = process.hrtime.bigint();
    client.dispatch(
      // Both are needed for undici to pipeline a POST.
      { method: "POST", path: "/api/v1/scheduler", headers, body, idempotent: true, blocking: false },
      {
        onRequestStart: () => {},
        onResponseStart: () => {},
        onResponseData: () => {},
        onResponseError: (_, error) => report({ kind: "error", message: error.message }),
        onResponseEnd: () => {
          measured.add(Number(process.hrtime.bigint() - started) / 1e6);
          if (++answered === count) {
            report({
              kind: "answered",
              seconds: Number(process.hrtime.bigint() - begin) / 1e9,
              ...measured.percentiles(),
            });
            client.close().catch((error: Error) => report({ kind: "error", message: error.message }));
          } else if (rate === 0) pump();
        },
      },
    );
  };
  const pump = () => {
    while (sent < count && sent - answered < window) one();
  };
  if (rate === 0) return pump();
  const timer = setInterval(() => {
    const due = Math.floor((Number(process.hrtime.bigint() - begin) / 1e9) * rate);
    while (sent < Math.min(due, count)) one();
    if (sent >= count) clearInterval(timer);
  }, 1);
}

onCommand({
  subscribe: (value) => {
    subscribe(value as string).catch((error: Error) => report({ kind: "error", message: error.message }));
  },
  makeCalls,
  onlyCount: () => {
    onlyCounts = true;
  },
  time: () => {
    latencies = new Latencies();
    report({ kind: "timing" });
  },
  latencies: () => report({ kind: "latencies", frameworks: [{ name: "", ...latencies?.percentiles() }] }),
  countBytes: (value) => {
    bytes = 0;
    waitingForBytes = value as number;
    first = process.hrtime.bigint();
    report({ kind: "counting" });
  },
});
report({ kind: "ready" });
