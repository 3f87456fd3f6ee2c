import { chmodSync, lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { FrameworkInfo, FrameworkInfo_Capability_Type } from "../../../gen/mesos/v1/mesos.js";
import { silentLog } from "../../../server/cli/doctor/quietLogs.js";
import type { ServeFlags } from "../../../server/cli/serveConfig.js";
import { LogStore } from "../../../server/store/logStore.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { diagnose } from "../../support/doctor.js";
import { VisitedMaster } from "../../support/visitedMaster.js";
import { record } from "../store/samples.js";

const cleanup = cleanupAfterAll();
let master: VisitedMaster;

beforeAll(async () => {
  master = cleanup.use(await VisitedMaster.start());
});

async function examined(flags: Partial<ServeFlags>, machine = {}) {
  const dataDir = join(await cleanup.tempDir(), "data");
  return diagnose({ master: master.host, dataDir, ...flags }, machine);
}

async function file(content: string, mode = 0o600): Promise<string> {
  const path = join(await cleanup.tempDir(), "file");
  writeFileSync(path, content, { mode });
  return path;
}

/** A directory as a bridge leaves it, with two frameworks. */
async function usedDir(): Promise<string> {
  const dataDir = await cleanup.tempDir();
  const store = await LogStore.open(dataDir, { log: silentLog });
  for (const name of ["a", "b"]) await store.put(record(name));
  await store.close();
  return dataDir;
}

/** Names, sizes, times and modes. */
function listing(dir: string): unknown[] {
  return readdirSync(dir).map((name) => {
    const { size, mtimeMs, mode, ino } = lstatSync(join(dir, name));
    return { name, size, mtimeMs, mode, ino };
  });
}

describe("the data directory", () => {
  test("is not touched, and one that does not exist is not made", async () => {
    const dataDir = await usedDir();
    const before = listing(dataDir);
    const found = await examined({ dataDir });
    expect(found.check).toBe("");
    expect(found.text).toMatch(/ok +stored frameworks +2 can be read/);
    expect(listing(dataDir)).toEqual(before);
    const parent = await cleanup.tempDir();
    expect((await examined({ dataDir: join(parent, "new") })).check).toBe("");
    expect(readdirSync(parent)).toEqual([]);
  });

  test("is a file", async () => {
    const dataDir = await file("");
    expect(await examined({ dataDir })).toMatchObject({
      check: "data directory",
      cause: `--data-dir: ${dataDir} is not a directory`,
      cure: "Name a directory, or move that file away.",
    });
  });

  test("is in use, and nothing that comes of it is named", async () => {
    const dataDir = await cleanup.tempDir();
    const store = await LogStore.open(dataDir, { log: silentLog });
    cleanup.defer(() => store.close());
    const before = listing(dataDir);
    const found = await examined({ dataDir });
    expect(found.check).toBe("data directory's owner");
    expect(found.cause).toMatch(/^--data-dir: \S+ is in use by a bridge \(process \d+, since /);
    expect(found.cure).toMatch(/^Stop it first, or use another directory\. If it is the bridge that you examine/);
    expect(found.text).toMatch(/skip +listen addresses +because of: data directory's owner/);
    expect(listing(dataDir)).toEqual(before);
  });

  test("holds a damaged record", async () => {
    const dataDir = await usedDir();
    const log = join(dataDir, "frameworks-1.log");
    const bytes = readFileSync(log);
    bytes.writeUInt8(bytes.readUInt8(60) ^ 0xff, 60);
    writeFileSync(log, bytes);
    const found = await examined({ dataDir });
    expect(found.check).toBe("stored frameworks");
    expect(found.cause).toMatch(
      /^--data-dir: \S*frameworks-1\.log is damaged: what stands at byte \d+ is not what was written there$/,
    );
    expect(found.cure).toMatch(/^Put a copy of \S+ back/);
  });

  test("holds two frameworks with one id", async () => {
    const dataDir = await cleanup.tempDir();
    const store = await LogStore.open(dataDir, { log: silentLog });
    for (const name of ["a", "b"]) await store.put({ ...record(name), frameworkId: "same" });
    await store.close();
    const found = await examined({ dataDir });
    expect(found.cause).toContain("the frameworks 'a' and 'b' have the same framework id same");
    expect(found.cure).toMatch(/^Keep that one, and forget the other with /);
  });
});

test("a role of a stored framework that the master does not allow", async () => {
  const dataDir = await cleanup.tempDir();
  const store = await LogStore.open(dataDir, { log: silentLog });
  const capabilities = [{ type: FrameworkInfo_Capability_Type.MULTI_ROLE }];
  const info = FrameworkInfo.fromPartial({ user: "root", name: "a", roles: ["web", "db"], capabilities });
  const frameworkInfo = Buffer.from(FrameworkInfo.encode(info).finish());
  await store.put(record("a", { frameworkInfo }));
  await store.close();
  const strict = cleanup.use(await VisitedMaster.start({ roles: "web,batch" }));
  expect(await examined({ dataDir, master: strict.host })).toMatchObject({
    status: "warn",
    check: "roles",
    cause: "the master does not allow the role 'db' of the framework 'a'",
    cure: "Add the role to the masters' --roles, or change the framework.",
  });
  const wide = cleanup.use(await VisitedMaster.start({ roles: "web,db" }));
  expect((await examined({ dataDir, master: wide.host })).check).toBe("");
});

describe("the machine", () => {
  test("too few open files", async () => {
    expect(await examined({}, { openFiles: 1024 })).toMatchObject({
      status: "warn",
      check: "open files",
      cause: "ulimit -n is 1024, which allows only 369 frameworks and 246 connections",
      cure: "Raise it to 12040 (ulimit -n, or LimitNOFILE= of systemd), or lower --max-frameworks and --max-connections.",
    });
  });

  test("a proxy in the environment, whose password is shown nowhere", async () => {
    const environment = { https_proxy: "http://user:proxys-password@proxy:3128" };
    const found = await examined({}, { environment });
    expect(found).toMatchObject({ status: "warn", check: "proxies" });
    expect(found.cause).toMatch(/^https_proxy is set, and the bridge does not use it/);
    expect(found.reports).not.toContain("proxys-password");
  });

  test("a port that is in use", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanup.defer(() => server.close());
    const listen = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const found = await examined({ listen });
    expect(found).toMatchObject({
      check: "listen addresses",
      cause: `--listen: ${listen} is in use by another program`,
    });
  });

  test("an address that others reach, without protection", async () => {
    const found = await examined({ listen: "0.0.0.0:0" });
    expect(found.check).toBe("listen addresses");
    expect(found.cause).toMatch(/^--listen: 0\.0\.0\.0:0 is not a loopback address/);
    expect(found.cure).toMatch(/^Listen on 127\.0\.0\.1, add --tls-cert/);
  });

  test("unix sockets are not made, and the one of another program is seen", async () => {
    const folder = await cleanup.tempDir();
    const path = join(folder, "grpc.sock");
    expect((await examined({ listen: `unix:${path}` })).check).toBe("");
    expect(readdirSync(folder)).toEqual([]);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    cleanup.defer(() => server.close());
    expect((await examined({ listen: `unix:${path}` })).cause).toBe(
      `--listen: unix:${path} is in use by another program`,
    );
  });
});

describe("files", () => {
  test("a list of tokens that is broken", async () => {
    const clientTokens = await file("ci not-a-hash\n");
    const found = await examined({ clientTokens, permissions: await file("rule = []\n") });
    expect(found.check).toBe("files for clients");
    expect(found.cause).toContain(`--client-tokens: ${clientTokens}`);
  });

  test("permissions that are broken", async () => {
    const clientTokens = await file(`ci ${"a".repeat(64)}\n`);
    const permissions = await file("[[rule]]\nidentitys = 3\n");
    const found = await examined({ clientTokens, permissions });
    expect(found.check).toBe("files for clients");
    expect(found.cause).toContain(`--permissions: ${permissions}`);
    expect(found.text).toMatch(/skip +listen addresses +because of: files for clients/);
  });

  test("an admission rule that is broken", async () => {
    const admission = await file(
      '[[rule]]\nname = "small"\nmode = "deny"\nwhen = "task.nothing > 1"\nmessage = "no"\n',
    );
    const found = await examined({ admission });
    expect(found.check).toBe("admission rules");
    expect(found.cause).toContain(admission);
  });

  test("a secret that is not there", async () => {
    const secretFile = join(await cleanup.tempDir(), "none");
    const found = await examined({ principal: "bridge", secretFile });
    expect(found.check).toBe("files with credentials");
    expect(found.cause).toBe(`--secret-file: ${secretFile} does not exist (ENOENT)`);
    expect(found.cure).toBe("Correct the path, or let the bridge's user read it.");
  });

  test("a secret that everybody can read", async () => {
    const secretFile = await file("secret-for-all");
    chmodSync(secretFile, 0o644);
    const found = await examined({ principal: "bridge", secretFile });
    expect(found).toMatchObject({
      status: "warn",
      cause: `every user of this machine can read ${secretFile}`,
      cure: "Take that right away with chmod o-rwx.",
    });
    expect(found.reports).not.toContain("secret-for-all");
  });

  test("an audit log in a directory that does not exist; one that can be made is not made", async () => {
    const folder = await cleanup.tempDir();
    expect((await examined({ auditLog: join(folder, "audit.log") })).check).toBe("");
    expect(readdirSync(folder)).toEqual([]);
    const found = await examined({ auditLog: join(folder, "none", "audit.log") });
    expect(found).toMatchObject({
      check: "audit log",
      cure: "Make its directory, and let the bridge's user write there.",
    });
  });

  test("an issuer whose keys can't be read", async () => {
    const jwks = `http://127.0.0.1:1/keys`;
    const options = { jwks, jwtIssuer: "i", jwtAudience: "a", permissions: await file("rule = []\n") };
    const found = await examined(options);
    expect(found.check).toBe("keys of the issuer of tokens");
    expect(found.cause).toContain(`--jwks: ${jwks} can't be read: `);
  });
});
