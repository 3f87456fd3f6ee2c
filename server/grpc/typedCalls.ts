import { lengthDelimited, messageField, varintField } from "../../wire/proto.js";
import { buildCall, CallType } from "../mesos/messages/calls.js";
import { invalidField } from "../session/errors.js";
import type { RequestFields } from "./requestFields.js";

/** `mesos.v1.Offer.Operation.Type.LAUNCH`. */
const LAUNCH = 1;

/** Makes the serialized Mesos call that a typed request stands for. */
export type TypedCall = (request: RequestFields) => Uint8Array;

/** The typed methods of SchedulerService that are one Mesos call, by their generated names. */
export const typedCalls = {
  launchTasks: (request) => {
    if (!request.has(3)) throw invalidField("tasks", "must hold at least one task; use DeclineOffers to decline");
    const launch = lengthDelimited(2, request.copy(3, 1));
    const operation = messageField(2, [varintField(1, LAUNCH), launch]);
    return buildCall(CallType.ACCEPT, [request.copy(2, 1), operation, request.copy(4, 3)]);
  },
  acceptOffers: (request) => {
    return buildCall(CallType.ACCEPT, [request.copy(2, 1), request.copy(3, 2), request.copy(4, 3)]);
  },
  declineOffers: (request) => buildCall(CallType.DECLINE, [request.copy(2, 1), request.copy(3, 2)]),
  reviveOffers: (request) => buildCall(CallType.REVIVE, [request.copy(2, 1)]),
  suppressOffers: (request) => buildCall(CallType.SUPPRESS, [request.copy(2, 1)]),
  killTask: (request) => {
    required(request, 2, "task_id");
    return buildCall(CallType.KILL, [request.copy(2, 1), request.copy(3, 2), request.copy(4, 3)]);
  },
  reconcileTasks: (request) => buildCall(CallType.RECONCILE, [request.copy(2, 1)]),
  sendMessage: (request) => {
    required(request, 2, "agent_id");
    required(request, 3, "executor_id");
    // `data` is required by Mesos; here it is proto3, where empty bytes are not on the wire.
    const data = lengthDelimited(3, request.message(4) ?? new Uint8Array(0));
    return buildCall(CallType.MESSAGE, [request.copy(2, 1), request.copy(3, 2), data]);
  },
  teardown: () => buildCall(CallType.TEARDOWN),
  call: (request) => {
    required(request, 2, "call");
    return request.message(2) ?? new Uint8Array(0);
  },
} as const satisfies Record<string, TypedCall>;

function required(request: RequestFields, field: number, name: string): void {
  if (!request.has(field)) throw invalidField(name, "is required");
}
