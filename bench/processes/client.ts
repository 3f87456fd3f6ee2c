/**
 * A client that only counts: attaches to a bridge (or to the reference server, which speaks the same
 * method) and tells when so many events have come. Can acknowledge what it gets on a Calls stream.
 */
import { Client, type ClientDuplexStream, credentials } from "@grpc/grpc-js";
import { CallsRequest, SubscribeRequest } from "../../gen/mesosbridge/v1/scheduler.js";
import { LENGTH_DELIMITED, ProtoReader } from "../../wire/proto.js";
import { onCommand, report } from "./ipc.js";

const same = (bytes: Buffer): Buffer => bytes;
const EMPTY = new Uint8Array(0);

let client: Client | undefined;
let attachmentId = "";
let events = 0;
let messages = 0;
let bytes = 0;
let waitingFor = 0;
let started = 0;
let first = 0n;
let acknowledge = false;
let calls: ClientDuplexStream<Buffer, Buffer> | undefined;

interface Attach {
  readonly address: string;
  readonly frameworkName: string;
}

function attach(value: unknown): void {
  const { address, frameworkName } = value as Attach;
  client = new Client(address, credentials.createInsecure(), { "grpc.max_receive_message_length": -1 });
  const request = SubscribeRequest.fromPartial({ frameworkName, frameworkInfo: { user: "root", name: "bench" } });
  const stream = client.makeServerStreamRequest(
    "/mesosbridge.v1.SchedulerService/Subscribe",
    same,
    same,
    Buffer.from(SubscribeRequest.encode(request).finish()),
  );
  stream.on("data", onMessage);
  stream.on("error", (error: Error) => report({ kind: "error", message: error.message }));
}

function onMessage(message: Buffer): void {
  messages++;
  bytes += message.length;
  const tokens: string[] = [];
  const reader = new ProtoReader(message);
  while (reader.next()) {
    if (reader.field !== 1 || reader.wireType !== LENGTH_DELIMITED) continue;
    take(reader.message(), tokens);
  }
  if (tokens.length > 0 && calls)
    calls.write(Buffer.from(CallsRequest.encode(CallsRequest.fromPartial({ ackTokens: tokens })).finish()));
  if (waitingFor > 0 && events >= waitingFor) {
    waitingFor = 0;
    const seconds = Number(process.hrtime.bigint() - first) / 1e9;
    report({ kind: "counted", events, messages, bytes, seconds, cpu: process.cpuUsage().user / 1e6 - started });
  }
}

function take(event: ProtoReader, tokens: string[]): void {
  let opened: Uint8Array = EMPTY;
  let mesos = 0;
  while (event.next()) {
    if (event.field === 11) mesos = event.bytes().length;
    else if (event.field === 10) opened = event.bytes();
    else if (event.field === 3 && acknowledge) tokens.push(event.string());
  }
  if (opened.length > 0) {
    const reader = new ProtoReader(opened);
    while (reader.next()) if (reader.field === 1) attachmentId = reader.string();
    report({ kind: "attached", attachmentId });
  }
  if (mesos > 0 && waitingFor > 0) events++;
}

function openCalls(frameworkName: string): void {
  acknowledge = true;
  calls = client?.makeBidiStreamRequest("/mesosbridge.v1.SchedulerService/Calls", same, same);
  calls?.on("data", () => {});
  calls?.on("error", (error: Error) => report({ kind: "error", message: error.message }));
  const header = { frameworkName, attachmentId, requestId: "" };
  const none = CallsRequest.fromPartial({ header, call: { type: 5 } });
  calls?.write(Buffer.from(CallsRequest.encode(none).finish()));
}

onCommand({
  attach,
  openCalls: (value) => openCalls(value as string),
  count: (value) => {
    events = 0;
    messages = 0;
    bytes = 0;
    waitingFor = value as number;
    started = process.cpuUsage().user / 1e6;
    first = process.hrtime.bigint();
    report({ kind: "counting" });
  },
});
report({ kind: "ready" });
