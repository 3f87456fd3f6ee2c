import { Offer_Operation_LaunchFields, Offer_OperationFields } from "../../gen/mesos/v1/mesos.fields.js";
import { Offer_Operation_Type as OperationType } from "../../gen/mesos/v1/mesos.js";
import {
  Call_AcceptFields,
  Call_DeclineFields,
  Call_KillFields,
  Call_MessageFields,
  Call_ReconcileFields,
  Call_ReviveFields,
  Call_SuppressFields,
} from "../../gen/mesos/v1/scheduler/scheduler.fields.js";
import {
  AcceptOffersRequestFields,
  CallRequestFields,
  DeclineOffersRequestFields,
  KillTaskRequestFields,
  LaunchTasksRequestFields,
  ReconcileTasksRequestFields,
  ReviveOffersRequestFields,
  SendMessageRequestFields,
  SuppressOffersRequestFields,
} from "../../gen/mesosbridge/v1/scheduler.fields.js";
import { fieldParts, lengthDelimited, varintField } from "../../wire/proto.js";
import { buildCall, type CallMessage, CallType, readCall } from "../mesos/messages/calls.js";
import { invalidField } from "../session/errors.js";
import type { RequestFields } from "./requestFields.js";

const ACCEPT = Call_AcceptFields;
const EMPTY = new Uint8Array(0);

/** Makes the Mesos call that a typed request stands for. */
export type TypedCall = (request: RequestFields) => CallMessage;

/** The typed methods of SchedulerService that are one Mesos call, by their generated names. */
export const typedCalls = {
  launchTasks: (request) => {
    const { offerIds, tasks, filters } = LaunchTasksRequestFields;
    if (!request.has(tasks)) throw invalidField("tasks", "must hold at least one task; use DeclineOffers to decline");
    const infos = request.copy(tasks, Offer_Operation_LaunchFields.taskInfos);
    const type = varintField(Offer_OperationFields.type, OperationType.LAUNCH);
    const launch = fieldParts(Offer_OperationFields.launch, [infos]);
    return buildCall(CallType.ACCEPT, [
      request.copy(offerIds, ACCEPT.offerIds),
      ...fieldParts(ACCEPT.operations, [type, ...launch]),
      request.copy(filters, ACCEPT.filters),
    ]);
  },
  acceptOffers: (request) => {
    const { offerIds, operations, filters } = AcceptOffersRequestFields;
    return buildCall(CallType.ACCEPT, [
      request.copy(offerIds, ACCEPT.offerIds),
      request.copy(operations, ACCEPT.operations),
      request.copy(filters, ACCEPT.filters),
    ]);
  },
  declineOffers: (request) => {
    const { offerIds, filters } = DeclineOffersRequestFields;
    return buildCall(CallType.DECLINE, [
      request.copy(offerIds, Call_DeclineFields.offerIds),
      request.copy(filters, Call_DeclineFields.filters),
    ]);
  },
  reviveOffers: (request) =>
    buildCall(CallType.REVIVE, [request.copy(ReviveOffersRequestFields.roles, Call_ReviveFields.roles)]),
  suppressOffers: (request) =>
    buildCall(CallType.SUPPRESS, [request.copy(SuppressOffersRequestFields.roles, Call_SuppressFields.roles)]),
  killTask: (request) => {
    const { taskId, agentId, killPolicy } = KillTaskRequestFields;
    required(request, taskId, "task_id");
    return buildCall(CallType.KILL, [
      request.copy(taskId, Call_KillFields.taskId),
      request.copy(agentId, Call_KillFields.agentId),
      request.copy(killPolicy, Call_KillFields.killPolicy),
    ]);
  },
  reconcileTasks: (request) =>
    buildCall(CallType.RECONCILE, [request.copy(ReconcileTasksRequestFields.tasks, Call_ReconcileFields.tasks)]),
  sendMessage: (request) => {
    const { agentId, executorId, data } = SendMessageRequestFields;
    required(request, agentId, "agent_id");
    required(request, executorId, "executor_id");
    // `data` is required by Mesos; here it is proto3, where empty bytes are not on the wire.
    const text = lengthDelimited(Call_MessageFields.data, request.message(data) ?? EMPTY);
    return buildCall(CallType.MESSAGE, [
      request.copy(agentId, Call_MessageFields.agentId),
      request.copy(executorId, Call_MessageFields.executorId),
      text,
    ]);
  },
  teardown: () => buildCall(CallType.TEARDOWN),
  call: (request) => {
    required(request, CallRequestFields.call, "call");
    return readCall(request.message(CallRequestFields.call) ?? EMPTY);
  },
} as const satisfies Record<string, TypedCall>;

function required(request: RequestFields, field: number, name: string): void {
  if (!request.has(field)) throw invalidField(name, "is required");
}
