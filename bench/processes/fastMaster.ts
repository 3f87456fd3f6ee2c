/**
 * A Mesos master that does nothing but be fast: takes SUBSCRIBE, floods prepared events on command, and answers
 * calls. In a process of its own. Told by IPC what to do.
 */
import { createServer, type Socket } from "node:net";
import { TaskState, TaskStatus_Source } from "../../gen/mesos/v1/mesos.js";
import { Call, Event, Event_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { encodeRecord } from "../../wire/recordio.js";
import { onCommand, report } from "./ipc.js";
import { messageEvent } from "./messageEvent.js";

const ACCEPTED = Buffer.from("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
const HEAD_END = Buffer.from("\r\n\r\n");
const CHUNK_BYTES = 64 * 1024;

interface Flood {
  /** How many events. */
  readonly count: number;
  /** About how large each is, in bytes. */
  readonly bytes: number;
  /** `updates` have a uuid and want an acknowledgement; `offers` is one OFFERS event of `count` offers. */
  readonly kind: "updates" | "messages" | "offers";
  /** At most so many unacknowledged updates at a time; 0: no limit. */
  readonly window: number;
}

/** One for each framework, in the order in which they subscribed. */
let subscriptions: Socket[] = [];
let calls = 0;
let waitingFor = 0;

const server = createServer((socket) => {
  socket.setNoDelay(true);
  let buffered: Buffer = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("close", () => {
    subscriptions = subscriptions.filter((other) => other !== socket);
  });
  socket.on("data", (chunk: Buffer) => {
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
    let at = 0;
    let answered = 0;
    for (;;) {
      const headEnd = buffered.indexOf(HEAD_END, at);
      if (headEnd === -1) break;
      const head = buffered.toString("latin1", at, headEnd);
      const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (headEnd + 4 + length > buffered.length) break;
      at = headEnd + 4 + length;
      if (head.startsWith("GET")) socket.write(version());
      else if (/mesos-stream-id/i.test(head)) answered++;
      else subscribed(socket, Call.decode(buffered.subarray(headEnd + 4, at)));
    }
    buffered = buffered.subarray(at);
    if (answered > 0) {
      socket.write(Buffer.concat(new Array<Buffer>(answered).fill(ACCEPTED)));
      calls += answered;
      if (waitingFor > 0 && calls >= waitingFor) {
        waitingFor = 0;
        report({ kind: "calls", calls });
      }
    }
  });
});

function version(): string {
  const body = '{"version":"1.11.0"}';
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

function subscribed(socket: Socket, { frameworkId }: Call): void {
  subscriptions.push(socket);
  socket.write(
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/x-protobuf\r\n" +
      "Mesos-Stream-Id: 8ba7c0f0-0000-4000-8000-000000000000\r\n\r\n",
  );
  const event = Event.fromPartial({
    type: Event_Type.SUBSCRIBED,
    subscribed: { frameworkId, heartbeatIntervalSeconds: 600 },
  });
  socket.write(chunked(encodeRecord(Event.encode(event).finish())));
  report({ kind: "subscribed", frameworks: subscriptions.length });
}

function chunked(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
}

/** Chunks of prepared events, about 64 KiB each, as a busy master writes them. */
function prepare(flood: Flood): Buffer[] {
  if (flood.kind === "offers") return [chunked(encodeRecord(offersEvent(flood.count, flood.bytes)))];
  const chunks: Buffer[] = [];
  let records: Buffer[] = [];
  let size = 0;
  for (let i = 0; i < flood.count; i++) {
    const record = encodeRecord(flood.kind === "updates" ? updateEvent(i, flood.bytes) : messageEvent(flood.bytes));
    records.push(record);
    size += record.length;
    if (size >= CHUNK_BYTES || i === flood.count - 1) {
      chunks.push(chunked(Buffer.concat(records)));
      records = [];
      size = 0;
    }
  }
  return chunks;
}

function updateEvent(i: number, bytes: number): Uint8Array {
  const uuid = Buffer.alloc(16, 0x40);
  uuid.writeUInt32BE(floods, 0);
  uuid.writeUInt32BE(i, 12);
  const event = Event.fromPartial({
    type: Event_Type.UPDATE,
    update: {
      status: {
        taskId: { value: `task-${floods}-${i}` },
        agentId: { value: "8ba7c0f0-0000-4000-8000-000000000000-S0" },
        state: TaskState.TASK_RUNNING,
        source: TaskStatus_Source.SOURCE_EXECUTOR,
        timestamp: 1_700_000_000,
        uuid,
        data: Buffer.alloc(Math.max(0, bytes - 130), 7),
      },
    },
  });
  return Event.encode(event).finish();
}

function offersEvent(count: number, bytes: number): Uint8Array {
  const offers = Array.from({ length: count }, (_, i) => ({
    id: { value: `8ba7c0f0-0000-4000-8000-000000000000-O${floods}-${i}` },
    frameworkId: { value: "bench" },
    agentId: { value: `8ba7c0f0-0000-4000-8000-000000000000-S${i}` },
    hostname: "agent.example".padEnd(Math.max(13, bytes - 150), "x"),
  }));
  return Event.encode(Event.fromPartial({ type: Event_Type.OFFERS, offers: { offers } })).finish();
}

let floods = 0;
let prepared: Buffer[] = [];

/** Writes what is prepared as fast as its reader takes it: to the last subscription, or to all of them. */
function flood(toAll: boolean): void {
  const sockets = toAll ? subscriptions : subscriptions.slice(-1);
  if (sockets.length === 0) throw new Error("nobody has subscribed");
  for (const socket of sockets) {
    let next = 0;
    const write = () => {
      while (next < prepared.length) {
        if (socket.write(prepared[next++] as Buffer)) continue;
        socket.once("drain", write);
        return;
      }
    };
    write();
  }
}

interface Pace {
  /** Events a second. Each round goes to all subscriptions, in an order of its own: the load favours none. */
  readonly rate: number;
  readonly seconds: number;
  readonly bytes: number;
  /** Default `messages`. */
  readonly kind?: "updates" | "messages";
}

/**
 * Writes events at an even pace; each ends with the time of its writing, in ns of the monotonic clock: a message with its
 * data, an update with its uuid.
 */
function pace({ rate, seconds, bytes, kind }: Pace): void {
  const event = chunked(encodeRecord(kind === "updates" ? updateEvent(0, bytes) : messageEvent(bytes)));
  const order = [...subscriptions];
  const total = rate * seconds;
  const started = process.hrtime.bigint();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.min(total, Math.floor((Number(process.hrtime.bigint() - started) / 1e9) * rate));
    for (; sent < due; sent++) {
      const copy = Buffer.from(event);
      // Behind the event stands the chunk's line end.
      copy.writeBigUInt64LE(process.hrtime.bigint(), copy.length - 10);
      if (sent % order.length === 0) shuffle(order);
      order[sent % order.length]?.write(copy);
    }
    if (sent >= total) {
      clearInterval(timer);
      report({ kind: "paced", sent });
    }
  }, 1);
}

function shuffle(values: Socket[]): void {
  for (let i = values.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [values[i], values[j]] = [values[j] as Socket, values[i] as Socket];
  }
}

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  report({ kind: "ready", port: typeof address === "object" && address ? address.port : 0 });
});

onCommand({
  prepare: (value) => {
    floods++;
    prepared = prepare(value as Flood);
    report({ kind: "prepared", bytes: prepared.reduce((sum, chunk) => sum + chunk.length, 0) });
  },
  flood: (toAll) => flood(toAll === true),
  pace: (value) => pace(value as Pace),
  expectCalls: (value) => {
    calls = 0;
    waitingFor = value as number;
  },
});
