import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { Call, Call_Type, Event, type Event_Subscribed } from "../../gen/mesos/v1/executor/executor.js";
import type { CommandInfo, ExecutorInfo, TaskID, TaskState } from "../../gen/mesos/v1/mesos.js";
import { ExecutorInfo_Type, TaskStatus_Source } from "../../gen/mesos/v1/mesos.js";
import { type Codec, json, type MessageClass } from "./codec.js";
import { EventStream } from "./eventStream.js";
import { type Deadline, eventually } from "./eventually.js";
import { open, type RawAnswer, send, singleConnection } from "./http.js";
import { resources } from "./messages.js";
import { at } from "./paths.js";
import { uuid } from "./scheduler.js";

type PartialExecutorCall = Parameters<typeof Call.fromPartial>[0];
type PartialStatus = NonNullable<NonNullable<PartialExecutorCall["update"]>["status"]>;
type PartialExecutorInfo = Parameters<typeof ExecutorInfo.fromPartial>[0];

export const executorCallType: MessageClass<Call> = Call as MessageClass<Call>;
const eventType: MessageClass<Event> = Event as MessageClass<Event>;

/** What an executor process says of itself. */
interface Hello {
  name: string;
  env: Record<string, string>;
  pid: number;
  argv: string[];
  cwd: string;
}

/** An executor process that an agent has started: the test tells it what to do. */
export class ExecutorProcess {
  readonly hello: Hello;
  readonly #socket: Socket;
  readonly gone: Promise<unknown>;

  constructor(hello: Hello, socket: Socket) {
    this.hello = hello;
    this.#socket = socket;
    this.gone = new Promise((resolve) => socket.on("close", resolve));
  }

  /** A variable that the agent set. @throws Error when it is not there */
  variable(name: string): string {
    const value = this.hello.env[name];
    if (value === undefined) throw new Error(`the agent did not set ${name}`);
    return value;
  }

  /** Where the agent's executor API is, as Mesos's own executor library finds it. */
  get url(): string {
    const [id, address] = this.variable("MESOS_SLAVE_PID").split("@");
    return `http://${address}/${id}/api/v1/executor`;
  }

  exit(status: number): void {
    this.#socket.write(`exit ${status}\n`);
  }

  signalItself(signal: NodeJS.Signals): void {
    this.#socket.write(`kill ${signal}\n`);
  }
}

/** Waits for the executor processes that agents start with `command(...)`. */
export class ExecutorHost {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #arrived: ExecutorProcess[] = [];

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => this.#welcome(socket));
  }

  static async start(): Promise<ExecutorHost> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new ExecutorHost(server);
  }

  /** An ExecutorInfo whose process comes here. */
  info(id: string, more: PartialExecutorInfo = {}): PartialExecutorInfo {
    const command: Partial<CommandInfo> = { value: this.#commandLine(id) };
    return {
      executorId: { value: id },
      type: ExecutorInfo_Type.CUSTOM,
      command,
      resources: resources("cpus:0.1;mem:32"),
      ...more,
    };
  }

  /** The process of the executor `id`, once the agent has started it. */
  async process(id: string, deadline?: Deadline): Promise<ExecutorProcess> {
    const isMine = ({ hello }: ExecutorProcess) => hello.name === id;
    const arrived = () => this.#arrived.splice(this.#arrived.findIndex(isMine) >>> 0, 1)[0];
    return eventually(arrived, { what: `the process of executor ${id}`, ...deadline });
  }

  /** Ends all processes that came here. */
  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #commandLine(name: string): string {
    const address = this.#server.address();
    if (typeof address !== "object" || !address) throw new Error("the executor host is closed");
    return `exec '${process.execPath}' '${at("test/support/controlExecutor.mjs")}' 127.0.0.1 ${address.port} '${name}'`;
  }

  #welcome(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket)).on("error", () => {});
    createInterface({ input: socket }).once("line", (line) => {
      this.#arrived.push(new ExecutorProcess(JSON.parse(line) as Hello, socket));
    });
  }
}

export interface ExecutorIdentity {
  url: string;
  frameworkId: string;
  executorId: string;
}

/** An executor that speaks Mesos's own HTTP API and hides nothing of it. */
export class MesosExecutor {
  readonly identity: ExecutorIdentity;
  readonly codec: Codec;
  readonly #connection = singleConnection();
  readonly #streams: EventStream<Event>[] = [];

  constructor(identity: ExecutorIdentity, codec: Codec = json) {
    this.identity = identity;
    this.codec = codec;
  }

  /** The executor of a process that an agent has started. */
  static of(process: ExecutorProcess, codec?: Codec): MesosExecutor {
    const frameworkId = process.variable("MESOS_FRAMEWORK_ID");
    const executorId = process.variable("MESOS_EXECUTOR_ID");
    return new MesosExecutor({ url: process.url, frameworkId, executorId }, codec);
  }

  /** The newest subscription. */
  get stream(): EventStream<Event> {
    const stream = this.#streams.at(-1);
    if (!stream) throw new Error("subscribe first");
    return stream;
  }

  /** Opens a subscription and gives its stream, whatever comes first on it. */
  async open(subscribe: NonNullable<PartialExecutorCall["subscribe"]> = {}): Promise<EventStream<Event>> {
    const answer = await open(this.identity.url, {
      headers: this.#headers({ Accept: this.codec.mediaType }),
      body: this.encode({ type: Call_Type.SUBSCRIBE, subscribe }),
    });
    if (answer.statusCode !== 200) throw new Error(`SUBSCRIBE: ${answer.statusCode}`);
    const stream = new EventStream(answer, this.codec, eventType);
    this.#streams.push(stream);
    return stream;
  }

  async subscribe(subscribe?: NonNullable<PartialExecutorCall["subscribe"]>): Promise<Event_Subscribed> {
    return (await this.open(subscribe)).next("subscribed");
  }

  async call(type: keyof typeof Call_Type, body: PartialExecutorCall = {}): Promise<RawAnswer> {
    return send(this.identity.url, {
      agent: this.#connection,
      headers: this.#headers(),
      body: this.encode({ ...body, type: Call_Type[type] }),
    });
  }

  /**
   * Sends an update with all that Mesos wants in one, changed by `more`. Wait for the task's LAUNCH before: a real agent
   * aborts when a task that it has not sent yet gets any state but a terminal one (slave.cpp, "Queued tasks can only be
   * transitioned to terminal states").
   *
   * @throws Error for any answer but 202
   */
  async update(taskId: TaskID | undefined, state: TaskState, more: PartialStatus = {}): Promise<PartialStatus> {
    const status = this.status(taskId, state, more);
    const answer = await this.call("UPDATE", { update: { status } });
    if (answer.status !== 202) throw new Error(`UPDATE: ${answer.status} ${answer.text}`);
    return status;
  }

  status(taskId: TaskID | undefined, state: TaskState, more: PartialStatus = {}): PartialStatus {
    return {
      taskId,
      state,
      source: TaskStatus_Source.SOURCE_EXECUTOR,
      executorId: { value: this.identity.executorId },
      timestamp: Date.now() / 1000,
      uuid: uuid(),
      ...more,
    };
  }

  encode(call: PartialExecutorCall): Uint8Array {
    const { frameworkId, executorId } = this.identity;
    const identity = { frameworkId: { value: frameworkId }, executorId: { value: executorId } };
    return this.codec.encode(executorCallType, Call.fromPartial({ ...identity, ...call }));
  }

  stop(): void {
    for (const stream of this.#streams) stream.stop();
    this.#connection.destroy();
  }

  #headers(more: Record<string, string> = {}): Record<string, string> {
    return { "Content-Type": this.codec.mediaType, ...more };
  }
}
