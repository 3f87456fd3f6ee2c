import { describe, expect, test } from "vitest";
import { allowedHttpAddress } from "../../../server/cli/httpListening.js";
import { parseServeConfig } from "../../../server/cli/serveConfig.js";

const config = (http: string | undefined, more: object = {}) =>
  parseServeConfig({ master: "127.0.0.1:1", dataDir: "d", ...(http !== undefined && { http }), ...more });

test("without --http nothing is served over HTTP", async () => {
  expect(await allowedHttpAddress(config(undefined), false)).toBeUndefined();
});

test.each([false, true])(
  "loopback and unix sockets are taken; clients are authenticated: %s",
  async (authenticated) => {
    for (const http of ["127.0.0.1:0", "localhost:9090", "[::1]:0", "unix:/run/bridge/http.sock"]) {
      expect(await allowedHttpAddress(config(http), authenticated)).toMatchObject({ text: http });
    }
  },
);

const REMOTE = [
  ["0.0.0.0:9090", "is"],
  ["[::]:9090", "is"],
  ["10.1:0", "means 10.0.0.1, which is"],
] as const;

describe("an address that other machines reach", () => {
  test.each(REMOTE)("%s is refused", async (http, which) => {
    await expect(allowedHttpAddress(config(http), false)).rejects.toThrow(
      `--http: ${http} ${which} not a loopback address, and it has no TLS and no authentication: ` +
        "use 127.0.0.1, or add --insecure if you want this",
    );
  });

  test.each(REMOTE)("%s is taken with --insecure", async (http) => {
    expect(await allowedHttpAddress(config(http, { insecure: true }), false)).toMatchObject({ text: http });
  });

  test.each(REMOTE)("%s is refused once clients are authenticated, also with --insecure", async (http, which) => {
    await expect(allowedHttpAddress(config(http, { insecure: true }), true)).rejects.toThrow(
      `--http: ${http} ${which} not a loopback address, and whoever reads /metrics is not authenticated: ` +
        "use 127.0.0.1 or unix:/path, because clients are",
    );
  });
});

test("an address of --listen is refused", async () => {
  const listen = ["127.0.0.1:50051", "unix:/run/grpc.sock"];
  for (const http of listen) {
    await expect(allowedHttpAddress(config(http, { listen }), false)).rejects.toThrow(
      `--http: ${http} is an address of --listen: give it one of its own`,
    );
  }
});

test.each(["9090", ":9090", "http://127.0.0.1:9090", "127.0.0.1:70000", ""])("'%s' is not an address", (http) => {
  expect(() => config(http)).toThrow(/^--http: use host:port/);
});
