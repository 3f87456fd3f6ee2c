import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import {
  FrameworkInfo_Capability_Type,
  type Offer,
  Offer_Operation_Type,
  OperationState,
  TaskState,
  TaskStatus_Reason,
  TaskStatus_Source,
} from "../../gen/mesos/v1/mesos.js";
import { Cleanup } from "../support/cleanup.js";
import { describeEachMesos } from "../support/cluster.js";
import { codecs, json } from "../support/codec.js";
import { eventually } from "../support/eventually.js";
import { frameworkInfo, launch, type PartialTask, resources, scalar, task, unique } from "../support/messages.js";
import { MesosScheduler, type PartialFrameworkInfo, type PartialOperation, uuid } from "../support/scheduler.js";

const cluster = { agents: 2, resources: "cpus:4;mem:1024;disk:1000", flags: { allocation_interval: "100ms" } };

/** What becomes of accepted offers: tasks, other operations, and all that can be wrong with them. */
describeEachMesos("launching on offers", cluster, (mesos) => {
  const cleanup = new Cleanup();
  afterAll(() => cleanup.run());
  const schedulers: MesosScheduler[] = [];
  afterEach(async () => {
    for (const scheduler of schedulers.splice(0)) {
      await scheduler.call("TEARDOWN");
      scheduler.stop();
    }
  });

  async function subscribe(
    info: PartialFrameworkInfo = {},
    codec = json,
    suppressedRoles: string[] = [],
  ): Promise<MesosScheduler> {
    const scheduler = new MesosScheduler({ ...mesos(), codec });
    schedulers.push(scheduler);
    await scheduler.subscribe(frameworkInfo(info), { suppressedRoles });
    return scheduler;
  }

  /** One offer of each agent. */
  async function twoOffers(scheduler: MesosScheduler): Promise<[Offer, Offer]> {
    const offers = await scheduler.offers();
    while (offers.length < 2) offers.push(...(await scheduler.offers()));
    const [first, second] = offers;
    if (!first || !second || first.agentId?.value === second.agentId?.value) throw new Error("an offer of each agent");
    return [first, second];
  }

  /** Turns offers down until one meets the condition. */
  async function nextOffer(scheduler: MesosScheduler, condition: (offer: Offer) => boolean): Promise<Offer> {
    for (;;) {
      const offers = await scheduler.offers();
      const found = offers.find(condition);
      const others = offers.filter((offer) => offer !== found);
      if (others.length > 0) await scheduler.decline(others, 0.2);
      if (found) return found;
    }
  }

  const command = (agentId: Offer["agentId"], value: string, more: PartialTask = {}) =>
    task(agentId, { command: { value }, ...more });

  /** Launches one command and gives its states up to the terminal one, acknowledging each. */
  async function run(scheduler: MesosScheduler, offer: Offer, launched: PartialTask) {
    await scheduler.accept([offer], [launch(launched)], 0);
    const updates = [await scheduler.update(launched.taskId?.value)];
    while (!isTerminal(updates.at(-1)?.state)) updates.push(await scheduler.update(launched.taskId?.value));
    return { updates, states: updates.map(({ state }) => state) };
  }

  const isTerminal = (state: TaskState | undefined) =>
    state !== TaskState.TASK_STARTING && state !== TaskState.TASK_RUNNING && state !== TaskState.TASK_KILLING;

  const { TASK_STARTING, TASK_RUNNING, TASK_FINISHED, TASK_FAILED, TASK_KILLED, TASK_ERROR } = TaskState;

  describe.each(codecs)("commands, as $name", (codec) => {
    test("start, run and finish", async () => {
      const scheduler = await subscribe({}, codec);
      const offer = await scheduler.offer();
      const launched = command(offer.agentId, "exit 0");
      const { updates, states } = await run(scheduler, offer, launched);
      expect(states).toEqual([TASK_STARTING, TASK_RUNNING, TASK_FINISHED]);
      for (const update of updates) {
        expect(update).toMatchObject({ agentId: offer.agentId, source: TaskStatus_Source.SOURCE_EXECUTOR });
        expect(update.uuid).toHaveLength(16);
        expect(update.timestamp).toBeGreaterThan(Date.now() / 1000 - 60);
        expect(update.containerStatus?.containerId?.value).toMatch(/^[0-9a-f-]{36}$/);
        expect(update.containerStatus?.networkInfos[0]?.ipAddresses[0]?.ipAddress).toBe("127.0.0.1");
      }
      expect(new Set(updates.map(({ uuid }) => uuid?.toString("hex"))).size).toBe(3);
    });

    test("fail with their status", async () => {
      const scheduler = await subscribe({}, codec);
      const offer = await scheduler.offer();
      const { updates, states } = await run(scheduler, offer, command(offer.agentId, "exit 7"));
      expect(states).toEqual([TASK_STARTING, TASK_RUNNING, TASK_FAILED]);
      expect(updates[2]?.message).toBe("Command exited with status 7");
    });

    test("are killed", async () => {
      const scheduler = await subscribe({}, codec);
      const offer = await scheduler.offer();
      const launched = command(offer.agentId, "exec sleep 1000");
      await scheduler.accept([offer], [launch(launched)], 0);
      expect((await scheduler.update(launched.taskId?.value)).state).toBe(TASK_STARTING);
      expect((await scheduler.update(launched.taskId?.value)).state).toBe(TASK_RUNNING);
      // An agent that does not have the task is not asked.
      await scheduler.send("KILL", { kill: { taskId: launched.taskId, agentId: { value: "another" } } });
      await scheduler.send("KILL", { kill: { taskId: launched.taskId } });
      expect((await scheduler.update(launched.taskId?.value)).state).toBe(TASK_KILLED);
    });

    test("see their environment, arguments and files", async () => {
      const scheduler = await subscribe({}, codec);
      const offer = await scheduler.offer();
      const file = join(await cleanup.tempDir(), "input.txt");
      await writeFile(file, "text");
      const value = `[ "$NAME" = "a value" ] && [ "$(cat input.txt)" = text ] && [ "$(cat other/name)" = text ]`;
      const uris = [{ value: file }, { value: `file://${file}`, outputFile: "other/name" }];
      const environment = { variables: [{ name: "NAME", value: "a value" }] };
      const shell = await run(scheduler, offer, task(offer.agentId, { command: { value, uris, environment } }));
      expect(shell.states.at(-1)).toBe(TASK_FINISHED);
      const direct = { shell: false, value: "/usr/bin/test", arguments: ["test", "a b", "=", "a b"] };
      const next = await scheduler.offer();
      expect((await run(scheduler, next, task(next.agentId, { command: direct }))).states.at(-1)).toBe(TASK_FINISHED);
    });

    test("do not start without their files", async () => {
      const scheduler = await subscribe({}, codec);
      const offer = await scheduler.offer();
      const uris = [{ value: "/nowhere/at/all" }];
      const { updates } = await run(scheduler, offer, task(offer.agentId, { command: { value: "true", uris } }));
      expect(updates).toMatchObject([
        {
          state: TASK_FAILED,
          reason: TaskStatus_Reason.REASON_CONTAINER_LAUNCH_FAILED,
          source: TaskStatus_Source.SOURCE_AGENT,
          message: expect.stringMatching(/^Failed to launch container: /),
        },
      ]);
    });
  });

  test("what a task leaves of an offer is offered again, and what it used when it ends", async () => {
    const scheduler = await subscribe();
    const [offer] = await twoOffers(scheduler);
    const launched = command(offer.agentId, "exec sleep 1000", { resources: resources("cpus:1.5;mem:100") });
    await scheduler.accept([offer], [launch(launched)], 0);
    const ofSameAgent = ({ agentId }: Offer) => agentId?.value === offer.agentId?.value;
    const rest = await nextOffer(scheduler, ofSameAgent);
    expect(["cpus", "mem", "disk"].map((name) => scalar(rest.resources, name))).toEqual([2.5, 924, 1000]);
    await scheduler.decline([rest], 0);
    await scheduler.send("KILL", { kill: { taskId: launched.taskId } });
    await scheduler.update(launched.taskId?.value);
    await nextOffer(scheduler, (next) => ofSameAgent(next) && scalar(next.resources, "cpus") === 4);
  });

  test("amounts have three decimals", async () => {
    const scheduler = await subscribe();
    const offer = await scheduler.offer();
    const tasks = [1, 2, 3].map(() =>
      command(offer.agentId, "exec sleep 1000", { resources: resources("cpus:0.1;mem:10") }),
    );
    await scheduler.accept([offer], [launch(...tasks)], 0);
    const rest = await nextOffer(scheduler, ({ agentId }) => agentId?.value === offer.agentId?.value);
    expect(scalar(rest.resources, "cpus")).toBe(3.7);
  });

  describe("updates", () => {
    test("wait for the acknowledgement of the one before, and are sent again", { timeout: 40_000 }, async () => {
      const scheduler = await subscribe();
      const offer = await scheduler.offer();
      const launched = command(offer.agentId, "exit 0");
      const taskId = launched.taskId?.value;
      await scheduler.accept([offer], [launch(launched)], 0);
      const first = await scheduler.update(taskId, { acknowledge: false });
      const came = performance.now();
      // None of these is the right one; Mesos takes no notice of them.
      await scheduler.acknowledge({ ...first, uuid: uuid() });
      await scheduler.acknowledge({ ...first, taskId: { value: "another" } });
      const again = await scheduler.update(taskId, { acknowledge: false, timeoutMs: 20_000 });
      expect(again).toMatchObject({ state: TASK_STARTING, uuid: first.uuid });
      expect(performance.now() - came).toBeGreaterThan(9500);
      expect(performance.now() - came).toBeLessThan(12_500);
      await scheduler.acknowledge(again);
      await scheduler.acknowledge(again);
      expect((await scheduler.update(taskId)).state).toBe(TASK_RUNNING);
      expect((await scheduler.update(taskId)).state).toBe(TASK_FINISHED);
    });

    test("reach a framework that comes back", async () => {
      const first = await subscribe();
      const offer = await first.offer();
      const launched = command(offer.agentId, "exec sleep 1000");
      await first.accept([offer], [launch(launched)], 0);
      await first.update(launched.taskId?.value);
      await first.update(launched.taskId?.value);
      const second = await subscribe({ id: { value: first.frameworkId ?? "" } });
      await second.send("KILL", { kill: { taskId: launched.taskId } });
      expect((await second.update(launched.taskId?.value)).state).toBe(TASK_KILLED);
    });

    describe("that wait for an acknowledgement are sent again at once", () => {
      /** A task whose first update is not acknowledged. */
      async function unacknowledged() {
        const scheduler = await subscribe();
        const [offer] = await twoOffers(scheduler);
        const launched = command(offer.agentId, "exec sleep 1000");
        await scheduler.accept([offer], [launch(launched)], 1000);
        const status = await scheduler.update(launched.taskId?.value, { acknowledge: false });
        return { scheduler, status, taskId: launched.taskId?.value };
      }
      // Well before the agent's own timer, which takes 10 s.
      const timeoutMs = 4000;

      test("to the framework's new instance", async () => {
        const { scheduler, status, taskId } = await unacknowledged();
        const second = await subscribe({ id: { value: scheduler.frameworkId ?? "" } });
        const again = await second.update(taskId, { timeoutMs });
        expect(again).toMatchObject({ state: TASK_STARTING, uuid: status.uuid });
        expect((await second.update(taskId)).state).toBe(TASK_RUNNING);
      });

      test("to a framework that was away", async () => {
        const { scheduler, status, taskId } = await unacknowledged();
        scheduler.stop();
        await eventually(async () => (await scheduler.call("REVIVE")).status === 403);
        const second = await subscribe({ id: { value: scheduler.frameworkId ?? "" } });
        expect(await second.update(taskId, { timeoutMs })).toMatchObject({ state: TASK_STARTING, uuid: status.uuid });
      });

      test("when the framework's information has changed, and not when it is the same", async () => {
        const { scheduler, status, taskId } = await unacknowledged();
        const { frameworkId = "" } = scheduler;
        const name = unique("name");
        const update = async (more: PartialFrameworkInfo) => {
          const frameworkInfo = { ...info, id: { value: frameworkId }, ...more };
          expect((await scheduler.call("UPDATE_FRAMEWORK", { updateFramework: { frameworkInfo } })).status).toBe(200);
        };
        const info = frameworkInfo();
        await update({ name });
        expect(await scheduler.update(taskId, { timeoutMs, acknowledge: false })).toMatchObject({ uuid: status.uuid });
        await update({ name });
        await expect(scheduler.update(taskId, { timeoutMs: 2000, acknowledge: false })).rejects.toThrow(
          "did not come within",
        );
      });

      test("to the other frameworks of the agent as well", async () => {
        const first = await unacknowledged();
        const second = await subscribe();
        const ofSameAgent = ({ agentId }: Offer) => agentId?.value === first.status.agentId?.value;
        const offer = await nextOffer(second, ofSameAgent);
        const launched = command(offer.agentId, "exec sleep 1000");
        await second.accept([offer], [launch(launched)], 0);
        await second.update(launched.taskId?.value, { acknowledge: false });
        await subscribe({ id: { value: second.frameworkId ?? "" } });
        const again = await first.scheduler.update(first.taskId, { timeoutMs });
        expect(again).toMatchObject({ state: TASK_STARTING, uuid: first.status.uuid });
      });
    });
  });

  describe("offers that can't be used", () => {
    const { MULTI_ROLE, PARTITION_AWARE } = FrameworkInfo_Capability_Type;

    test.each([
      ["TASK_DROPPED for a partition-aware framework", [MULTI_ROLE, PARTITION_AWARE], TaskState.TASK_DROPPED],
      ["TASK_LOST for another", [MULTI_ROLE], TaskState.TASK_LOST],
    ])("%s", async (_, capabilities, state) => {
      const scheduler = await subscribe({ capabilities: capabilities.map((type) => ({ type })) });
      const offer = await scheduler.offer();
      const launched = command(offer.agentId, "true");
      const offerIds = [{ value: "unknown" }];
      await scheduler.send("ACCEPT", { accept: { offerIds, operations: [launch(launched)] } });
      const update = await scheduler.update(launched.taskId?.value);
      expect(update).toMatchObject({
        state,
        source: TaskStatus_Source.SOURCE_MASTER,
        reason: TaskStatus_Reason.REASON_INVALID_OFFERS,
        message: "Task launched with invalid offers: Offer unknown is no longer valid",
        agentId: offer.agentId,
      });
      expect(update.uuid).toBeUndefined();
    });

    test("each in its own words, and the offers that are still there come back", async () => {
      const scheduler = await subscribe();
      const [one, two] = await twoOffers(scheduler);
      const ids = { one: one.id?.value ?? "", two: two.id?.value ?? "" };
      const attempt = async (offerIds: string[]) => {
        const launched = command(one.agentId, "true");
        await scheduler.send("ACCEPT", {
          accept: { offerIds: offerIds.map((value) => ({ value })), operations: [launch(launched)] },
        });
        return (await scheduler.update(launched.taskId?.value)).message?.replace(
          "Task launched with invalid offers: ",
          "",
        );
      };
      expect(await attempt([])).toBe("No offers specified");
      expect(await attempt([ids.one, ids.two])).toBe(
        `Aggregated offers must belong to one single agent. Offer ${ids.two} uses agent ${two.agentId?.value} and agent ${one.agentId?.value}`,
      );
      const [three, four] = await twoOffers(scheduler);
      expect(await attempt([ids.one])).toBe(`Offer ${ids.one} is no longer valid`);
      const id = three.id?.value ?? "";
      expect(await attempt([id, id])).toBe(`Duplicate offer ${id} in offer list`);
      const [back] = await scheduler.offers();
      expect(back?.agentId).toEqual(three.agentId);
      await scheduler.decline([four], 0);
    });

    test("of another framework", async () => {
      const owner = await subscribe();
      const [offer] = await twoOffers(owner);
      const thief = await subscribe();
      const launched = command(offer.agentId, "true");
      await thief.accept([offer], [launch(launched)]);
      expect((await thief.update(launched.taskId?.value)).message).toBe(
        `Task launched with invalid offers: Offer ${offer.id?.value} has invalid framework ${owner.frameworkId} while framework ${thief.frameworkId} is expected`,
      );
    });

    test("of two roles", async () => {
      const scheduler = await subscribe({ roles: ["a", "b"] }, json, ["b"]);
      const offer = await scheduler.offer();
      const small = command(offer.agentId, "exec sleep 1000", { resources: resources("cpus:0.1;mem:40") });
      await scheduler.accept([offer], [launch(small)], 3600);
      await scheduler.update(small.taskId?.value);
      const nextOf = async (role: string) => {
        const isIt = ({ agentId, allocationInfo }: Offer) =>
          agentId?.value === offer.agentId?.value && allocationInfo?.role === role;
        const { offers } = await scheduler.stream.nextWhere("offers", ({ offers }) => offers.some(isIt));
        return offers.find(isIt) as Offer;
      };
      // What is left goes to the other role; what the task had to the first one again, as that has nothing now.
      await scheduler.send("REVIVE", { revive: { roles: ["b"] } });
      const rest = await nextOf("b");
      await scheduler.send("SUPPRESS", { suppress: { roles: ["b"] } });
      await scheduler.send("REVIVE", { revive: { roles: ["a"] } });
      await scheduler.send("KILL", { kill: { taskId: small.taskId } });
      const states = [await scheduler.update(small.taskId?.value), await scheduler.update(small.taskId?.value)];
      expect(states.at(-1)?.state).toBe(TASK_KILLED);
      const freed = await nextOf("a");
      const launched = command(offer.agentId, "true");
      await scheduler.accept([rest, freed], [launch(launched)]);
      expect((await scheduler.update(launched.taskId?.value)).message).toMatch(
        /^Task launched with invalid offers: Aggregated offers must be allocated to the same role\. /,
      );
    });
  });

  describe("tasks that can't be launched", () => {
    type Case = [name: string, more: PartialTask, message: string | RegExp];
    const executor = { executorId: { value: "e" }, command: { value: "true" } };
    const cases: Case[] = [
      ["no resources", { resources: [] }, "Task uses no resources"],
      ["an unknown agent", { agentId: { value: "zz" } }, /^Task uses invalid agent zz while agent \S+ is expected$/],
      ["a slash in its id", { taskId: { value: "a/b" } }, /'a\/b' contains invalid characters/],
      ["an empty id", { taskId: { value: "" } }, /ID must not be empty/],
      ["an id of 256 characters", { taskId: { value: "x".repeat(256) } }, /ID must not be greater than 255 characters/],
      [
        "neither command nor executor",
        { command: undefined },
        "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present",
      ],
      [
        "both command and executor",
        { executor },
        "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present",
      ],
      [
        "more than there is",
        { resources: resources("cpus:5;mem:32") },
        /^Total resources .* required by task and its executor is more than available /,
      ],
      [
        "a kind of resource that there is not",
        { resources: resources("cpus:1;mem:32;gold:1") },
        /is more than available/,
      ],
      ["a negative grace period", { killPolicy: { gracePeriod: { nanoseconds: -1n } } }, /grace_period/],
      [
        "a DEFAULT executor",
        {
          command: undefined,
          executor: { ...executor, type: 1, command: undefined, resources: resources("cpus:0.1;mem:32") },
        },
        /'ExecutorInfo.type' must be 'CUSTOM'/,
      ],
    ];
    test.each(cases)("%s", async (_, more, message) => {
      const scheduler = await subscribe();
      const offer = await scheduler.offer();
      const bad = command(offer.agentId, "true", more);
      const good = command(offer.agentId, "true");
      await scheduler.accept([offer], [launch(bad, good)], 0);
      const update = await scheduler.update(bad.taskId?.value);
      expect(update).toMatchObject({
        state: TASK_ERROR,
        source: TaskStatus_Source.SOURCE_MASTER,
        reason: TaskStatus_Reason.REASON_TASK_INVALID,
        message: typeof message === "string" ? message : expect.stringMatching(message),
      });
      expect(update.uuid).toBeUndefined();
      // The others of the same launch go on.
      expect((await scheduler.update(good.taskId?.value)).state).toBe(TASK_STARTING);
    });

    test("a resource that is none fails all tasks of the launch", async () => {
      const scheduler = await subscribe();
      const offer = await scheduler.offer();
      const bad = command(offer.agentId, "true", { resources: resources("cpus:-1;mem:32") });
      const good = command(offer.agentId, "true");
      await scheduler.accept([offer], [launch(bad, good)], 0);
      for (const { taskId } of [bad, good]) {
        expect(await scheduler.update(taskId?.value)).toMatchObject({
          state: TASK_ERROR,
          reason: TaskStatus_Reason.REASON_TASK_INVALID,
          message: expect.stringContaining("cpus"),
        });
      }
    });

    test("an id that is in use", async () => {
      const scheduler = await subscribe();
      const offer = await scheduler.offer();
      const launched = command(offer.agentId, "exec sleep 1000");
      await scheduler.accept([offer], [launch(launched)], 0);
      await scheduler.update(launched.taskId?.value);
      await scheduler.update(launched.taskId?.value);
      const next = await scheduler.offer();
      await scheduler.accept([next], [launch({ ...launched, agentId: next.agentId })], 0);
      expect(await scheduler.update(launched.taskId?.value)).toMatchObject({
        state: TASK_ERROR,
        message: `Task has duplicate ID: ${launched.taskId?.value}`,
      });
    });

    test("an id on the operation", async () => {
      const scheduler = await subscribe();
      const offer = await scheduler.offer();
      const launched = command(offer.agentId, "true");
      await scheduler.accept([offer], [{ ...launch(launched), id: { value: "o" } }]);
      expect(await scheduler.update(launched.taskId?.value)).toMatchObject({
        state: TASK_ERROR,
        reason: TaskStatus_Reason.REASON_TASK_INVALID,
        message: expect.stringContaining("The `id` field cannot be set on LAUNCH operations"),
      });
    });
  });

  describe("task groups", () => {
    const executor = (scheduler: MesosScheduler) => ({
      executorId: { value: unique("executor") },
      frameworkId: { value: scheduler.frameworkId ?? "" },
      type: 1,
      resources: resources("cpus:0.1;mem:32;disk:10"),
    });
    const group = (executor: object, ...tasks: PartialTask[]): PartialOperation => ({
      type: Offer_Operation_Type.LAUNCH_GROUP,
      launchGroup: { executor, taskGroup: { tasks } },
    });

    test("run together", async () => {
      const scheduler = await subscribe();
      const offer = await scheduler.offer();
      const tasks = [command(offer.agentId, "exit 0"), command(offer.agentId, "exit 0")];
      await scheduler.accept([offer], [group(executor(scheduler), ...tasks)], 0);
      for (const { taskId } of tasks) {
        const states = [1, 2, 3].map(async () => (await scheduler.update(taskId?.value)).state);
        expect(await Promise.all(states)).toEqual([TASK_STARTING, TASK_RUNNING, TASK_FINISHED]);
      }
    });

    test.each<[string, object, PartialTask, string | RegExp]>([
      ["no framework id", { frameworkId: undefined }, {}, "'ExecutorInfo.framework_id' must be set"],
      ["no type", { type: undefined }, {}, /'ExecutorInfo.type' must be set/],
      [
        "too little cpu for the executor",
        { resources: resources("cpus:0.001;mem:32;disk:10") },
        {},
        /^Executor .* uses less CPUs \(0\.001\) than the minimum required \(0\.01\)$/,
      ],
      ["no disk for the executor", { resources: resources("cpus:0.1;mem:32") }, {}, /disk/],
      ["one task that is invalid", {}, { resources: [] }, /Task uses no resources/],
      [
        "more than there is",
        {},
        { resources: resources("cpus:5;mem:32") },
        /^Total resources .* required by task group and its executor are more than available /,
      ],
    ])("all or nothing: %s", async (_, executorMore, taskMore, message) => {
      const scheduler = await subscribe();
      const offer = await scheduler.offer();
      const tasks = [command(offer.agentId, "exit 0"), command(offer.agentId, "exit 0", taskMore)];
      await scheduler.accept([offer], [group({ ...executor(scheduler), ...executorMore }, ...tasks)], 0);
      for (const { taskId } of tasks) {
        expect(await scheduler.update(taskId?.value)).toMatchObject({
          state: TASK_ERROR,
          reason: TaskStatus_Reason.REASON_TASK_GROUP_INVALID,
          message: expect.stringMatching(message),
        });
      }
    });

    test("an id on the operation", async () => {
      const scheduler = await subscribe();
      const offer = await scheduler.offer();
      const launched = command(offer.agentId, "true");
      await scheduler.accept([offer], [{ ...group(executor(scheduler), launched), id: { value: "o" } }]);
      expect(await scheduler.update(launched.taskId?.value)).toMatchObject({
        state: TASK_ERROR,
        reason: TaskStatus_Reason.REASON_TASK_GROUP_INVALID,
        message: expect.stringContaining("The `id` field cannot be set on LAUNCH_GROUP operations"),
      });
    });
  });

  describe("reservations and volumes", () => {
    const { MULTI_ROLE, PARTITION_AWARE, RESERVATION_REFINEMENT } = FrameworkInfo_Capability_Type;
    const capabilities = [MULTI_ROLE, PARTITION_AWARE, RESERVATION_REFINEMENT].map((type) => ({ type }));
    const role = "owner";
    const reserved = (text: string) => resources(text, { reservations: [{ type: 2, role, principal: "p" }] });
    const reserve = (id?: string): PartialOperation => ({
      type: Offer_Operation_Type.RESERVE,
      id: id === undefined ? undefined : { value: id },
      reserve: { resources: reserved("disk:100") },
    });
    const unreserve: PartialOperation = {
      type: Offer_Operation_Type.UNRESERVE,
      unreserve: { resources: reserved("disk:100") },
    };
    const reservedDisk = ({ resources }: Offer) =>
      scalar(
        resources.filter(({ reservations }) => reservations.length > 0),
        "disk",
      );

    test("RESERVE moves resources to the role, UNRESERVE back, and operations see those before them", async () => {
      const scheduler = await subscribe({ roles: [role], principal: "p", capabilities });
      const offer = await scheduler.offer();
      const launched = command(offer.agentId, "exit 0", {
        resources: [...resources("cpus:0.1;mem:32"), ...reserved("disk:50")],
      });
      await scheduler.accept([offer], [reserve(), launch(launched)], 0);
      expect((await scheduler.update(launched.taskId?.value)).state).toBe(TASK_STARTING);
      expect((await scheduler.update(launched.taskId?.value)).state).toBe(TASK_RUNNING);
      expect((await scheduler.update(launched.taskId?.value)).state).toBe(TASK_FINISHED);
      const isWhole = (next: Offer) => next.agentId?.value === offer.agentId?.value && reservedDisk(next) === 100;
      const whole = (await nextOffer(scheduler, isWhole)) as Offer;
      expect(scalar(whole.resources, "disk")).toBe(1000);
      await scheduler.accept([whole], [unreserve], 0);
      await nextOffer(scheduler, (next) => next.agentId?.value === offer.agentId?.value && reservedDisk(next) === 0);
    });

    test("an operation with an id is answered, and its update acknowledged", async () => {
      const scheduler = await subscribe({ roles: [role], principal: "p", capabilities });
      const offer = await scheduler.offer();
      const id = unique("operation");
      await scheduler.accept([offer], [reserve(id), unreserve], 0);
      const { status } = await scheduler.stream.next("updateOperationStatus");
      expect(status).toMatchObject({
        operationId: { value: id },
        state: OperationState.OPERATION_FINISHED,
        agentId: offer.agentId,
      });
      expect(status?.uuid?.value).toHaveLength(16);
      await scheduler.send("ACKNOWLEDGE_OPERATION_STATUS", {
        acknowledgeOperationStatus: { operationId: { value: id }, agentId: offer.agentId, uuid: status?.uuid?.value },
      });
    });

    test("an operation that can't be done is OPERATION_ERROR, without a uuid, and the next ones go on", async () => {
      const scheduler = await subscribe({ roles: [role], principal: "p", capabilities });
      const offer = await scheduler.offer();
      const id = unique("operation");
      const tooMuch = { ...reserve(id), reserve: { resources: reserved("disk:100000") } };
      const launched = command(offer.agentId, "exit 0");
      await scheduler.accept([offer], [tooMuch, launch(launched)], 0);
      const { status } = await scheduler.stream.next("updateOperationStatus");
      expect(status).toMatchObject({ operationId: { value: id }, state: OperationState.OPERATION_ERROR });
      expect(status?.uuid).toBeUndefined();
      expect((await scheduler.update(launched.taskId?.value)).state).toBe(TASK_STARTING);
    });

    test("an operation on offers that are gone", async () => {
      const scheduler = await subscribe({ roles: [role], principal: "p", capabilities });
      const id = unique("operation");
      await scheduler.send("ACCEPT", { accept: { offerIds: [{ value: "unknown" }], operations: [reserve(id)] } });
      const { status } = await scheduler.stream.next("updateOperationStatus");
      expect(status).toMatchObject({
        operationId: { value: id },
        state: OperationState.OPERATION_ERROR,
        message: "Operation attempted with invalid offers: Offer unknown is no longer valid",
      });
      expect(status?.agentId).toBeUndefined();
    });

    test("CREATE makes a volume of reserved disk, DESTROY removes it", async () => {
      const scheduler = await subscribe({ roles: [role], principal: "p", capabilities });
      const offer = await scheduler.offer();
      const disk = {
        persistence: { id: unique("volume"), principal: "p" },
        volume: { containerPath: "data", mode: 1 },
      };
      const volumes = reserved("disk:100").map((resource) => ({ ...resource, disk }));
      const create = { type: Offer_Operation_Type.CREATE, create: { volumes } };
      const writer = command(offer.agentId, "echo kept > data/file", {
        resources: [...resources("cpus:0.1;mem:32"), ...volumes],
      });
      await scheduler.accept([offer], [reserve(), create, launch(writer)], 0);
      await scheduler.update(writer.taskId?.value);
      await scheduler.update(writer.taskId?.value);
      expect((await scheduler.update(writer.taskId?.value)).state).toBe(TASK_FINISHED);
      const hasVolume = ({ resources }: Offer) => resources.some((resource) => resource.disk?.persistence);
      const next = await nextOffer(scheduler, hasVolume);
      const reader = command(next.agentId, `[ "$(cat data/file)" = kept ]`, {
        resources: [...resources("cpus:0.1;mem:32"), ...volumes],
      });
      expect((await run(scheduler, next, reader)).states.at(-1)).toBe(TASK_FINISHED);
      const last = await nextOffer(scheduler, hasVolume);
      const destroy = { type: Offer_Operation_Type.DESTROY, destroy: { volumes } };
      await scheduler.accept([last], [destroy, unreserve], 0);
      await nextOffer(
        scheduler,
        (offered) => offered.agentId?.value === last.agentId?.value && reservedDisk(offered) === 0,
      );
    });
  });
});
