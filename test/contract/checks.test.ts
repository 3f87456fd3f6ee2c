import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  CheckInfo_Type,
  HealthCheck_Type,
  type Offer,
  TaskState,
  TaskStatus_Reason,
  TaskStatus_Source,
} from "../../gen/mesos/v1/mesos.js";
import { cleanupAfterAll } from "../support/cleanup.js";
import { describeEachMesos } from "../support/cluster.js";
import { codecs, json } from "../support/codec.js";
import { eventually } from "../support/eventually.js";
import { ExecutorHost, MesosExecutor } from "../support/executor.js";
import { frameworkInfo, launch, type PartialTask, task, unique } from "../support/messages.js";
import { MesosScheduler } from "../support/scheduler.js";

const { TASK_STARTING, TASK_RUNNING, TASK_KILLED, TASK_ERROR } = TaskState;
const SECOND = 1_000_000_000n;

/** Checks of tasks, as the master, the agent and executors hand them on, and the time that a killed task has. */
describeEachMesos("checks and kills", { flags: { allocation_interval: "100ms" } }, (mesos) => {
  const cleanup = cleanupAfterAll();
  let host: ExecutorHost;
  beforeAll(async () => {
    host = cleanup.use(await ExecutorHost.start());
  });
  const schedulers: MesosScheduler[] = [];
  afterEach(async () => {
    for (const scheduler of schedulers.splice(0)) {
      await scheduler.call("TEARDOWN");
      scheduler.stop();
    }
  });

  async function subscribe(codec = json): Promise<{ scheduler: MesosScheduler; offer: Offer }> {
    const scheduler = new MesosScheduler({ ...mesos(), codec });
    schedulers.push(scheduler);
    await scheduler.subscribe(frameworkInfo());
    return { scheduler, offer: await scheduler.offer() };
  }

  const { COMMAND, HTTP, TCP } = CheckInfo_Type;
  const command = { value: "true" };
  const healthy = { type: HealthCheck_Type.COMMAND, command };
  const checked = { type: COMMAND, command: { command } };

  describe("are refused", () => {
    test.each<[string, PartialTask, string]>([
      ["a check without a type", { check: {} }, "Task uses invalid check: CheckInfo must specify 'type'"],
      [
        "a check of no known type",
        { check: { type: CheckInfo_Type.UNKNOWN } },
        "Task uses invalid check: 'UNKNOWN' is not a valid check type",
      ],
      [
        "a check by command without one",
        { check: { type: COMMAND } },
        "Task uses invalid check: Expecting 'command' to be set for COMMAND check",
      ],
      [
        "a check by an empty command",
        { check: { type: COMMAND, command: { command: {} } } },
        "Task uses invalid check: Command check must contain 'shell command'",
      ],
      [
        "a check by an empty program",
        { check: { type: COMMAND, command: { command: { shell: false } } } },
        "Task uses invalid check: Command check must contain 'executable path'",
      ],
      [
        "a check by a command with a bad environment",
        {
          check: {
            type: COMMAND,
            command: { command: { ...command, environment: { variables: [{ name: "A" }] } } },
          },
        },
        "Task uses invalid check: Check's `CommandInfo` is invalid: Environment variable 'A' of type 'VALUE' must have a value set",
      ],
      [
        "a check by HTTP without one",
        { check: { type: HTTP } },
        "Task uses invalid check: Expecting 'http' to be set for HTTP check",
      ],
      [
        "a check by HTTP with a wrong path",
        { check: { type: HTTP, http: { port: 80, path: "a" } } },
        "Task uses invalid check: The path 'a' of HTTP check must start with '/'",
      ],
      [
        "a check by TCP without one",
        { check: { type: TCP } },
        "Task uses invalid check: Expecting 'tcp' to be set for TCP check",
      ],
      [
        "a check with a negative delay",
        { check: { ...checked, delaySeconds: -1 } },
        "Task uses invalid check: Expecting 'delay_seconds' to be non-negative",
      ],
      [
        "a check with a negative interval",
        { check: { ...checked, intervalSeconds: -1 } },
        "Task uses invalid check: Expecting 'interval_seconds' to be non-negative",
      ],
      [
        "a check with a negative timeout",
        { check: { ...checked, timeoutSeconds: -1 } },
        "Task uses invalid check: Expecting 'timeout_seconds' to be non-negative",
      ],
      [
        "a health check of no type that can be told",
        { healthCheck: {} },
        "Task uses invalid health check: HealthCheck must specify 'type'",
      ],
      [
        "a health check by command without one",
        { healthCheck: { type: HealthCheck_Type.COMMAND } },
        "Task uses invalid health check: Expecting 'command' to be set for COMMAND health check",
      ],
      [
        "a health check by an empty command",
        { healthCheck: { command: {} } },
        "Task uses invalid health check: Command health check must contain 'shell command'",
      ],
      [
        "a health check by HTTP without one",
        { healthCheck: { type: HealthCheck_Type.HTTP } },
        "Task uses invalid health check: Expecting 'http' to be set for HTTP health check",
      ],
      [
        "a health check by another scheme",
        { healthCheck: { http: { port: 80, scheme: "ftp" } } },
        "Task uses invalid health check: Unsupported HTTP health check scheme: 'ftp'",
      ],
      [
        "a health check with a wrong path",
        { healthCheck: { http: { port: 80, path: "a" } } },
        "Task uses invalid health check: The path 'a' of HTTP health check must start with '/'",
      ],
      [
        "a health check by TCP without one",
        { healthCheck: { type: HealthCheck_Type.TCP } },
        "Task uses invalid health check: Expecting 'tcp' to be set for TCP health check",
      ],
      [
        "a health check with a negative grace",
        { healthCheck: { ...healthy, gracePeriodSeconds: -1 } },
        "Task uses invalid health check: Expecting 'grace_period_seconds' to be non-negative",
      ],
      [
        "a health check with a negative delay",
        { healthCheck: { ...healthy, delaySeconds: -1 } },
        "Task uses invalid health check: Expecting 'delay_seconds' to be non-negative",
      ],
      [
        "a health check with a negative timeout",
        { healthCheck: { ...healthy, timeoutSeconds: -1 } },
        "Task uses invalid health check: Expecting 'timeout_seconds' to be non-negative",
      ],
      [
        "a negative grace",
        { killPolicy: { gracePeriod: { nanoseconds: -1n } } },
        "Task's 'kill_policy.grace_period' must be non-negative",
      ],
      [
        "a negative time to complete",
        { maxCompletionTime: { nanoseconds: -1n } },
        "Task's `max_completion_time` must be non-negative",
      ],
    ])("%s", async (_, more, message) => {
      const { scheduler, offer } = await subscribe();
      const launched = task(offer.agentId, { command: { value: "true" }, ...more });
      await scheduler.accept([offer], [launch(launched)], 0);
      const reason = TaskStatus_Reason.REASON_TASK_INVALID;
      expect(await scheduler.update(launched.taskId?.value)).toMatchObject({ state: TASK_ERROR, reason, message });
    });
  });

  describe.each(codecs)("as $name", (codec) => {
    test("what an executor says of health and checks reaches the scheduler, also by reconciliation", async () => {
      const { scheduler, offer } = await subscribe(codec);
      const executorId = unique("executor");
      const more = { executor: host.info(executorId), healthCheck: healthy, check: checked };
      const launched = task(offer.agentId, more);
      await scheduler.accept([offer], [launch(launched)], 0);
      const executor = cleanup.use(MesosExecutor.of(await host.process(executorId), codec));
      await executor.subscribe();
      const { task: delivered } = await executor.stream.next("launch");
      expect(delivered).toMatchObject({ healthCheck: healthy, check: checked });
      const reason = TaskStatus_Reason.REASON_TASK_HEALTH_CHECK_STATUS_UPDATED;
      const checkStatus = { type: COMMAND, command: { exitCode: 3 } };
      await executor.update(delivered?.taskId, TASK_RUNNING, { healthy: false, reason, checkStatus });
      expect(await scheduler.update(launched.taskId?.value)).toMatchObject({
        state: TASK_RUNNING,
        healthy: false,
        reason,
        checkStatus,
        source: TaskStatus_Source.SOURCE_EXECUTOR,
      });
      await scheduler.send("RECONCILE", {
        reconcile: { tasks: [{ taskId: { value: launched.taskId?.value ?? "" } }] },
      });
      expect(await scheduler.update(launched.taskId?.value)).toMatchObject({
        state: TASK_RUNNING,
        healthy: false,
        reason: TaskStatus_Reason.REASON_RECONCILIATION,
        checkStatus,
      });
      // The same state again is an update of its own.
      await executor.update(delivered?.taskId, TASK_RUNNING, { healthy: true, reason });
      const again = await scheduler.update(launched.taskId?.value);
      expect(again).toMatchObject({ state: TASK_RUNNING, healthy: true });
      expect(again.checkStatus).toBeUndefined();
      executor.stop();
    });
  });

  describe("a task that does not end when it is asked to", () => {
    async function run(more: PartialTask = {}) {
      const { scheduler, offer } = await subscribe();
      // It runs when its shell has been started, and is deaf only when that has come to the trap.
      const deaf = join(await cleanup.tempDir(), "deaf");
      const command = { value: `trap '' TERM; touch ${deaf}; while :; do sleep 0.1; done` };
      const launched = task(offer.agentId, { command, ...more });
      await scheduler.accept([offer], [launch(launched)], 0);
      expect((await scheduler.update(launched.taskId?.value)).state).toBe(TASK_STARTING);
      expect((await scheduler.update(launched.taskId?.value)).state).toBe(TASK_RUNNING);
      await eventually(() => existsSync(deaf));
      return { scheduler, taskId: launched.taskId };
    }
    const grace = (nanoseconds: bigint) => ({ gracePeriod: { nanoseconds } });

    test.each<[string, PartialTask, object, number, number]>([
      ["three seconds", {}, {}, 3000, 60_000],
      ["what the task says", { killPolicy: grace(SECOND / 2n) }, {}, 500, 3000],
      ["what the call says", { killPolicy: grace(60n * SECOND) }, { killPolicy: grace(SECOND / 2n) }, 500, 60_000],
    ])("has %s", async (_, more, kill, ms, otherwiseMs) => {
      const { scheduler, taskId } = await run(more);
      const asked = performance.now();
      await scheduler.send("KILL", { kill: { taskId, ...kill } });
      expect((await scheduler.update(taskId?.value)).state).toBe(TASK_KILLED);
      const took = performance.now() - asked;
      expect(took).toBeGreaterThan(ms - 50);
      expect(took).toBeLessThan(otherwiseMs);
    });
  });
});
