import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { newToken, tokenHash } from "../../../server/access/tokenList.js";
import { silentLog } from "../../../server/cli/doctor/quietLogs.js";
import { LogStore } from "../../../server/store/logStore.js";
import { type Bridge, startBridge } from "../../support/bridge.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { runCli } from "../../support/cli.js";
import { record } from "../../unit/store/samples.js";

const cleanup = cleanupAfterAll();
const NO_MASTER = "127.0.0.1:1";
/** Each stands in several of the places from which a bundle is made. */
const SECRETS = {
  master: "masters-secret-91",
  principal: "principals-secret-92",
  zookeeper: "zookeepers-password-93",
  metrics: "metrics-password-94",
  bridge: newToken(),
  unknownBearer: "some-other-bearer-95",
  unknownPassword: "someones-password-96",
  privateKey: "MIGHAgEAMBMGByqGSM49secret97",
  environment: "proxys-password-98",
};
let dir: string;
let bridge: Bridge;

const write = (name: string, content: string): string => {
  const path = join(dir, name);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
};

beforeAll(async () => {
  dir = await cleanup.tempDir();
  const dataDir = join(dir, "data");
  const store = await LogStore.open(dataDir, { log: silentLog });
  await store.put(record("stored-framework"));
  await store.close();
  const permissions = write(
    "permissions.toml",
    '[[rule]]\nidentities = ["token:ci"]\nallow = ["observe", "operate"]\nframeworks = ["*"]\n',
  );
  const tokens = write("tokens", `ci ${tokenHash(SECRETS.bridge).toString("hex")}\n`);
  const flags = ["--client-tokens", tokens, "--permissions", permissions];
  bridge = cleanup.use(await startBridge({ master: NO_MASTER, dataDir, flags }));
});

/** The archive's files and their contents, as tar gives them. */
function contentOf(path: string): Map<string, string> {
  const names = execFileSync("tar", ["-tzf", path], { encoding: "utf8" }).trim().split("\n");
  const read = (name: string) => execFileSync("tar", ["-xzOf", path, name], { encoding: "utf8" });
  return new Map(names.map((name) => [name.replace("mesos-bridge-bundle/", ""), read(name)]));
}

test("everything is in it, and no secret", async () => {
  const metrics = createServer((request, response) =>
    response.end(`up 1\n# ${SECRETS.master} ${request.headers.authorization}\n`),
  );
  metrics.listen(0, "127.0.0.1");
  await once(metrics, "listening");
  cleanup.defer(() => metrics.close());
  const basic = Buffer.from(`bridge:${SECRETS.master}`).toString("base64");
  const log = [
    `{"msg":"first line"}`,
    ...Object.values(SECRETS)
      .slice(0, 5)
      .map((secret) => `{"msg":"a master repeats ${secret}"}`),
    `authorization: Basic ${basic}`,
    `authorization: Bearer ${SECRETS.unknownBearer}`,
    `connecting to zk://someone:${SECRETS.unknownPassword}@zk1:2181/mesos`,
    `{"password":"${SECRETS.unknownPassword}"}`,
    `-----BEGIN PRIVATE KEY-----\n${SECRETS.privateKey}\n-----END PRIVATE KEY-----`,
    `{"msg":"last line"}`,
  ];
  const output = join(dir, "all.tar.gz");
  process.env.http_proxy = `http://someone:${SECRETS.environment}@127.0.0.1:1`;
  cleanup.defer(() => delete process.env.http_proxy);
  const principals = `[[rule]]\nframeworks = ["*"]\nprincipal = "p"\nsecret = "${SECRETS.principal}"\n`;
  const zookeeper = `zk://reader:${SECRETS.zookeeper}@127.0.0.1:1/mesos`;
  const { port } = metrics.address() as AddressInfo;
  const { status, stdout, stderr } = await runCli(
    ...["debug", "bundle", "--output", output],
    ...["--bridge", bridge.address, "--bridge-token-file", write("token", `${SECRETS.bridge}\n`)],
    ...["--master", `file://${write("master", zookeeper)}`, "--data-dir", bridge.dataDir],
    ...["--principal", "bridge", "--secret-file", write("secret", SECRETS.master)],
    ...["--framework-principals", write("principals.toml", principals)],
    ...["--metrics-url", `http://scraper:${SECRETS.metrics}@127.0.0.1:${port}`],
    ...["--log-file", write("log", `${log.join("\n")}\n`)],
  );
  expect(stderr).toBe("");
  expect(stdout).toMatch(/^\S+all\.tar\.gz: 11 files, \d+ bytes\n$/);
  expect(status).toBe(0);
  expect(statSync(output).mode & 0o777).toBe(0o600);

  const files = contentOf(output);
  expect(JSON.parse(files.get("frameworks.json") ?? "")).toMatchObject([{ framework_name: "stored-framework" }]);
  expect(JSON.parse(files.get("records.json") ?? "")).toMatchObject({
    frameworks: [{ framework_name: "stored-framework" }],
  });
  expect(JSON.parse(files.get("configuration.json") ?? "")).toMatchObject({
    master: "zk://***@127.0.0.1:1/mesos",
    principal: "bridge",
  });
  expect(JSON.parse(files.get("machine.json") ?? "")).toMatchObject({ proxy_variables: ["http_proxy"] });
  expect(JSON.parse(files.get("doctor.json") ?? "")).toMatchObject({ ok: false });
  expect(files.get("metrics.txt")).toMatch(/^up 1\n/);
  expect(files.get("log.txt")).toMatch(/first line[\s\S]*last line/);
  expect(files.get("attachments.json")).toBe("[]\n");
  const whole = [...files.values(), stdout].join("\n");
  for (const secret of [...Object.values(SECRETS), basic]) expect(whole).not.toContain(secret);
});

test("without a bridge it says what it lacks, and never overwrites a file", async () => {
  const output = join(dir, "little.tar.gz");
  const args = ["debug", "bundle", "--output", output, "--bridge", "127.0.0.1:1", "--log-file", join(dir, "no-log")];
  const first = await runCli(...args);
  expect(first.status).toBe(0);
  expect(first.stdout).toMatch(/^not in it: frameworks\.json: .*ECONNREFUSED/m);
  expect(first.stdout).toMatch(/^not in it: log\.txt: ENOENT/m);
  expect(first.stdout).toContain("not in it: metrics.txt: --metrics-url is not given\n");
  const files = contentOf(output);
  expect([...files.keys()]).toEqual(["README.txt", "machine.json"]);
  expect(files.get("README.txt")).toContain("  records.json: --data-dir is not given\n");

  const before = readFileSync(output);
  const again = await runCli(...args);
  expect(again).toMatchObject({
    status: 1,
    stdout: "",
    stderr: `mesos-bridge debug bundle: --output: ${output} exists, and is not overwritten: choose another name, or remove it\n`,
  });
  expect(readFileSync(output)).toEqual(before);
});

test("a log of any size gives its last MiB, from the beginning of a line", async () => {
  const output = join(dir, "long.tar.gz");
  const line = `${"x".repeat(99)}\n`;
  const path = write("long-log", `${line.repeat(30_000)}the last line\n`);
  expect(await runCli("debug", "bundle", "--output", output, "--log-file", path)).toMatchObject({ status: 0 });
  const log = contentOf(output).get("log.txt") ?? "";
  expect(log.length).toBeLessThanOrEqual(1024 * 1024);
  expect(log.length).toBeGreaterThan(1024 * 1024 - 200);
  expect(log.startsWith(line)).toBe(true);
  expect(log.endsWith("the last line\n")).toBe(true);
});

test("options that can't be used end it with 2, before anything is written", async () => {
  const output = join(dir, "none.tar.gz");
  const refused = async (...more: string[]) => (await runCli("debug", "bundle", "--output", output, ...more)).stderr;
  const token = ["--bridge", "bridge.example:50051", "--bridge-token-file", write("token", "t")];
  expect(await refused(...token)).toContain("--bridge-token-file: the token would go over the network unencrypted");
  expect(await refused("--master", "ftp://x", "--data-dir", dir)).toContain("--master: 'ftp://' is not a scheme");
  expect(await runCli("debug", "bundle")).toMatchObject({ status: 2 });
  expect(() => statSync(output)).toThrow("ENOENT");
});
