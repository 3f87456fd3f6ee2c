import { expect, test } from "vitest";
import { describeBridge } from "../../support/describeBridge.js";
import { frameworkInfo, unique } from "../../support/messages.js";
import { removeAtMaster } from "../../support/removeAtMaster.js";
import { MesosScheduler } from "../../support/scheduler.js";

const cluster = { agents: 1, resources: "cpus:2;mem:512;disk:100" };

/** Frameworks that Mesos, or the bridge, does not take. */
describeBridge("frameworks that are refused", cluster, (suite) => {
  const precondition = { code: "FAILED_PRECONDITION" };

  test("what Mesos does not take: Opened, then the end with its own words; the name can be used again", async () => {
    const { attach } = suite();
    const info = frameworkInfo({ principal: "one" });
    const first = await attach({ frameworkInfo: info });
    await first.linked();
    const refused = await attach({ frameworkName: first.name, frameworkInfo: { ...info, principal: "other" } });
    const end = await refused.stream.ending();
    expect(end).toMatchObject({ ...precondition, reason: "FRAMEWORK_REFUSED", retryable: false });
    expect(end.message).toContain("Changing framework's principal is not allowed.");
    const mended = await attach({ frameworkName: first.name, frameworkInfo: info });
    expect(mended.frameworkId).toBe(first.frameworkId);
    await mended.offer();
  });

  test("what is wrong by itself is told before Mesos is asked, by the field's name", async () => {
    const { stream } = suite().start({ frameworkInfo: frameworkInfo({ roles: ["a b"] }) });
    const end = await stream.ending();
    expect(end).toMatchObject({ code: "INVALID_ARGUMENT", reason: "INVALID_FIELD" });
    expect(end.violations[0]).toMatch(/^framework_info\.roles\[0\]: /);
    expect(stream.received).toEqual([]);
  });

  test("a framework that was removed: told once, and replaced where the client asks for it", async () => {
    const { attach, mesos } = suite();
    const first = await attach();
    await first.linked();
    await removeAtMaster(mesos.master, first.frameworkId, first.name);
    const end = await first.stream.ending();
    expect(["FRAMEWORK_REMOVED", "FRAMEWORK_FAILED_OVER"]).toContain(end.reason);
    const second = await attach({ frameworkName: first.name, frameworkInfo: undefined });
    expect(second.frameworkId).toBe(first.frameworkId);
    expect(await second.stream.ending()).toMatchObject({
      ...precondition,
      reason: "FRAMEWORK_REMOVED",
      metadata: { framework_id: first.frameworkId },
    });
    const third = await attach({ frameworkName: first.name, frameworkInfo: undefined, replaceRemoved: true });
    const subscribed = await third.mesos("subscribed");
    expect(subscribed.frameworkId?.value).not.toBe(first.frameworkId);
    await third.offer();
    const fourth = await attach({ frameworkName: first.name, frameworkInfo: undefined });
    expect(fourth.frameworkId).toBe(subscribed.frameworkId?.value);
  });

  test("an id that is imported is kept; another one for the same name is refused", async () => {
    const { attach, mesos, cleanup } = suite();
    const own = cleanup.use(new MesosScheduler(mesos));
    const info = frameworkInfo({ failoverTimeout: 600 });
    await own.subscribe(info);
    const id = { value: own.frameworkId ?? "" };
    own.stop();
    const frameworkName = unique("imported");
    const imported = await attach({ frameworkName, frameworkInfo: { ...info, id } });
    expect(imported.frameworkId).toBe(id.value);
    expect((await imported.mesos("subscribed")).frameworkId?.value).toBe(id.value);
    const { stream } = suite().start({ frameworkName, frameworkInfo: { ...info, id: { value: "another" } } });
    expect(await stream.ending()).toMatchObject({
      ...precondition,
      reason: "FRAMEWORK_ID_MISMATCH",
      metadata: { framework_id: id.value },
    });
    // The refused one has not superseded who was there.
    await imported.ok("reviveOffers");
    const same = await attach({ frameworkName, frameworkInfo: { ...info, id } });
    expect(same.frameworkId).toBe(id.value);
  });

  test("someone else subscribes with the id: the bridge does not fight for it", async () => {
    const { attach, mesos, cleanup } = suite();
    const scheduler = await attach();
    await scheduler.linked();
    const thief = cleanup.use(new MesosScheduler(mesos));
    await thief.subscribe(frameworkInfo({ id: { value: scheduler.frameworkId } }));
    expect(await scheduler.stream.ending()).toMatchObject({
      ...precondition,
      reason: "FRAMEWORK_FAILED_OVER",
      metadata: { framework_id: scheduler.frameworkId },
    });
    await thief.send("REVIVE");
  });
});
