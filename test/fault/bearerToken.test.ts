import { writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { afterAll, expect, onTestFailed, test } from "vitest";
import { Call, Call_Type, Event, Event_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { LinkState, type SessionEvent } from "../../gen/mesosbridge/v1/scheduler.js";
import { startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";

/** A master that wants a bearer token, which Mesos's own authenticators don't know: modules of others do. */
class TokenMaster {
  token = "";
  /** The tokens of the calls that it took. */
  readonly tokensOfCalls: string[] = [];
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch((error: Error) => response.destroy(error));
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return `127.0.0.1:${address.port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { authorization = "" } = request.headers;
    if (authorization !== `Bearer ${this.token}`) {
      // As some do that want to be helpful.
      response.writeHead(401).end(`Unauthorized: ${authorization}\n`);
      return;
    }
    if (request.method === "GET") {
      response.writeHead(405, { Allow: "POST" }).end();
      return;
    }
    const call = Call.decode(Buffer.concat(chunks));
    if (call.type === Call_Type.SUBSCRIBE) return this.#subscribe(call, response);
    this.tokensOfCalls.push(authorization.slice("Bearer ".length));
    response.writeHead(202).end();
  }

  #subscribe(call: Call, response: ServerResponse): void {
    response.writeHead(200, { "content-type": "application/x-protobuf", "mesos-stream-id": "stream" });
    const subscribed = { frameworkId: call.frameworkId, heartbeatIntervalSeconds: 15 };
    const event = Event.encode(Event.fromPartial({ type: Event_Type.SUBSCRIBED, subscribed })).finish();
    response.write(Buffer.concat([Buffer.from(`${event.length}\n`), event]));
  }
}

const cleanup = new Cleanup();
afterAll(() => cleanup.run());

test("a bearer token comes from a file, also for calls after the file has changed", async () => {
  const file = join(await cleanup.tempDir(), "token");
  await writeFile(file, "first-t0ken\n");
  const master = cleanup.use(new TokenMaster());
  master.token = "first-t0ken";
  const flags = ["--token-file", file, "--log-level", "debug"];
  const bridge = cleanup.use(await startBridge({ master: await master.start(), flags }));
  onTestFailed(() => console.error(bridge.log()));
  const scheduler = cleanup.use(await BridgeScheduler.attach(bridge.address));
  await scheduler.linked();
  await scheduler.ok("reviveOffers", {});
  expect(master.tokensOfCalls).toEqual(["first-t0ken"]);
  expect(scheduler.opened.frameworkInfo?.principal).toBeUndefined();

  // The token is replaced while the subscription stands: calls have to carry the new one.
  master.token = "second-t0ken";
  const refused = await scheduler.call("reviveOffers", {});
  expect(refused).toMatchObject({ code: "UNAVAILABLE", reason: "MESOS_CREDENTIALS_REFUSED", retryable: true });
  expect(refused.message).toMatch(
    /does not accept the bridge's own credentials \(401: Unauthorized: Bearer \*\*\*\): .*--token-file/,
  );
  await writeFile(file, "second-t0ken");
  await expect
    .poll(async () => (await scheduler.call("reviveOffers", {})).code, { timeout: 5_000, interval: 100 })
    .toBe("OK");
  expect(master.tokensOfCalls).toEqual(["first-t0ken", "second-t0ken"]);

  const changes = scheduler.stream.received.filter(isConnecting);
  expect(changes.map(({ event }) => event?.$case === "linkChanged" && event.value.reason)).toEqual([]);
  for (const text of [bridge.log(), refused.message]) expect(text).not.toContain("t0ken");
});

const isConnecting = ({ event }: SessionEvent) =>
  event?.$case === "linkChanged" && event.value.state === LinkState.LINK_STATE_CONNECTING;
