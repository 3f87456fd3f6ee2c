import { afterEach, expect, test } from "vitest";
import {
  Environment_Variable_Type,
  ExecutorInfo_Type,
  type Offer,
  Offer_Operation_Type as Operation,
  OperationState,
  TaskStatus_Reason as Reason,
  Resource_ReservationInfo_Type as Reservation,
  Secret_Type,
  Resource_DiskInfo_Source_Type as Source,
  TaskState,
  Volume_Mode,
} from "../../gen/mesos/v1/mesos.js";
import { describeEachMesos } from "../support/cluster.js";
import { frameworkInfo, launch, type PartialResource, type PartialTask, resources, task } from "../support/messages.js";
import { MesosScheduler, type PartialOperation } from "../support/scheduler.js";

const small = resources("cpus:0.1;mem:32");
const [cpus, disk] = resources("cpus:0.1;disk:10");
const reserved = (...reservations: NonNullable<PartialResource["reservations"]>) => [{ ...cpus, reservations }];
const inRole = (resource: PartialResource | undefined, more: PartialResource = {}): PartialResource => ({
  ...resource,
  role: "refused",
  reservation: {},
  ...more,
});
const volume = (more: PartialResource = {}, path = "data", id = "v"): PartialResource =>
  inRole(disk, { disk: { persistence: { id }, volume: { mode: Volume_Mode.RW, containerPath: path } }, ...more });
const sleeper = { command: { value: "exec sleep 1000" }, resources: small, type: ExecutorInfo_Type.CUSTOM };
const secret = (more: object) => ({
  command: {
    value: "true",
    environment: { variables: [{ name: "A", type: Environment_Variable_Type.SECRET, secret: more }] },
  },
});
const { DYNAMIC, STATIC, UNKNOWN } = Reservation;

/** What Mesos says of tasks and operations that it does not carry out. */
describeEachMesos("refused", { flags: { allocation_interval: "100ms" } }, (mesos) => {
  const schedulers: MesosScheduler[] = [];
  afterEach(async () => {
    for (const scheduler of schedulers.splice(0)) {
      await scheduler.call("TEARDOWN");
      scheduler.stop();
    }
  });

  async function subscribe(): Promise<{ scheduler: MesosScheduler; offer: Offer }> {
    const scheduler = new MesosScheduler(mesos());
    schedulers.push(scheduler);
    await scheduler.subscribe(frameworkInfo({ roles: ["refused"] }));
    return { scheduler, offer: await scheduler.offer() };
  }

  test.each<[string, PartialTask, string]>([
    [
      "a reservation without a type",
      { resources: reserved({ role: "r" }) },
      "Resource 'cpus(reservations: [(UNKNOWN,r)]):0.1' is invalid: Invalid reservation: 'Resource.ReservationInfo.type' field must be set.",
    ],
    [
      "a reservation of an unknown type",
      { resources: reserved({ type: UNKNOWN, role: "r" }) },
      "Resource 'cpus(reservations: [(UNKNOWN,r)]):0.1' is invalid: Unsupported 'Resource.ReservationInfo.Type'",
    ],
    [
      "a reservation without a role",
      { resources: reserved({ type: DYNAMIC }) },
      "Resource 'cpus(reservations: [(DYNAMIC,)]):0.1' is invalid: Invalid reservation: 'Resource.ReservationInfo.role' field must be set.",
    ],
    [
      "a reservation for everyone",
      { resources: reserved({ type: DYNAMIC, role: "*" }) },
      "Resource 'cpus(reservations: [(DYNAMIC,*)]):0.1' is invalid: Invalid reservation: role \"*\" cannot be reserved",
    ],
    [
      "a static refinement",
      { resources: reserved({ type: DYNAMIC, role: "r" }, { type: STATIC, role: "r/a" }) },
      "Resource 'cpus(reservations: [(DYNAMIC,r),(STATIC,r/a)]):0.1' is invalid: Invalid refined reservation: A refined reservation cannot be STATIC",
    ],
    [
      "shared cpus",
      { resources: [{ ...cpus, shared: {} }] },
      "Resource 'cpus<SHARED>:0.1' is invalid: Resource cpus cannot be shared",
    ],
    [
      "an infinite amount",
      { resources: resources("cpus:Infinity") },
      "Resource 'cpus:-9.22337203685478e+15' is invalid: Invalid scalar resource: value <= 0",
    ],
    [
      "an amount that overflows",
      { resources: resources("cpus:1e16") },
      "Resource 'cpus:-9.22337203685478e+15' is invalid: Invalid scalar resource: value <= 0",
    ],
    [
      "a part of a GPU",
      { resources: [...small, ...resources("gpus:0.5")] },
      "Task uses invalid resources: Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer",
    ],
    [
      "an empty DiskInfo",
      { resources: [...small, { ...disk, disk: {} }] },
      "Task uses invalid resources: Invalid DiskInfo: DiskInfo is set but empty",
    ],
    [
      "a disk of an unknown source",
      { resources: [...small, { ...disk, disk: { source: { type: Source.UNKNOWN } } }] },
      "Resource 'disk[UNKNOWN]:10' is invalid: Unsupported 'DiskInfo.Source.Type' in 'UNKNOWN'",
    ],
    [
      "a volume that is not reserved",
      { resources: [...small, volume({ role: "*", reservation: undefined })] },
      "Task uses invalid resources: Invalid DiskInfo: Persistent volumes cannot be created from unreserved resources",
    ],
    [
      "a volume with a bad id",
      {
        resources: [
          ...small,
          inRole(disk, { disk: { persistence: { id: "a/b" }, volume: { mode: Volume_Mode.RW, containerPath: "p" } } }),
        ],
      },
      "Task uses invalid resources: Invalid DiskInfo: Invalid persistence ID for persistent volume: 'a/b' contains invalid characters",
    ],
    [
      "a revocable reservation",
      { resources: [inRole(cpus, { revocable: {} })] },
      "Task uses invalid resources: Invalid ReservationInfo: Dynamically reserved resource cpus(allocated: refused)(reservations: [(DYNAMIC,refused)]){REV}:0.1 cannot be created from revocable resources",
    ],
    [
      "an allocation to no role",
      { resources: [{ ...cpus, allocationInfo: {} }] },
      "Invalid task resources: The resources are not allocated to a role",
    ],
    [
      "a secret without its value",
      secret({ type: Secret_Type.VALUE }),
      "Task's `CommandInfo` is invalid: Environment variable 'A' specifies an invalid secret: Secret of type VALUE must have the 'value' field set",
    ],
    [
      "a secret without its reference",
      secret({ type: Secret_Type.REFERENCE }),
      "Task's `CommandInfo` is invalid: Environment variable 'A' specifies an invalid secret: Secret of type REFERENCE must have the 'reference' field set",
    ],
    [
      "a secret of both kinds",
      secret({ type: Secret_Type.REFERENCE, reference: { name: "x" }, value: { data: Buffer.from("x") } }),
      "Task's `CommandInfo` is invalid: Environment variable 'A' specifies an invalid secret: Secret 'x' of type REFERENCE must not have the 'value' field set",
    ],
    [
      "a secret with a null byte",
      secret({ type: Secret_Type.VALUE, value: { data: Buffer.from([97, 0]) } }),
      "Task's `CommandInfo` is invalid: Environment variable 'A' specifies a secret containing null bytes, which is not allowed in the environment",
    ],
  ])("a task with %s", async (_, more, message) => {
    const { scheduler, offer } = await subscribe();
    const launched = task(offer.agentId, { command: { value: "true" }, ...more });
    await scheduler.accept([offer], [launch(launched)], 0);
    const refusal = { state: TaskState.TASK_ERROR, reason: Reason.REASON_TASK_INVALID, message };
    expect(await scheduler.update(launched.taskId?.value)).toMatchObject(refusal);
  });

  test.each<[string, PartialResource, string]>([
    ["much", resources("cpus:1e15")[0] ?? {}, "cpus(allocated: refused):1e+15"],
    [
      "a disk of a source",
      { ...disk, disk: { source: { type: Source.RAW, id: "i", profile: "p", vendor: "v" } } },
      "disk(allocated: refused)[RAW(v,i,p)]:10",
    ],
    [
      "a volume on a source",
      volume({
        disk: {
          source: { type: Source.MOUNT, mount: { root: "/m" } },
          persistence: { id: "v" },
          volume: { mode: Volume_Mode.RW, containerPath: "p" },
        },
      }),
      "disk(allocated: refused)(reservations: [(DYNAMIC,refused)])[MOUNT:/m,v:p]:10",
    ],
    [
      "a shared volume",
      volume({ shared: {} }),
      "disk(allocated: refused)(reservations: [(DYNAMIC,refused)])[v:data]<SHARED>:10<1>",
    ],
  ])("a task with %s that is not offered", async (_, resource, text) => {
    const { scheduler, offer } = await subscribe();
    const launched = task(offer.agentId, { command: { value: "true" }, resources: [resource] });
    await scheduler.accept([offer], [launch(launched)], 0);
    const { message } = await scheduler.update(launched.taskId?.value);
    expect(message).toMatch(/^Total resources .* required by task and its executor is more than available /);
    expect(message?.split(" required ")[0]).toBe(`Total resources ${text}`);
  });

  test.each([
    [{ cpus: { value: 5 }, mem: { value: 64 } }, "CPU", "cpu"],
    [{ mem: { value: Number.POSITIVE_INFINITY } }, "Memory", "mem"],
  ])("limits, by an agent without cgroups", async (limits, kind, isolator) => {
    const { scheduler, offer } = await subscribe();
    const launched = task(offer.agentId, { command: { value: "true" }, limits });
    await scheduler.accept([offer], [launch(launched)], 0);
    const status = await scheduler.update(launched.taskId?.value);
    expect(status).toMatchObject({
      state: TaskState.TASK_DROPPED,
      reason: Reason.REASON_GC_ERROR,
      message: `${kind} limits can only be set on tasks launched in Mesos containers when the agent has loaded the 'cgroups/${isolator}' isolator`,
    });
    expect(status.executorId).toBeUndefined();
  });

  test("limits come before the executor that is there already and before the user that is not", async () => {
    const { scheduler, offer } = await subscribe();
    const limits = { mem: { value: Number.POSITIVE_INFINITY } };
    const executor = { executorId: { value: "there" }, ...sleeper };
    const first = task(offer.agentId, { executor });
    const again = task(offer.agentId, { taskId: executor.executorId, command: { value: "true" }, limits });
    const nobody = task(offer.agentId, { command: { value: "true", user: "no-such-user" }, limits });
    await scheduler.accept([offer], [launch(first, again, nobody)], 0);
    for (const { taskId } of [again, nobody]) {
      expect((await scheduler.update(taskId?.value)).reason).toBe(Reason.REASON_GC_ERROR);
    }
  });

  test.each([
    [{ type: Secret_Type.REFERENCE, reference: { name: "n" } }, "Default secret resolver cannot resolve references"],
    [{}, "Secret has no value"],
  ])("a secret that an agent can't resolve", async (wanted, why) => {
    const { scheduler, offer } = await subscribe();
    const launched = task(offer.agentId, secret(wanted));
    await scheduler.accept([offer], [launch(launched)], 0);
    expect(await scheduler.update(launched.taskId?.value)).toMatchObject({
      state: TaskState.TASK_FAILED,
      reason: Reason.REASON_CONTAINER_LAUNCH_FAILED,
      message: `Failed to launch container: Collect failed: ${why}`,
    });
  });

  test.each<[string, { type: ExecutorInfo_Type }, PartialTask, string]>([
    ["an unknown executor type", { type: ExecutorInfo_Type.UNKNOWN }, {}, "Unknown executor type"],
    [
      "tasks that share cgroups and some that don't",
      { type: ExecutorInfo_Type.DEFAULT },
      { container: { type: 2, linuxInfo: { shareCgroups: false } } },
      "If set, the value of 'share_cgroups' must be the same for all tasks in each task group and under a single executor",
    ],
  ])("a group with %s", async (_, kind, more, message) => {
    const { scheduler, offer } = await subscribe();
    const executor = {
      ...kind,
      executorId: { value: "group" },
      frameworkId: { value: scheduler.frameworkId },
      resources: resources("cpus:0.1;mem:32;disk:1"),
    };
    const tasks = [{}, more].map((each) => task(offer.agentId, { command: { value: "true" }, ...each }));
    const group = { type: Operation.LAUNCH_GROUP, launchGroup: { executor, taskGroup: { tasks } } };
    await scheduler.accept([offer], [group], 0);
    for (const { taskId } of tasks) {
      const refusal = { state: TaskState.TASK_ERROR, reason: Reason.REASON_TASK_GROUP_INVALID, message };
      expect(await scheduler.update(taskId?.value)).toMatchObject(refusal);
    }
  });

  const place = /; on agent \S+ at \S+ \(localhost\)$/;
  const reserve: PartialOperation = {
    type: Operation.RESERVE,
    reserve: { resources: resources("disk:100", { role: "refused", reservation: {} }) },
  };
  const create: PartialOperation = { type: Operation.CREATE, create: { volumes: [volume()] } };
  const part = (name: string, more = "") =>
    `Operation attempted with invalid resources: ${name} operation must have the Offer.Operation.${more} field set`;

  test.each<[string, PartialOperation[], string]>([
    ["RESERVE of nothing", [{ type: Operation.RESERVE }], `${part("A RESERVE offer", "reserve")}.`],
    ["UNRESERVE of nothing", [{ type: Operation.UNRESERVE }], `${part("An UNRESERVE offer", "unreserve")}.`],
    ["CREATE of nothing", [{ type: Operation.CREATE }], `${part("A CREATE offer", "create")}.`],
    ["DESTROY of nothing", [{ type: Operation.DESTROY }], `${part("A DESTROY offer", "destroy")}.`],
    ["GROW_VOLUME of nothing", [{ type: Operation.GROW_VOLUME }], part("A GROW_VOLUME", "grow_volume")],
    ["SHRINK_VOLUME of nothing", [{ type: Operation.SHRINK_VOLUME }], part("A SHRINK_VOLUME offer", "shrink_volume")],
    ["CREATE_DISK of nothing", [{ type: Operation.CREATE_DISK }], `${part("A CREATE_DISK offer", "create_disk")}.`],
    ["DESTROY_DISK of nothing", [{ type: Operation.DESTROY_DISK }], `${part("A DESTROY_DISK offer", "destroy_disk")}.`],
    [
      "RESERVE of revocable resources",
      [{ type: Operation.RESERVE, reserve: { resources: [inRole(cpus, { revocable: {} })] } }],
      "Invalid resources: Invalid ReservationInfo: Dynamically reserved resource cpus(allocated: refused)(reservations: [(DYNAMIC,refused)]){REV}:0.1 cannot be created from revocable resources",
    ],
    [
      "RESERVE of resources with a provider and without",
      [
        {
          type: Operation.RESERVE,
          reserve: { resources: [inRole(cpus, { providerId: { value: "p" } }), inRole(disk)] },
        },
      ],
      "Invalid resources: Some resources have a resource provider and some do not",
    ],
    [
      "CREATE of an empty DiskInfo",
      [reserve, { type: Operation.CREATE, create: { volumes: [inRole(disk, { disk: {} })] } }],
      "Invalid resources: Invalid DiskInfo: DiskInfo is set but empty",
    ],
    [
      "DESTROY of a plain disk",
      [reserve, { type: Operation.DESTROY, destroy: { volumes: [inRole(disk)] } }],
      "Not a persistent volume: Resource disk(reservations: [(DYNAMIC,refused)]):10 does not have DiskInfo",
    ],
    [
      "SHRINK_VOLUME by less than a thousandth",
      [
        reserve,
        create,
        { type: Operation.SHRINK_VOLUME, shrinkVolume: { volume: volume(), subtract: { value: 0.0001 } } },
      ],
      "Value of 'ShrinkVolume.subtract' must be greater than zero",
    ],
    [
      "CREATE_DISK of what it can't make",
      [
        {
          type: Operation.CREATE_DISK,
          createDisk: {
            source: inRole(disk, { providerId: { value: "p" }, disk: { source: { type: Source.RAW } } }),
            targetType: Source.PATH,
          },
        },
      ],
      "'target_type' is neither MOUNT or BLOCK",
    ],
  ])("%s", async (_, operations, message) => {
    const { scheduler, offer } = await subscribe();
    const last = { ...operations.at(-1), id: { value: "op" } };
    await scheduler.accept([offer], [...operations.slice(0, -1), last], 0);
    const { status } = await scheduler.stream.next("updateOperationStatus");
    expect(status?.state).toBe(OperationState.OPERATION_ERROR);
    expect(status?.message?.replace(place, "")).toBe(message);
  });

  test("a shared volume, without SHARED_RESOURCES", async () => {
    const { scheduler, offer } = await subscribe();
    const shared = {
      type: Operation.CREATE,
      create: { volumes: [volume({ shared: {} }, "data", "s")] },
      id: { value: "op" },
    };
    await scheduler.accept([offer], [reserve, shared], 0);
    const { status } = await scheduler.stream.next("updateOperationStatus");
    const text = "disk(allocated: refused)(reservations: [(DYNAMIC,refused)])[s:data]<SHARED>:10";
    expect(status?.message?.replace(place, "")).toBe(
      `Create volume operation for '${text}' has been attempted by framework '${scheduler.frameworkId}' with no SHARED_RESOURCES capability`,
    );
  });

  test("growing a volume that is not offered names the operation", async () => {
    const { scheduler, offer } = await subscribe();
    const grow = {
      type: Operation.GROW_VOLUME,
      growVolume: { volume: volume({}, "x", "none"), addition: inRole(disk) },
    };
    await scheduler.accept([offer], [reserve, { ...grow, id: { value: "op" } }], 0);
    const { status } = await scheduler.stream.next("updateOperationStatus");
    expect(status?.message).toMatch(/^Invalid GROW_VOLUME operation: .* does not contain .*\[none:x\]:10; disk/);
  });

  test("a volume is the same wherever a task has it", async () => {
    const { scheduler, offer } = await subscribe();
    const launched = task(offer.agentId, {
      command: { value: "test -d elsewhere" },
      resources: [...small, volume({}, "elsewhere", "same")],
    });
    const made = { type: Operation.CREATE, create: { volumes: [volume({}, "data", "same")] } };
    await scheduler.accept([offer], [reserve, made, launch(launched)], 0);
    const states: (TaskState | undefined)[] = [];
    while (states.at(-1) !== TaskState.TASK_FINISHED) {
      states.push((await scheduler.update(launched.taskId?.value)).state);
      expect(states.at(-1)).not.toBe(TaskState.TASK_ERROR);
      expect(states.at(-1)).not.toBe(TaskState.TASK_FAILED);
    }
    let back = await scheduler.offer();
    // The first offers are of what the task left.
    while (!back.resources.some((each) => each.disk?.persistence?.id === "same")) {
      await scheduler.decline([back], 0);
      back = await scheduler.offer();
    }
    const destroy = {
      type: Operation.DESTROY,
      destroy: { volumes: [volume({}, "third", "same")] },
      id: { value: "gone" },
    };
    await scheduler.accept([back], [destroy], 0);
    const { status } = await scheduler.stream.next("updateOperationStatus");
    expect(status).toMatchObject({ operationId: { value: "gone" }, state: OperationState.OPERATION_FINISHED });
  });
});
