import { FrameworkInfo_Capability_Type, type Offer, Offer_Operation_Type } from "../../../../gen/mesos/v1/mesos.js";
import {
  groupOperation,
  launch,
  MULTI_ROLE,
  newTask,
  operations,
  type PartialOperation,
  type PartialResource,
  scalar,
} from "./builders.js";
import type { RefusedCall, TakenCall } from "./example.js";

/** Resources of operations on which a 1.11.0 master aborts, and their like that it takes or refuses. */

const { RESERVATION_REFINEMENT, SHARED_RESOURCES } = FrameworkInfo_Capability_Type;
const { RESERVE, UNRESERVE, CREATE, DESTROY } = Offer_Operation_Type;
const ROLE = "reserver";

const framework = {
  roles: [ROLE],
  capabilities: [MULTI_ROLE, RESERVATION_REFINEMENT, SHARED_RESOURCES].map((type) => ({ type })),
};

const reserved = (resource: PartialResource): PartialResource => ({
  ...resource,
  reservations: [{ type: 2, role: ROLE }],
});
const disk = (size: number) => reserved(scalar("disk", size));
const volume = (id: string, size: number): PartialResource => ({
  ...disk(size),
  disk: { persistence: { id }, volume: { containerPath: "data", mode: 1 } },
});
const shared = (id: string, size: number): PartialResource => ({ ...volume(id, size), shared: {} });
const noRanges: PartialResource = { name: "ports", type: 1, ranges: { range: [] } };
const emptySet: PartialResource = { name: "ports", type: 2, set: { item: [] } };

const reserve = (...resources: PartialResource[]): PartialOperation => ({ type: RESERVE, reserve: { resources } });
const unreserve = (...resources: PartialResource[]): PartialOperation => ({
  type: UNRESERVE,
  unreserve: { resources },
});
const create = (...volumes: PartialResource[]): PartialOperation => ({ type: CREATE, create: { volumes } });
const destroy = (...volumes: PartialResource[]): PartialOperation => ({ type: DESTROY, destroy: { volumes } });

const refused = (name: string, path: string, says: string, ...list: PartialOperation[]): RefusedCall => ({
  name,
  bytes: (offer) => operations(offer, ...list),
  framework,
  field: `accept.operations${path}`,
  says,
  mesos: "crash",
});

const emptyList = (name: string, field: string, operation: PartialOperation): RefusedCall => ({
  name: `${name} of an empty list`,
  bytes: (offer) => operations(offer, { ...operation, id: { value: "o" } }),
  field: `accept.operations[0].${field}`,
  says: "at least one element",
  mesos: { operationError: "The resources have multiple resource providers" },
});

const HUGE = 9.2e15;
const NOTHING = "must not be empty";
const TOO_MUCH = "more than 9.2e15 in all";

const group = (offer: Offer, ...tasks: Parameters<typeof newTask>[1][]): PartialOperation => {
  const operation = groupOperation(offer, {}, {});
  const taskGroup = { tasks: tasks.map((more) => newTask(offer, more)) };
  return { ...operation, launchGroup: { ...operation.launchGroup, taskGroup } };
};

export const refusedResources: readonly RefusedCall[] = [
  emptyList("RESERVE", "reserve.resources", reserve()),
  emptyList("UNRESERVE", "unreserve.resources", unreserve()),
  emptyList("CREATE", "create.volumes", create()),
  emptyList("DESTROY", "destroy.volumes", destroy()),
  refused("RESERVE of 0 cpus", "[0].reserve.resources", NOTHING, reserve(reserved(scalar("cpus", 0)))),
  refused(
    "RESERVE of several that are nothing",
    "[0].reserve.resources",
    NOTHING,
    reserve(reserved(scalar("cpus", -0)), reserved(noRanges), reserved(emptySet)),
  ),
  refused("UNRESERVE of no ports", "[0].unreserve.resources[0]", NOTHING, unreserve(reserved(noRanges))),
  refused("UNRESERVE of an empty set", "[0].unreserve.resources[0]", NOTHING, unreserve(reserved(emptySet))),
  refused(
    "UNRESERVE of 0 cpus beside disk",
    "[1].unreserve.resources[0]",
    NOTHING,
    reserve(disk(32)),
    unreserve(reserved(scalar("cpus", 0)), disk(32)),
  ),
  refused(
    "CREATE of a volume of 0 beside another one",
    "[1].create.volumes[1]",
    NOTHING,
    reserve(disk(32)),
    create(volume("a", 10), volume("b", 0)),
  ),
  refused(
    "DESTROY of a volume of 0 beside another one",
    "[2].destroy.volumes[1]",
    NOTHING,
    reserve(disk(32)),
    create(volume("a", 10)),
    destroy(volume("a", 10), volume("a", 0)),
  ),
  refused(
    "CREATE of a shared volume twice",
    "[1].create.volumes",
    'the same persistence id twice: "a"',
    reserve(disk(32)),
    create(shared("a", 10), shared("a", 10)),
  ),
  {
    name: "CREATE of two volumes of one id",
    bytes: (offer) =>
      operations(offer, reserve(disk(32)), { ...create(volume("a", 10), volume("a", 9)), id: { value: "o" } }),
    framework,
    field: "accept.operations[1].create.volumes",
    says: 'the same persistence id twice: "a"',
    mesos: { operationError: "Persistence ID 'a' is not unique" },
  },
  refused(
    "RESERVE of more than can be added up",
    "[0]",
    TOO_MUCH,
    reserve(reserved(scalar("cpus", HUGE)), reserved(scalar("cpus", HUGE))),
  ),
  {
    name: "a group that needs more than can be added up",
    bytes: (offer) => {
      const resources = [scalar("cpus", HUGE)];
      return operations(offer, group(offer, { resources }, { resources }));
    },
    field: "accept.operations[0]",
    says: TOO_MUCH,
    mesos: "crash",
  },
  {
    name: "a task that needs more than can be added up",
    bytes: (offer) => launch(offer, newTask(offer, { resources: [scalar("cpus", HUGE), scalar("cpus", HUGE)] })),
    field: "accept.operations[0]",
    says: TOO_MUCH,
    mesos: { taskError: "Task and its executor use invalid resources" },
  },
  {
    name: "a group with one task twice",
    bytes: (offer) => {
      const taskId = { value: "twin" };
      return operations(offer, group(offer, { taskId }, {}, { taskId }));
    },
    field: "accept.operations[0].launch_group.task_group.tasks",
    says: 'two tasks with the same id: "twin"',
    mesos: "crash",
  },
];

export const takenResources: readonly TakenCall[] = [
  {
    name: "RESERVE of something, and of nothing beside it",
    bytes: (offer) => operations(offer, reserve(reserved(scalar("cpus", 0)), disk(32)), unreserve(disk(32))),
    framework,
    outcome: "taken",
  },
  {
    name: "CREATE of volumes of different ids",
    bytes: (offer) => {
      const volumes = [volume("a", 10), volume("b", 10)];
      return operations(offer, reserve(disk(32)), create(...volumes), destroy(...volumes), unreserve(disk(32)));
    },
    framework,
    outcome: "taken",
  },
  {
    name: "several operations that are huge together",
    bytes: (offer) => operations(offer, reserve(disk(HUGE)), reserve(disk(HUGE))),
    framework,
    outcome: "taken",
  },
];
