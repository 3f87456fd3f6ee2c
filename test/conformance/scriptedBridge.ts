import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonValue } from "@bufbuild/protobuf";
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { within } from "../support/eventually.js";
import { TcpProxy } from "../support/tcpProxy.js";
import type { Failure, Listening, ScriptedAddress, Step } from "./case.js";
import type { Certificates } from "./certificates.js";
import { Mailbox } from "./mailbox.js";
import { mismatches, type Saved, shown } from "./match.js";
import { decode, encode, methods, responseOf } from "./messages.js";

type Stream = ServerWritableStream<Buffer, Buffer>;
interface Arrived {
  method: string;
  /** The address that the client used. */
  host: string;
  authorization: string | undefined;
  request: JsonValue;
  /** Default: an empty message. */
  answer: (answer?: { fail: Failure } | { response: JsonValue }) => void;
}

interface Subscription extends Pick<Arrived, "host" | "authorization" | "request"> {
  stream: Stream;
}

/** A client that does what a case wants is there long before that. */
const STEP_TIMEOUT_MS = 40_000;

/** A bridge that sends the bytes that a case tells it to, and compares what it is asked. */
export class ScriptedBridge {
  readonly #server = new Server({ "grpc.max_receive_message_length": -1 });
  readonly #streams = new Mailbox<Subscription>();
  readonly #calls = new Mailbox<Arrived>();
  readonly #saved: Saved = new Map();
  #proxies: TcpProxy[] = [];
  #stream: Stream | undefined;
  /** Attachments that were opened. */
  readonly #opened = new Set<string>();
  /** Those whose connections were cut. */
  readonly #cut = new Set<string>();
  #socket: string | undefined;

  /** @param folder  where it puts its Unix socket */
  static async start(listening: Listening, certificates: Certificates, folder: string): Promise<ScriptedBridge> {
    const bridge = new ScriptedBridge();
    bridge.#addService();
    const credentials = serverCredentials(listening, certificates);
    if (listening.socket) {
      bridge.#socket = `unix:${join(folder, `${++sockets}.sock`)}`;
      await bridge.#bind(bridge.#socket, credentials);
      return bridge;
    }
    const port = await bridge.#bind("127.0.0.1:0", credentials);
    for (const _ of ["first", "second"]) bridge.#proxies.push(await TcpProxy.start(port));
    return bridge;
  }

  get address(): string {
    return this.#socket ?? this.addressOf("first");
  }

  addressOf(which: ScriptedAddress): string {
    return `127.0.0.1:${this.#proxies[which === "first" ? 0 : 1]?.port}`;
  }

  /** @throws Error that says which step went wrong, and how */
  async play(steps: readonly Step[]): Promise<void> {
    for (const [i, step] of steps.entries()) {
      try {
        await this.#playOne(step);
      } catch (error) {
        throw new Error(`step ${i}, ${shown(step as JsonValue)}: ${(error as Error).message}`, { cause: error });
      }
    }
  }

  /** What came that no step was for. */
  get unexpected(): string[] {
    const calls = this.#calls.rest.map(({ method, request }) => `${method} ${shown(request)}`);
    return [...calls, ...this.#streams.rest.map(({ request }) => `Subscribe ${shown(request)}`)];
  }

  async stop(): Promise<void> {
    for (const proxy of this.#proxies) await proxy.stop();
    this.#server.forceShutdown();
  }

  #bind(address: string, credentials: ServerCredentials): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
    });
  }

  async #playOne({ cut, accept, send, end, call, request = {}, acks, answer, at, token }: Step): Promise<void> {
    if (cut) this.#cutAll();
    if (accept !== undefined) {
      const arrived = await this.#streams.take("a Subscribe", STEP_TIMEOUT_MS);
      this.#compare(accept, arrived.request);
      this.#compareAddress(at, arrived.host);
      compareToken(token, arrived.authorization);
      this.#stream = arrived.stream;
    }
    if (send !== undefined) {
      for (const id of attachmentsIn(send)) this.#opened.add(id);
      await this.#send(responseOf(send));
    }
    if (end === true) this.#stream?.end();
    else if (end !== undefined) this.#stream?.emit("error", failed(end));
    if (acks !== undefined) await this.#acknowledged(acks, answer, token);
    if (call !== undefined) {
      const arrived = await this.#next(call);
      this.#compare(request, arrived.request);
      this.#compareAddress(at, arrived.host);
      compareToken(token, arrived.authorization);
      respond(arrived, answer);
    }
  }

  #cutAll(): void {
    for (const id of this.#opened) this.#cut.add(id);
    for (const proxy of this.#proxies) proxy.cut();
  }

  /**
   * A library may repeat a call before it notices that its stream is gone too. Such a call is of no step: it is answered
   * as one of an attachment that is over.
   */
  #take(arrived: Arrived): void {
    const { header } = arrived.request as { header?: { attachmentId?: string } };
    if (!this.#cut.has(header?.attachmentId ?? "")) return this.#calls.put(arrived);
    arrived.answer({ fail: { code: 9, reason: "ATTACHMENT_SUPERSEDED" } });
  }

  /** Sends a message, and waits until it has left. */
  async #send(message: Buffer): Promise<void> {
    const sent = new Promise<void>((resolve) => this.#stream?.write(message, () => resolve()));
    await within(sent, { what: "room for the message", timeoutMs: STEP_TIMEOUT_MS });
  }

  async #acknowledged(wanted: readonly string[], answer: Step["answer"], token: Step["token"]): Promise<void> {
    const got: string[] = [];
    while (got.length < wanted.length) {
      const arrived = await this.#next("Acknowledge");
      compareToken(token, arrived.authorization);
      got.push(...((arrived.request as { ackTokens?: string[] }).ackTokens ?? []));
      if (got.length < wanted.length) arrived.answer();
      else respond(arrived, answer);
    }
    this.#compare([...wanted], got);
  }

  async #next(method: string): Promise<Arrived> {
    const arrived = await this.#calls.take(method, STEP_TIMEOUT_MS);
    if (arrived.method !== method) throw new Error(`${arrived.method} came instead: ${shown(arrived.request)}`);
    return arrived;
  }

  #compare(expected: JsonValue, seen: JsonValue): void {
    const wrong = mismatches(expected, seen, this.#saved);
    if (wrong.length > 0) throw new Error(wrong.join("\n"));
  }

  #compareAddress(wanted: ScriptedAddress | undefined, host: string): void {
    if (wanted === undefined || host === this.addressOf(wanted)) return;
    throw new Error(`it came by ${host}, and not by the ${wanted} address, ${this.addressOf(wanted)}`);
  }

  #addService(): void {
    const definition: Record<string, ServiceDefinition[string]> = {};
    const handlers: Record<string, unknown> = {};
    for (const { name, input, output, methodKind } of methods.values()) {
      const identity = (bytes: Buffer) => bytes;
      definition[name] = {
        path: `/mesosbridge.v1.SchedulerService/${name}`,
        requestStream: methodKind === "bidi_streaming",
        responseStream: methodKind !== "unary",
        requestSerialize: identity,
        requestDeserialize: identity,
        responseSerialize: identity,
        responseDeserialize: identity,
      };
      if (methodKind === "unary") {
        handlers[name] = (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) =>
          this.#take({
            method: name,
            host: call.getHost(),
            authorization: authorizationOf(call.metadata),
            request: decode(input, call.request),
            answer: (answer = { response: {} }) => {
              if ("fail" in answer) done(failed(answer.fail));
              else done(null, encode(output.typeName, answer.response));
            },
          });
      } else if (methodKind === "server_streaming") {
        handlers[name] = (stream: Stream) => {
          // Whoever cuts connections has streams that fail.
          stream.on("error", () => undefined);
          this.#streams.put({
            host: stream.getHost(),
            authorization: authorizationOf(stream.metadata),
            request: decode(input, stream.request),
            stream,
          });
        };
      }
    }
    delete definition.Calls;
    this.#server.addService(definition, handlers as Parameters<Server["addService"]>[1]);
  }
}

let sockets = 0;

/** The attachments that events open. */
function attachmentsIn(events: readonly JsonValue[]): string[] {
  return events.flatMap((event) => {
    const { opened, promoted } = event as { opened?: OpenedIn; promoted?: { opened?: OpenedIn } };
    return opened?.attachmentId ?? promoted?.opened?.attachmentId ?? [];
  });
}

interface OpenedIn {
  attachmentId?: string;
}

function serverCredentials({ tls, demandsCertificate = false }: Listening, { ca, server }: Certificates) {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const { key, cert } = server[tls];
  const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) };
  return ServerCredentials.createSsl(readFileSync(ca), [pair], demandsCertificate);
}

function authorizationOf(metadata: Metadata): string | undefined {
  return metadata.get("authorization").map(String).join(", ") || undefined;
}

function compareToken(token: string | null | undefined, authorization: string | undefined): void {
  if (token === undefined) return;
  const expected = token === null ? undefined : `Bearer ${token}`;
  if (authorization !== expected) throw new Error(`authorization should be ${expected}, and is ${authorization}`);
}

function respond(arrived: Arrived, answer: Step["answer"]): void {
  if (answer !== "nothing") arrived.answer(answer);
}

/** A status with its details, as the bridge sends it. */
function failed(failure: Failure): Error & { code: number; details: string; metadata: Metadata } {
  const { code, message = `refused: ${failure.reason ?? code}` } = failure;
  const metadata = new Metadata();
  const details = failure.details === undefined ? statusBytes(failure, message) : Buffer.from(failure.details, "hex");
  if (details.length > 0) metadata.set("grpc-status-details-bin", details);
  return Object.assign(new Error(message), { code, details: message, metadata });
}

function statusBytes(failure: Failure, message: string): Buffer {
  const { code, reason, domain = "mesosbridge", metadata = {}, fields = [], retryDelayMs } = failure;
  const details: JsonValue[] = [];
  const type = "type.googleapis.com/google.rpc.";
  if (reason !== undefined) details.push({ "@type": `${type}ErrorInfo`, reason, domain, metadata });
  if (fields.length > 0) details.push({ "@type": `${type}BadRequest`, fieldViolations: fields });
  if (retryDelayMs !== undefined)
    details.push({ "@type": `${type}RetryInfo`, retryDelay: `${(retryDelayMs / 1000).toFixed(3)}s` });
  return details.length === 0 ? Buffer.alloc(0) : encode("google.rpc.Status", { code, message, details });
}
