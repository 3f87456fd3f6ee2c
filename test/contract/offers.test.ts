import { afterEach, describe, expect, test } from "vitest";
import { FrameworkInfo_Capability_Type, type Offer, TaskState } from "../../gen/mesos/v1/mesos.js";
import { describeEachMesos } from "../support/cluster.js";
import { codecs, json } from "../support/codec.js";
import { eventually } from "../support/eventually.js";
import { frameworkInfo, launch, resources, scalar, task } from "../support/messages.js";
import { MesosScheduler, type PartialFrameworkInfo } from "../support/scheduler.js";

const cluster = {
  agents: 2,
  resources: "cpus:4;mem:1024;disk:1000;ports:[31000-31009]",
  attributes: "rack:a;level:7",
  flags: { allocation_interval: "100ms", offer_timeout: "3secs" },
};

/** What is offered to whom, and how it is turned down. One framework at a time has all the offers. */
describeEachMesos("offers", cluster, (mesos) => {
  const schedulers: MesosScheduler[] = [];
  const newScheduler = (codec = json) => {
    const scheduler = new MesosScheduler({ ...mesos(), codec });
    schedulers.push(scheduler);
    return scheduler;
  };
  afterEach(async () => {
    for (const scheduler of schedulers.splice(0)) {
      await scheduler.call("TEARDOWN");
      scheduler.stop();
    }
  });

  /** Collects offers until they cover both agents. */
  async function offersOfAll(scheduler: MesosScheduler): Promise<Offer[]> {
    const offers: Offer[] = [];
    while (new Set(offers.map(({ agentId }) => agentId?.value)).size < 2) offers.push(...(await scheduler.offers()));
    return offers;
  }

  /** Fails when an offer comes in the time that several allocations take. */
  async function expectNoOffers(scheduler: MesosScheduler, ms = 700): Promise<void> {
    const event = scheduler.stream.next("offers", { timeoutMs: ms });
    const summary = event.then(({ offers }) => offers.map(({ id }) => id?.value), String);
    expect(await summary).toContain(`offers did not come within ${ms} ms`);
  }

  describe.each(codecs)("as $name", (codec) => {
    test("hold all that an agent has, once an agent and role", async () => {
      const scheduler = newScheduler(codec);
      await scheduler.subscribe(frameworkInfo());
      const offers = await offersOfAll(scheduler);
      expect(offers).toHaveLength(2);
      const masterId = scheduler.frameworkId?.replace(/-\d+$/, "");
      for (const offer of offers) {
        expect(offer.id?.value).toMatch(new RegExp(`^${masterId}-O\\d+$`));
        expect(offer.agentId?.value).toMatch(new RegExp(`^${masterId}-S\\d+$`));
        expect(offer).toMatchObject({
          frameworkId: { value: scheduler.frameworkId },
          hostname: "localhost",
          allocationInfo: { role: "*" },
          url: { scheme: "http", address: { ip: "127.0.0.1" } },
          executorIds: [],
        });
        expect(["cpus", "mem", "disk"].map((name) => scalar(offer.resources, name))).toEqual([4, 1024, 1000]);
        const ports = offer.resources.find(({ name }) => name === "ports");
        expect(ports?.ranges?.range).toMatchObject([{ begin: 31000n, end: 31009n }]);
        expect(offer.resources.every(({ allocationInfo }) => allocationInfo?.role === "*")).toBe(true);
        expect(offer.attributes).toMatchObject([
          { name: "rack", text: { value: "a" } },
          { name: "level", scalar: { value: 7 } },
        ]);
      }
    });

    test("come again at once when declined without a filter", async () => {
      const scheduler = newScheduler(codec);
      await scheduler.subscribe(frameworkInfo());
      const offers = await offersOfAll(scheduler);
      await scheduler.decline(offers, 0);
      const again = await offersOfAll(scheduler);
      const ids = (of: Offer[]) => of.map(({ id }) => id?.value);
      expect(ids(again)).not.toEqual(expect.arrayContaining(ids(offers)));
      expect(again.map(({ resources }) => scalar(resources, "cpus"))).toEqual([4, 4]);
    });
  });

  test("of a framework without MULTI_ROLE name its role on each resource, and no allocation", async () => {
    const scheduler = newScheduler();
    await scheduler.subscribe(frameworkInfo({ capabilities: [], roles: [] }));
    const offer = await scheduler.offer();
    expect(offer.allocationInfo).toBeUndefined();
    expect(offer.resources.map(({ role, allocationInfo }) => [role, allocationInfo])).toEqual(
      offer.resources.map(() => ["*", undefined]),
    );
  });

  test("of a framework with RESERVATION_REFINEMENT have no role on their resources", async () => {
    const { MULTI_ROLE, RESERVATION_REFINEMENT } = FrameworkInfo_Capability_Type;
    const scheduler = newScheduler();
    await scheduler.subscribe(
      frameworkInfo({ capabilities: [MULTI_ROLE, RESERVATION_REFINEMENT].map((type) => ({ type })) }),
    );
    const offer = await scheduler.offer();
    expect(offer.resources.map(({ role, reservations }) => [role, reservations])).toEqual(
      offer.resources.map(() => [undefined, []]),
    );
  });

  test("JSON has no field that is not set", async () => {
    const scheduler = newScheduler();
    await scheduler.subscribe(frameworkInfo());
    await scheduler.offer();
    const { record } = scheduler.stream.received.find(({ event }) => event.offers) ?? {};
    const { offers } = JSON.parse(Buffer.from(record ?? []).toString()) as { offers: { offers: object[] } };
    expect(Object.keys(offers.offers[0] ?? {}).sort()).toEqual(
      [
        "agent_id",
        "allocation_info",
        "attributes",
        "domain",
        "framework_id",
        "hostname",
        "id",
        "resources",
        "url",
      ].filter((key) => key !== "domain"),
    );
  });

  test("are split between the roles of a framework, each offer for one role", async () => {
    const scheduler = newScheduler();
    await scheduler.subscribe(frameworkInfo({ roles: ["a", "b"] }));
    const offers = await offersOfAll(scheduler);
    for (const { allocationInfo, resources } of offers) {
      expect(["a", "b"]).toContain(allocationInfo?.role);
      expect(resources.every((resource) => resource.allocationInfo?.role === allocationInfo?.role)).toBe(true);
    }
  });

  test("an unused offer is rescinded after the offer timeout, and its resources are offered again", async () => {
    const scheduler = newScheduler();
    await scheduler.subscribe(frameworkInfo());
    const offers = await offersOfAll(scheduler);
    const rescinded = [await scheduler.stream.next("rescind"), await scheduler.stream.next("rescind")];
    expect(new Set(rescinded.map(({ offerId }) => offerId?.value))).toEqual(new Set(offers.map(({ id }) => id?.value)));
    await offersOfAll(scheduler);
  });

  describe("filters", () => {
    test("keep a declined agent's resources away for as long as they say", async () => {
      const scheduler = newScheduler();
      await scheduler.subscribe(frameworkInfo());
      const offers = await offersOfAll(scheduler);
      const declined = performance.now();
      await scheduler.decline(offers, 1);
      await offersOfAll(scheduler);
      const after = performance.now() - declined;
      expect(after).toBeGreaterThan(950);
      expect(after).toBeLessThan(2500);
    });

    test("are for the agent of the offer alone", async () => {
      const scheduler = newScheduler();
      await scheduler.subscribe(frameworkInfo());
      const [first, second] = await offersOfAll(scheduler);
      if (!first || !second) throw new Error("two offers");
      await scheduler.decline([first], 3600);
      await scheduler.decline([second], 0);
      expect((await scheduler.offers()).map(({ agentId }) => agentId)).toEqual([second.agentId]);
    });

    test("REVIVE removes them", async () => {
      const scheduler = newScheduler();
      await scheduler.subscribe(frameworkInfo());
      await scheduler.decline(await offersOfAll(scheduler), 3600);
      await expectNoOffers(scheduler);
      await scheduler.send("REVIVE");
      const again = await offersOfAll(scheduler);
      expect(again.map(({ resources }) => scalar(resources, "cpus"))).toEqual([4, 4]);
    });

    test("a grown offer passes", async () => {
      const scheduler = newScheduler();
      await scheduler.subscribe(frameworkInfo());
      const [first, second] = await offersOfAll(scheduler);
      if (!first || !second) throw new Error("two offers");
      await scheduler.decline([second], 3600);
      const sleep = task(first.agentId, { command: { value: "sleep 1000" }, resources: resources("cpus:1;mem:32") });
      await scheduler.accept([first], [launch(sleep)], 3600);
      // Both acknowledged: the update that frees the resources waits for that of the one before.
      const states = [await scheduler.update(sleep.taskId?.value), await scheduler.update(sleep.taskId?.value)];
      expect(states.at(-1)?.state).toBe(TaskState.TASK_RUNNING);
      await expectNoOffers(scheduler);
      // What the task had comes free, so the agent has more to offer than what was refused.
      await scheduler.send("KILL", { kill: { taskId: sleep.taskId, agentId: first.agentId } });
      const [grown] = await scheduler.offers();
      expect(grown?.agentId).toEqual(first.agentId);
      expect(scalar(grown?.resources ?? [], "cpus")).toBe(4);
    });

    test("the default is five seconds", { timeout: 20_000 }, async () => {
      const scheduler = newScheduler();
      await scheduler.subscribe(frameworkInfo());
      const offers = await offersOfAll(scheduler);
      const declined = performance.now();
      await scheduler.decline(offers);
      await offersOfAll(scheduler);
      const after = performance.now() - declined;
      expect(after).toBeGreaterThan(4900);
      expect(after).toBeLessThan(7000);
    });

    test("ACCEPT without operations declines, with its filters", async () => {
      const scheduler = newScheduler();
      await scheduler.subscribe(frameworkInfo());
      for (const offer of await offersOfAll(scheduler)) await scheduler.accept([offer], [], 3600);
      await expectNoOffers(scheduler);
    });

    test("DECLINE takes no notice of offers that nobody knows", async () => {
      const scheduler = newScheduler();
      await scheduler.subscribe(frameworkInfo());
      const [offer] = await offersOfAll(scheduler);
      const offerIds = [{ value: "unknown" }, { value: offer?.id?.value ?? "" }];
      await scheduler.send("DECLINE", { decline: { offerIds, filters: { refuseSeconds: 0 } } });
      expect((await scheduler.offers()).map(({ agentId }) => agentId)).toEqual([offer?.agentId]);
    });

    test("outlive a failover while the old stream is up", async () => {
      const first = newScheduler();
      await first.subscribe(frameworkInfo());
      await first.decline(await offersOfAll(first), 3600);
      const second = newScheduler();
      await second.subscribe(frameworkInfo({ id: { value: first.frameworkId ?? "" } }));
      await expectNoOffers(second);
    });

    test("do not outlive a broken stream", async () => {
      const first = newScheduler();
      await first.subscribe(frameworkInfo());
      await first.decline(await offersOfAll(first), 3600);
      first.stream.stop();
      await eventually(async () => (await first.call("REVIVE")).status === 403, {
        what: "the end of the subscription",
      });
      const second = newScheduler();
      await second.subscribe(frameworkInfo({ id: { value: first.frameworkId ?? "" } }));
      await offersOfAll(second);
    });
  });

  describe("SUPPRESS and REVIVE", () => {
    test("SUPPRESS stops offers and leaves those that are out", async () => {
      const scheduler = newScheduler();
      await scheduler.subscribe(frameworkInfo());
      const offers = await offersOfAll(scheduler);
      await scheduler.send("SUPPRESS");
      await scheduler.decline(offers, 0);
      await expectNoOffers(scheduler);
      expect(scheduler.stream.has(({ rescind }) => rescind !== undefined)).toBe(false);
      await scheduler.send("REVIVE");
      await offersOfAll(scheduler);
    });

    test("work a role at a time", async () => {
      const scheduler = newScheduler();
      await scheduler.subscribe(frameworkInfo({ roles: ["a", "b"] }), { suppressedRoles: ["a", "b"] });
      await expectNoOffers(scheduler);
      await scheduler.send("REVIVE", { revive: { roles: ["b"] } });
      const offers = await offersOfAll(scheduler);
      expect(offers.map(({ allocationInfo }) => allocationInfo?.role)).toEqual(["b", "b"]);
      await scheduler.send("SUPPRESS", { suppress: { roles: ["b"] } });
      await scheduler.decline(offers, 0);
      await expectNoOffers(scheduler);
    });

    test("are dropped as a whole for a role that is not the framework's", async () => {
      const scheduler = newScheduler();
      await scheduler.subscribe(frameworkInfo({ roles: ["a"] }), { suppressedRoles: ["a"] });
      await scheduler.send("REVIVE", { revive: { roles: ["a", "other"] } });
      await scheduler.send("REVIVE", { revive: { roles: ["a b"] } });
      await expectNoOffers(scheduler);
    });

    test("a framework that subscribes with all roles suppressed gets no offers, also where it had some", async () => {
      const first = newScheduler();
      await first.subscribe(frameworkInfo());
      await offersOfAll(first);
      const second = newScheduler();
      await second.subscribe(frameworkInfo({ id: { value: first.frameworkId ?? "" } }), { suppressedRoles: ["*"] });
      await expectNoOffers(second);
    });
  });

  test("a failover voids offers without a RESCIND, and offers their resources again", async () => {
    const first = newScheduler();
    await first.subscribe(frameworkInfo());
    const offers = await offersOfAll(first);
    const second = newScheduler();
    await second.subscribe(frameworkInfo({ id: { value: first.frameworkId ?? "" } }));
    const again = await offersOfAll(second);
    expect(again.map(({ id }) => id?.value)).not.toEqual(expect.arrayContaining(offers.map(({ id }) => id?.value)));
    await first.stream.ended;
    expect(first.stream.received.some(({ event }) => event.rescind)).toBe(false);
  });

  test("leaving a role takes its offers back", async () => {
    const scheduler = newScheduler();
    await scheduler.subscribe(frameworkInfo({ roles: ["a", "b"] }), { suppressedRoles: ["b"] });
    const offers = await offersOfAll(scheduler);
    const info: PartialFrameworkInfo = frameworkInfo({ id: { value: scheduler.frameworkId ?? "" }, roles: ["b"] });
    const answer = await scheduler.call("UPDATE_FRAMEWORK", { updateFramework: { frameworkInfo: info } });
    expect(answer.status).toBe(200);
    const rescinded = [await scheduler.stream.next("rescind"), await scheduler.stream.next("rescind")];
    expect(new Set(rescinded.map(({ offerId }) => offerId?.value))).toEqual(new Set(offers.map(({ id }) => id?.value)));
    expect((await scheduler.offers()).map(({ allocationInfo }) => allocationInfo?.role)).toContain("b");
  });

  test("a framework's constraints on agents are kept", async () => {
    const scheduler = newScheduler();
    const selector = { selector: { $case: "attributeName" as const, value: "rack" } };
    const predicate = { predicate: { $case: "textEquals" as const, value: { value: "b" } } };
    const groups = [{ attributeConstraints: [{ selector, predicate }] }];
    await scheduler.subscribe(frameworkInfo(), { offerConstraints: { roleConstraints: { "*": { groups } } } });
    await expectNoOffers(scheduler);
  });

  test("REQUEST is taken and changes nothing", async () => {
    const scheduler = newScheduler();
    await scheduler.subscribe(frameworkInfo(), { suppressedRoles: ["*"] });
    await scheduler.send("REQUEST", { request: { requests: [{ resources: resources("cpus:1") }] } });
    await expectNoOffers(scheduler, 300);
  });
});
