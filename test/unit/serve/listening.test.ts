import { describe, expect, test } from "vitest";
import { allowedAddresses } from "../../../server/cli/listening.js";
import { parseServeConfig } from "../../../server/cli/serveConfig.js";
import { remoteIps } from "../../../server/grpc/connections/listenAddress.js";

const OPEN = { tls: false, authentication: false };
const config = (listen: string | string[], more: object = {}) =>
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
    const [address] = await allowedAddresses(config(listen), OPEN);
    expect(address?.kind === "tcp" && address.ips.length).toBeGreaterThan(0);
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
    await expect(allowedAddresses(config(listen), OPEN)).rejects.toThrow(
      `--listen: ${listen} ${which} not a loopback address, and the bridge does not authenticate its clients: ` +
        "listen on 127.0.0.1, add --tls-cert and --tls-key and --tls-client-ca, or add --insecure if you want this",
    );
  });

  test.each(REMOTE)("%s, unless --insecure says that it is meant", async (listen) => {
    const [address] = await allowedAddresses(config(listen, { insecure: true }), OPEN);
    expect(address?.text).toBe(listen);
  });

  test.each(REMOTE)("%s, unless it is protected", async (listen) => {
    const [address] = await allowedAddresses(config(listen), { tls: true, authentication: true });
    expect(address?.text).toBe(listen);
  });

  test("with TLS alone", async () => {
    await expect(allowedAddresses(config("0.0.0.0:0"), { tls: true, authentication: false })).rejects.toThrow(
      "the bridge does not authenticate its clients: listen on 127.0.0.1, add --tls-client-ca, or add --insecure",
    );
  });

  test("with authentication alone", async () => {
    await expect(allowedAddresses(config("0.0.0.0:0"), { tls: false, authentication: true })).rejects.toThrow(
      "the bridge does not encrypt what it sends and gets: listen on 127.0.0.1, add --tls-cert and --tls-key, or add",
    );
  });

  test("as one of several", async () => {
    await expect(allowedAddresses(config(["127.0.0.1:0", "0.0.0.0:0"]), OPEN)).rejects.toThrow(
      "--listen: 0.0.0.0:0 is",
    );
  });
});

test("a name counts as remote if one of its addresses is", () => {
  const address = { kind: "tcp" as const, text: "name:0", ips: ["127.0.0.1", "::1", "10.0.0.1"], port: 0 };
  expect(remoteIps(address)).toEqual(["10.0.0.1"]);
});

test("a name without addresses is told", async () => {
  await expect(allowedAddresses(config("none.invalid:0"), OPEN)).rejects.toThrow(
    /^--listen: none\.invalid:0 can't be used: .*(ENOTFOUND|EAI_AGAIN)/,
  );
});

describe("a unix socket", () => {
  test("is never remote", async () => {
    const [address] = await allowedAddresses(config("unix:/run/x.sock"), OPEN);
    expect(address).toEqual({ kind: "unix", text: "unix:/run/x.sock", path: "/run/x.sock" });
  });

  test("may be written with the slashes of a URL", async () => {
    expect(config("unix:///run/x.sock").listen).toEqual(["unix:/run/x.sock"]);
  });

  test.each(["unix:", "unix:x.sock", "unix://x.sock", "unix:/run/", "unix:/run/a\nb"])("%j is refused", (listen) => {
    expect(() => config(listen)).toThrow("--listen: use unix:/path with the whole path of a file");
  });

  test("has a path that is not too long", () => {
    expect(() => config(`unix:/${"x".repeat(120)}`)).toThrow(
      /^--listen: .* may have 10[37] bytes, and this one has 121/,
    );
    expect(config(`unix:/${"x".repeat(100)}`).listen).toHaveLength(1);
  });
});

test("any port is another one each time", async () => {
  expect(await allowedAddresses(config(["127.0.0.1:0", "127.0.0.1:0"]), OPEN)).toHaveLength(2);
});
