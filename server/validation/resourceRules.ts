/**
 * Resources on which a 1.11.0 master aborts, each seen on a real one: it takes the framework's word for what it then checks
 * as its own. Every framework of the cluster loses its master by them, so they never get that far.
 */
import {
  Resource_DiskInfo_PersistenceFields,
  Resource_DiskInfoFields,
  Resource_ReservationInfoFields,
  ResourceFields,
  Value_ScalarFields,
} from "../../gen/mesos/v1/mesos.fields.js";
import { Value_Type } from "../../gen/mesos/v1/mesos.js";
import { hasValue, lastValue } from "../../wire/fields.js";
import { keyOfBytes } from "../../wire/keys.js";
import { FIXED64, ProtoReader } from "../../wire/proto.js";
import { addsUp, noneProblem } from "./quantities.js";
import { repeatedElement } from "./repeated.js";
import type { ContextRule, MessageRule, RuleSet } from "./rule.js";
import { quoted } from "./text.js";

const OPERATION = "mesos.v1.Offer.Operation";
const TASK = "mesos.v1.TaskInfo";
const RESOURCE = "mesos.v1.Resource";

const { SCALAR, RANGES, SET, TEXT } = Value_Type;
const FIELD_OF_TYPE: ReadonlyMap<number, number> = new Map([
  [SCALAR, ResourceFields.scalar],
  [RANGES, ResourceFields.ranges],
  [SET, ResourceFields.set],
]);
/** Of scalar, ranges and set alike. */
const CONTENT = Value_ScalarFields.value;

/** A resource of type TEXT brings a 1.11.0 master down (`Unexpected Value type: 3`); others refuse it. */
function resourceIsNoText(within: string): MessageRule {
  return {
    type: RESOURCE,
    within,
    check: (slot) => {
      const type = slot("type");
      return (resource) => {
        if (resource.enumNumber(type) === TEXT) resource.report(type, "must be SCALAR, RANGES or SET");
      };
    },
  };
}

const NOTHING =
  "must not be empty (a scalar of 0, no ranges, an empty set): a Mesos 1.11.0 master aborts on empty operations";

/**
 * UNRESERVE, CREATE and DESTROY convert each resource by itself, and of one that is nothing the master does not find the
 * provider (`CHECK_SOME(providerId): Cannot determine resource provider for empty resources`).
 */
const convertedIsSomething: MessageRule = {
  type: RESOURCE,
  within: "converted",
  check: (slot) => {
    const type = slot("type");
    const values = [slot("scalar"), slot("ranges"), slot("set")];
    return (resource) => {
      const number = resource.enumNumber(type);
      const value = values[number ?? TEXT];
      if (number === undefined || value === undefined) return;
      if (isNothing(number, resource.bytes(value))) resource.report(undefined, NOTHING);
    };
  },
};

/** RESERVE converts all of its resources together: some of them may be nothing, but not all. */
const reserveIsSomething: MessageRule = {
  type: `${OPERATION}.Reserve`,
  check: (slot) => {
    const resources = slot("resources");
    return (reserve) => {
      if (reserve.count(resources) === 0) return;
      const something = reserve.find(resources, (buffer, start, end) => !resourceIsNothing(buffer, start, end));
      if (something === undefined) reserve.report(resources, NOTHING);
    };
  },
};

function resourceIsNothing(buffer: Uint8Array, start: number, end: number): boolean {
  const reader = new ProtoReader(buffer, start, end);
  let type: number | undefined;
  while (reader.next()) if (reader.field === ResourceFields.type) type = reader.varint();
  const field = type === undefined ? undefined : FIELD_OF_TYPE.get(type);
  return type !== undefined && field !== undefined && isNothing(type, lastValue(buffer.subarray(start, end), field));
}

/** Of a value that is not there Mesos says what is wrong. */
function isNothing(type: number, value: Uint8Array | undefined): boolean {
  if (value === undefined) return false;
  return type === SCALAR ? amountOf(value) === 0 : !hasValue(value, CONTENT);
}

/** Of a Value.Scalar. */
function amountOf(scalar: Uint8Array): number | undefined {
  const reader = new ProtoReader(scalar);
  while (reader.next()) if (reader.field === CONTENT && reader.wireType === FIXED64) return reader.double();
  return undefined;
}

/**
 * The master adds up an operation's scalars as 64-bit thousandths, which become negative and then pass for less than is
 * offered (`Check failed: scalar >= Value::Scalar()`).
 *
 * @param field where it is reported; by default at the message itself
 */
export function amountsAddUp(type: string, field?: string): MessageRule {
  return {
    type,
    check: (slot) => {
      const at = field === undefined ? undefined : slot(field);
      return (operation) => {
        if (!addsUp(operation.takeSum())) operation.report(at, TOO_MUCH);
      };
    },
  };
}

const TOO_MUCH = "must not ask for more than 9.2e15 in all: a Mesos 1.11.0 master can't add it up, and aborts";

/**
 * Mesos: `Persistence ID 'x' is not unique`. Only of a shared volume it takes two for one, and aborts
 * (`Check failed: removedAllocationQuantities == …`).
 */
const createsVolumesOnce: MessageRule = {
  type: `${OPERATION}.Create`,
  check: (slot) => {
    const volumes = slot("volumes");
    return (create) => {
      const twice = repeatedElement(create, volumes, volumeKey);
      const id = twice && persistenceId(twice);
      if (id) create.report(volumes, `must not have the same persistence id twice: ${quoted(id)}`);
    };
  },
};

/** A volume's id is its own within a role. */
function volumeKey(buffer: Uint8Array, start: number, end: number): string | undefined {
  const volume = buffer.subarray(start, end);
  const id = persistenceId(volume);
  if (id === undefined) return undefined;
  const reservation = lastValue(volume, ResourceFields.reservations);
  const role = reservation
    ? lastValue(reservation, Resource_ReservationInfoFields.role)
    : lastValue(volume, ResourceFields.role);
  return `${keyOfBytes(role ?? Buffer.alloc(0))}/${role?.length}/${keyOfBytes(id)}`;
}

function persistenceId(volume: Uint8Array): Uint8Array | undefined {
  const disk = lastValue(volume, ResourceFields.disk);
  const persistence = disk && lastValue(disk, Resource_DiskInfoFields.persistence);
  return persistence && lastValue(persistence, Resource_DiskInfo_PersistenceFields.id);
}

/** Fields whose resources Mesos converts each by itself. */
const CONVERTED_FIELDS = [
  `${OPERATION}.Unreserve.resources`,
  `${OPERATION}.Create.volumes`,
  `${OPERATION}.Destroy.volumes`,
];

/** Every other field that holds resources of an operation. */
const RESOURCE_FIELDS = [
  `${TASK}.resources`,
  `${OPERATION}.Reserve.source`,
  `${OPERATION}.Reserve.resources`,
  `${OPERATION}.GrowVolume.volume`,
  `${OPERATION}.GrowVolume.addition`,
  `${OPERATION}.ShrinkVolume.volume`,
  `${OPERATION}.CreateDisk.source`,
  `${OPERATION}.DestroyDisk.source`,
];

const executorResources: readonly ContextRule[] = ["launch", "group"].map((within) => ({
  field: "mesos.v1.ExecutorInfo.resources",
  within,
  gives: "operation",
}));

export const resourceRules: RuleSet = {
  contexts: [
    ...RESOURCE_FIELDS.map((field) => ({ field, gives: "operation" })),
    ...CONVERTED_FIELDS.map((field) => ({ field, gives: "converted" })),
    ...executorResources,
    ...["operation", "converted"].map((within) => ({ field: `${RESOURCE}.scalar`, within, gives: "amount" })),
    { field: `${OPERATION}.ShrinkVolume.subtract`, gives: "quantity" },
  ],
  fields: [
    // Mesos: `The resources have multiple resource providers: `, of none.
    ...[`${OPERATION}.Reserve.resources`, ...CONVERTED_FIELDS].map((field) => ({ field, count: noneProblem })),
  ],
  messages: [
    resourceIsNoText("operation"),
    resourceIsNoText("converted"),
    convertedIsSomething,
    reserveIsSomething,
    amountsAddUp(OPERATION),
    createsVolumesOnce,
  ],
};
