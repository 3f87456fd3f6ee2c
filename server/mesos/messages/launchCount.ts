import {
  Offer_Operation_LaunchFields,
  Offer_Operation_LaunchGroupFields,
  Offer_OperationFields,
  TaskGroupInfoFields,
} from "../../../gen/mesos/v1/mesos.fields.js";
import { Call_AcceptFields } from "../../../gen/mesos/v1/scheduler/scheduler.fields.js";
import { countValues, eachValue } from "../../../wire/fields.js";
import { type CallMessage, CallType } from "./calls.js";

const OPERATION = Offer_OperationFields;

/** How many tasks a call launches. @throws WireError */
export function launchCount({ type, payload }: CallMessage): number {
  if (type !== CallType.ACCEPT) return 0;
  let count = 0;
  eachValue(payload, Call_AcceptFields.operations, (operation) => {
    eachValue(operation, OPERATION.launch, (launch) => {
      count += countValues(launch, Offer_Operation_LaunchFields.taskInfos);
    });
    eachValue(operation, OPERATION.launchGroup, (launch) => {
      eachValue(launch, Offer_Operation_LaunchGroupFields.taskGroup, (group) => {
        count += countValues(group, TaskGroupInfoFields.tasks);
      });
    });
  });
  return count;
}
