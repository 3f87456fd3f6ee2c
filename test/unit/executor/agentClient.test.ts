import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AgentClient } from "../../../executor/library/agentClient.js";
import { readExecutorEnvironment } from "../../../executor/library/environment.js";
import { Call, Call_Type } from "../../../gen/mesos/v1/executor/executor.js";
import { eventually, within } from "../../support/eventually.js";
import { kernelTellsTimers, probedInMs } from "../../support/keepalive.js";
import { standStill } from "../../support/standStill.js";

let server: Server;
let client: AgentClient;
let answer: (response: ServerResponse, request: IncomingMessage) => unknown;
let sockets: Socket[];
const never = new AbortController().signal;
const call = Call.create({ type: Call_Type.HEARTBEAT, executorId: { value: "e" }, frameworkId: { value: "f" } });

beforeEach(async () => {
  sockets = [];
  server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    request.resume().on("end", () => answer(response, request));
  });
  server.on("connection", (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  client = clientOf(300);
});

function clientOf(answerMs: number): AgentClient {
  const env = {
    MESOS_SLAVE_PID: `slave(1)@127.0.0.1:${(server.address() as AddressInfo).port}`,
    MESOS_FRAMEWORK_ID: "f",
    MESOS_EXECUTOR_ID: "e",
    MESOS_EXECUTOR_AUTHENTICATION_TOKEN: "t0ken",
  };
  return new AgentClient(readExecutorEnvironment(env), answerMs);
}

afterEach(async () => {
  await client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** Writes pieces of a body for as long as the connection stands. */
function drip(response: ServerResponse): void {
  const timer = setInterval(() => response.write("x"), 20);
  response.on("close", () => clearInterval(timer));
}

test("an answer that waits in the socket of an executor that stood still came in time", async () => {
  answer = (response) => {
    response.writeHead(202, { "content-length": "0" }).end();
    response.on("finish", () => standStill(600));
  };
  await client.send(call, "HEARTBEAT", never);
});

test("an answer that does not come is given up, and the call's name is told", async () => {
  answer = () => {};
  await expect(client.send(call, "UPDATE", never)).rejects.toThrow("the agent did not answer UPDATE within 300 ms");
  await expect(client.subscribe(call, () => {}, never)).rejects.toThrow("did not answer SUBSCRIBE within 300 ms");
});

test("a refusal whose text goes on for ever, slowly, is told as far as it came", async () => {
  answer = (response) => drip(response.writeHead(400, { "content-type": "text/plain" }));
  await expect(client.send(call, "UPDATE", never)).rejects.toThrow(/^the agent answered UPDATE with 400: x+$/);
  await expect(client.subscribe(call, () => {}, never)).rejects.toThrow(/^the agent answered SUBSCRIBE with 400: x+$/);
});

test("a token that an agent echoes is not told, also where its text is cut short", async () => {
  answer = (response, request) => response.writeHead(401).end(`no: ${request.headers.authorization}`);
  await expect(client.send(call, "UPDATE", never)).rejects.toThrow(
    "the agent answered UPDATE with 401: no: Bearer ***",
  );
  answer = (response) => response.writeHead(401).end(`${"-".repeat(1_020)}t0ken`);
  await expect(client.send(call, "UPDATE", never)).rejects.toThrow(/-{1020}\*{3}$/);
  answer = (response) => response.writeHead(401, { "content-length": "100" }).write("no t0k");
  await expect(client.subscribe(call, () => {}, never)).rejects.toThrow(/with 401: no$/);
  answer = (response) => response.writeHead(200, { "content-type": "text/t0ken" }).end();
  await expect(client.subscribe(call, () => {}, never)).rejects.toThrow("a stream of text/***, not");
});

test("a 202 with a body that goes on for ever is taken all the same", async () => {
  answer = (response) => drip(response.writeHead(202));
  await client.send(call, "UPDATE", never);
});

test.each([200, 201, 204, 302, 307])("a %i is not how an agent takes a call", async (status) => {
  answer = (response) => response.writeHead(status, { location: "/login" }).end();
  await expect(client.send(call, "UPDATE", never)).rejects.toThrow(`the agent answered UPDATE with ${status}`);
});

test("the connection for calls does not stay idle, whatever the agent says", async () => {
  answer = (response) => response.writeHead(202, { "content-length": "0", "keep-alive": "timeout=600" }).end();
  await client.send(call, "UPDATE", never);
  const [socket] = sockets;
  await within(new Promise((resolve) => socket?.on("close", resolve)), { what: "the end of the idle connection" });
});

test.runIf(kernelTellsTimers)("both connections are probed before something on the way forgets them", async () => {
  const patient = clientOf(60_000);
  const stop = new AbortController();
  const responses: ServerResponse[] = [];
  answer = (response) => responses.push(response);
  const subscribed = patient.subscribe(call, () => {}, stop.signal).catch(() => {});
  await eventually(() => responses.length === 1);
  responses[0]?.writeHead(200, { "content-type": "application/x-protobuf" }).flushHeaders();
  const sent = patient.send(call, "UPDATE", never);
  // Without an answer it is not idle, and stays open.
  await eventually(() => responses.length === 2);
  expect(sockets).toHaveLength(2);
  for (const socket of sockets) {
    await eventually(() => (probedInMs(socket) ?? Infinity) <= 10_000, { what: "a probe within 10 s" });
  }
  responses[1]?.writeHead(202, { "content-length": "0" }).end();
  await sent;
  stop.abort();
  await subscribed;
  await patient.close();
});
