import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { LinkState, type SessionEvent } from "../../gen/mesosbridge/v1/scheduler.js";
import { type Bridge, startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { describeEachMesos } from "../support/cluster.js";
import { healthIs } from "../support/health.js";
import { frameworkInfo, unique } from "../support/messages.js";

const SECRETS = { bridge: "s3cret-of-bridge", alice: "s3cret-of-alice", bob: "s3cret-of-bob" };
type Principal = keyof typeof SECRETS;
const options = { credentials: SECRETS, flags: { allocation_interval: "100ms" } };

describeEachMesos("principals by the names of frameworks", options, (mesos) => {
  const cleanup = new Cleanup();
  afterEach(() => cleanup.run());

  /** A file of rules: frameworks, principal, and a secret if it is not the right one. */
  async function rulesFile(...rules: Rule[]) {
    const directory = await cleanup.tempDir();
    const path = join(directory, "principals.toml");
    const write = async (...all: Rule[]) => {
      await writeFile(`${path}.new`, all.map(ruleText).join("\n"), { mode: 0o600 });
      await rename(`${path}.new`, path);
    };
    await write(...rules);
    return { path, write };
  }

  async function start(rules: string, ...flags: string[]): Promise<Bridge> {
    return cleanup.use(
      await startBridge({ master: mesos().master, flags: ["--framework-principals", rules, ...flags] }),
    );
  }

  /** The flags of a bridge that has credentials of its own. */
  async function ownFlags(): Promise<string[]> {
    const file = join(await cleanup.tempDir(), "secret");
    await writeFile(file, SECRETS.bridge, { mode: 0o600 });
    return ["--principal", "bridge", "--secret-file", file];
  }

  const attach = async (bridge: Bridge, frameworkName: string, principal?: string) => {
    const info = frameworkInfo({ name: frameworkName, ...(principal !== undefined && { principal }) });
    return cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkName, frameworkInfo: info }));
  };
  const again = async (bridge: Bridge, { name }: BridgeScheduler) =>
    cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkName: name, frameworkInfo: undefined }));

  async function lost(scheduler: BridgeScheduler, reason: RegExp): Promise<void> {
    const is = ({ event }: SessionEvent) =>
      event?.$case === "linkChanged" &&
      event.value.state === LinkState.LINK_STATE_CONNECTING &&
      reason.test(event.value.reason);
    await scheduler.stream.next(is, { what: String(reason) });
  }

  test("two teams have their own, and others that of the bridge", async () => {
    const rules = await rulesFile(["a-*", "alice"], ["*-b", "bob"], ["a-b", "alice"]);
    const bridge = await start(rules.path, ...(await ownFlags()));
    const schedulers: BridgeScheduler[] = [];
    for (const [name, principal] of [
      [unique("a-x"), "alice"],
      [`${unique("x")}-b`, "bob"],
      ["a-b", "alice"],
      [unique("x"), "bridge"],
    ] as const) {
      const scheduler = await (await attach(bridge, name)).linked();
      expect(scheduler.opened.frameworkInfo?.principal).toBe(principal);
      expect(scheduler.opened.defaultedFields).toContain("principal");
      await scheduler.ok("suppressOffers");
      schedulers.push(scheduler);
    }
    // As it is after any restart: nobody is refused.
    await bridge.kill();
    await bridge.restart(["--framework-principals", rules.path, ...(await ownFlags())]);
    for (const scheduler of schedulers) await (await (await again(bridge, scheduler)).linked()).ok("teardown");
    expect(bridge.log()).not.toMatch(/can't be followed|s3cret/);
  });

  test("a client can't name somebody else's", async () => {
    const rules = await rulesFile(["a-*", "alice"], ["b-*", "bob"]);
    const bridge = await start(rules.path);
    for (const [name, principal, message] of [
      [unique("a"), "bob", "must be unset, or 'alice'"],
      [unique("x"), "bob", "must be unset: the bridge gives this framework none"],
    ] as const) {
      const request = { frameworkName: name, frameworkInfo: frameworkInfo({ principal }) };
      const refused = cleanup.use(BridgeScheduler.start(bridge.address, request));
      expect(await refused.stream.ending()).toMatchObject({
        code: "INVALID_ARGUMENT",
        reason: "INVALID_FIELD",
        message: expect.stringContaining(message),
      });
    }
    await (await (await attach(bridge, unique("a"), "alice")).linked()).ok("teardown");
  });

  test("a wrong secret is told, and one that is put right is used at once", async () => {
    const name = unique("a");
    const rules = await rulesFile(["a-*", "alice", "s3cret-of-nobody"]);
    const bridge = await start(rules.path);
    const scheduler = await attach(bridge, name);
    await lost(scheduler, /^the master does not accept the bridge's credentials \(401/);
    await bridge.process.logged(/does not accept the bridge's credentials[^"]*","msg":"no Mesos master: retrying"/);
    await rules.write(["a-*", "alice"]);
    await scheduler.linked();
    await healthIs(bridge.address, "SERVING");
    await scheduler.ok("teardown");
    expect(bridge.log()).not.toContain("s3cret");
  });

  test("a rule that gives a known framework another one is refused while the bridge runs, and the framework goes on", async () => {
    const rules = await rulesFile(["a-*", "alice"]);
    const bridge = await start(rules.path, ...(await ownFlags()));
    const scheduler = await (await attach(bridge, unique("a"))).linked();
    const other = await (await attach(bridge, unique("x"))).linked();
    await rules.write(["*", "bob"]);
    await bridge.process.logged(
      new RegExp(
        `'${scheduler.name}' keeps 'alice', and does not get 'bob'; put a rule for it with 'alice' before the`,
      ),
    );
    await bridge.process.logged(new RegExp(`'${other.name}' keeps 'bridge', and does not get 'bob'`));
    await scheduler.ok("suppressOffers");
    await other.ok("suppressOffers");
    // One that is new gets what the rules say.
    const fresh = await (await attach(bridge, unique("a"))).linked();
    expect(fresh.opened.frameworkInfo?.principal).toBe("bob");

    // A client that comes again keeps it too.
    const back = await attach(bridge, scheduler.name);
    expect(back.opened.frameworkInfo?.principal).toBe("alice");
    await back.ok("reviveOffers");
    await rules.write(["a-*", "alice"], ["*", "bob"]);
    await bridge.process.logged(/principals was read again[\s\S]*principals was read again/);
    for (const each of [back, other, fresh]) await each.ok("teardown");
    expect(bridge.log()).not.toContain("s3cret");
  });

  test("a rule that gives a known framework another one is refused at the start", async () => {
    const rules = await rulesFile(["a-*", "alice"]);
    const bridge = await start(rules.path, ...(await ownFlags()));
    const scheduler = await (await attach(bridge, unique("a"))).linked();
    await bridge.kill();
    await rules.write(["a-*", "bob"], ["elsewhere", "alice"]);
    const flags = ["--framework-principals", rules.path, ...(await ownFlags())];
    await bridge.restart(flags);
    await bridge.process.logged(new RegExp(`'${scheduler.name}' keeps 'alice', and does not get 'bob'`));
    await (await again(bridge, scheduler)).linked();

    // Without a secret of it there is nothing to go on with, until a rule gives it.
    await bridge.kill();
    await rules.write(["a-*", "bob"]);
    await bridge.restart(flags);
    await bridge.process.logged(
      new RegExp(`'${scheduler.name}' keeps 'alice', of which no rule has the secret, so that it can't subscribe, and`),
    );
    const waiting = await again(bridge, scheduler);
    await lost(waiting, /can't be read: no rule of --framework-principals has the secret of 'alice'$/);
    await rules.write(["a-*", "alice"]);
    await waiting.linked();
    expect(waiting.frameworkId).toBe(scheduler.frameworkId);
    await waiting.ok("teardown");
  });

  test("a file that can't be used is told, at the start and later, and the former rules stay", async () => {
    const rules = await rulesFile(["a-*", "alice"]);
    const bridge = await start(rules.path);
    await writeFile(rules.path, '[[rule]]\nframeworks = ["a-*"]\nprincipal = "alice"\nsecret = "s3cret-of-alice\n');
    await bridge.process.logged(/--framework-principals: \S+: line 4, column \d+: [^"]*","msg":"the file of/);
    await (await (await attach(bridge, unique("a"))).linked()).ok("teardown");
    const starting = startBridge({ master: mesos().master, flags: ["--framework-principals", rules.path] });
    const error = await starting.then(
      () => new Error("it starts"),
      (reason: Error) => reason,
    );
    expect(error.message).toMatch(/--framework-principals: \S+principals\.toml: line 4, column \d+: /);
    expect(error.message + bridge.log()).not.toContain("s3cret");
  });
});

type Rule = readonly [frameworks: string, principal: Principal, secret?: string];

const ruleText = ([frameworks, principal, secret = SECRETS[principal]]: Rule) =>
  `[[rule]]\nframeworks = ["${frameworks}"]\nprincipal = "${principal}"\nsecret = "${secret}"\n`;
