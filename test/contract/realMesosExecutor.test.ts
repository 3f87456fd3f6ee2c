import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { encodeRecord } from "../../wire/recordio.js";
import { startProcess } from "../support/childProcess.js";
import { Cleanup } from "../support/cleanup.js";
import { within } from "../support/eventually.js";
import { at } from "../support/paths.js";

interface Update {
  state: string;
  uuid: string;
}

/** What this test reads of the executor's calls. */
interface ExecutorCall {
  type: string;
  update?: { status: Update };
}

const TASK = { task_id: { value: "task" }, command: { value: "true" } };

/** An agent that takes no notice of the first TASK_FINISHED, as one that stands still while it comes. */
class DeafAgent {
  readonly updates: Update[] = [];
  #subscription: ServerResponse | undefined;

  readonly serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    const { type, update } = JSON.parse(body) as ExecutorCall;
    if (type === "SUBSCRIBE") {
      this.#subscription = response;
      this.#say({ type: "SUBSCRIBED" });
      this.#say({ type: "LAUNCH", launch: { task: TASK } });
    } else if (update) this.#take(update.status, response);
  };

  #take(status: Update, response: ServerResponse): void {
    this.updates.push(status);
    const ends = this.updates.filter(({ state }) => state === "TASK_FINISHED").length;
    if (status.state === "TASK_FINISHED" && ends === 1) return;
    response.writeHead(202).end();
    this.#say({ type: "ACKNOWLEDGED", acknowledged: { task_id: TASK.task_id, uuid: status.uuid } });
  }

  #say(event: object): void {
    this.#subscription?.write(encodeRecord(Buffer.from(JSON.stringify(event))));
  }
}

test("the real cluster's stand-in for mesos-executor repeats an update that its agent did not answer", async () => {
  const cleanup = new Cleanup();
  onTestFinished(() => cleanup.run());
  const agent = new DeafAgent();
  const server = createServer((request, response) => {
    agent.serve(request, response).catch(() => response.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const executor = cleanup.use(
    await startProcess({
      command: at("test/real-mesos/libexec/mesos-executor"),
      env: {
        ...process.env,
        MESOS_AGENT_ENDPOINT: endpoint,
        MESOS_SLAVE_PID: `slave(1)@${endpoint}`,
        MESOS_FRAMEWORK_ID: "framework",
        MESOS_EXECUTOR_ID: "task",
      },
    }),
  );
  expect(await within(executor.exited, { what: "the executor's end", timeoutMs: 60_000 })).toMatchObject({ code: 0 });
  const [starting, running, finished, again] = agent.updates;
  expect(agent.updates.map(({ state }) => state)).toEqual([
    "TASK_STARTING",
    "TASK_RUNNING",
    "TASK_FINISHED",
    "TASK_FINISHED",
  ]);
  expect(again?.uuid).toBe(finished?.uuid);
  expect(starting?.uuid).not.toBe(running?.uuid);
});
