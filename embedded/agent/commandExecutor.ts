import { existsSync } from "node:fs";
import { Agent as HttpAgent, type IncomingMessage, request } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Call, Call_Type, Event, Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import { FrameworkInfo_Capability_Type as Capability, type TaskStatus } from "../../gen/mesos/v1/mesos.js";
import { RecordReader } from "../../wire/recordio.js";
import { systemClock } from "../clock.js";
import { parseDuration } from "../duration.js";
import { TaskRunner } from "./taskRunner.js";

/** Tells this program apart from one that merely imports this module. */
const MARK = "run-command-executor";
const COMPILED = "dist/embedded/agent/commandExecutor.js";
const RETRY_MS = 200;

/**
 * The command line of the executor of command tasks and task groups as a process of its own: it outlives its agent.
 *
 * @throws Error when the compiled program is missing
 */
export function commandExecutor(): { file: string; args: string[] } {
  const self = fileURLToPath(import.meta.url);
  return {
    file: process.execPath,
    args: [self.endsWith(join("agent", "commandExecutor.js")) ? self : compiled(self), MARK],
  };
}

/** Node can't run the source itself, and another file that this module is bundled into is another program. */
function compiled(self: string): string {
  for (let folder = dirname(self); ; folder = dirname(folder)) {
    const candidate = join(folder, COMPILED);
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) throw new Error(`${COMPILED} is missing: build the project first`);
  }
}

/** The executor's side of the v1 executor API: it subscribes again and again, with all that is not acknowledged. */
class CommandExecutor {
  readonly #env = process.env;
  readonly #calls = new HttpAgent({ keepAlive: true, maxSockets: 1 });
  readonly #runner: TaskRunner;
  #tellsKilling = false;
  #subscribed = false;
  #lostAt: number | undefined;

  constructor() {
    this.#runner = new TaskRunner({
      clock: systemClock,
      sandbox: this.#variable("MESOS_SANDBOX"),
      env: Object.fromEntries(
        Object.entries(this.#env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
      ),
      shutdownGraceMs: parseDuration(this.#variable("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD")),
      tellsKilling: () => this.#tellsKilling,
      isAbandoned: () => false,
      update: (status) => this.#update(status),
      onEnd: () => process.exit(0),
    });
  }

  subscribe(): void {
    const subscribe = {
      unacknowledgedTasks: this.#runner.unacknowledgedTasks,
      unacknowledgedUpdates: this.#runner.unacknowledgedUpdates.map((status) => ({ status })),
    };
    const outgoing = this.#post({ type: Call_Type.SUBSCRIBE, subscribe }, undefined, (answer) => {
      if (answer.statusCode === 200) return this.#read(answer);
      answer.resume();
      this.#again(`SUBSCRIBE was answered ${answer.statusCode}`);
    });
    outgoing.on("error", (error) => this.#again(error.message));
  }

  #read(answer: IncomingMessage): void {
    const reader = new RecordReader();
    answer.on("data", (chunk: Buffer) => reader.push(chunk, (record) => this.#handle(Event.decode(record))));
    // Of its ends the first one counts.
    answer.on("error", () => {});
    answer.once("close", () => this.#again("the agent closed the stream"));
  }

  #handle(event: Event): void {
    if (event.type === Event_Type.SUBSCRIBED) {
      this.#subscribed = true;
      this.#lostAt = undefined;
      const capabilities = event.subscribed?.frameworkInfo?.capabilities ?? [];
      this.#tellsKilling = capabilities.some(({ type }) => type === Capability.TASK_KILLING_STATE);
    }
    this.#runner.handle(event);
  }

  /** The agent may be back in a moment; it has as long as it said. */
  #again(why: string): void {
    this.#subscribed = false;
    this.#lostAt ??= Date.now();
    const recoveryMs = parseDuration(this.#env.MESOS_RECOVERY_TIMEOUT ?? "0secs");
    if (Date.now() - this.#lostAt < recoveryMs) {
      setTimeout(() => this.subscribe(), RETRY_MS);
      return;
    }
    console.error(`The agent is lost: ${why}`);
    this.#runner.abandon();
    process.exit(1);
  }

  /** What does not arrive goes with the next subscription. */
  #update(status: TaskStatus): void {
    if (!this.#subscribed) return;
    const outgoing = this.#post({ type: Call_Type.UPDATE, update: { status } }, this.#calls, (answer) =>
      answer.resume(),
    );
    outgoing.on("error", (error) => console.error(`An update waits for the next subscription: ${error.message}`));
  }

  #post(
    call: Parameters<typeof Call.fromPartial>[0],
    agent: HttpAgent | undefined,
    onAnswer: (answer: IncomingMessage) => void,
  ) {
    const [id = "", address = ""] = this.#variable("MESOS_SLAVE_PID").split("@");
    const frameworkId = { value: this.#variable("MESOS_FRAMEWORK_ID") };
    const executorId = { value: this.#variable("MESOS_EXECUTOR_ID") };
    const body = Call.encode(Call.fromPartial({ frameworkId, executorId, ...call })).finish();
    const headers = { "Content-Type": "application/x-protobuf", Accept: "application/x-protobuf" };
    const outgoing = request(
      `http://${address}/${id}/api/v1/executor`,
      { method: "POST", headers, agent: agent ?? false },
      onAnswer,
    );
    outgoing.end(body);
    return outgoing;
  }

  #variable(name: string): string {
    const value = this.#env[name];
    if (value === undefined) throw new Error(`${name} is missing: this program is started by an agent`);
    return value;
  }
}

if (process.argv[2] === MARK) new CommandExecutor().subscribe();
