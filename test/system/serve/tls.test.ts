import { execFile } from "node:child_process";
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { credentials } from "@grpc/grpc-js";
import { Command } from "commander";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { addOptions } from "../../../server/cli/options.js";
import { serve } from "../../../server/cli/serve.js";
import { parseServeConfig } from "../../../server/cli/serveConfig.js";
import { SERVE_OPTIONS } from "../../../server/cli/serveOptions.js";
import { type Bridge, startBridge } from "../../support/bridge.js";
import { BridgeClient } from "../../support/bridgeClient.js";
import { Cleanup } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import { health } from "../../support/health.js";
import { at } from "../../support/paths.js";
import { permitAll } from "../../support/permitAll.js";
import { socketClosed } from "../../support/socketEnd.js";
import { type KeyPair, TestAuthority } from "../../support/testAuthority.js";

const NO_MASTER = "127.0.0.1:1";

let authority: TestAuthority;
let stranger: TestAuthority;
let own: KeyPair;
let cleanup: Cleanup;

beforeAll(async () => {
  authority = new TestAuthority();
  stranger = new TestAuthority("a stranger");
  own = authority.issue();
  await promisify(execFile)(process.execPath, [at("scripts/build.mjs")]);
}, 120_000);

afterAll(async () => {
  await shared.run();
  authority.stop();
  stranger.stop();
});

beforeEach(() => {
  cleanup = new Cleanup();
});

afterEach(() => cleanup.run());

async function tlsBridge(owner: Cleanup, ...flags: string[]): Promise<Bridge> {
  const tls = ["--tls-cert", own.cert, "--tls-key", own.key];
  const permissions = flags.includes("--tls-client-ca") ? ["--permissions", await permitAll(owner)] : [];
  return owner.use(await startBridge({ master: NO_MASTER, flags: [...tls, ...flags, ...permissions] }));
}

/** Bridges that several tests share, unless they look for lines of the log: those are few per second. */
const shared = new Cleanup();
let ofAll: Promise<Bridge> | undefined;
let ofClients: Promise<Bridge> | undefined;

/** One with a certificate, that any client may use. */
function open(): Promise<Bridge> {
  ofAll ??= tlsBridge(shared);
  return ofAll;
}

/** One that asks clients for a certificate. */
function mutual(): Promise<Bridge> {
  ofClients ??= tlsBridge(shared, "--tls-client-ca", authority.cert);
  return ofClients;
}

/** A client that trusts the authority, with a certificate if one is given. */
function client({ address }: Bridge, pair?: KeyPair): BridgeClient {
  const [key, cert] = pair ? [readFileSync(pair.key), readFileSync(pair.cert)] : [];
  return cleanup.use(new BridgeClient(address, {}, credentials.createSsl(authority.pem, key, cert)));
}

const list = (who: BridgeClient) => who.call("listFrameworks", {});

/** A TLS connection, once its handshake is done. */
async function handshake({ address }: Bridge, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const [host, port] = address.split(":");
  const trust = { ca: authority.pem, servername: "localhost", ALPNProtocols: ["h2"] };
  const socket = connectTls({ host: host ?? "", port: Number(port), ...trust, ...options });
  cleanup.defer(() => socket.destroy());
  await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
  return socket.on("error", () => {});
}

function plain({ address }: Bridge): Socket {
  const [host, port] = address.split(":");
  const socket = connect(Number(port), host ?? "").on("error", () => {});
  cleanup.defer(() => socket.destroy());
  return socket;
}

describe("a bridge with a certificate", () => {
  test("speaks TLS on its port and not on a unix socket", async () => {
    const path = join(await cleanup.tempDir(), "grpc.sock");
    const bridge = await tlsBridge(cleanup, "--listen", "127.0.0.1:0", "--listen", `unix:${path}`);
    expect(await list(client(bridge))).toMatchObject({ code: "OK" });
    expect(await list(cleanup.use(new BridgeClient(`unix:${path}`)))).toMatchObject({ code: "OK" });
    expect(await list(cleanup.use(new BridgeClient(bridge.address)))).toMatchObject({ code: "UNAVAILABLE" });
    await bridge.process.logged(/the client does not speak TLS: configure TLS/);
  });

  test("speaks TLS 1.2 and 1.3, and HTTP/2", async () => {
    const bridge = await open();
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const socket = await handshake(bridge, { minVersion: version, maxVersion: version });
      expect([socket.getProtocol(), socket.alpnProtocol]).toEqual([version, "h2"]);
    }
    const old = handshake(bridge, { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" });
    await expect(old).rejects.toThrow(/alert protocol version/);
    await bridge.process.logged(/the client speaks only versions of TLS before 1\.2/);
  });

  test("refuses what does not offer HTTP/2", async () => {
    const bridge = await tlsBridge(cleanup);
    await expect(handshake(bridge, { ALPNProtocols: ["http/1.1"] })).rejects.toThrow(/no application protocol/);
    await bridge.process.logged(/the client does not offer HTTP\/2/);
    const without = await handshake(bridge, { ALPNProtocols: [] });
    await socketClosed(without.resume());
  });

  test("lets other machines connect only if it authenticates them", async () => {
    await expect(tlsBridge(cleanup, "--listen", "0.0.0.0:0")).rejects.toThrow(
      /^mesos-bridge: --listen: 0\.0\.0\.0:0 is not a loopback address, .*: listen on 127\.0\.0\.1, add --tls-client-ca, or/m,
    );
    const remote = await tlsBridge(cleanup, "--listen", "0.0.0.0:0", "--tls-client-ca", authority.cert);
    expect(remote.log()).not.toContain("other machines may reach the bridge");
  });

  test("keeps no session that a client could take up again", async () => {
    const bridge = await mutual();
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const first = await handshake(bridge, { maxVersion });
      const h2 = connectHttp2("https://localhost", { createConnection: () => first });
      await new Promise((resolve) => h2.once("remoteSettings", resolve));
      const session = first.getSession();
      const second = await handshake(bridge, { maxVersion, ...(session && { session }) });
      expect(second.isSessionReused()).toBe(false);
    }
  });
});

describe("with --tls-client-ca", () => {
  test("a client with a certificate is known by its names", async () => {
    const bridge = await mutual();
    const pair = authority.issue({ cn: "some name", san: "DNS:a.example,URI:spiffe://x/y" });
    const known = client(bridge, pair);
    expect(await list(known)).toMatchObject({ code: "OK" });
  });

  const certificateOf = (who: string): KeyPair | undefined => {
    switch (who) {
      case "none":
        return undefined;
      case "expired":
        return authority.issue({ days: -1 });
      case "of another authority":
        return stranger.issue();
      case "for servers":
        return authority.issue({ usage: "serverAuth" });
      default:
        return authority.issue({ cn: "", san: "" });
    }
  };

  test.each([
    ["none", /the client gave no certificate: configure one/],
    ["expired", /the client's certificate has expired: renew it/],
    ["of another authority", /comes from an authority that the bridge does not trust/],
    ["for servers", /is not made for clients/],
    ["without a name", /has no name/],
  ])("a certificate is told to both sides: %s", async (who, words) => {
    const bridge = await tlsBridge(cleanup, "--tls-client-ca", authority.cert);
    const answer = await list(client(bridge, certificateOf(who)));
    expect(answer).toMatchObject({ code: "UNAUTHENTICATED", reason: "UNAUTHENTICATED", retryable: false });
    expect(answer.message).toMatch(words);
    await bridge.process.logged(words);
  });

  test("a client that does not trust the bridge's certificate is told in the log", async () => {
    const bridge = await tlsBridge(cleanup, "--tls-client-ca", authority.cert);
    const [host, port] = bridge.address.split(":");
    const openssl = ["s_client", "-connect", `${host}:${port}`, "-CAfile", stranger.cert, "-verify_return_error"];
    await promisify(execFile)(process.env.OPENSSL ?? "openssl", [...openssl, "-alpn", "h2"]).catch(() => {});
    await bridge.process.logged(/the client does not trust the authority of the bridge's certificate/);
  });

  test("health needs no certificate, and a unix socket is its own proof", async () => {
    const path = join(await cleanup.tempDir(), "grpc.sock");
    const bridge = await tlsBridge(
      cleanup,
      ...["--tls-client-ca", authority.cert, "--listen", "127.0.0.1:0", "--listen", `unix:${path}`],
    );
    expect(await health(bridge.address, "", credentials.createSsl(authority.pem))).toBe("NOT_SERVING");
    expect(await list(cleanup.use(new BridgeClient(`unix:${path}`)))).toMatchObject({ code: "OK" });
  });
});

describe("a handshake that never ends", () => {
  test("is ended after a while", async () => {
    const bridge = await open();
    const socket = plain(bridge);
    socket.write(Buffer.from([0x16]));
    await socketClosed(socket);
    await bridge.process.logged(/the client did not finish the handshake in time/);
  });

  test("takes no more than a part of the places", async () => {
    const bridge = await tlsBridge(cleanup, "--max-connections", "8");
    const silent = Array.from({ length: 7 }, () => plain(bridge));
    // The last four are left.
    await Promise.all(silent.slice(0, 3).map(socketClosed));
    expect(silent.slice(3).some((each) => each.destroyed)).toBe(false);
    expect(await list(client(bridge))).toMatchObject({ code: "OK" });
  });
});

/** What a start says that fails. The files are read before anything is opened, so this needs no process. */
async function failing(flags: string[]): Promise<string> {
  const command = addOptions(new Command(), SERVE_OPTIONS);
  const given = ["--master", NO_MASTER, "--data-dir", "/nowhere", "--permissions", await permitAll(cleanup), ...flags];
  const say = (_: object, message: string) => message;
  const log = { level: "error", debug: say, info: say, warn: say, error: say, child: () => log };
  try {
    await serve(parseServeConfig(command.parse(given, { from: "user" }).opts()), log);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("the bridge started");
}

describe("files that can't be used stop the start", () => {
  test.each<[name: string, make: (dir: string) => { cert?: string; key?: string; ca?: string }, words: RegExp]>([
    ["a missing file", () => ({ cert: "/none" }), /--tls-cert: \/none can't be read: there is no such file/],
    ["a folder", (dir) => ({ key: dir }), /--tls-key: \S+ can't be read: it is a directory/],
    ["a key as certificate", () => ({ cert: own.key }), /--tls-cert: \S+ holds a key and no certificate/],
    ["a certificate as key", () => ({ key: own.cert }), /--tls-key: \S+ holds a certificate and no key/],
    ["no PEM", (dir) => ({ ca: file(dir, "x") }), /--tls-client-ca: \S+ holds no certificate in PEM/],
    [
      "a client's own as authority",
      () => ({ ca: own.cert }),
      /--tls-client-ca: \S+ holds no certificate of an authority/,
    ],
    ["an expired one", () => authority.issue({ days: -1 }), /--tls-cert: .* has expired on .*: renew it/],
    ["another's key", () => ({ key: authority.issue().key }), /--tls-key: .* does not belong to the certificate in/],
    [
      "half a certificate",
      (dir) => ({ cert: file(dir, readFileSync(own.cert, "utf8").slice(0, 300)) }),
      /--tls-cert: \S+ holds a certificate that is damaged or not whole/,
    ],
    [
      "a damaged key",
      (dir) => ({ key: file(dir, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n") }),
      /--tls-key: .* is damaged/,
    ],
  ])("%s", async (_, make, words) => {
    const { cert = own.cert, key = own.key, ca = authority.cert } = make(await cleanup.tempDir());
    expect(await failing(["--tls-cert", cert, "--tls-key", key, "--tls-client-ca", ca])).toMatch(words);
  });

  test("options that go together", async () => {
    expect(await failing(["--tls-cert", own.cert])).toContain("--tls-cert and --tls-key go together");
    expect(await failing(["--tls-client-ca", own.cert])).toContain("--tls-client-ca needs --tls-cert and --tls-key");
  });

  test("the process says so in one line, and ends", async () => {
    const start = startBridge({ master: NO_MASTER, flags: ["--tls-cert", "/none", "--tls-key", own.key] });
    await expect(start).rejects.toThrow(/^mesos-bridge: --tls-cert: \/none can't be read: there is no such file.*$/m);
  });

  test("a key that others can read is only warned of", async () => {
    const key = join(await cleanup.tempDir(), "key.pem");
    copyFileSync(own.key, key);
    chmodSync(key, 0o644);
    const bridge = cleanup.use(
      await startBridge({ master: NO_MASTER, flags: ["--tls-cert", own.cert, "--tls-key", key] }),
    );
    expect(bridge.log()).toContain(`every user of this machine can read ${key}`);
  });
});

function file(dir: string, text: string): string {
  const path = join(dir, "file");
  writeFileSync(path, text);
  return path;
}

test("nothing of a key is in the log", async () => {
  const bridge = await mutual();
  await list(client(bridge));
  await eventually(() => bridge.log().includes("a call was refused"));
  const line = readFileSync(own.key, "utf8").split("\n")[1] ?? "";
  expect(bridge.log()).not.toContain(line.slice(0, 20));
});
