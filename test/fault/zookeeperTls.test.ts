import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { LinkState } from "../../gen/mesosbridge/v1/scheduler.js";
import { type Bridge, startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { type Authority, makeAuthority } from "../support/certificates.js";
import { Cleanup } from "../support/cleanup.js";
import { startEmbeddedMesos } from "../support/embeddedMesos.js";
import { healthIs } from "../support/health.js";
import { unique } from "../support/messages.js";
import { Contender, masterInfo, startZookeeper, type ZookeeperServer, zookeeperMissing } from "./zookeeperServer.js";

const { LINK_STATE_CONNECTED, LINK_STATE_CONNECTING } = LinkState;
const missing = await zookeeperMissing();
const wanted = missing === undefined || process.env.CI === "true";
if (missing !== undefined) console.error(`NOT TESTED, TLS to ZooKeeper: ${missing}`);

describe.runIf(wanted)("masters by ZooKeeper over TLS", () => {
  const all = new Cleanup();
  const each = new Cleanup();
  let directory: string;
  let own: Authority;
  let other: Authority;
  let zookeeper: ZookeeperServer;
  beforeAll(async () => {
    directory = await all.tempDir();
    own = await makeAuthority(directory, "own");
    other = await makeAuthority(directory, "other");
    zookeeper = all.use(await startZookeeper({ ...(await own.issue("IP:127.0.0.1")), ca: own.file }));
  });
  afterEach(() => each.run());
  afterAll(() => all.run());

  async function contender(): Promise<{ path: string; masters: Contender }> {
    const path = `/${unique("mesos")}`;
    const masters = each.use(await Contender.connect(zookeeper.address, path));
    await masters.makePath();
    return { path, masters };
  }

  /** Files of a client's certificate. */
  async function clientFiles(
    by: Authority,
  ): Promise<{ cert: string; key: string; replace(by: Authority): Promise<void> }> {
    const dir = await each.tempDir();
    const [cert, key] = [join(dir, "cert.pem"), join(dir, "key.pem")];
    const replace = async (authority: Authority) => {
      const issued = await authority.issue("DNS:bridge");
      for (const [path, text] of [
        [cert, issued.cert],
        [key, issued.key],
      ] as const) {
        await writeFile(`${path}.new`, text, { mode: 0o600 });
        await rename(`${path}.new`, path);
      }
    };
    await replace(by);
    return { cert, key, replace };
  }

  async function bridgeAt(path: string, flags: string[], address = zookeeper.secureAddress): Promise<Bridge> {
    return each.use(await startBridge({ master: `zks://${address}${path}`, flags }));
  }

  /** The next change to a link that looks for a master, for a reason like this. */
  async function lost(scheduler: BridgeScheduler, reason: RegExp): Promise<void> {
    const is = ({ event }: { event?: { $case: string; value: unknown } | undefined }) => {
      if (event?.$case !== "linkChanged") return false;
      const change = event.value as { state: LinkState; reason: string };
      return change.state === LINK_STATE_CONNECTING && reason.test(change.reason);
    };
    await scheduler.stream.next(is, { what: String(reason), timeoutMs: 15_000 });
  }

  const attach = async (bridge: Bridge) => each.use(await BridgeScheduler.attach(bridge.address));

  test("the bridge follows elections, and finds ZooKeeper again after a crash", async () => {
    const { path, masters } = await contender();
    const first = each.use(await startEmbeddedMesos({ agents: 1 }));
    const second = each.use(await startEmbeddedMesos({ agents: 1 }));
    const leader = await masters.enter(masterInfo("127.0.0.1", first.port), { forGood: true });
    await masters.enter(masterInfo("127.0.0.1", second.port), { forGood: true });
    const { cert, key } = await clientFiles(own);
    const bridge = await bridgeAt(path, ["--zk-ca", own.file, "--zk-cert", cert, "--zk-key", key]);
    await healthIs(bridge.address, "SERVING");
    const scheduler = await (await attach(bridge)).linked();
    expect((await scheduler.offer()).hostname).not.toBe("");

    await zookeeper.kill();
    try {
      await bridge.process.logged(/"reason":"nothing listens at [^"]*","msg":"ZooKeeper can't be read/);
      await scheduler.ok("reviveOffers", {});
    } finally {
      await zookeeper.start();
    }
    await bridge.process.logged(/ZooKeeper names the leading master[\s\S]*ZooKeeper names the leading master/);
    await each.use(await Contender.connect(zookeeper.address, path)).leave(leader);
    await lost(scheduler, new RegExp(`^127.0.0.1:${second.port} leads now$`));
    const moved = await scheduler.linkChanged(LINK_STATE_CONNECTED);
    expect(moved.master).toBe(`127.0.0.1:${second.port}`);
  });

  test("a certificate that ZooKeeper does not accept is told, and a replaced one is used at once", async () => {
    const { path, masters } = await contender();
    const mesos = each.use(await startEmbeddedMesos({ agents: 1 }));
    await masters.enter(masterInfo("127.0.0.1", mesos.port));
    const without = await bridgeAt(path, ["--zk-ca", own.file]);
    await lost(
      await attach(without),
      /^ZooKeeper can't be read: \S+ wants a client certificate: give one with --zk-cert/,
    );

    const { cert, key, replace } = await clientFiles(other);
    const bridge = await bridgeAt(path, ["--zk-ca", own.file, "--zk-cert", cert, "--zk-key", key]);
    const scheduler = await attach(bridge);
    await lost(
      scheduler,
      /^ZooKeeper can't be read: \S+ does not accept the bridge's client certificate \(--zk-cert\)/,
    );
    await bridge.process.logged(/does not accept the bridge's client certificate[^"]*","msg":"ZooKeeper can't be read/);
    await replace(own);
    await scheduler.linkChanged(LINK_STATE_CONNECTED);
  });

  test("a plain port, a TLS port that is taken for a plain one, and an authority that is not trusted", async () => {
    const { path } = await contender();
    const { cert, key } = await clientFiles(own);
    const plain = await bridgeAt(path, ["--zk-ca", own.file], zookeeper.address);
    await lost(
      await attach(plain),
      /ended the connection instead of speaking TLS; if that is its plain port, write zk:/,
    );
    const secure = each.use(await startBridge({ master: `zk://${zookeeper.secureAddress}${path}` }));
    await lost(await attach(secure), /wants TLS|before a session was open \(one that wants TLS may do so/);
    const distrusting = await bridgeAt(path, ["--zk-ca", other.file, "--zk-cert", cert, "--zk-key", key]);
    await lost(await attach(distrusting), /is not accepted: it comes from an authority that is not trusted; .*--zk-ca/);
  });

  test("files that can't be used end the start", async () => {
    const { cert, key } = await clientFiles(own);
    await expect(bridgeAt("/mesos", ["--zk-ca", key])).rejects.toThrow(/--zk-ca: \S+ holds a key and no certificate/);
    const flags = ["--zk-cert", cert, "--zk-key", (await clientFiles(own)).key];
    await expect(bridgeAt("/mesos", flags)).rejects.toThrow(
      /--zk-key: the key in \S+ does not belong to the certificate in/,
    );
  });
});
