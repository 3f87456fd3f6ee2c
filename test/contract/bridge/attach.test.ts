import { expect, test } from "vitest";
import { TaskState } from "../../../gen/mesos/v1/mesos.js";
import { ExpiryPolicy, LinkState } from "../../../gen/mesosbridge/v1/scheduler.js";
import { isSnapshotEnd } from "../../support/bridgeScheduler.js";
import { describeBridge } from "../../support/describeBridge.js";
import { frameworkInfo, task, unique } from "../../support/messages.js";

const cluster = { agents: 1, resources: "cpus:4;mem:2048;disk:1000" };
const { TASK_RUNNING } = TaskState;

/** How a client gets its session, and what it is told first. */
describeBridge("attaching to the bridge", cluster, (suite) => {
  test("Opened comes first, then the end of an empty snapshot, the link, and SUBSCRIBED", async () => {
    const { attach } = suite();
    const scheduler = await attach();
    expect(scheduler.opened).toMatchObject({
      resumed: false,
      lease: { seconds: 60n, nanos: 0 },
      progressInterval: { seconds: 15n, nanos: 0 },
      linkState: LinkState.LINK_STATE_CONNECTING,
    });
    expect(scheduler.opened.attachmentId).toMatch(/^[0-9a-f-]{36}$/);
    expect(scheduler.frameworkId).toMatch(/^[0-9a-f-]{36}$/);
    const second = await scheduler.stream.nextAny();
    expect(isSnapshotEnd(second)).toBe(true);
    const link = await scheduler.stream.nextAny();
    expect(link).toMatchObject({
      sequence: 1n,
      event: { $case: "linkChanged", value: { state: LinkState.LINK_STATE_CONNECTED, master: hostOf(suite()) } },
    });
    const subscribed = await scheduler.stream.nextAny();
    expect(subscribed).toMatchObject({
      sequence: 2n,
      event: { $case: "mesos", value: { subscribed: { frameworkId: { value: scheduler.frameworkId } } } },
    });
    expect(Math.abs(Number(subscribed.receiveTime) - Date.now())).toBeLessThan(5_000);
  });

  test("what the client leaves unset is filled in, and Opened says so", async () => {
    const { attach } = suite();
    const frameworkName = unique("defaults");
    const bare = await attach({ frameworkName, frameworkInfo: { user: "root" } });
    expect(bare.opened.defaultedFields.toSorted()).toEqual(["checkpoint", "failover_timeout", "name"]);
    expect(bare.opened.frameworkInfo).toMatchObject({
      name: frameworkName,
      checkpoint: true,
      failoverTimeout: 7 * 24 * 3600,
      id: { value: bare.frameworkId },
    });
    const own = await attach({ frameworkInfo: { user: "root", name: "own", checkpoint: false, failoverTimeout: 5 } });
    expect(own.opened.defaultedFields).toEqual([]);
    expect(own.opened.frameworkInfo).toMatchObject({ name: "own", checkpoint: false, failoverTimeout: 5 });
  });

  test("a second client supersedes the first: its stream ends, its calls fail, and it can't come between", async () => {
    const { attach } = suite();
    const first = await attach();
    await first.linked();
    const second = await attach({ frameworkName: first.name, frameworkInfo: undefined });
    expect(second.frameworkId).toBe(first.frameworkId);
    expect(second.opened.linkState).toBe(LinkState.LINK_STATE_CONNECTED);
    expect(await first.stream.ending()).toMatchObject({ code: "ABORTED", reason: "ATTACHMENT_SUPERSEDED" });
    const fenced = { code: "FAILED_PRECONDITION", reason: "ATTACHMENT_SUPERSEDED" };
    expect(await first.call("reviveOffers")).toMatchObject(fenced);
    expect(await first.call("acknowledge", { ackTokens: ["t"] })).toMatchObject(fenced);
    expect(await first.call("closeSession")).toMatchObject(fenced);
    expect(await first.call("teardown")).toMatchObject(fenced);
    await second.ok("reviveOffers");
  });

  test("calls of unknown attachments and frameworks", async () => {
    const { attach, client } = suite();
    const { name } = await attach();
    const call = (frameworkName: string, attachmentId: string) =>
      client.call("reviveOffers", { header: { frameworkName, attachmentId } });
    expect(await call(name, "no-such-attachment")).toMatchObject({
      code: "FAILED_PRECONDITION",
      reason: "NOT_ATTACHED",
    });
    expect(await call("no-such-framework", "x")).toMatchObject({ code: "NOT_FOUND", reason: "FRAMEWORK_NOT_FOUND" });
    const wrong = { code: "INVALID_ARGUMENT", reason: "INVALID_FIELD" };
    expect(await call("", "x")).toMatchObject({ ...wrong, violations: ["header.framework_name: is required"] });
    const noId = await call(name, "");
    expect(noId).toMatchObject(wrong);
    expect(noId.violations[0]).toMatch(/^header.attachment_id: /);
  });

  test("requests that can't be a Subscribe", async () => {
    const { start } = suite();
    const wrong = { code: "INVALID_ARGUMENT", reason: "INVALID_FIELD" };
    const without = start({ frameworkInfo: undefined });
    expect(await without.stream.ending()).toMatchObject(wrong);
    const nameless = start({ frameworkName: "" });
    expect(await nameless.stream.ending()).toMatchObject({ ...wrong, violations: ["framework_name: is required"] });
    const long = start({ frameworkName: "x".repeat(256) });
    expect(await long.stream.ending()).toMatchObject(wrong);
    const negative = start({ lease: { seconds: -1n } });
    expect(await negative.stream.ending()).toMatchObject(wrong);
    const policy = start({ expiryPolicy: 7 as ExpiryPolicy });
    expect(await policy.stream.ending()).toMatchObject(wrong);
  });

  test("the snapshot holds the tasks, the open offers and the owed updates, with the same tokens", async () => {
    const { attach } = suite();
    const first = await attach();
    const offer = await first.offer();
    const owed = task(offer.agentId, { command: { value: "sleep 60" } });
    const other = task(offer.agentId, { command: { value: "sleep 60" } });
    await first.launch(offer, owed, other);
    const update = await first.owedUpdate(owed.taskId?.value);
    await first.updateTo(other.taskId?.value ?? "", TASK_RUNNING);
    const [left] = await first.offers();
    const second = await attach({ frameworkName: first.name, frameworkInfo: undefined });
    expect(second.opened.resumed).toBe(false);
    const end = await second.snapshotEnd();
    const snapshot = second.stream.waiting((event) => event.sequence <= end.sequence);
    expect(snapshot.map(({ event }) => (event?.$case === "mesos" ? event.value.type : event?.$case))).toEqual([
      "tasks",
      2,
      4,
    ]);
    expect((await second.offers()).map(({ id }) => id)).toEqual([left?.id]);
    expect(await second.owedUpdate()).toEqual({ ...update, sequence: end.sequence });
    await second.ok("acknowledge", { ackTokens: [update.ackToken] });
    await second.updateTo(owed.taskId?.value ?? "", TASK_RUNNING);
  });

  test("resume gives what was missed, and nothing else", async () => {
    const { attach } = suite();
    const first = await attach();
    const offer = await first.offer();
    const sleeper = task(offer.agentId, { command: { value: "sleep 60" } });
    await first.launch(offer, sleeper);
    const starting = await first.owedUpdate();
    const { attachmentId } = first.opened;
    first.stop();
    // While nobody is attached: the update is repeated to nobody, the next one comes only after its acknowledgement.
    const second = await attach({ frameworkName: first.name, frameworkInfo: undefined });
    await second.ok("acknowledge", { ackTokens: [starting.ackToken] });
    expect((await second.owedUpdate()).ackToken).toBe(starting.ackToken);
    const running = await second.owedUpdate();
    expect(running.status.state).toBe(TASK_RUNNING);
    const resume = { attachmentId, afterSequence: starting.sequence };
    const third = await attach({ frameworkName: first.name, frameworkInfo: undefined, resume });
    expect(third.opened).toMatchObject({ resumed: true, frameworkId: { value: first.frameworkId } });
    const replayed = await third.owedUpdate();
    expect(replayed).toEqual(running);
    const sequences = third.stream.received.map(({ sequence }) => sequence);
    expect(sequences[0]).toBe(starting.sequence);
    for (const [i, sequence] of sequences.entries()) expect(sequence).toBe(starting.sequence + BigInt(i));
    expect(third.stream.received.some(isSnapshotEnd)).toBe(false);
  });

  test("resume from what the bridge does not hold gives a snapshot", async () => {
    const { attach } = suite();
    const first = await attach();
    await first.linked();
    const { attachmentId } = first.opened;
    const frameworkName = first.name;
    for (const resume of [
      { attachmentId, afterSequence: 1_000_000n },
      { attachmentId: "another", afterSequence: 1n },
    ]) {
      const later = await attach({ frameworkName, frameworkInfo: undefined, resume });
      expect(later.opened.resumed).toBe(false);
      await later.snapshotEnd();
    }
  });

  test("the granted lease comes back, and is at most a day", async () => {
    const { attach } = suite();
    const long = await attach({ lease: { seconds: 100_000n } });
    expect(long.opened.lease).toMatchObject({ seconds: 86_400n, nanos: 0 });
    const short = await attach({
      frameworkName: long.name,
      frameworkInfo: frameworkInfo(),
      lease: { seconds: 2n, nanos: 500_000_000 },
      expiryPolicy: ExpiryPolicy.EXPIRY_POLICY_TEARDOWN,
    });
    expect(short.opened.lease).toMatchObject({ seconds: 2n, nanos: 500_000_000 });
    expect(short.frameworkId).toBe(long.frameworkId);
  });
});

const hostOf = ({ mesos }: { mesos: { master: string } }) => new URL(mesos.master).host;
