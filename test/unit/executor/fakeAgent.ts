import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Call, Call_Type, Event, Event_Type } from "../../../gen/mesos/v1/executor/executor.js";
import {
  FrameworkInfo_Capability_Type,
  TaskInfo,
  type TaskState,
  type TaskStatus,
} from "../../../gen/mesos/v1/mesos.js";
import { encodeRecord } from "../../../wire/recordio.js";

/** Values that come one by one, and can be awaited. */
export class Arrivals<T> {
  readonly all: T[] = [];
  #taken = 0;
  #wake: (() => void)[] = [];

  push(value: T): void {
    this.all.push(value);
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** The next one that was not taken yet. */
  async next(): Promise<T> {
    while (this.#taken >= this.all.length) await new Promise<void>((resolve) => this.#wake.push(resolve));
    return this.all[this.#taken++] as T;
  }
}

/** One SUBSCRIBE that the fake agent accepted. */
export class FakeSubscription {
  constructor(
    readonly call: Call,
    readonly response: ServerResponse,
  ) {}

  send(event: Partial<Event>): void {
    this.response.write(encodeRecord(Event.encode(Event.create(event)).finish()));
  }

  /** Several events, in pieces of `size` bytes, each in a write of its own. */
  async sendInPieces(events: Partial<Event>[], size: number): Promise<void> {
    const bytes = Buffer.concat(events.map((event) => encodeRecord(Event.encode(Event.create(event)).finish())));
    for (let at = 0; at < bytes.length; at += size) {
      await new Promise((resolve) => this.response.write(bytes.subarray(at, at + size), resolve));
    }
  }

  subscribed(options: { killing?: boolean } = {}): void {
    const capabilities = options.killing ? [{ type: FrameworkInfo_Capability_Type.TASK_KILLING_STATE }] : [];
    this.send({
      type: Event_Type.SUBSCRIBED,
      subscribed: {
        executorInfo: undefined,
        frameworkInfo: {
          user: "",
          name: "test",
          roles: [],
          capabilities,
          offerFilters: {},
        },
        agentInfo: undefined,
      },
    });
  }

  launch(taskId: string, fields: Partial<TaskInfo> = {}): void {
    this.send(launchEvent(taskId, fields));
  }

  kill(taskId: string, graceMs?: number): void {
    const killPolicy =
      graceMs === undefined ? {} : { killPolicy: { gracePeriod: { nanoseconds: BigInt(graceMs) * 1_000_000n } } };
    this.send({ type: Event_Type.KILL, kill: { taskId: { value: taskId }, ...killPolicy } });
  }

  acknowledge(status: TaskStatus): void {
    this.send({ type: Event_Type.ACKNOWLEDGED, acknowledged: { taskId: status.taskId, uuid: status.uuid } });
  }

  /** As an agent that stops: what was sent still arrives, and then the stream ends. */
  end(): void {
    this.response.end();
  }

  /** As an agent that dies: the connection is reset in the middle of the stream. */
  reset(): void {
    this.response.socket?.resetAndDestroy();
  }
}

export function launchEvent(taskId: string, fields: Partial<TaskInfo> = {}): Partial<Event> {
  const task = TaskInfo.create({ name: taskId, taskId: { value: taskId }, agentId: { value: "agent" }, ...fields });
  return { type: Event_Type.LAUNCH, launch: { task } };
}

export interface FakeAnswer {
  status?: number;
  text?: string;
  /** Break the connection instead of answering. */
  reset?: boolean;
}

/** An agent's executor API at a socket, which does what a test says. */
export class FakeAgent {
  readonly subscriptions = new Arrivals<FakeSubscription>();
  readonly updates = new Arrivals<TaskStatus>();
  readonly messages = new Arrivals<Buffer>();
  readonly calls: Call_Type[] = [];
  readonly authorizations: (string | undefined)[] = [];
  readonly paths: (string | undefined)[] = [];
  /** Called for every call before it is taken; what it returns is answered instead. */
  intercept: (call: Call) => FakeAnswer | undefined = () => undefined;
  /** Acknowledge updates as they come. */
  acknowledging = true;
  readonly #server: Server;
  #current: FakeSubscription | undefined;

  private constructor(tls: { key: Buffer; cert: Buffer } | undefined) {
    const serve = (request: IncomingMessage, response: ServerResponse) => {
      // An executor that is killed breaks its requests off.
      this.#serve(request, response).catch(() => response.destroy());
    };
    this.#server = tls ? createTlsServer(tls, serve) : createServer(serve);
  }

  static async start(port = 0, tls?: { key: Buffer; cert: Buffer }): Promise<FakeAgent> {
    const agent = new FakeAgent(tls);
    agent.#server.listen(port, "127.0.0.1");
    await once(agent.#server, "listening");
    return agent;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What a Mesos agent puts into an executor's environment. */
  environment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    return {
      MESOS_SLAVE_PID: `slave(1)@127.0.0.1:${this.port}`,
      MESOS_FRAMEWORK_ID: "framework",
      MESOS_EXECUTOR_ID: "executor",
      MESOS_CHECKPOINT: "0",
      MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: "2secs",
      ...extra,
    };
  }

  /** The next update, which has to be in this state. */
  async update(state: TaskState): Promise<TaskStatus> {
    const status = await this.updates.next();
    if (status.state !== state) throw new Error(`expected state ${state}, got ${status.state}: ${status.message}`);
    return status;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const call = Call.decode(Buffer.concat(chunks));
    this.calls.push(call.type ?? Call_Type.UNKNOWN);
    this.authorizations.push(request.headers.authorization);
    this.paths.push(request.url);
    const answer = this.intercept(call);
    if (answer?.reset) {
      request.socket.resetAndDestroy();
    } else if (answer) {
      response.writeHead(answer.status ?? 503, { "content-type": "text/plain" }).end(answer.text ?? "");
    } else if (call.type === Call_Type.SUBSCRIBE) {
      response.writeHead(200, { "content-type": "application/x-protobuf" });
      this.#current = new FakeSubscription(call, response);
      this.subscriptions.push(this.#current);
    } else {
      this.#take(call);
      response.writeHead(202, { "content-length": "0" }).end();
    }
  }

  #take(call: Call): void {
    const status = call.update?.status;
    if (status) {
      if (this.acknowledging) this.#current?.acknowledge(status);
      this.updates.push(status);
    }
    if (call.message) this.messages.push(call.message.data ?? Buffer.alloc(0));
  }
}
