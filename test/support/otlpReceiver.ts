import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { hasValue, lastValue } from "../../wire/fields.js";
import { submessages } from "../../wire/proto.js";
import { ProtoReader, VARINT } from "../../wire/reader.js";
import { type Deadline, eventually } from "./eventually.js";

/** A span as it came, with its ids in hexadecimal. */
export interface ReceivedSpan {
  name: string;
  traceId: string;
  spanId: string;
  /** Empty for the first of a trace. */
  parentId: string;
  /** 2: server, 3: client. */
  kind: number;
  attributes: Record<string, string>;
  /** Span ids. */
  links: string[];
  failed: boolean;
}

/** Takes spans as a collector does: OTLP over HTTP, in protobuf. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  /** What it answers. */
  status = 200;
  requests = 0;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  static async start(): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver();
    receiver.#server.listen(0, "127.0.0.1");
    await once(receiver.#server, "listening");
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/traces`;
  }

  /** Waits for a span. */
  async span(
    name: string,
    is: (span: ReceivedSpan) => boolean = () => true,
    deadline?: Deadline,
  ): Promise<ReceivedSpan> {
    return eventually(() => this.spans.find((span) => span.name === name && is(span)), {
      what: `the span ${name}`,
      ...deadline,
    });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.requests++;
    if (this.status === 200) this.spans.push(...spansIn(Buffer.concat(chunks)));
    response.writeHead(this.status, { "content-type": "application/x-protobuf" }).end();
  }
}

/** Of an ExportTraceServiceRequest: resource_spans, their scope_spans, and the spans of these. */
function spansIn(request: Uint8Array): ReceivedSpan[] {
  return submessages(request, 1)
    .flatMap((resource) => submessages(resource, 2))
    .flatMap((scope) => submessages(scope, 2))
    .map(spanOf);
}

function spanOf(span: Uint8Array): ReceivedSpan {
  return {
    traceId: hexOf(span, 1),
    spanId: hexOf(span, 2),
    parentId: hexOf(span, 4),
    name: bytesOf(span, 5).toString(),
    kind: varintOf(span, 6),
    attributes: Object.fromEntries(submessages(span, 9).map(attributeOf)),
    links: submessages(span, 13).map((link) => hexOf(link, 2)),
    failed: varintOf(bytesOf(span, 15), 3) === 2,
  };
}

/** Of texts and whole numbers. */
function attributeOf(attribute: Uint8Array): [string, string] {
  const value = bytesOf(attribute, 2);
  const text = hasValue(value, 1) ? bytesOf(value, 1).toString() : String(varintOf(value, 3));
  return [bytesOf(attribute, 1).toString(), text];
}

const bytesOf = (message: Uint8Array, field: number) => Buffer.from(lastValue(message, field) ?? []);
const hexOf = (message: Uint8Array, field: number) => bytesOf(message, field).toString("hex");

function varintOf(message: Uint8Array, field: number): number {
  const reader = new ProtoReader(message);
  let value = 0;
  while (reader.next()) if (reader.field === field && reader.wireType === VARINT) value = Number(reader.uint64());
  return value;
}
