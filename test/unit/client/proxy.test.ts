import { describe, expect, it, onTestFinished } from "vitest";
import { BridgeError, Scheduler } from "../../../clients/typescript/index.js";
import { HttpProxy } from "../../support/httpProxy.js";

const give = (proxy: string) =>
  new Scheduler({ bridge: "127.0.0.1:1", proxy, frameworkName: "test", giveUpAfterMs: 0, backoff: { maxMs: 1 } });

async function failure(proxy: string): Promise<BridgeError> {
  const scheduler = give(proxy);
  onTestFinished(() => scheduler.close());
  try {
    for await (const event of scheduler.events()) expect(event.kind).toBe("detached");
  } catch (error) {
    if (error instanceof BridgeError) return error;
    throw error;
  }
  throw new Error("the events ended without an error");
}

describe("a scheduler that is to go through a proxy", () => {
  it.each([
    "",
    "proxy:3128",
    "https://me:secret@proxy:3128",
    "http://",
    "http://me:secret@proxy:3128/path",
    "http://me:secret@proxy:3128?a",
    "http://me:%zzsecret@proxy:3128",
    "http://me:secret@proxy:notaport",
  ])("refuses %s, and does not repeat it", (proxy) => {
    expect(() => give(proxy)).toThrow(/^proxy should be http:\/\/HOST:PORT(?!.*secret)/);
  });

  it("says when the proxy refuses", async () => {
    const proxy = await HttpProxy.start(407);
    onTestFinished(() => proxy.stop());
    const { message } = await failure(`http://me:secret@127.0.0.1:${proxy.port}`);
    expect(message).toBe("the proxy to the bridge can't be reached, or did not connect to the bridge");
    expect(proxy.requests).toMatchObject([{ method: "CONNECT", target: "127.0.0.1:1" }]);
  });

  it("says when the proxy can't be reached", async () => {
    const proxy = await HttpProxy.start();
    const { port } = proxy;
    await proxy.stop();
    const { message } = await failure(`http://127.0.0.1:${port}`);
    expect(message).toBe("the proxy to the bridge can't be reached, or did not connect to the bridge");
  });
});
