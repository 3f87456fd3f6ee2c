import { afterEach, describe, expect, test } from "vitest";
import {
  ContainerInfo_Type,
  ExecutorInfo_Type,
  Image_Type,
  type Offer,
  Offer_Operation_Type,
  TaskState,
  TaskStatus_Reason,
  TaskStatus_Source,
  Volume_Mode,
} from "../../gen/mesos/v1/mesos.js";
import { describeEachMesos } from "../support/cluster.js";
import { getJson } from "../support/http.js";
import { frameworkInfo, launch, type PartialTask, resources, task, unique } from "../support/messages.js";
import { MesosScheduler } from "../support/scheduler.js";

const { TASK_STARTING, TASK_FINISHED, TASK_FAILED, TASK_ERROR } = TaskState;
const { REASON_EXECUTOR_TERMINATED, REASON_CONTAINER_LAUNCH_FAILED, REASON_TASK_GROUP_INVALID } = TaskStatus_Reason;
type Container = NonNullable<PartialTask["container"]>;
type Executor = NonNullable<PartialTask["executor"]>;
type Command = NonNullable<PartialTask["command"]>;

const type = ContainerInfo_Type.MESOS;
const docker = { docker: { name: "busybox" } };
const image = { type: Image_Type.DOCKER, ...docker };
const volumes = [{ mode: Volume_Mode.RW, containerPath: "data", hostPath: "/tmp" }];
const networkInfos = [{ name: "nonet" }];
const NO_VOLUMES = "Volumes in ContainerInfo is not supported";

const refused: [string, Container, string][] = [
  ["a Docker image", { type, mesos: { image } }, "Unsupported container image type: DOCKER"],
  [
    "an Appc image",
    { type, mesos: { image: { type: Image_Type.APPC, appc: { name: "busybox" } } } },
    "Unsupported container image type: APPC",
  ],
  ["a volume of the host", { type, volumes }, NO_VOLUMES],
  ["a volume of an image", { type, volumes: [{ mode: Volume_Mode.RO, containerPath: "data", image }] }, NO_VOLUMES],
  ["an unknown network", { type, networkInfos: [{}, ...networkInfos] }, "Unknown CNI network 'nonet'"],
  ["a network without a name", { type, networkInfos: [{ name: "" }] }, "Unknown CNI network ''"],
  ["all of them", { type, mesos: { image }, volumes, networkInfos }, "Unsupported container image type: DOCKER"],
  ["a volume and a network", { type, volumes, networkInfos }, NO_VOLUMES],
];
const taken: [string, Container][] = [
  ["nothing", { type }],
  ["a network of no name", { type, networkInfos: [{ portMappings: [{ hostPort: 31000, containerPort: 80 }] }] }],
  ["a host name", { type, hostname: "somewhere" }],
];

describeEachMesos("containers and programs", { flags: { allocation_interval: "100ms" } }, (mesos) => {
  let scheduler: MesosScheduler;
  afterEach(async () => {
    await scheduler.call("TEARDOWN");
    scheduler.stop();
  });

  async function offered(): Promise<Offer> {
    scheduler = new MesosScheduler(mesos());
    await scheduler.subscribe(frameworkInfo());
    return scheduler.offer();
  }

  /** Launches a task and gives its last update. */
  async function outcome(more: PartialTask) {
    const offer = await offered();
    const launched = task(offer.agentId, more);
    await scheduler.accept([offer], [launch(launched)], 0);
    for (;;) {
      const update = await scheduler.update(launched.taskId?.value);
      if (update.state !== TASK_STARTING && update.state !== TaskState.TASK_RUNNING) return update;
    }
  }

  const custom = (command: Command, container?: Container): Executor => ({
    executorId: { value: unique("executor") },
    type: ExecutorInfo_Type.CUSTOM,
    command,
    container,
    resources: resources("cpus:0.1;mem:32"),
  });

  /** Mesos's launcher runs in the place of the executor: its end is told with its status. */
  async function expectFailure(executor: Executor, status: number): Promise<void> {
    expect(await scheduler.stream.next("failure")).toMatchObject({ executorId: executor.executorId, status });
  }

  describe.each(refused)("with %s", (_, container, why) => {
    const failed = {
      state: TASK_FAILED,
      reason: REASON_CONTAINER_LAUNCH_FAILED,
      source: TaskStatus_Source.SOURCE_AGENT,
      message: `Failed to launch container: ${why}`,
    };

    test("a command is not started, and nothing is fetched for it", async () => {
      const uris = [{ value: "/nowhere/at/all" }];
      const update = await outcome({ command: { value: "true", uris }, container });
      expect(update).toMatchObject(failed);
      expect(update.executorId?.value).toBe(update.taskId?.value);
      expect(scheduler.stream.has(({ failure }) => failure !== undefined)).toBe(false);
    });

    test("an executor is not started", async () => {
      const executor = custom({ value: "true" }, container);
      expect(await outcome({ executor })).toMatchObject({ ...failed, executorId: executor.executorId });
      await expectFailure(executor, -1);
    });

    test("a task is started, if that is its container and not its executor's", async () => {
      const executor = custom({ value: "exit 3" });
      expect(await outcome({ executor, container })).toMatchObject({ message: "Executor terminated" });
      await expectFailure(executor, 3 * 256);
    });
  });

  test("a container for Docker is not known to an agent without it", async () => {
    const container = { type: ContainerInfo_Type.DOCKER, docker: { image: "busybox" }, networkInfos };
    const failed = {
      state: TASK_FAILED,
      reason: REASON_EXECUTOR_TERMINATED,
      message: "Abnormal executor termination: unknown container",
    };
    expect(await outcome({ command: { value: "true" }, container })).toMatchObject(failed);
    await scheduler.call("TEARDOWN");
    scheduler.stop();
    const executor = custom({ value: "true" }, container);
    expect(await outcome({ executor })).toMatchObject(failed);
    await expectFailure(executor, -1);
  });

  test.each(taken)("a container with %s is started", async (_, container) => {
    expect((await outcome({ command: { value: "true" }, container })).state).toBe(TASK_FINISHED);
  });

  test.each([
    [
      "of Docker",
      { type: ContainerInfo_Type.DOCKER, docker: { image: "busybox" } },
      "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor",
    ],
    [
      "with an image",
      { type, mesos: { image } },
      "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor",
    ],
    ["with a volume", { type, volumes }, undefined],
  ] as [string, Container, string | undefined][])(
    "the executor of a task group in a container %s",
    async (_, container, error) => {
      const offer = await offered();
      const executor: Executor = {
        executorId: { value: unique("executor") },
        frameworkId: offer.frameworkId,
        type: ExecutorInfo_Type.DEFAULT,
        container,
        resources: resources("cpus:0.1;mem:32;disk:32"),
      };
      const tasks = ["true", "sleep 1000"].map((value) => task(offer.agentId, { command: { value } }));
      const launchGroup = { executor, taskGroup: { tasks } };
      await scheduler.accept([offer], [{ type: Offer_Operation_Type.LAUNCH_GROUP, launchGroup }], 0);
      for (const { taskId } of tasks) {
        expect(await scheduler.update(taskId?.value)).toMatchObject(
          error === undefined
            ? { state: TASK_FAILED, message: `Failed to launch container: ${NO_VOLUMES}` }
            : { state: TASK_ERROR, reason: REASON_TASK_GROUP_INVALID, message: error },
        );
      }
      if (error === undefined) await expectFailure(executor, -1);
    },
  );

  test.each([
    ["a program that is not there", { shell: false, value: "/nowhere/program" }, 127],
    [
      "a program that is not there, by a relative path",
      { shell: false, value: "./program", arguments: ["program"] },
      127,
    ],
    ["a folder", { shell: false, value: "/tmp" }, 127],
    ["no program", { shell: false }, 1],
    ["no line for the shell", {}, 1],
    ["a line for the shell with a program that is not there", { value: "/nowhere/program" }, 127],
  ] as [string, Command, number][])(
    "the launcher of an executor that is %s ends with a status",
    async (_, command, status) => {
      const executor = custom(command);
      const failed = { state: TASK_FAILED, reason: REASON_EXECUTOR_TERMINATED, message: "Executor terminated" };
      expect(await outcome({ executor })).toMatchObject({ ...failed, executorId: executor.executorId });
      await expectFailure(executor, status * 256);
    },
  );

  test.each([
    ["a short line", { value: "sleep 1; echo a" }, "sh -c 'sleep 1; echo a'"],
    ["a long line", { value: "sleep 1; echo ab" }, "sh -c 'sleep 1; ech...'"],
    ["a line that is long in bytes", { value: "sleep 1;echo äöü" }, "sh -c 'sleep 1;echo...'"],
    ["a program", { shell: false, value: "/bin/true" }, "[/bin/true, ]"],
    ["a program with arguments", { shell: false, value: "/bin/sleep", arguments: ["sleep", "1"] }, "[/bin/sleep, ...]"],
    ["a program with short arguments", { shell: false, value: "a", arguments: ["b", "c"] }, "[a, b, c]"],
    ["no line", {}, "NO COMMAND"],
    ["no program", { shell: false }, "NO EXECUTABLE"],
  ] as [string, Command, string][])("the executor of %s has a name", async (_, command, summary) => {
    const offer = await offered();
    const { taskId, ...launched } = task(offer.agentId, { command });
    await scheduler.accept([offer], [launch({ taskId, ...launched })], 0);
    // While it is not acknowledged, the executor stays where it is.
    await scheduler.update(taskId?.value, { acknowledge: false });
    const { slaves } = (await getJson(`${mesos().master}/slaves`)) as { slaves: { pid: string }[] };
    const [id, address] = slaves[0]?.pid.split("@") ?? [];
    const state = (await getJson(`http://${address}/${id}/state`)) as {
      frameworks: { id: string; executors: { name: string }[] }[];
    };
    const framework = state.frameworks.find((each) => each.id === scheduler.frameworkId);
    expect(framework?.executors).toMatchObject([
      { name: `Command Executor (Task: ${taskId?.value}) (Command: ${summary})` },
    ]);
  });
});
