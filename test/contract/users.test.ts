import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import {
  FrameworkInfo_Capability_Type as Capability,
  ExecutorInfo_Type,
  type Offer,
  Offer_Operation_Type,
  TaskState,
  TaskStatus_Reason,
  TaskStatus_Source,
} from "../../gen/mesos/v1/mesos.js";
import { describeEachMesos } from "../support/cluster.js";
import { frameworkInfo, launch, resources, task, unique } from "../support/messages.js";
import { MesosScheduler, type PartialFrameworkInfo, type PartialOperation } from "../support/scheduler.js";

const run = promisify(execFile);
const { TASK_STARTING, TASK_RUNNING, TASK_FINISHED } = TaskState;
const UNKNOWN = "no-such-user";
const isRoot = process.getuid?.() === 0;

/** Whom tasks and executors are to run as. */
function cases(switchUser: boolean): void {
  const flags = { allocation_interval: "100ms", switch_user: String(switchUser) };
  describeEachMesos(`users, switch_user ${switchUser}`, { flags }, (mesos) => {
    const schedulers: MesosScheduler[] = [];
    afterEach(async () => {
      for (const scheduler of schedulers.splice(0)) {
        await scheduler.call("TEARDOWN");
        scheduler.stop();
      }
    });

    async function subscribe(info: PartialFrameworkInfo = {}): Promise<MesosScheduler> {
      const scheduler = new MesosScheduler(mesos());
      schedulers.push(scheduler);
      await scheduler.subscribe(frameworkInfo(info));
      return scheduler;
    }

    async function launchOne(scheduler: MesosScheduler, more: Parameters<typeof task>[1]) {
      const offer = await scheduler.offer();
      const info = task(offer.agentId, more);
      await scheduler.accept([offer], [launch(info)], 0);
      return info.taskId?.value ?? "";
    }

    /** The end of a task that never was. */
    async function dropped(scheduler: MesosScheduler, taskId: string, user: string, state = TaskState.TASK_DROPPED) {
      const status = await scheduler.update(taskId);
      expect(status).toMatchObject({
        state,
        source: TaskStatus_Source.SOURCE_AGENT,
        reason: TaskStatus_Reason.REASON_EXECUTOR_TERMINATED,
        executorId: { value: expect.any(String) },
      });
      const pattern =
        /^Failed to create executor directory '(\S+\/frameworks\/\S+\/executors\/\S+\/runs\/[0-9a-f-]{36})': /;
      expect(status.message).toMatch(pattern);
      expect(status.message?.replace(pattern, "")).toBe(
        `Failed to chown directory to '${user}': No such user '${user}'`,
      );
    }

    async function finished(scheduler: MesosScheduler, taskId: string): Promise<void> {
      for (const state of [TASK_STARTING, TASK_RUNNING, TASK_FINISHED]) {
        expect((await scheduler.update(taskId)).state).toBe(state);
      }
    }

    /** The owner of a task's sandbox and outputs, as the task sees them. */
    async function ownersOf(scheduler: MesosScheduler, user: string): Promise<string[]> {
      const id = unique("owner");
      const value = "stat -c %U . stdout stderr > owners";
      await finished(scheduler, await launchOne(scheduler, { taskId: { value: id }, command: { value, user } }));
      const { stdout } = await run("find", [mesos().workDir, "-path", `*/${id}/runs/*/owners`]);
      const [file = ""] = stdout.split("\n");
      return (await readFile(file, "utf8")).trim().split("\n");
    }

    const group = (of: MesosScheduler, { agentId }: Offer, taskInfo: Parameters<typeof task>[1]): PartialOperation => ({
      type: Offer_Operation_Type.LAUNCH_GROUP,
      launchGroup: {
        executor: {
          frameworkId: { value: of.frameworkId ?? "" },
          type: ExecutorInfo_Type.DEFAULT,
          executorId: { value: "group" },
          resources: resources("cpus:0.1;mem:32;disk:32"),
        },
        taskGroup: { tasks: [task(agentId, taskInfo)] },
      },
    });

    if (!switchUser) {
      test("a framework's unknown user does not matter", async () => {
        const scheduler = await subscribe({ user: UNKNOWN });
        await finished(scheduler, await launchOne(scheduler, { command: { value: "exit 0" } }));
      });

      test("a command's unknown user does", async () => {
        const scheduler = await subscribe();
        const taskId = await launchOne(scheduler, { command: { value: "exit 0", user: UNKNOWN } });
        const status = await scheduler.update(taskId);
        expect(status).toMatchObject({
          state: TaskState.TASK_FAILED,
          source: TaskStatus_Source.SOURCE_AGENT,
          reason: TaskStatus_Reason.REASON_CONTAINER_LAUNCH_FAILED,
        });
        expect(status.message).toMatch(
          /^Failed to launch container: Failed to chown '\S+\/stdout' to user 'no-such-user' : No such user 'no-such-user'$/,
        );
      });
      return;
    }

    test.each(["framework", "command"])("a task whose %s names an unknown user is dropped", async (whose) => {
      const scheduler = await subscribe(whose === "framework" ? { user: UNKNOWN } : {});
      const user = whose === "command" ? UNKNOWN : undefined;
      const taskId = await launchOne(scheduler, { command: { value: "exit 0", user } });
      await dropped(scheduler, taskId, UNKNOWN);
      // What it was to use is offered again.
      await scheduler.offer();
    });

    test("without PARTITION_AWARE it is lost", async () => {
      const scheduler = await subscribe({ user: UNKNOWN, capabilities: [{ type: Capability.MULTI_ROLE }] });
      const taskId = await launchOne(scheduler, { command: { value: "exit 0" } });
      await dropped(scheduler, taskId, UNKNOWN, TaskState.TASK_LOST);
    });

    test("no name at all and a number are unknown too", async () => {
      const scheduler = await subscribe();
      for (const user of ["", "0"]) {
        await dropped(scheduler, await launchOne(scheduler, { command: { value: "exit 0", user } }), user);
      }
    });

    test("the command's user counts, not the framework's", async () => {
      const scheduler = await subscribe({ user: UNKNOWN });
      await finished(scheduler, await launchOne(scheduler, { command: { value: "exit 0", user: "root" } }));
    });

    test("an executor of an unknown user fails, and its task is dropped", async () => {
      const scheduler = await subscribe();
      const executor = { executorId: { value: "own" }, command: { value: "sleep 1000", user: UNKNOWN } };
      const taskId = await launchOne(scheduler, { executor });
      expect(await scheduler.stream.next("failure")).toMatchObject({ executorId: { value: "own" }, status: -1 });
      await dropped(scheduler, taskId, UNKNOWN);
    });

    test("of a task group the framework's user counts, and no task's", async () => {
      const scheduler = await subscribe();
      const offer = await scheduler.offer();
      const fine = { taskId: { value: "fine" }, command: { value: "exit 0", user: UNKNOWN } };
      await scheduler.accept([offer], [group(scheduler, offer, fine)], 0);
      await finished(scheduler, "fine");
      await scheduler.call("TEARDOWN");
      const other = await subscribe({ user: UNKNOWN });
      const second = await other.offer();
      const lost = { taskId: { value: "dropped" }, command: { value: "exit 0" } };
      await other.accept([second], [group(other, second, lost)], 0);
      expect(await other.stream.next("failure")).toMatchObject({ executorId: { value: "group" }, status: -1 });
      await dropped(other, "dropped", UNKNOWN);
    });

    test.runIf(isRoot)("the sandbox belongs to the user", async () => {
      const scheduler = await subscribe();
      expect(await ownersOf(scheduler, "nobody")).toEqual(["nobody", "nobody", "nobody"]);
      expect(await ownersOf(scheduler, "root")).toEqual(["root", "root", "root"]);
    });
  });
}

cases(true);
cases(false);
