import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFailed, test } from "vitest";
import { AnsweringMaster } from "../support/answeringMaster.js";
import { startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { cleanupAfterAll } from "../support/cleanup.js";

const cleanup = cleanupAfterAll();
const FORGETS_AFTER_MS = 18_000;

/** Stands on the way to a master, and forgets connections that nothing went over for a while, without telling. */
class ForgetfulMiddlebox {
  forgotten = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(target: number) {
    this.#server = createServer((near) => this.#join(near, connect(target, "127.0.0.1")));
  }

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return (this.#server.address() as { port: number }).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(near: Socket, far: Socket): void {
    let usedMs = performance.now();
    let forgotten = false;
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from
        .on("error", () => {})
        .on("close", () => {
          this.#sockets.delete(from);
          to.destroy();
        });
      from.on("data", (bytes) => {
        const idleMs = performance.now() - usedMs;
        usedMs = performance.now();
        if (!forgotten && idleMs >= FORGETS_AFTER_MS) this.forgotten++;
        forgotten ||= idleMs >= FORGETS_AFTER_MS;
        if (!forgotten) to.write(bytes);
      });
    }
  }
}

test("a call after a pause does not go into a connection that was forgotten on the way", async () => {
  const master = cleanup.use(await AnsweringMaster.start());
  const middlebox = cleanup.use(new ForgetfulMiddlebox(master.fake.port));
  const bridge = cleanup.use(await startBridge({ master: `127.0.0.1:${await middlebox.start()}` }));
  onTestFailed(() => console.error(bridge.log()));
  const scheduler = cleanup.use(await BridgeScheduler.attach(bridge.address));
  await scheduler.linked();
  await scheduler.ok("reviveOffers");
  const { connection } = await master.call("REVIVE");
  // The subscription is not idle: it has its heartbeats.
  const subscription = await master.subscriptions.next();
  const beats = setInterval(() => subscription.connection.heartbeat(), 5_000);
  cleanup.defer(() => clearInterval(beats));
  await sleep(FORGETS_AFTER_MS + 500);
  expect(await scheduler.call("reviveOffers")).toMatchObject({ code: "OK" });
  expect((await master.call("REVIVE")).connection).not.toBe(connection);
  expect(middlebox.forgotten).toBe(0);
});
