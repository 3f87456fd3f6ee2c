import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ProtoReader } from "../../wire/reader.js";
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
  return fieldsOf(request, 1)
    .flatMap((resource) => fieldsOf(resource, 2))
    .flatMap((scope) => fieldsOf(scope, 2))
    .map(spanOf);
}

function spanOf(span: Uint8Array): ReceivedSpan {
  const first = (field: number) => fieldsOf(span, field)[0] ?? Buffer.alloc(0);
  return {
    traceId: first(1).toString("hex"),
    spanId: first(2).toString("hex"),
    parentId: first(4).toString("hex"),
    name: first(5).toString(),
    kind: varintOf(span, 6),
    attributes: Object.fromEntries(fieldsOf(span, 9).map(attributeOf)),
    links: fieldsOf(span, 13).map((link) => (fieldsOf(link, 2)[0] ?? Buffer.alloc(0)).toString("hex")),
    failed: varintOf(first(15), 3) === 2,
  };
}

function attributeOf(bytes: Uint8Array): [string, string] {
  const [key = "", value = Buffer.alloc(0)] = [fieldsOf(bytes, 1)[0]?.toString(), fieldsOf(bytes, 2)[0]];
  return [key, fieldsOf(value, 1)[0]?.toString() ?? String(varintOf(value, 3))];
}

/** The length-delimited values of a field. */
function fieldsOf(message: Uint8Array, field: number): Buffer[] {
  const found: Buffer[] = [];
  const reader = new ProtoReader(message);
  while (reader.next()) if (reader.field === field && reader.wireType === 2) found.push(Buffer.from(reader.bytes()));
  return found;
}

function varintOf(message: Uint8Array, field: number): number {
  const reader = new ProtoReader(message);
  let value = 0;
  while (reader.next()) if (reader.field === field && reader.wireType === 0) value = Number(reader.uint64());
  return value;
}
