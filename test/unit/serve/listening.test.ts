import { describe, expect, test } from "vitest";
import { allowedAddress } from "../../../server/cli/listening.js";
import { parseServeConfig } from "../../../server/cli/serveConfig.js";
import { remoteIps } from "../../../server/grpc/connections/listenAddress.js";

const config = (listen: string, more: object = {}) =>
  parseServeConfig({ master: "127.0.0.1:1", dataDir: "d", listen, ...more });

describe("an address that only this machine reaches is taken", () => {
  test.each([
    "127.0.0.1:0",
    "127.0.0.2:0",
    "127.255.255.254:50051",
    "localhost:0",
    "[::1]:0",
    "[0:0:0:0:0:0:0:1]:0",
    "[::ffff:127.0.0.1]:0",
    "[::FFFF:7f00:1]:0",
    // getaddrinfo reads these as 127.0.0.1.
    "127.1:0",
    "2130706433:0",
  ])("%s", async (listen) => {
    const { ips } = await allowedAddress(config(listen));
    expect(ips.length).toBeGreaterThan(0);
  });
});

const REMOTE = [
  ["0.0.0.0:50051", "is"],
  ["192.0.2.1:0", "is"],
  ["128.0.0.1:0", "is"],
  ["126.255.255.255:0", "is"],
  ["[::]:0", "is"],
  ["[::2]:0", "is"],
  ["[2001:db8::1]:0", "is"],
  ["[::ffff:0.0.0.0]:0", "is"],
  ["[::ffff:10.0.0.1]:0", "is"],
  ["0:0", "means 0.0.0.0, which is"],
  ["10.1:0", "means 10.0.0.1, which is"],
] as const;

describe("one that other machines reach is refused", () => {
  test.each(REMOTE)("%s", async (listen, which) => {
    await expect(allowedAddress(config(listen))).rejects.toThrow(
      `--listen: ${listen} ${which} not a loopback address, and the bridge does not authenticate its clients: ` +
        "listen on 127.0.0.1, or add --insecure if you want this",
    );
  });

  test.each(REMOTE)("%s, unless --insecure says that it is meant", async (listen) => {
    const { text } = await allowedAddress(config(listen, { insecure: true }));
    expect(text).toBe(listen);
  });
});

test("a name counts as remote if one of its addresses is", () => {
  const address = { text: "name:0", ips: ["127.0.0.1", "::1", "10.0.0.1"], port: 0 };
  expect(remoteIps(address)).toEqual(["10.0.0.1"]);
});

test("a name without addresses is told", async () => {
  await expect(allowedAddress(config("none.invalid:0"))).rejects.toThrow(
    /^--listen: none\.invalid:0 can't be used: .*(ENOTFOUND|EAI_AGAIN)/,
  );
});
