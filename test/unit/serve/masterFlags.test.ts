import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseServeConfig } from "../../../server/cli/serveConfig.js";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "mesos-bridge-flags-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const masterOf = (master: string, more: object = {}) =>
  parseServeConfig({ master, dataDir: "d", listen: "127.0.0.1:0", ...more }).master;
const origins = (master: string, more: object = {}) => {
  const spec = masterOf(master, more);
  return spec.kind === "list" ? spec.urls.map((url) => url.origin) : [];
};

test("--master-scheme is for addresses that name none", () => {
  expect(origins("a:1,http://b:2,https://c:3")).toEqual(["http://a:1", "http://b:2", "https://c:3"]);
  expect(origins("a:1,http://b:2", { masterScheme: "https" })).toEqual(["https://a:1", "http://b:2"]);
  expect(() => origins("a:1", { masterScheme: "ftp" })).toThrow("--master-scheme: use http or https");
});

test("--master may be a file, so that credentials are on no command line", async () => {
  const file = join(directory, "master");
  await writeFile(file, "zk://user:hunter2@a:2181,b/mesos\n");
  expect(masterOf(`file://${file}`)).toEqual({
    kind: "zookeeper",
    tls: false,
    servers: "a:2181,b",
    path: "/mesos",
    auth: "user:hunter2",
  });
  await writeFile(file, "zk://user:hunter2@a:2181");
  expect(() => masterOf(`file://${file}`)).toThrow("--master: 'zk://***@a:2181' names no ZooKeeper path");
  expect(() => masterOf("file:///nowhere/master")).toThrow(
    "--master: /nowhere/master can't be read: there is no such file (ENOENT): check the path",
  );
});

test.each([
  ["zk://:hunter2@a/mesos", "credentials are written as user:password@"],
  ["zk://hunter2@a/mesos", "credentials are written as user:password@"],
  ["zk://user:hunter2@a/mesos/../b", "'/mesos/../b' is not a ZooKeeper path"],
  ["zk://user:hunter2@a//mesos", "'//mesos' is not a ZooKeeper path"],
  ["zk://user:hunter2@a:0/mesos", "'a:0' is not a ZooKeeper host:port"],
  ["zk://user:hunter2@a,[::1]:2181/mesos", "'[::1]:2181' is not a ZooKeeper host:port"],
])("%s is refused, and its password is told to nobody", (master, message) => {
  expect(() => masterOf(master)).toThrow(message);
  expect(() => masterOf(master)).not.toThrow("hunter2");
});

test.each([
  [{ zkCert: "c" }, "zks://a:1/mesos", "--zk-cert and --zk-key go together"],
  [{ zkKey: "k" }, "zks://a:1/mesos", "--zk-cert and --zk-key go together"],
  [{ zkCa: "c" }, "zk://a:1/mesos", "--zk-ca: --master does not begin with zks://, so it would not be used"],
  [{ zkCert: "c", zkKey: "k" }, "a:1", "--zk-cert: --master does not begin with zks://, so it would not be used"],
])("options of TLS to ZooKeeper are refused where they can't be used: %o for %s", (flags, master, message) => {
  expect(() => masterOf(master, flags)).toThrow(message);
  expect(() => masterOf("zks://a:1/m", { zkCa: "a", zkCert: "c", zkKey: "k" })).not.toThrow();
});

test.each([
  [{ masterCert: "c" }, "https://a:1", "--master-cert and --master-key go together"],
  [{ masterKey: "k" }, "https://a:1", "--master-cert and --master-key go together"],
  [{ masterCert: "c", masterKey: "k" }, "a:1,http://b:1", "--master-cert: no master is asked for by TLS"],
  [{ masterCert: "c", masterKey: "k" }, "zk://a:1/mesos", "would not be used: add --master-scheme https"],
])("a client certificate is refused where it can't be used: %o for %s", (flags, master, message) => {
  expect(() => masterOf(master, flags)).toThrow(message);
  expect(() => masterOf("a:1", { masterCert: "c", masterKey: "k", masterScheme: "https" })).not.toThrow();
  expect(() => masterOf("zk://a:1/m", { masterCert: "c", masterKey: "k", masterScheme: "https" })).not.toThrow();
});
