import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, expect, test } from "vitest";
import { LinkState } from "../../gen/mesosbridge/v1/scheduler.js";
import { type Bridge, startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { type Authority, makeAuthority } from "../support/certificates.js";
import { Cleanup, cleanupAfterAll } from "../support/cleanup.js";
import { describeEachMesos } from "../support/cluster.js";
import { task } from "../support/messages.js";
import { startProxy } from "./proxy.js";

describeEachMesos("a master that wants a client certificate", { agents: 1 }, (mesos) => {
  const all = cleanupAfterAll();
  const each = new Cleanup();
  afterEach(() => each.run());
  let own: Authority;
  let other: Authority;
  beforeAll(async () => {
    const directory = await all.tempDir();
    own = await makeAuthority(directory, "own");
    other = await makeAuthority(directory, "other");
  });

  async function strictMaster(): Promise<string> {
    const { key, cert } = await own.issue("IP:127.0.0.1");
    const ca = await readFile(own.file);
    const tls = { key, cert, ca, requestCert: true, rejectUnauthorized: true };
    return `https://127.0.0.1:${each.use(await startProxy(mesos().port, tls)).port}`;
  }

  async function clientFlags(by: Authority): Promise<string[]> {
    const directory = await each.tempDir();
    const { key, cert } = await by.issue("DNS:bridge");
    const [keyFile, certFile] = [join(directory, "key"), join(directory, "cert")];
    await writeFile(keyFile, key, { mode: 0o600 });
    await writeFile(certFile, cert);
    return ["--master-ca", own.file, "--master-cert", certFile, "--master-key", keyFile];
  }

  async function bridgeWith(...flags: string[]): Promise<Bridge> {
    return each.use(await startBridge({ master: await strictMaster(), flags }));
  }

  async function trouble(bridge: Bridge, reason: RegExp): Promise<void> {
    const scheduler = each.use(await BridgeScheduler.attach(bridge.address));
    const is = ({ event }: { event?: { $case: string; value: unknown } | undefined }) => {
      if (event?.$case !== "linkChanged") return false;
      const change = event.value as { state: LinkState; reason: string };
      return change.state === LinkState.LINK_STATE_CONNECTING && reason.test(change.reason);
    };
    await scheduler.stream.next(is, { what: String(reason) });
  }

  test("takes subscription, calls and health checks of a bridge that has one", async () => {
    const bridge = await bridgeWith(...(await clientFlags(own)));
    const scheduler = await each.use(await BridgeScheduler.attach(bridge.address)).linked();
    const offer = await scheduler.offer();
    await scheduler.launch(offer, task(offer.agentId, { command: { value: "true" } }));
    await bridge.process.logged(/a Mesos master answers/);
    await scheduler.ok("teardown");
  });

  test("is told with the options where the bridge has none, to clients and in the log", async () => {
    const bridge = await bridgeWith("--master-ca", own.file);
    await trouble(bridge, /^\S+ wants a client certificate: give one with --master-cert and --master-key/);
    await bridge.process.logged(/"reason":"\S+ wants a client certificate[^"]*","msg":"no Mesos master: retrying"/);
  });

  test("is told as what may be the reason where it ends connections without a word", async () => {
    const bridge = await bridgeWith(...(await clientFlags(other)));
    await trouble(bridge, /broke before it answered: a master that wants a client certificate, or another one, may/);
  });

  test("is not asked by a bridge whose certificate can't be used: that does not start", async () => {
    const flags = await clientFlags(own);
    const key = flags.at(-1) as string;
    await writeFile(key, (await own.issue("DNS:another")).key);
    await expect(bridgeWith(...flags)).rejects.toThrow(
      /--master-key: the key in \S+ does not belong to the certificate in/,
    );
  });
});
