import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { ExecutorInfo_Type, Offer_Operation_Type as OperationType } from "../../../gen/mesos/v1/mesos.js";
import { Call_Type, Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { AnsweringMaster } from "../../support/answeringMaster.js";
import { type Bridge, startBridge } from "../../support/bridge.js";
import { BridgeScheduler, ids } from "../../support/bridgeScheduler.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { runCli, runProgram } from "../../support/cli.js";
import { eventually } from "../../support/eventually.js";
import { launch, type PartialTask, resources, task } from "../../support/messages.js";

const cleanup = cleanupAfterAll();
const NO_ROOT = `[[rule]]\nname = "no-root"\nexpression = "user != 'root'"\nmessage = "set command.user"\n`;

let master: AnsweringMaster;
let bridge: Bridge;
let rules: string;

beforeAll(async () => {
  rules = join(await cleanup.tempDir(), "rules.toml");
  await writeFile(rules, NO_ROOT);
  master = cleanup.use(await AnsweringMaster.start());
  bridge = cleanup.use(await startBridge({ master: master.host, flags: ["--admission", rules] }));
});

/** A scheduler with an open offer. */
async function offered() {
  const scheduler = cleanup.use(await BridgeScheduler.attach(bridge.address));
  await scheduler.linked();
  const { frameworkId, send } = await master.subscriptions.next({ what: "a subscription" });
  const offer = { id: { value: `${scheduler.name}-offer` }, agentId: { value: "agent" }, hostname: "host" };
  send({ type: Event_Type.OFFERS, offers: { offers: [{ ...offer, frameworkId: { value: frameworkId } }] } });
  return { scheduler, offer: await scheduler.offer() };
}

const runAs = (user: string): PartialTask => task({ value: "agent" }, { command: { value: "true", user } });
const group = (frameworkId: string, ...tasks: PartialTask[]) => ({
  type: OperationType.LAUNCH_GROUP,
  launchGroup: {
    executor: {
      type: ExecutorInfo_Type.DEFAULT,
      executorId: { value: "e" },
      frameworkId: { value: frameworkId },
      resources: resources("cpus:0.1;mem:32"),
    },
    taskGroup: { tasks },
  },
});

/** Expects that no launch has reached the master before a call that is made now. */
async function expectNothingLaunched(scheduler: BridgeScheduler): Promise<void> {
  await scheduler.ok("reviveOffers");
  const { type } = (await master.calls.next({ what: "REVIVE" })).call();
  expect(type && Call_Type[type]).toBe("REVIVE");
}

describe("a task that a rule refuses does not reach Mesos", () => {
  const accept = (operations: object[]) => ({ operations });
  test.each([
    ["LaunchTasks", "launchTasks", () => ({ tasks: [runAs("nobody"), runAs("root")] })],
    ["AcceptOffers with LAUNCH", "acceptOffers", () => accept([launch(runAs("root"))])],
    ["AcceptOffers with LAUNCH_GROUP", "acceptOffers", (id: string) => accept([group(id, runAs("root"))])],
    [
      "the second operation",
      "acceptOffers",
      (id: string) => accept([launch(runAs("nobody")), group(id, runAs("root"))]),
    ],
  ] as const)("%s", async (_, method, request) => {
    const { scheduler, offer } = await offered();
    const answer = await scheduler.call(method, { offerIds: ids([offer]), ...request(scheduler.frameworkId) });
    expect(answer).toMatchObject({ code: "PERMISSION_DENIED", reason: "ADMISSION_DENIED" });
    expect(answer.metadata).toMatchObject({ rule: "no-root", task_id: expect.stringContaining("task-") });
    expect(answer.message).toMatch(
      /^nothing was launched: rule 'no-root' refuses task 'task-[\w-]+': set command\.user$/,
    );
    await expectNothingLaunched(scheduler);
    // The offer is still open.
    await scheduler.launch(offer, runAs("nobody"));
    await master.call("ACCEPT");
  });

  test("Call", async () => {
    const { scheduler, offer } = await offered();
    const operations = [launch(runAs("root"))];
    const answer = await scheduler.call("call", {
      call: { type: Call_Type.ACCEPT, accept: { offerIds: ids([offer]), operations } },
    });
    expect(answer).toMatchObject({ code: "PERMISSION_DENIED", reason: "ADMISSION_DENIED" });
    await expectNothingLaunched(scheduler);
  });

  test("Calls, whose other calls are made", async () => {
    const { scheduler, offer } = await offered();
    const calls = scheduler.client.calls();
    const accepting = (user: string) => ({
      call: {
        type: Call_Type.ACCEPT,
        accept: { offerIds: ids([offer]), operations: [group(scheduler.frameworkId, runAs(user))] },
      },
    });
    calls.send({ header: scheduler.header, tag: 1n, ...accepting("root") });
    calls.send({ tag: 2n, ...accepting("nobody") });
    const [refused, taken] = [await calls.results.nextAny(), await calls.results.nextAny()];
    expect(refused).toMatchObject({ tag: 1n, code: 7, reason: "ADMISSION_DENIED" });
    expect(taken).toMatchObject({ tag: 2n, code: 0 });
    calls.end();
    const sent = (await master.call("ACCEPT")).call();
    expect(sent.accept?.operations[0]?.launchGroup?.taskGroup?.tasks[0]?.command?.user).toBe("nobody");
  });
});

test("a repetition with the same request_id is looked at anew, and one that was launched is not", async () => {
  const { scheduler, offer } = await offered();
  const header = { ...scheduler.header, requestId: "r1" };
  const request = { header, offerIds: ids([offer]), tasks: [runAs("root")] };
  expect(await scheduler.call("launchTasks", request)).toMatchObject({ reason: "ADMISSION_DENIED" });
  await changeRules(NO_ROOT.replace("'root'", "'daemon'"));
  expect(await scheduler.call("launchTasks", request)).toMatchObject({ code: "OK" });
  await changeRules(NO_ROOT);
  expect(await scheduler.call("launchTasks", request)).toMatchObject({ code: "OK" });
});

test("a broken file is told when the bridge starts, in one line", async () => {
  const broken = join(await cleanup.tempDir(), "broken.toml");
  await writeFile(broken, NO_ROOT.replace("user !=", "usr !="));
  const dataDir = await cleanup.tempDir();
  const { status, stderr } = await runCli(
    "serve",
    "--master",
    "127.0.0.1:1",
    "--data-dir",
    dataDir,
    "--admission",
    broken,
  );
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /^mesos-bridge: --admission: \S+broken\.toml: rule 1 \('no-root'\): expression has the name 'usr', .+\n$/,
  );
});

/** Writes the file, and waits until the bridge has read it. */
async function changeRules(text: string): Promise<void> {
  const loads = () => bridge.log().split("admission rules loaded").length;
  const before = loads();
  await writeFile(rules, text);
  await eventually(() => loads() > before, { what: "the rules are loaded" });
}

test("a program whose launch is refused says why, ends its framework's session, and ends with status 1", async () => {
  const args = ["--bridge", bridge.address, "--tasks", "1", "--framework-name", "refused-program"];
  const program = runProgram("dist/clients/typescript/empty-tasks/main.js", args);
  const { frameworkId, send } = await master.subscriptions.next({ what: "its subscription" });
  const offer = { id: { value: "program-offer" }, agentId: { value: "agent" }, hostname: "host" };
  const whole = resources("cpus:4;mem:1024;disk:1024");
  const offers = [{ ...offer, frameworkId: { value: frameworkId }, resources: whole }];
  send({ type: Event_Type.OFFERS, offers: { offers } });
  const { status, stderr } = await program;
  expect(stderr).toMatch(/nothing was launched: rule 'no-root' refuses task 'empty-[\w-]+': set command\.user/);
  expect(status).toBe(1);
});
