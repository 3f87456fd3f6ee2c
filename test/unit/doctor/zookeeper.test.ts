import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { diagnose } from "../../support/doctor.js";
import { freePort } from "../../support/freePort.js";
import { VisitedMaster } from "../../support/visitedMaster.js";
import { VisitedZookeeper, type VisitedZookeeperOptions } from "../../support/visitedZookeeper.js";

const cleanup = cleanupAfterAll();
const AUTH = "reader:zookeepers-password";
const CHILDREN = 8;
const DATA = 4;
const CLOSE = -11;

const zookeeper = async (options: VisitedZookeeperOptions) => cleanup.use(await VisitedZookeeper.start(options));

async function examined(master: string) {
  return diagnose({ master, dataDir: join(await cleanup.tempDir(), "data") });
}

function masterInfo(port: number, ip = "127.0.0.1"): string {
  return JSON.stringify({ address: { hostname: "master", ip, port }, hostname: "master", port });
}

test("nothing is wrong, and ZooKeeper was only read", async () => {
  const { port, host } = cleanup.use(await VisitedMaster.start());
  const visited = await zookeeper({
    nodes: { "/mesos/json.info_0000000007": masterInfo(port), "/mesos/log_replicas": "" },
  });
  const found = await examined(`zk://${visited.host}/mesos`);
  expect(found.text).toContain("Nothing is wrong.");
  expect(found.text).toMatch(new RegExp(`ok +leader +${host} leads`));
  await expect.poll(() => visited.requests).toEqual([CHILDREN, DATA, CLOSE]);
});

describe("the first cause is named, and not what comes of it", () => {
  test("nothing listens", async () => {
    const host = `127.0.0.1:${await freePort()}`;
    expect(await examined(`zk://${host}/mesos`)).toMatchObject({
      check: "ZooKeeper",
      cause: `ZooKeeper: nothing listens at ${host}`,
      cure: "Start ZooKeeper there, or correct its host and port in --master.",
    });
  });

  test("a master's port in place of ZooKeeper's", async () => {
    const { host } = cleanup.use(await VisitedMaster.start());
    const found = await examined(`zk://${host}/mesos`);
    expect(found.check).toBe("ZooKeeper");
    expect(found.cause).toMatch(
      /^ZooKeeper: 127\.0\.0\.1:\d+ (does not speak ZooKeeper's protocol|closed the connection)/,
    );
  });

  test("the path does not exist", async () => {
    const { host } = await zookeeper({ nodes: { "/mesos/json.info_1": masterInfo(5050) } });
    expect(await examined(`zk://${host}/mesosphere`)).toMatchObject({
      check: "ZooKeeper path",
      cause: `ZooKeeper: the path /mesosphere does not exist at ${host}`,
      cure: "Correct the path in --master: it is the one of the masters' own --zk option.",
    });
  });

  test("no master leads", async () => {
    const { host } = await zookeeper({ nodes: { "/mesos/log_replicas": "" } });
    const found = await examined(`zk://${host}/mesos`);
    expect(found).toMatchObject({
      check: "ZooKeeper path",
      cause: "ZooKeeper: /mesos holds no json.info_ node, so no master leads",
    });
  });

  test("wrong credentials, which are shown nowhere", async () => {
    const { host } = await zookeeper({ nodes: { "/mesos/json.info_1": masterInfo(5050) }, auth: AUTH });
    const found = await examined(`zk://reader:not-the-password@${host}/mesos`);
    expect(found).toMatchObject({
      check: "ZooKeeper path",
      cause: "ZooKeeper: the user in --master may not read /mesos",
    });
    expect(found.cure).toContain("Correct user:password@ in --master");
    expect(found.reports).not.toContain("not-the-password");
  });

  test("missing credentials", async () => {
    const { host } = await zookeeper({ nodes: { "/mesos/json.info_1": masterInfo(5050) }, auth: AUTH });
    const found = await examined(`zk://${host}/mesos`);
    expect(found.cause).toBe("ZooKeeper: /mesos may not be read without credentials");
  });

  test("a leader's node that is not one", async () => {
    const { host } = await zookeeper({ nodes: { "/mesos/json.info_1": "not JSON" } });
    const found = await examined(`zk://${host}/mesos`);
    expect(found).toMatchObject({
      check: "leader's node in ZooKeeper",
      cause: "ZooKeeper: /mesos/json.info_1 can't be used: it is not JSON",
    });
  });

  test("a leader that is gone", async () => {
    const port = await freePort();
    const { host } = await zookeeper({ nodes: { "/mesos/json.info_1": masterInfo(port) } });
    expect(await examined(`zk://${host}/mesos`)).toMatchObject({
      check: "master's port",
      cause: `nothing listens at 127.0.0.1:${port}`,
    });
  });
});

test("one server of several that is away is a warning", async () => {
  const { port } = cleanup.use(await VisitedMaster.start());
  const { host } = await zookeeper({ nodes: { "/mesos/json.info_0000000007": masterInfo(port) }, auth: AUTH });
  const away = `127.0.0.1:${await freePort()}`;
  const found = await examined(`zk://${AUTH}@${away},${host}/mesos`);
  expect(found).toMatchObject({ status: "warn", check: "ZooKeeper", cause: `ZooKeeper: nothing listens at ${away}` });
  expect(found.text).toMatch(/ok +leader /);
});
