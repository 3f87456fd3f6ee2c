import { execFile } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { type ChannelCredentials, credentials, InterceptingCall, type Interceptor } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Bridge, startBridge } from "../../support/bridge.js";
import { BridgeClient } from "../../support/bridgeClient.js";
import { Cleanup } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import { FakeMaster } from "../../support/fakeMaster.js";
import { framed, HostileClient, statusOf } from "../../support/hostileClient.js";
import { at } from "../../support/paths.js";
import { permitAll } from "../../support/permitAll.js";
import { TestAuthority } from "../../support/testAuthority.js";
import { AUDIENCE, FakeIssuer, ISSUER, makeKey, sign } from "../../support/tokenIssuer.js";

const NO_MASTER = "127.0.0.1:1";
const UNAUTHENTICATED = "16";

let cleanup: Cleanup;
let authority: TestAuthority;
let tokens: string;
let ci: string;

beforeAll(async () => {
  authority = new TestAuthority();
  await promisify(execFile)(process.execPath, [at("scripts/build.mjs")]);
}, 120_000);

afterAll(() => authority.stop());

beforeEach(async () => {
  cleanup = new Cleanup();
  tokens = join(await cleanup.tempDir(), "tokens");
  ci = await addToken("ci");
});

afterEach(() => cleanup.run());

/** What the command prints: the token, and the line for the file. */
async function newToken(name: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [at("dist/server/main.js"), "token", "new", name]);
  return stdout.trimEnd().split("\n");
}

/** Makes a token, and a file that holds only its line. */
async function addToken(name: string): Promise<string> {
  const [token = "", line = ""] = await newToken(name);
  writeFileSync(tokens, `# for tests\n${line}\n`, { mode: 0o600 });
  return token;
}

/** Without flags clients are not authenticated, and there is nothing to permit. */
const start = async (...flags: string[]): Promise<Bridge> => {
  const permissions = flags.length === 0 ? [] : ["--permissions", await permitAll(cleanup)];
  return cleanup.use(await startBridge({ master: NO_MASTER, flags: [...flags, ...permissions] }));
};

/** A client that sends this text as `authorization`, over plain HTTP/2 or with TLS. */
function client(address: string, authorization?: string, channel?: ChannelCredentials): BridgeClient {
  const authorize: Interceptor = (options, next) =>
    new InterceptingCall(next(options), {
      start(metadata, listener, forward) {
        if (authorization !== undefined) metadata.set("authorization", authorization);
        forward(metadata, listener);
      },
    });
  return cleanup.use(new BridgeClient(address, { interceptors: [authorize] }, channel));
}

const list = (who: BridgeClient) => who.call("listFrameworks", {});
const bearer = (token: string) => `Bearer ${token}`;

describe("mesos-bridge token new", () => {
  test("prints a token, and the line for the file", async () => {
    const [token, line, ...more] = await newToken("team/ci@x");
    expect(token).toMatch(/^mbt_[A-Za-z0-9_-]{43}$/);
    expect(line).toMatch(/^team\/ci@x [0-9a-f]{64}$/);
    expect(more).toEqual([]);
  });

  test.each(["", "a b", "#", "x".repeat(129)])("refuses the name %j", async (name) => {
    await expect(newToken(name)).rejects.toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("is not a name: use 1 to 128"),
    });
  });
});

describe("with --client-tokens", () => {
  test("a call needs a token of the file, also on loopback", async () => {
    const bridge = await start("--client-tokens", tokens);
    expect(await list(client(bridge.address, bearer(ci)))).toMatchObject({ code: "OK" });
    expect(await list(client(bridge.address, `bearer  ${ci}`))).toMatchObject({ code: "OK" });
    const without = await list(client(bridge.address));
    expect(without).toMatchObject({ code: "UNAUTHENTICATED", reason: "UNAUTHENTICATED", retryable: false });
    expect(without.message).toBe("the call has no credentials: send a token as metadata 'authorization: Bearer TOKEN'");
  });

  test.each([
    ["an unknown token", () => bearer("mbt_secret-of-a-test"), "the token is not valid: get another one"],
    ["half a token", () => bearer(ci.slice(0, -1)), "the token is not valid: get another one"],
    ["the hash", () => bearer(readFileSync(tokens, "utf8").split(" ").at(-1)?.trim() ?? ""), "the token is not valid"],
    ["a JWT", () => bearer("a.b.c"), "the token is not valid: get another one"],
    ["another scheme", () => `Basic ${ci}`, "the metadata authorization is not 'Bearer TOKEN'"],
    ["nothing behind the scheme", () => "Bearer", "the metadata authorization is not 'Bearer TOKEN'"],
    ["too much", () => bearer("x".repeat(20_000)), "the token is too long"],
  ])("%s is refused, and is in no log", async (_, authorization, words) => {
    const bridge = await start("--client-tokens", tokens, "--log-level", "debug", "--audit-log", "-");
    const refused = await list(client(bridge.address, authorization()));
    expect(refused).toMatchObject({ code: "UNAUTHENTICATED", reason: "UNAUTHENTICATED" });
    expect(refused.message).toContain(words);
    await bridge.process.logged(/"a call was refused"/);
    await bridge.process.logged(/"event":"refusal","identity":"unknown","reason":"UNAUTHENTICATED"/);
    expect(bridge.log()).not.toContain("secret-of-a-test");
    expect(bridge.log()).not.toContain(ci.slice(0, 20));
  });

  test("the file is read again when it changes, and its calls go on", async () => {
    const bridge = await start("--client-tokens", tokens);
    const before = client(bridge.address, bearer(ci));
    expect(await list(before)).toMatchObject({ code: "OK" });
    const after = await addToken("next");
    await eventually(async () =>
      expect(await list(client(bridge.address, bearer(after)))).toMatchObject({ code: "OK" }),
    );
    expect(await list(before)).toMatchObject({ code: "UNAUTHENTICATED" });
    writeFileSync(tokens, "nonsense\n");
    await bridge.process.logged(/the list of clients' tokens can't be used as it is now/);
    expect(await list(client(bridge.address, bearer(after)))).toMatchObject({ code: "OK" });
  });

  test("a file that others can read is warned of, and a broken one stops the start", async () => {
    chmodSync(tokens, 0o644);
    const bridge = await start("--client-tokens", tokens);
    expect(bridge.log()).toContain(`every user of this machine can read ${tokens}`);
    writeFileSync(tokens, `ci ${ci}\n`);
    await expect(start("--client-tokens", tokens)).rejects.toThrow(/--client-tokens: \S+ line 1 is not 'NAME SHA256'/);
    await expect(start("--client-tokens", tokens)).rejects.not.toThrow(ci);
  });
});

/** Each method of each service, as HTTP/2 has its path. */
function allMethods(): string[] {
  const { file } = fromBinary(FileDescriptorSetSchema, readFileSync(at("gen/descriptors.binpb")));
  const known = file.flatMap((each) =>
    each.service.flatMap((service) => service.method.map(({ name }) => `${each.package}.${service.name}/${name}`)),
  );
  const reflection = ["v1", "v1alpha"].map((each) => `grpc.reflection.${each}.ServerReflection/ServerReflectionInfo`);
  return [...known, ...reflection];
}

test("every method of every service but health needs credentials", async () => {
  const bridge = await start("--client-tokens", tokens);
  const methods = allMethods();
  const [stranger, known] = [await HostileClient.connect(bridge.address), await HostileClient.connect(bridge.address)];
  cleanup.use(stranger);
  cleanup.use(known);
  const statuses = new Map<string, string | undefined>();
  for (const method of methods) {
    const stream = stranger.begin(method);
    // Without its end: what is refused is refused before that.
    if (method.includes(".Health/")) stream.end(framed(new Uint8Array(0)));
    else stream.write(framed(new Uint8Array(0)));
    const status = method.includes(".Health/Watch") ? Promise.resolve("open") : statusOf(stream);
    statuses.set(method, await status);
    if (method.includes(".Health/")) continue;
    const allowed = known.begin(method, { authorization: bearer(ci) });
    allowed.end(framed(new Uint8Array(0)));
    const headers = new Promise<string>((resolve) => {
      allowed.once("response", (all) => resolve(String(all["grpc-status"] ?? "open")));
    });
    expect([method, await headers]).not.toEqual([method, UNAUTHENTICATED]);
    allowed.close();
  }
  const open = [...statuses].filter(([, status]) => status !== UNAUTHENTICATED).map(([method]) => method);
  expect(open.sort()).toEqual(methods.filter((method) => method.startsWith("grpc.health.v1.Health/")).sort());
  const services = new Set(methods.map((method) => method.split("/")[0]));
  expect([...services].sort()).toEqual([
    "grpc.channelz.v1.Channelz",
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "mesosbridge.v1.AdminService",
    "mesosbridge.v1.ObserverService",
    "mesosbridge.v1.SchedulerService",
  ]);
});

test("a call without credentials is answered before its request is there", async () => {
  const bridge = await start("--client-tokens", tokens);
  const stranger = cleanup.use(await HostileClient.connect(bridge.address));
  const stream = stranger.begin("mesosbridge.v1.SchedulerService/LaunchTasks");
  // A request of 8 MiB of which nothing ever comes.
  stream.write(Buffer.from([0, 0, 0x80, 0, 0]));
  expect(await statusOf(stream)).toBe(UNAUTHENTICATED);
});

test("strangers make room for clients that are known, even with streams that are open to all", async () => {
  const bridge = await start("--client-tokens", tokens, "--max-connections", "4");
  const known = client(bridge.address, bearer(ci));
  expect(await list(known)).toMatchObject({ code: "OK" });
  const strangers = await Promise.all([1, 2, 3].map(() => HostileClient.connect(bridge.address)));
  for (const stranger of strangers) {
    cleanup.use(stranger);
    const watch = stranger.call("grpc.health.v1.Health/Watch", new Uint8Array(0));
    await new Promise((resolve) => watch.once("response", resolve));
  }
  // Those of this second stay: a client gets the time to make its first call.
  const late = client(bridge.address, bearer(ci));
  await eventually(async () => expect(await list(late)).toMatchObject({ code: "OK" }));
  expect(strangers.filter(({ isClosed }) => isClosed)).toHaveLength(1);
  expect(bridge.log()).toContain("another client needs its place");
  const dropped = bridge.log().match(/^.*"a connection is closed".*$/gm) ?? [];
  expect(dropped.map((line) => (JSON.parse(line) as { reason: string }).reason)).toEqual([
    "it has made no call with valid credentials, and another client needs its place",
  ]);
});

describe("a certificate, a socket and a token", () => {
  const attach = async (bridge: Bridge, master: FakeMaster, who: BridgeClient, frameworkName: string) => {
    const stream = who.subscribe({ frameworkName, frameworkInfo: { user: "root", name: "x" } as never });
    cleanup.defer(() => stream.cancel());
    await answerSubscription(master);
    const line = await bridge.process.logged(new RegExp(`^.*"framework":"${frameworkName}".*"attached".*$`, "m"));
    return (JSON.parse(line[0]) as { identity: string }).identity;
  };

  const answerSubscription = async (master: FakeMaster): Promise<void> => {
    for (;;) {
      const { method, connection } = await master.requests.next({ timeoutMs: 30_000 });
      if (method === "GET") connection.answer(405, "", { Allow: "POST" });
      else {
        connection.openStream();
        connection.subscribed({ frameworkId: "f" });
        return;
      }
    }
  };

  test("the first name says who attached, and a token comes before a certificate", async () => {
    const master = cleanup.use(await FakeMaster.start());
    const path = join(await cleanup.tempDir(), "grpc.sock");
    const own = authority.issue();
    const pair = authority.issue({ cn: "some name", san: "DNS:a.example,URI:spiffe://x/y" });
    const flags = [
      ...["--tls-cert", own.cert, "--tls-key", own.key, "--tls-client-ca", authority.cert],
      ...["--client-tokens", tokens, "--listen", "127.0.0.1:0", "--listen", `unix:${path}`],
    ];
    const permissions = ["--permissions", await permitAll(cleanup)];
    const bridge = cleanup.use(await startBridge({ master: master.host, flags: [...flags, ...permissions] }));
    const certificate = credentials.createSsl(authority.pem, readFileSync(pair.key), readFileSync(pair.cert));
    const tls = credentials.createSsl(authority.pem);
    expect(await attach(bridge, master, client(bridge.address, undefined, certificate), "a")).toBe("uri:spiffe://x/y");
    expect(await attach(bridge, master, client(bridge.address, bearer(ci), certificate), "b")).toBe("token:ci");
    expect(await attach(bridge, master, client(bridge.address, bearer(ci), tls), "c")).toBe("token:ci");
    expect(bridge.log()).not.toContain("is not as it should be");
    expect(await attach(bridge, master, client(`unix:${path}`), "d")).toBe(`unix:${path}`);
    expect(await attach(bridge, master, client(`unix:${path}`, bearer(ci)), "e")).toBe("token:ci");
    const wrong = await list(client(bridge.address, bearer("x"), certificate));
    expect(wrong).toMatchObject({ code: "UNAUTHENTICATED" });
    expect(await list(client(`unix:${path}`, bearer("x")))).toMatchObject({ code: "UNAUTHENTICATED" });
  });

  test("a bridge that takes no tokens says so, and one that authenticates nobody ignores them", async () => {
    const own = authority.issue();
    const flags = ["--tls-cert", own.cert, "--tls-key", own.key, "--tls-client-ca", authority.cert];
    const bridge = await start(...flags);
    const channel = credentials.createSsl(authority.pem, readFileSync(own.key), readFileSync(own.cert));
    const refused = await list(client(bridge.address, bearer("x"), channel));
    expect(refused).toMatchObject({ code: "UNAUTHENTICATED" });
    expect(refused.message).toBe("the bridge takes no tokens: use a client certificate, and no token");
    const open = await start();
    expect(await list(client(open.address, bearer("x")))).toMatchObject({ code: "OK" });
  });
});

describe("with --jwks", () => {
  const jwt = ["--jwt-issuer", ISSUER, "--jwt-audience", AUDIENCE];

  test("a call needs a token of the issuer, whose keys may be in a file", async () => {
    const [first, second] = [await makeKey("first"), await makeKey("second")];
    const file = join(await cleanup.tempDir(), "keys.json");
    writeFileSync(file, JSON.stringify({ keys: [first.public] }));
    const bridge = await start("--jwks", file, "--client-tokens", tokens, ...jwt, "--log-level", "debug");
    const token = await sign(first);
    const known = client(bridge.address, bearer(token));
    expect(await list(known)).toMatchObject({ code: "OK" });
    expect(await list(known)).toMatchObject({ code: "OK" });
    expect(await list(client(bridge.address, bearer(ci)))).toMatchObject({ code: "OK" });
    expect(await list(client(bridge.address, bearer(await sign(second))))).toMatchObject({ code: "UNAUTHENTICATED" });
    writeFileSync(file, JSON.stringify({ keys: [second.public] }));
    await eventually(async () => expect(await list(known)).toMatchObject({ code: "UNAUTHENTICATED" }));
    expect(await list(client(bridge.address, bearer(await sign(second))))).toMatchObject({ code: "OK" });
    expect(bridge.log()).not.toContain(token.slice(0, 30));
    expect(bridge.log()).not.toContain(token.slice(-30));
  });

  test("an issuer that is down is not the client's fault", async () => {
    const key = await makeKey("first");
    const issuer = await FakeIssuer.start([key]);
    const { url } = issuer;
    const good = await start("--jwks", url, ...jwt);
    expect(await list(client(good.address, bearer(await sign(key))))).toMatchObject({ code: "OK" });
    await issuer.stop();
    const bridge = await start("--jwks", url, ...jwt);
    const answer = await list(client(bridge.address, bearer(await sign(key))));
    expect(answer).toMatchObject({ code: "UNAVAILABLE", reason: "ISSUER_UNAVAILABLE", retryable: true });
    await bridge.process.logged(/the keys of the issuer of tokens can't be read: trying again/);
  });

  test.each([
    ["alone", ["--jwks", "/x"], "--jwks, --jwt-issuer and --jwt-audience go together"],
    ["as a missing file", ["--jwks", "/none", ...jwt], "--jwks: /none can't be read: there is no such file"],
    ["from a URL that others can change", ["--jwks", "http://a.example/k", ...jwt], "--jwks: use https://"],
    ["with a password", ["--jwks", "https://a:b@c/k", ...jwt], "--jwks: a URL with a password would be in the log"],
  ])("is refused %s", async (_, flags, words) => {
    await expect(start(...flags)).rejects.toThrow(words);
  });
});
