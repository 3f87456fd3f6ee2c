import { writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { type Diagnosis, diagnose } from "../../support/doctor.js";
import { freePort } from "../../support/freePort.js";
import { answering, VisitedMaster, type VisitedMasterOptions, wanting } from "../../support/visitedMaster.js";

const SECRET = "a-secret-that-no-one-may-see";
const cleanup = cleanupAfterAll();
const master = async (options?: VisitedMasterOptions) => cleanup.use(await VisitedMaster.start(options));

async function dataDir(): Promise<string> {
  return join(await cleanup.tempDir(), "data");
}

async function secretFile(content = SECRET): Promise<string> {
  const path = join(await cleanup.tempDir(), "secret");
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

/** A port that does what a test says with its connections. */
async function port(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanup.defer(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

const basic = (secret: string) => `Basic ${Buffer.from(`bridge:${secret}`).toString("base64")}`;
const lineOf = ({ text }: Diagnosis, check: string) =>
  text.split("\n").find((line) => line.includes(`  ${check} `)) ?? "";

test("nothing is wrong, and the master was only looked at", async () => {
  const visited = await master({ scheduler: wanting(basic(SECRET)) });
  const options = { principal: "bridge", secretFile: await secretFile() };
  const found = await diagnose({ master: visited.host, dataDir: await dataDir(), ...options });
  expect(found.text).toContain("\n\nNothing is wrong.\n");
  expect(found.text).toMatch(new RegExp(`ok +leader +${visited.host} leads`));
  expect(visited.visits).toEqual([
    { method: "GET", path: "/version", authorization: undefined },
    { method: "GET", path: "/slave(1)/health", authorization: undefined },
    { method: "GET", path: "/api/v1/scheduler", authorization: basic(SECRET) },
  ]);
});

test("a redirect is followed to the leader", async () => {
  const leading = await master();
  const visited = await master({ scheduler: answering(307, "", { Location: `//${leading.host}/api/v1/scheduler` }) });
  const found = await diagnose({ master: visited.host, dataDir: await dataDir() });
  expect(found.check).toBe("");
  expect(lineOf(found, "leader")).toContain(`${leading.host} leads`);
});

describe("the first cause is named, and not what comes of it", () => {
  test("a name that can't be resolved", async () => {
    const found = await diagnose({ master: "no-such-master.invalid:5050", dataDir: await dataDir() });
    expect(found.check).toBe("master's name");
    expect(found.cause).toMatch(/^the name no-such-master\.invalid can't be resolved \((ENOTFOUND|EAI_AGAIN)\)$/);
    expect(found.cure).toMatch(/name in --master/);
    expect(lineOf(found, "leader")).toMatch(/^skip .*because of: /);
  });

  test("a port at which nothing listens", async () => {
    const host = `127.0.0.1:${await freePort()}`;
    const found = await diagnose({ master: host, dataDir: await dataDir() });
    expect(found).toMatchObject({
      check: "master's port",
      cause: `nothing listens at ${host}`,
      cure: "Start the master, or correct host and port in --master.",
    });
    expect(lineOf(found, "Mesos")).toBe("skip  Mesos                   because of: master's port");
  });

  test("a port that is silent", async () => {
    const host = `127.0.0.1:${await port(() => {})}`;
    const found = await diagnose({ master: host, dataDir: await dataDir() });
    expect(found).toMatchObject({ check: "Mesos", cause: `${host} took the connection and does not answer` });
  });

  test("a port with TLS that is asked for plain HTTP", async () => {
    const alert = Buffer.from("15030100020246", "hex");
    const host = `127.0.0.1:${await port((socket) => socket.once("data", () => socket.end(alert)))}`;
    const found = await diagnose({ master: host, dataDir: await dataDir() });
    expect(found).toMatchObject({ check: "Mesos", cause: `${host} does not speak HTTP` });
    expect(found.cure).toContain("write https:// in --master");
  });

  test("a port with plain HTTP that is asked for TLS", async () => {
    const { host } = await master();
    const found = await diagnose({ master: `https://${host}`, dataDir: await dataDir() });
    expect(found.check).toBe("TLS with the master");
    expect(found.cause).toMatch(/^127\.0\.0\.1:\d+ (does not speak TLS as it should|ended the connection instead)/);
    expect(found.cure).toContain("write http:// in --master");
  });

  test("another program", async () => {
    const { host } = await master({ version: answering(200, "hello"), scheduler: answering(200, "hello") });
    const found = await diagnose({ master: host, dataDir: await dataDir() });
    expect(found).toMatchObject({
      check: "Mesos",
      cause: `what answers at ${host} is not Mesos (HTTP 200 to GET /version)`,
    });
  });

  test.each([
    ["an agent, which gets no credentials", { agent: true }, "Mesos"],
    ["something else of Mesos", { scheduler: answering(404, "404 Not Found.") }, "credentials"],
  ])("the port of %s", async (_, options, check) => {
    const visited = await master(options);
    const { host } = visited;
    const flags = { master: host, dataDir: await dataDir(), tokenFile: await secretFile() };
    const found = await diagnose(flags);
    expect(found.check).toBe(check);
    if ("agent" in options) expect(visited.visits.every(({ authorization }) => authorization === undefined)).toBe(true);
    expect(found.cause).toBe(`what answers at ${host} is Mesos 1.11.0, but not a master: it is the port of an agent`);
    expect(found.cure).toContain("agents 5051");
  });

  test.each([
    ["ahead of", -300_000],
    ["behind", 300_000],
  ])("a clock that is five minutes %s the master's", async (which, clockOffMs) => {
    const { host } = await master({ clockOffMs });
    const found = await diagnose({ master: host, dataDir: await dataDir() });
    expect(found.check).toBe("clock");
    expect(found.cause).toMatch(new RegExp(`^the clock of this machine is (299|300|301) s ${which} that of ${host}$`));
  });

  test("clocks that differ by less than 30 s are all right", async () => {
    const { host } = await master({ clockOffMs: 20_000 });
    expect((await diagnose({ master: host, dataDir: await dataDir() })).check).toBe("");
  });

  test("a wrong secret", async () => {
    const { host } = await master({ scheduler: wanting(basic("another")) });
    const options = { principal: "bridge", secretFile: await secretFile() };
    const found = await diagnose({ master: host, dataDir: await dataDir(), ...options });
    expect(found).toMatchObject({
      check: "credentials",
      cause: `${host}: the master does not accept the bridge's credentials (401)`,
      cure: "Check --principal and the secret in --secret-file against the master's --credentials.",
    });
    expect(lineOf(found, "leader")).toContain("because of: credentials");
  });

  test("a wrong token, which the master repeats", async () => {
    const { host } = await master({ scheduler: answering(401, `the token ${SECRET} is not valid`) });
    const found = await diagnose({ master: host, dataDir: await dataDir(), tokenFile: await secretFile() });
    expect(found.check).toBe("credentials");
    expect(found.cause).toContain(
      "the master does not accept the bridge's credentials (401): the token *** is not valid",
    );
    expect(found.reports).not.toContain(SECRET);
  });

  test("credentials that are missing", async () => {
    const { host } = await master({ scheduler: wanting(basic("some")) });
    const found = await diagnose({ master: host, dataDir: await dataDir() });
    expect(found.cause).toContain("the master wants authentication, and the bridge has no credentials");
    expect(found.cure).toBe("Give --principal and --secret-file, or --token-file.");
  });

  test("a framework's principal that the master does not know", async () => {
    const { host } = await master({ scheduler: wanting(basic(SECRET)) });
    const rules = join(await cleanup.tempDir(), "principals.toml");
    writeFileSync(rules, `[[rule]]\nframeworks = ["*"]\nprincipal = "other"\nsecret = "wrong"\n`, { mode: 0o600 });
    const options = { principal: "bridge", secretFile: await secretFile(), frameworkPrincipals: rules };
    const found = await diagnose({ master: host, dataDir: await dataDir(), ...options });
    expect(found).toMatchObject({
      check: "frameworks' principals",
      cause: "the master does not accept the principal 'other'",
    });
  });

  test("no leader", async () => {
    const { host } = await master({ scheduler: answering(503, "No leader elected") });
    const found = await diagnose({ master: host, dataDir: await dataDir() });
    expect(found).toMatchObject({
      check: "leader",
      cause: `${host}: the master is not ready (503): No leader elected`,
    });
  });

  test("a leader that can't be reached from here", async () => {
    const away = `127.0.0.1:${await freePort()}`;
    const { host } = await master({ scheduler: answering(307, "", { Location: `//${away}/api/v1/scheduler` }) });
    const found = await diagnose({ master: host, dataDir: await dataDir() });
    expect(found).toMatchObject({
      check: "leader",
      cause: `${host} names ${away} as the leader, and nothing listens at ${away}`,
    });
  });

  test("masters that lead the bridge in a circle", async () => {
    const hosts: string[] = [];
    const next = (at: number) => ({
      scheduler: (response: Parameters<ReturnType<typeof answering>>[0]) =>
        answering(307, "", { Location: `//${hosts[at]}/api/v1/scheduler` })(response),
    });
    hosts.push((await master(next(1))).host, (await master(next(0))).host);
    const found = await diagnose({ master: hosts[0] as string, dataDir: await dataDir() });
    expect(found.check).toBe("leader");
    expect(found.cause).toContain("redirect in a circle");
  });
});

describe("several masters", () => {
  test("one that is away is a warning, and the others are examined", async () => {
    const away = `127.0.0.1:${await freePort()}`;
    const { host } = await master();
    const found = await diagnose({ master: `${away},${host}`, dataDir: await dataDir() });
    expect(found).toMatchObject({ status: "warn", check: "master's port", cause: `nothing listens at ${away}` });
    expect(lineOf(found, "leader")).toContain(`${host} leads`);
    expect(found.text).toContain("\nNothing keeps the bridge from working. To note: nothing listens at ");
  });

  test("masters of two clusters", async () => {
    const [one, other] = [await master(), await master()];
    const found = await diagnose({ master: `${one.host},${other.host}`, dataDir: await dataDir() });
    expect(found).toMatchObject({ status: "warn", check: "leader" });
    expect(found.cause).toContain(`name different leaders: ${one.host} and ${other.host}`);
  });
});
