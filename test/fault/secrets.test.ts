import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFailed, test } from "vitest";
import { LinkState, type SessionEvent } from "../../gen/mesosbridge/v1/scheduler.js";
import { type Bridge, startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { type Authority, makeAuthority } from "../support/certificates.js";
import { Cleanup } from "../support/cleanup.js";
import type { MesosCluster } from "../support/cluster.js";
import { getJson } from "../support/http.js";
import { frameworkInfo } from "../support/messages.js";
import { realMesosMissing, startRealMesos } from "../support/realMesos.js";
import { startProxy } from "./proxy.js";

const { LINK_STATE_CONNECTED } = LinkState;
const SECRET = "s3cret of alice";
const WRONG = "wr0ng of alice";
const missing = realMesosMissing();
const wanted = missing === undefined || process.env.CI === "true";

/** The next change to a link that looks for a master, for a reason like this. */
async function lost(scheduler: BridgeScheduler, reason: RegExp): Promise<void> {
  const is = ({ event }: SessionEvent) =>
    event?.$case === "linkChanged" && event.value.state !== LINK_STATE_CONNECTED && reason.test(event.value.reason);
  await scheduler.stream.next(is, { what: String(reason), timeoutMs: 15_000 });
}

describe.runIf(wanted)("a master that wants authentication", () => {
  const all = new Cleanup();
  let mesos: MesosCluster;
  let each = new Cleanup();
  let secretFile: string;
  beforeAll(async () => {
    mesos = all.use(await startRealMesos({ agents: 1, credentials: { alice: SECRET } }));
  });
  afterAll(() => all.run());
  beforeEach(async () => {
    each = new Cleanup();
    secretFile = join(await each.tempDir(), "secret");
  });
  afterEach(() => each.run());

  async function bridgeWith(master: string, ...flags: string[]): Promise<Bridge> {
    const bridge = each.use(await startBridge({ master, flags: ["--log-level", "debug", ...flags] }));
    onTestFailed(() => console.error(bridge.log()));
    return bridge;
  }
  const attach = async (bridge: Bridge) => each.use(await BridgeScheduler.attach(bridge.address));

  /** Nothing that the bridge says, to logs or to clients, holds a secret, plain or as it goes over the wire. */
  function toldToNobody(bridge: Bridge, scheduler: BridgeScheduler): void {
    const events = JSON.stringify(scheduler.stream.received, (_, value) =>
      typeof value === "bigint" ? String(value) : value,
    );
    for (const secret of [SECRET, WRONG]) {
      const header = Buffer.from(`alice:${secret}`).toString("base64");
      for (const text of [bridge.log(), events]) {
        expect(text).not.toContain(secret);
        expect(text).not.toContain(header);
      }
    }
  }

  test("principal and secret are used, and the framework gets the principal", async () => {
    await writeFile(secretFile, `${SECRET}\n`);
    const bridge = await bridgeWith(mesos.master, "--principal", "alice", "--secret-file", secretFile);
    const scheduler = await (await attach(bridge)).linked();
    expect(scheduler.opened.frameworkInfo?.principal).toBe("alice");
    expect(scheduler.opened.defaultedFields).toContain("principal");
    const offer = await scheduler.offer();
    await scheduler.ok("declineOffers", { offerIds: [{ value: offer.id?.value ?? "" }] });
    toldToNobody(bridge, scheduler);
  });

  test("a secret that is wrong for a while when a client leaves costs no offer", async () => {
    await writeFile(secretFile, SECRET);
    const flags = ["--principal", "alice", "--secret-file", secretFile, "--offer-hold", "1s"];
    const bridge = await bridgeWith(mesos.master, ...flags);
    const scheduler = await (await attach(bridge)).linked();
    const { agentId } = await scheduler.offer();
    await writeFile(secretFile, WRONG);
    scheduler.stop();
    await bridge.process.logged(/"level":"warn"[^\n]*"call":"DECLINE","reason":"[^"]*\(401: /);
    await writeFile(secretFile, SECRET);
    await bridge.process.logged(/Mesos accepts the bridge's own calls again/, { timeoutMs: 20_000 });
    const request = { frameworkName: scheduler.name, frameworkInfo: undefined };
    const back = each.use(await BridgeScheduler.attach(bridge.address, request));
    expect((await back.offer({ timeoutMs: 15_000 })).agentId).toEqual(agentId);
    toldToNobody(bridge, back);
  });

  test("a wrong secret is told in words, and a mended file is used at once", async () => {
    await writeFile(secretFile, WRONG);
    const bridge = await bridgeWith(mesos.master, "--principal", "alice", "--secret-file", secretFile);
    const scheduler = await attach(bridge);
    await lost(scheduler, /^the master does not accept the bridge's credentials \(401\)/);
    const call = await scheduler.call("reviveOffers", {});
    expect(call).toMatchObject({ code: "UNAVAILABLE", reason: "NO_MASTER", message: expect.stringContaining("(401)") });
    // Many failures later the waits are long: the mended file must not wait for the end of one.
    await bridge.process.logged(/(the subscription ended[\s\S]*){8}/, { timeoutMs: 30_000 });
    await writeFile(secretFile, SECRET);
    await scheduler.linkChanged(LINK_STATE_CONNECTED, { timeoutMs: 2_000 });
    await scheduler.offer();
    toldToNobody(bridge, scheduler);
  });

  test("a file that goes is told, and one that comes is used", async () => {
    await writeFile(secretFile, WRONG);
    const bridge = await bridgeWith(mesos.master, "--principal", "alice", "--secret-file", secretFile);
    const scheduler = await attach(bridge);
    await rm(secretFile);
    await lost(scheduler, /^the credentials can't be read: ENOENT/);
    await writeFile(`${secretFile}.new`, SECRET);
    await rename(`${secretFile}.new`, secretFile);
    await scheduler.linkChanged(LINK_STATE_CONNECTED, { timeoutMs: 2_000 });
    toldToNobody(bridge, scheduler);
  });

  test("no credentials, and another principal than the framework's", async () => {
    const without = await attach(await bridgeWith(mesos.master));
    await lost(without, /^the master wants authentication, and the bridge has no credentials \(401\)/);
    await writeFile(secretFile, SECRET);
    const bridge = await bridgeWith(mesos.master, "--principal", "alice", "--secret-file", secretFile);
    const info = frameworkInfo({ principal: "bob" });
    const other = each.use(await BridgeScheduler.attach(bridge.address, { frameworkInfo: info }));
    await lost(other, /^the master does not allow this subscription \(403\)|^the master answers 400/);
  });

  test("over TLS, with a certificate authority of one's own", async () => {
    const directory = await each.tempDir();
    const authority = await makeAuthority(directory, "own");
    const proxy = each.use(await startProxy(mesos.port, await authority.issue("IP:127.0.0.1")));
    await writeFile(secretFile, SECRET);
    const flags = ["--principal", "alice", "--secret-file", secretFile, "--master-ca", authority.file];
    const bridge = await bridgeWith(`127.0.0.1:${proxy.port}`, "--master-scheme", "https", ...flags);
    const scheduler = await (await attach(bridge)).linked();
    // The probe, the subscription, and the calls.
    await bridge.process.logged(/a Mesos master answers/);
    const offer = await scheduler.offer();
    await scheduler.ok("declineOffers", { offerIds: [{ value: offer.id?.value ?? "" }] });
    expect(proxy.connections).toBe(3);
    const { frameworks } = (await frameworksOf(mesos)) as { frameworks: { id: string }[] };
    expect(frameworks.map(({ id }) => id)).toContain(scheduler.frameworkId);
    toldToNobody(bridge, scheduler);
  });

  describe("certificates that are not accepted", () => {
    let directory: string;
    let own: Authority;
    let other: Authority;
    beforeAll(async () => {
      directory = await all.tempDir();
      own = await makeAuthority(directory, "own");
      other = await makeAuthority(directory, "other");
    });
    const tls = async (authority: Authority, name: string) =>
      each.use(await startProxy(mesos.port, await authority.issue(name)));
    const https = (port: number) => `https://127.0.0.1:${port}`;

    test.each([
      [
        "another authority",
        () => other,
        "IP:127.0.0.1",
        () => ["--master-ca", own.file],
        /^the certificate of \S+ is not accepted: it comes from an authority that is not trusted; give its certificate/,
      ],
      ["no authority", () => own, "IP:127.0.0.1", () => [], /is not accepted: it comes from an authority/],
      [
        "another address",
        () => own,
        "IP:127.0.0.9",
        () => ["--master-ca", own.file],
        /is not accepted: it is for another name or address/,
      ],
    ] as const)("%s", async (_, authority, name, flags, reason) => {
      const proxy = await tls(authority(), name);
      const bridge = await bridgeWith(https(proxy.port), ...flags());
      await lost(await attach(bridge), reason);
      await bridge.process.logged(/"reason":"the certificate of [^"]*","msg":"no Mesos master: retrying"/);
    });

    test("the wrong scheme", async () => {
      const plain = await attach(await bridgeWith(https(mesos.port)));
      await lost(plain, /instead of speaking TLS; if it speaks plain HTTP, write http:\/\//);
      const proxy = await tls(own, "IP:127.0.0.1");
      const secure = await attach(await bridgeWith(`127.0.0.1:${proxy.port}`));
      await lost(secure, /does not speak HTTP; if it speaks TLS, write https:\/\/|the connection to \S+ broke/);
    });
  });
});

async function frameworksOf(mesos: MesosCluster): Promise<unknown> {
  return getJson(`${mesos.master}/master/frameworks`);
}
