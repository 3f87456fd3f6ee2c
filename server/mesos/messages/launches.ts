/** The launches of an ACCEPT call, as far as rules about tasks have to know them. */
import {
  Offer_Operation_LaunchFields,
  Offer_Operation_LaunchGroupFields,
  Offer_OperationFields,
  TaskGroupInfoFields,
} from "../../../gen/mesos/v1/mesos.fields.js";
import { Offer_Operation_Type as OperationType } from "../../../gen/mesos/v1/mesos.js";
import { Call_AcceptFields } from "../../../gen/mesos/v1/scheduler/scheduler.fields.js";
import { eachValue, messageIn } from "../../../wire/fields.js";
import { readOperationType } from "./calls.js";

/** Tasks that one operation launches. All bytes are views of the call. */
export interface LaunchView {
  /** Serialized `TaskInfo`s. */
  readonly tasks: readonly Uint8Array[];
  /** True for a task group, whose tasks live and die together. */
  readonly isGroup: boolean;
  /** The serialized `ExecutorInfo` of a task group. */
  readonly executor: Uint8Array | undefined;
}

const OPERATION = Offer_OperationFields;

/** The LAUNCH and LAUNCH_GROUP operations of an ACCEPT payload. @throws WireError */
export function readLaunches(payload: Uint8Array): LaunchView[] {
  const launches: LaunchView[] = [];
  eachValue(payload, Call_AcceptFields.operations, (operation) => {
    const type = readOperationType(operation);
    if (type === OperationType.LAUNCH) {
      eachValue(operation, OPERATION.launch, (launch) => {
        const tasks = valuesOf(launch, Offer_Operation_LaunchFields.taskInfos);
        launches.push({ tasks, isGroup: false, executor: undefined });
      });
    } else if (type === OperationType.LAUNCH_GROUP) {
      eachValue(operation, OPERATION.launchGroup, (launch) => launches.push(groupIn(launch)));
    }
  });
  return launches;
}

function groupIn(launch: Uint8Array): LaunchView {
  const { executor, taskGroup } = Offer_Operation_LaunchGroupFields;
  const tasks: Uint8Array[] = [];
  eachValue(launch, taskGroup, (group) => eachValue(group, TaskGroupInfoFields.tasks, (task) => tasks.push(task)));
  return { tasks, isGroup: true, executor: messageIn(launch, executor) };
}

function valuesOf(message: Uint8Array, field: number): Uint8Array[] {
  const values: Uint8Array[] = [];
  eachValue(message, field, (value) => values.push(value));
  return values;
}
