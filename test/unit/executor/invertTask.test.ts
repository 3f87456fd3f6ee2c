import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import sharp from "sharp";
import { Agent } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { invertTask } from "../../../executor/inverter/invertTask.js";
import {
  encodeJob,
  type InvertJobInput,
  parseFailure,
  parseProgress,
  parseResult,
} from "../../../executor/inverter/job.js";
import { type ExecutorExit, runExecutor } from "../../../executor/library/runExecutor.js";
import { Slots } from "../../../executor/library/slots.js";
import { TaskState } from "../../../gen/mesos/v1/mesos.js";
import { FakeAgent, type FakeSubscription } from "./fakeAgent.js";

let agent: FakeAgent;
let files: Server;
let base: string;
let dispatcher: Agent;
let slots: Slots;
let stop: AbortController;
let exit: Promise<ExecutorExit>;
let stream: FakeSubscription;
let serve: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

beforeEach(async () => {
  agent = await FakeAgent.start();
  files = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => serve(request, response, Buffer.concat(chunks)));
  }).listen(0, "127.0.0.1");
  await once(files, "listening");
  base = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
  dispatcher = new Agent();
  slots = new Slots(1);
  stop = new AbortController();
  const launch = invertTask({ dispatcher, slots });
  exit = runExecutor({ launch, env: agent.environment(), signal: stop.signal, log: () => {} });
  stream = await agent.subscriptions.next();
  stream.subscribed();
});

afterEach(async () => {
  stop.abort();
  await exit;
  await agent.stop();
  await dispatcher.destroy();
  files.closeAllConnections();
  files.close();
});

function launch(taskId: string, more: Partial<InvertJobInput> = {}): void {
  stream.launch(taskId, {
    data: encodeJob({ version: 1, input_url: `${base}/in`, output_url: `${base}/out`, ...more }),
  });
}

describe("a task", () => {
  it("tells running, its stages in order, and in the end what it did", async () => {
    const input = await sharp({ create: { width: 30, height: 20, channels: 3, background: "#102030" } })
      .png()
      .toBuffer();
    let output: Buffer = Buffer.alloc(0);
    serve = (request, response, body) => {
      if (request.method === "PUT") output = body;
      response.end(request.method === "PUT" ? "" : input);
    };
    launch("a");
    await agent.update(TaskState.TASK_RUNNING);
    const status = await agent.update(TaskState.TASK_FINISHED);
    expect(status.message).toBe("png, 30 x 20 pixels");
    const result = parseResult(status.data);
    expect(result).toMatchObject({
      width: 30,
      height: 20,
      frames: 1,
      format: "png",
      bytes_in: input.length,
      bytes_out: output.length,
    });
    expect([...(await sharp(output).raw().toBuffer()).subarray(0, 3)]).toEqual([0xef, 0xdf, 0xcf]);
    const stages: string[] = [];
    for (let i = 0; i < 3; i++) {
      const progress = parseProgress(await agent.messages.next());
      expect([progress.task_id, progress.fraction]).toEqual(["a", 0]);
      stages.push(progress.stage);
    }
    expect(stages).toEqual(["fetching", "inverting", "uploading"]);
  });

  it("that is killed while its image is inverted is over at once, and frees its slot when sharp has ended", async () => {
    const noise = { type: "gaussian" as const, mean: 128, sigma: 60 };
    const slow = await sharp({ create: { width: 1_200, height: 900, channels: 3, background: "red", noise } })
      .avif({ effort: 0 })
      .toBuffer();
    serve = (_request, response) => response.end(slow);
    launch("a");
    await agent.update(TaskState.TASK_RUNNING);
    let progress = parseProgress(await agent.messages.next());
    while (progress.stage !== "inverting") progress = parseProgress(await agent.messages.next());
    expect(slots.free).toBe(0);
    stream.kill("a");
    expect((await agent.update(TaskState.TASK_KILLED)).message).toBe("Task was killed");
    expect(slots.free).toBe(0);
    (await slots.acquire())();
    expect(slots.free).toBe(1);
  });

  it("that runs out of time while uploading says so", async () => {
    const input = await sharp({ create: { width: 3, height: 2, channels: 3, background: "red" } })
      .png()
      .toBuffer();
    serve = (request, response) => {
      if (request.method === "GET") response.end(input);
    };
    launch("a", { timeout_seconds: 0.5, output_url: `${base}/out?token=secret` });
    await agent.update(TaskState.TASK_RUNNING);
    const status = await agent.update(TaskState.TASK_FAILED);
    expect(status.message).toBe(`took longer than 0.5 s: was still uploading to ${base}/out?…`);
    expect(parseFailure(status.data)).toEqual({ version: 1, stage: "uploading", retryable: true });
  });

  it("that waits for its turn to invert can time out too", async () => {
    const release = await slots.acquire();
    serve = (_request, response) => response.end("x");
    launch("a", { timeout_seconds: 0.3 });
    await agent.update(TaskState.TASK_RUNNING);
    expect((await agent.update(TaskState.TASK_FAILED)).message).toBe("took longer than 0.3 s: was still inverting");
    release();
    expect(slots.free).toBe(1);
  });
});
