/**
 * Clients that only count: attach to a bridge (or to the reference server, which speaks the same method), one stream for
 * each framework, and tell when so many events have come. Can acknowledge what they get, and make calls.
 */
import { Client, type ClientDuplexStream, type ClientReadableStream, credentials } from "@grpc/grpc-js";
import { WatchEventsRequest } from "../../gen/mesosbridge/v1/observer.js";
import { CallRequest, CallsRequest, CallsResponse, SubscribeRequest } from "../../gen/mesosbridge/v1/scheduler.js";
import { LENGTH_DELIMITED, ProtoReader } from "../../wire/proto.js";
import { onCommand, report } from "./ipc.js";
import { Latencies } from "./latencies.js";

const same = (bytes: Buffer): Buffer => bytes;
const REVIVE = 5;
/** Types of events, which stand in the second byte of an event. */
const [UPDATE, MESSAGE] = [4, 5];

interface Attach {
  readonly address: string;
  readonly frameworkNames: readonly string[];
  /** Attach and then don't read. */
  readonly stalled?: boolean;
}

interface MakeCalls {
  readonly frameworkName: string;
  readonly count: number;
  /** Calls a second; 0: as fast as they are answered. */
  readonly rate: number;
  readonly unary: boolean;
  /** Calls that wait for an answer at a time. */
  readonly window: number;
}

/** Streams of frameworks on one connection; the bridge allows 200. */
const FRAMEWORKS_A_CONNECTION = 100;

let client: Client | undefined;
let ofObservers: Client | undefined;
const attachmentIds = new Map<string, string>();
let events = 0;
let messages = 0;
let bytes = 0;
let waitingFor = 0;
let waitingForBytes = 0;
let first = 0n;
let timed = false;
let observers: ClientReadableStream<Buffer>[] = [];
let observed = 0;
let observersEnded = 0;
let latencies = new Map<string, Latencies>();
/** Streams for the acknowledgements of frameworks that acknowledge. */
const acknowledgements = new Map<string, ClientDuplexStream<Buffer, Buffer>>();

function open(address: string): Client {
  client ??= connection(address);
  return client;
}

/** A connection of its own. */
function connection(address: string): Client {
  const options = {
    "grpc.enable_http_proxy": 0,
    "grpc.max_receive_message_length": -1,
    "grpc.use_local_subchannel_pool": 1,
  };
  return new Client(address, credentials.createInsecure(), options);
}

function attach(value: unknown): void {
  const { address, frameworkNames, stalled } = value as Attach;
  let of = open(address);
  for (const [i, frameworkName] of frameworkNames.entries()) {
    if (i > 0 && i % FRAMEWORKS_A_CONNECTION === 0) of = connection(address);
    const request = SubscribeRequest.fromPartial({ frameworkName, frameworkInfo: { user: "root", name: "bench" } });
    const stream = of.makeServerStreamRequest(
      "/mesosbridge.v1.SchedulerService/Subscribe",
      same,
      same,
      Buffer.from(SubscribeRequest.encode(request).finish()),
    );
    stream.on("data", (message: Buffer) => {
      onMessage(frameworkName, message);
      if (stalled) stream.pause();
    });
    // A stalled stream is meant to be ended by the bridge.
    stream.on("error", (error: Error) => report({ kind: stalled ? "ended" : "error", message: error.message }));
  }
}

/** Watches all events, with so many observers; those of the call before it are ended. */
function watch(value: unknown): void {
  const { address, count } = value as { address: string; count: number };
  const request = Buffer.from(WatchEventsRequest.encode(WatchEventsRequest.fromPartial({})).finish());
  for (const stream of observers) stream.cancel();
  ofObservers?.close();
  const own = connection(address);
  ofObservers = own;
  const all = Array.from({ length: count }, () =>
    own.makeServerStreamRequest("/mesosbridge.v1.ObserverService/WatchEvents", same, same, request),
  );
  observers = all;
  observed = 0;
  observersEnded = 0;
  for (const stream of all) {
    // The first message says that the stream stands.
    stream.once("data", () => {
      report({ kind: "watching" });
      stream.on("data", () => {
        if (observers === all) observed++;
      });
    });
    // An observer that does not keep up is meant to be ended by the bridge.
    stream.on("error", () => {
      if (observers === all) observersEnded++;
    });
  }
}

function onMessage(frameworkName: string, message: Buffer): void {
  messages++;
  bytes += message.length;
  const acknowledging = acknowledgements.get(frameworkName);
  const tokens: string[] | undefined = acknowledging ? [] : undefined;
  const reader = new ProtoReader(message);
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === LENGTH_DELIMITED) take(frameworkName, reader.message(), tokens);
  }
  if (acknowledging && tokens && tokens.length > 0) {
    acknowledging.write(Buffer.from(CallsRequest.encode(CallsRequest.fromPartial({ ackTokens: tokens })).finish()));
  }
  if ((waitingFor > 0 && events >= waitingFor) || (waitingForBytes > 0 && bytes >= waitingForBytes)) {
    waitingFor = 0;
    waitingForBytes = 0;
    const seconds = Number(process.hrtime.bigint() - first) / 1e9;
    report({ kind: "counted", events, messages, bytes, seconds });
  }
}

function take(frameworkName: string, event: ProtoReader, tokens: string[] | undefined): void {
  while (event.next()) {
    if (event.field === 11) onEvent(frameworkName, event.bytes());
    else if (event.field === 10) opened(frameworkName, event.message());
    else if (event.field === 12) progress(event.message());
    else if (event.field === 3) tokens?.push(event.string());
  }
}

function opened(frameworkName: string, reader: ProtoReader): void {
  while (reader.next()) if (reader.field === 1) attachmentIds.set(frameworkName, reader.string());
  report({ kind: "attached", frameworkName });
}

function progress(reader: ProtoReader): void {
  const seconds = Number(process.hrtime.bigint() - first) / 1e9;
  while (reader.next()) if (reader.field === 1) report({ kind: "snapshot", seconds, bytes });
}

function onEvent(frameworkName: string, event: Uint8Array): void {
  if (waitingFor > 0 && event.length > 0) events++;
  if (!timed || (event[1] !== UPDATE && event[1] !== MESSAGE)) return;
  const sent = Buffer.from(event.buffer, event.byteOffset, event.length).readBigUInt64LE(event.length - 8);
  const of = latencies.get(frameworkName) ?? new Latencies();
  latencies.set(frameworkName, of);
  of.add(Number(process.hrtime.bigint() - sent) / 1e6);
}

function callsStream(frameworkName: string): ClientDuplexStream<Buffer, Buffer> {
  const stream = client?.makeBidiStreamRequest("/mesosbridge.v1.SchedulerService/Calls", same, same);
  if (!stream) throw new Error("not attached");
  stream.on("error", (error: Error) => report({ kind: "error", message: error.message }));
  const header = headerOf(frameworkName);
  stream.write(Buffer.from(CallsRequest.encode(CallsRequest.fromPartial({ header, call: { type: REVIVE } })).finish()));
  return stream;
}

function headerOf(frameworkName: string) {
  return { frameworkName, attachmentId: attachmentIds.get(frameworkName) ?? "", requestId: "" };
}

function makeCalls(value: unknown): void {
  const options = value as MakeCalls;
  const started: bigint[] = [];
  const measured = new Latencies();
  let sent = 0;
  let answered = 0;
  const begin = process.hrtime.bigint();
  const done = () => {
    measured.add(Number(process.hrtime.bigint() - (started[answered++] as bigint)) / 1e6);
    if (answered === options.count) {
      const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
      report({ kind: "answered", seconds, ...measured.percentiles() });
    }
  };
  const send = options.unary
    ? unarySender(options.frameworkName, done, () => pump())
    : streamSender(options.frameworkName, done, () => pump());
  const pump = () => {
    if (options.rate > 0) return;
    while (sent < options.count && sent - answered < options.window) one();
  };
  const one = () => {
    sent++;
    started.push(process.hrtime.bigint());
    send();
  };
  if (options.rate === 0) return pump();
  const timer = setInterval(() => {
    const due = Math.floor((Number(process.hrtime.bigint() - begin) / 1e9) * options.rate);
    while (sent < Math.min(due, options.count)) one();
    if (sent >= options.count) clearInterval(timer);
  }, 1);
}

function streamSender(frameworkName: string, done: () => void, more: () => void): () => void {
  const stream = callsStream(frameworkName);
  // The first answer is that of the message that carried the header.
  let skip = 1;
  stream.on("data", (message: Buffer) => {
    for (const _ of CallsResponse.decode(message).results) if (skip-- <= 0) done();
    more();
  });
  const call = Buffer.from(CallsRequest.encode(CallsRequest.fromPartial({ call: { type: REVIVE } })).finish());
  return () => stream.write(call);
}

function unarySender(frameworkName: string, done: () => void, more: () => void): () => void {
  const request = CallRequest.fromPartial({ header: headerOf(frameworkName), call: { type: REVIVE } });
  const message = Buffer.from(CallRequest.encode(request).finish());
  return () => {
    client?.makeUnaryRequest("/mesosbridge.v1.SchedulerService/Call", same, same, message, (error) => {
      if (error) report({ kind: "error", message: error.message });
      done();
      more();
    });
  };
}

onCommand({
  attach,
  watch,
  makeCalls,
  acknowledge: (frameworkNames) => {
    for (const frameworkName of frameworkNames as string[]) {
      const stream = callsStream(frameworkName);
      acknowledgements.set(frameworkName, stream);
      // The answer to the message that carried the header.
      stream.once("data", () => report({ kind: "acknowledging", frameworkName }));
      stream.resume();
    }
  },
  time: () => {
    timed = true;
    latencies = new Map();
    report({ kind: "timing" });
  },
  latencies: () => {
    const frameworks = [...latencies].map(([name, of]) => ({ name, ...of.percentiles() }));
    report({ kind: "latencies", frameworks });
  },
  observed: () => report({ kind: "observed", events: observed, ended: observersEnded }),
  countBytes: (value) => {
    bytes = 0;
    waitingForBytes = value as number;
    first = process.hrtime.bigint();
    report({ kind: "counting" });
  },
  count: (value) => {
    events = 0;
    messages = 0;
    bytes = 0;
    waitingFor = value as number;
    first = process.hrtime.bigint();
    report({ kind: "counting" });
  },
});
report({ kind: "ready" });
