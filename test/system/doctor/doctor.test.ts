import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, type TestContext, test } from "vitest";
import { type Authority, type Issued, makeAuthority } from "../../support/certificates.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { type CliResult, runCli } from "../../support/cli.js";
import { diagnose } from "../../support/doctor.js";
import { at } from "../../support/paths.js";
import { fill, smallDisk } from "../../support/smallDisk.js";
import { VisitedMaster, type VisitedMasterOptions } from "../../support/visitedMaster.js";

const cleanup = cleanupAfterAll();
let folder: string;
let authority: Authority;
let good: Issued;

beforeAll(async () => {
  folder = await cleanup.tempDir();
  authority = await makeAuthority(folder, "ca");
  good = await authority.issue("IP:127.0.0.1");
});

const master = async (options?: VisitedMasterOptions) => cleanup.use(await VisitedMaster.start(options));
const dataDir = () => join(folder, "no-data");

async function examinedTls(tls: VisitedMasterOptions["tls"], flags: object = {}) {
  const { host } = await master({ tls });
  return {
    host,
    ...(await diagnose({ master: `https://${host}`, dataDir: dataDir(), masterCa: authority.file, ...flags })),
  };
}

describe("the first cause at a master with TLS", () => {
  test("nothing", async () => {
    const { host, check, text } = await examinedTls(good);
    expect(check).toBe("");
    expect(text).toContain(`${host} shows a certificate that is trusted`);
  });

  test("an authority that is not trusted", async () => {
    const { host, ...found } = await examinedTls(good, { masterCa: undefined });
    expect(found.check).toBe("TLS with the master");
    expect(found.cause).toMatch(
      new RegExp(`^the certificate of ${host} is not accepted: it comes from an authority that is not trusted \\(`),
    );
    expect(found.cure).toBe("Give the certificate of its authority with --master-ca.");
  });

  test("a certificate that has expired", async () => {
    const { host, ...found } = await examinedTls(await authority.issue("IP:127.0.0.1", { expired: true }));
    expect(found.cause).toBe(`the certificate of ${host} is not accepted: it has expired (CERT_HAS_EXPIRED)`);
    expect(found.cure).toBe("Renew the master's certificate; if it is not old, set this machine's clock.");
  });

  test("a certificate for another name", async () => {
    const { host, ...found } = await examinedTls(await authority.issue("DNS:master.example"));
    expect(found.cause).toContain(`the certificate of ${host} is not accepted: it is for another name or address`);
    expect(found.cure).toMatch(/^Write the name that the certificate has in --master/);
  });

  test("a client certificate that the master wants", async () => {
    const { host, ...found } = await examinedTls({
      ...good,
      requestCert: true,
      rejectUnauthorized: true,
      ca: good.cert,
    });
    expect(found.check).toBe("TLS with the master");
    expect(found.cause).toContain(`${host} wants a client certificate`);
    expect(found.cure).toBe("Give a certificate that the master accepts with --master-cert and --master-key.");
  });

  test("plain HTTP at a port with TLS", async () => {
    const { host } = await master({ tls: good });
    const found = await diagnose({ master: host, dataDir: dataDir() });
    expect(found).toMatchObject({ check: "Mesos", cause: `${host} speaks TLS, and is asked for plain HTTP` });
    expect(found.cure).toContain("write https:// in --master");
  });
});

describe("the first cause in files", () => {
  test("a key that does not belong to the certificate", async () => {
    const other = await authority.issue("IP:127.0.0.1");
    const { host } = await master();
    const files = { tlsCert: good.certFile, tlsKey: other.keyFile };
    const found = await diagnose({ master: host, dataDir: dataDir(), ...files });
    expect(found).toMatchObject({ check: "files for clients", cure: "Give the key of this certificate." });
    expect(found.cause).toBe(
      `--tls-key: the key in ${other.keyFile} does not belong to the certificate in ${good.certFile} (--tls-cert)`,
    );
  });

  test("a certificate that has expired, and one that is about to", async () => {
    const { host } = await master();
    const expired = await authority.issue("IP:127.0.0.1", { expired: true });
    const given = (issued: Issued) => ({
      master: host,
      dataDir: dataDir(),
      tlsCert: issued.certFile,
      tlsKey: issued.keyFile,
    });
    expect(await diagnose(given(expired))).toMatchObject({ status: "fail", cure: "Renew it." });
    const soon = await diagnose(given(good));
    expect(soon).toMatchObject({ status: "warn", check: "files for clients" });
    expect(soon.cause).toContain(`--tls-cert: the certificate in ${good.certFile} expires on `);
  });

  test("an authority that is not a certificate", async () => {
    const { host } = await master({ tls: good });
    const found = await diagnose({ master: `https://${host}`, dataDir: dataDir(), masterCa: good.keyFile });
    expect(found.check).toBe("files for TLS to masters");
    expect(found.cause).toContain(`--master-ca: ${good.keyFile} holds a key and no certificate`);
  });
});

test("a disk that is full", async (context: TestContext) => {
  const disk = await smallDisk(cleanup, context);
  fill(join(disk, "filler"));
  const { host } = await master();
  const found = await diagnose({ master: host, dataDir: join(disk, "data") });
  expect(found).toMatchObject({ status: "fail", check: "disk space" });
  expect(found.cause).toMatch(/^the file system of \S+ has 0 MiB left$/);
});

describe("the command", () => {
  test("ends with 0 if nothing is wrong, and touches nothing", async () => {
    const visited = await master();
    const path = join(folder, "data");
    mkdirSync(path);
    const { status, stdout, stderr } = await doctor("--master", visited.host, "--data-dir", path);
    expect(stdout).toMatch(/^ok {4}data directory +\S+ can be written\n/);
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(readdirSync(path)).toEqual([]);
    expect(visited.visits.map(({ method, path: at }) => `${method} ${at}`)).toEqual([
      "GET /version",
      "GET /slave(1)/health",
      "GET /api/v1/scheduler",
    ]);
  });

  test("ends with 1 if something is wrong, and says it in JSON", async () => {
    const { host } = await master({ agent: true });
    const { status, stdout } = await doctor("--master", host, "--data-dir", dataDir(), "--json");
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ ok: false, first_cause: { check: "Mesos" } });
    expect(report.first_cause.cause).toContain("it is the port of an agent");
    expect(report.checks.at(-1)).toEqual({ check: "leader", status: "skip", detail: "because of: credentials" });
    expect(status).toBe(1);
  });

  test("ends with 2 if the options can't be used", async () => {
    expect(await runCli("doctor", "--master", "ftp://x", "--data-dir", "d")).toMatchObject({
      status: 2,
      stdout: "",
      stderr: expect.stringMatching(/^mesos-bridge doctor: --master: 'ftp:\/\/' is not a scheme that masters speak/),
    });
    expect(await runCli("doctor", "--data-dir", "d")).toMatchObject({ status: 2 });
  });

  test("says that the data directory can't be written", async ({ skip }) => {
    if (process.getuid?.() !== 0) skip("only root can run it as another user");
    const { host } = await master();
    const closed = join(folder, "closed");
    mkdirSync(closed);
    chmodSync(folder, 0o755);
    chmodSync(closed, 0o755);
    const args = ["doctor", "--master", host, "--data-dir", closed, "--listen", "127.0.0.1:0"];
    const found = await asNobody(args);
    expect(found.status).toBe(1);
    expect(found.stdout).toContain(
      `First cause: --data-dir: ${closed} can't be written: this user may not do that (EACCES)`,
    );
  });

  test("ends at once by Ctrl-C", async () => {
    const silent = createServer();
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    cleanup.defer(() => silent.close());
    const { port } = silent.address() as { port: number };
    const args = ["doctor", "--master", `127.0.0.1:${port}`, "--data-dir", dataDir(), "--listen", "127.0.0.1:0"];
    const child = spawn(process.execPath, [at("dist/server/main.js"), ...args], { stdio: "ignore" });
    const ended = once(child, "exit");
    const [socket] = await once(silent, "connection");
    cleanup.defer(() => socket.destroy());
    child.kill("SIGINT");
    expect(await ended).toEqual([null, "SIGINT"]);
  });
});

const doctor = (...args: string[]) => runCli("doctor", "--listen", "127.0.0.1:0", ...args);

function asNobody(args: readonly string[]): Promise<CliResult> {
  const options = { uid: 65_534, gid: 65_534, timeout: 20_000 };
  return new Promise((resolve) => {
    execFile(process.execPath, [at("dist/server/main.js"), ...args], options, (error, stdout, stderr) =>
      resolve({ status: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
    );
  });
}
