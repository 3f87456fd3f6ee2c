import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Offer, TaskState } from "../../gen/mesos/v1/mesos.js";
import { LinkState } from "../../gen/mesosbridge/v1/scheduler.js";
import { startBridge } from "../support/bridge.js";
import { type BridgeScheduler, ids, mesosField, type Update } from "../support/bridgeScheduler.js";
import { describeBridge } from "../support/describeBridge.js";
import { task, unique } from "../support/messages.js";
import { type Direction, TcpProxy, type Verdict } from "../support/tcpProxy.js";

const cluster = { agents: 1, resources: "cpus:4;mem:2048;disk:1000" };
const { LINK_STATE_CONNECTED, LINK_STATE_CONNECTING } = LinkState;
const { TASK_FINISHED, TASK_UNKNOWN, TASK_GONE } = TaskState;

/** One launch, and the connection between bridge and master cut at each of its steps. */
describeBridge("a connection to the master that is cut", cluster, (suite) => {
  async function start() {
    const { mesos, cleanup, attach } = suite();
    const proxy = cleanup.use(await TcpProxy.start(mesos.port));
    const bridge = cleanup.use(await startBridge({ master: `127.0.0.1:${proxy.port}` }));
    const scheduler = await attach({}, bridge);
    await scheduler.linked();
    const dir = await cleanup.tempDir();
    const id = unique("cut");
    const runs = async () => (await readdir(dir)).length;
    const launch = (offer: Offer) =>
      scheduler.call("launchTasks", {
        offerIds: ids([offer]),
        tasks: [task(offer.agentId, { taskId: { value: id }, command: { value: `echo $$ > ${join(dir, "run.")}$$` } })],
      });
    /** Once, when bytes with `text` go that way; `after` other bytes with a text of theirs have gone up, if given. */
    const once = (direction: Direction, text: string, verdict: Verdict, { after }: { after?: string } = {}) => {
      let waiting = after !== undefined;
      let done = false;
      proxy.watch((way, bytes) => {
        if (way === "up" && bytes.includes(after ?? "")) waiting = false;
        if (done || waiting || way !== direction || !bytes.includes(text)) return "pass";
        done = true;
        return verdict;
      });
    };
    /**
     * Cuts the connection in place of the answer to the call that carries `text`. Not sooner: a master that hears that
     * the subscription has ended before it came to the call refuses it.
     */
    const loseAnswer = (text: string) => once("down", "HTTP/1.1 202", "cut", { after: text });
    return { proxy, bridge, scheduler, id, runs, launch, once, loseAnswer };
  }

  /** The link is lost and found again; offers from before are void. */
  async function relinked(scheduler: BridgeScheduler): Promise<void> {
    await scheduler.linkChanged(LINK_STATE_CONNECTING);
    await scheduler.linkChanged(LINK_STATE_CONNECTED);
  }

  /** An offer that came after the newest SUBSCRIBED. */
  async function freshOffer(scheduler: BridgeScheduler): Promise<Offer> {
    for (;;) {
      const event = await scheduler.mesosEvent("offers");
      const subscribed = scheduler.stream.received.findLast((each) => mesosField(each, "subscribed"));
      const [offer] = mesosField(event, "offers")?.offers ?? [];
      if (offer && event.sequence > (subscribed?.sequence ?? 0n)) return offer;
    }
  }

  /** Asks for the task's state; the answer is one that was not there before. */
  async function reconciled(scheduler: BridgeScheduler, id: string): Promise<TaskState | undefined> {
    await scheduler.ok("reconcileTasks", { tasks: [{ taskId: { value: id } }] });
    return (await scheduler.owedUpdate(id)).status.state;
  }

  /** Takes updates to the terminal one, acknowledging each, and tries an acknowledgement again as long as it helps. */
  async function finish(scheduler: BridgeScheduler, id: string): Promise<Update[]> {
    const owed: Update[] = [];
    while (owed.at(-1)?.status.state !== TASK_FINISHED) {
      const update = await scheduler.owedUpdate(id, { timeoutMs: 20_000 });
      if (update.ackToken === "") continue;
      owed.push(update);
      for (;;) {
        const answer = await scheduler.call("acknowledge", { ackTokens: [update.ackToken] });
        if (answer.code === "OK") break;
        expect(answer.code).toBe("UNAVAILABLE");
        expect(["NO_MASTER", "OUTCOME_UNKNOWN"]).toContain(answer.reason);
        if (answer.reason === "OUTCOME_UNKNOWN") await scheduler.linkChanged(LINK_STATE_CONNECTED);
      }
    }
    return owed;
  }

  /** The task has run once, its end came once, and no event is missing. */
  async function expectConsistent(scheduler: BridgeScheduler, owed: Update[], runs: () => Promise<number>) {
    expect(await runs()).toBe(1);
    expect(new Set(owed.map(({ ackToken }) => ackToken)).size).toBe(owed.length);
    const ends = scheduler.stream.received.filter(
      (event) => event.ackToken !== "" && mesosField(event, "update")?.status?.state === TASK_FINISHED,
    );
    expect(ends).toHaveLength(1);
    const sequences = scheduler.stream.received.map(({ sequence }) => sequence).filter((sequence) => sequence > 0n);
    expect(sequences).toEqual(sequences.map((_, i) => BigInt(i + 1)));
  }

  test("before the call: NO_MASTER, nothing was sent, and the offer is void", async () => {
    const { proxy, scheduler, id, runs, launch } = await start();
    const offer = await scheduler.offer();
    proxy.refuse(true);
    proxy.cut();
    await scheduler.linkChanged(LINK_STATE_CONNECTING);
    const answer = await launch(offer);
    expect(answer).toMatchObject({ code: "FAILED_PRECONDITION", reason: "OFFER_GONE" });
    expect(await scheduler.call("reviveOffers")).toMatchObject({
      code: "UNAVAILABLE",
      reason: "NO_MASTER",
      retryable: true,
    });
    proxy.refuse(false);
    await scheduler.linkChanged(LINK_STATE_CONNECTED);
    expect(await launch(await freshOffer(scheduler))).toMatchObject({ code: "OK" });
    await expectConsistent(scheduler, await finish(scheduler, id), runs);
  });

  test("after it was sent, before the master had it: OUTCOME_UNKNOWN, and Mesos does not know the task", async () => {
    const { scheduler, id, runs, launch, once } = await start();
    const offer = await scheduler.offer();
    once("up", id, "cut");
    expect(await launch(offer)).toMatchObject({ code: "UNAVAILABLE", reason: "OUTCOME_UNKNOWN", retryable: false });
    await relinked(scheduler);
    expect([TASK_UNKNOWN, TASK_GONE]).toContain(await reconciled(scheduler, id));
    expect(await launch(await freshOffer(scheduler))).toMatchObject({ code: "OK" });
    await expectConsistent(scheduler, await finish(scheduler, id), runs);
  });

  test("after the master had it, before its answer: OUTCOME_UNKNOWN, and the task runs", async () => {
    const { scheduler, id, runs, launch, loseAnswer } = await start();
    const offer = await scheduler.offer();
    loseAnswer(id);
    expect(await launch(offer)).toMatchObject({ code: "UNAVAILABLE", reason: "OUTCOME_UNKNOWN" });
    await relinked(scheduler);
    const owed = await finish(scheduler, id);
    await expectConsistent(scheduler, owed, runs);
  });

  test("after the answer: the call is fine, and the task runs", async () => {
    const { scheduler, id, runs, launch, once } = await start();
    const offer = await scheduler.offer();
    once("down", "HTTP/1.1 202", "pass-and-cut");
    expect(await launch(offer)).toMatchObject({ code: "OK" });
    await expectConsistent(scheduler, await finish(scheduler, id), runs);
  });

  test("with the first update: Mesos sends it again", async () => {
    const { scheduler, id, runs, launch, once } = await start();
    const offer = await scheduler.offer();
    once("down", id, "cut");
    expect(await launch(offer)).toMatchObject({ code: "OK" });
    await relinked(scheduler);
    await expectConsistent(scheduler, await finish(scheduler, id), runs);
  });

  test("with the first acknowledgement: its outcome is unknown, and it is given again", async () => {
    const { scheduler, id, runs, launch, once } = await start();
    const offer = await scheduler.offer();
    expect(await launch(offer)).toMatchObject({ code: "OK" });
    const first = await scheduler.owedUpdate(id);
    once("up", id, "cut");
    expect(await scheduler.call("acknowledge", { ackTokens: [first.ackToken] })).toMatchObject({
      code: "UNAVAILABLE",
      reason: "OUTCOME_UNKNOWN",
    });
    await relinked(scheduler);
    await scheduler.ok("acknowledge", { ackTokens: [first.ackToken] });
    await expectConsistent(scheduler, [first, ...(await finish(scheduler, id))], runs);
  });

  test("with the acknowledgement that the master had already: the next update comes once", async () => {
    const { scheduler, id, runs, launch, loseAnswer } = await start();
    const offer = await scheduler.offer();
    expect(await launch(offer)).toMatchObject({ code: "OK" });
    const first = await scheduler.owedUpdate(id);
    loseAnswer(id);
    const answer = await scheduler.call("acknowledge", { ackTokens: [first.ackToken] });
    expect(answer).toMatchObject({ code: "UNAVAILABLE", reason: "OUTCOME_UNKNOWN" });
    await relinked(scheduler);
    // The client can't know, and gives it again.
    await scheduler.ok("acknowledge", { ackTokens: [first.ackToken] });
    await expectConsistent(scheduler, [first, ...(await finish(scheduler, id))], runs);
  });
});
