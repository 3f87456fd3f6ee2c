import {
  type Offer,
  OperationState,
  type Resource,
  TaskState,
  TaskStatus_Reason,
} from "../../../gen/mesos/v1/mesos.js";
import type { OpenTask, StateEntry } from "../../../gen/mesosbridge/v1/scheduler.js";
import type { BridgeError } from "../library/errors.js";
import type { SchedulerEvent } from "../library/events.js";
import { taskOutcome } from "../library/taskOutcome.js";

type Printed = Record<string, unknown>;

/** An event as the conformance cases write it: 64-bit numbers as text, bytes in base64, what is not there as null. */
export function printedEvent(event: SchedulerEvent): Printed {
  if (!("sequence" in event)) return { kind: event.kind, ...printedOwn(event) };
  const { kind, sequence, ackToken } = event;
  return { kind, sequence: String(sequence), ackToken: ackToken ?? null, ...printedBody(event) };
}

export function printedError(error: BridgeError): Printed {
  const { code, reason, message, metadata, fieldViolations, retryDelayMs, retryable, outcomeUnknown } = error;
  const fields = fieldViolations.map(({ field, description }) => ({ field, description }));
  return { code, reason, message, metadata, fields, retryDelayMs: retryDelayMs ?? 0, retryable, outcomeUnknown };
}

export function printedEntry(entry: StateEntry | undefined): Printed | null {
  if (entry === undefined) return null;
  const { key, value, version } = entry;
  return { key, value: value.toString("base64"), version: String(version) };
}

export function printedVersion(name: "version" | "stateVersion", version: bigint): Printed {
  return { [name]: String(version) };
}

/** The library's own events. */
function printedOwn(event: Exclude<SchedulerEvent, { sequence: bigint }>): Printed {
  switch (event.kind) {
    case "detached":
      return { attempt: event.attempt, error: printedError(event.error) };
    case "gap":
      return { missing: String(event.missing) };
    case "acknowledgement-refused":
      return { ackToken: event.ackToken, error: printedError(event.error) };
  }
}

function printedBody(event: Extract<SchedulerEvent, { sequence: bigint }>): Printed {
  switch (event.kind) {
    case "opened": {
      const { attachmentId, frameworkId = null, resumed, linked, leaseMs, defaultedFields } = event;
      return { attachmentId, frameworkId, resumed, linked, leaseMs, defaultedFields };
    }
    case "standby":
      return { frameworkId: event.frameworkId ?? null, linked: event.linked };
    case "subscribed":
      return { frameworkId: event.frameworkId?.value ?? null };
    case "offers":
      return { fragment: event.fragment, offers: event.offers.map(printedOffer) };
    case "rescind":
      return { offerId: event.offerId?.value ?? null };
    case "inverse-offers":
      return { ids: event.inverseOffers.map(({ id }) => id?.value ?? null) };
    case "rescind-inverse-offer":
      return { inverseOfferId: event.inverseOfferId?.value ?? null };
    default:
      return printedReport(event);
  }
}

function printedReport(event: SchedulerEvent): Printed {
  switch (event.kind) {
    case "update": {
      const { taskId, reason, message = null, healthy = null, timestamp = null, data } = event.status;
      return {
        taskId: taskId?.value ?? null,
        state: nameOf(TaskState, event.status.state),
        reason: reason === undefined ? null : nameOf(TaskStatus_Reason, reason),
        outcome: taskOutcome(event.status),
        message,
        healthy,
        timestamp,
        data: data === undefined ? null : Buffer.from(data).toString("base64"),
      };
    }
    case "operation-update": {
      const { operationId, state } = event.status;
      return { operationId: operationId?.value ?? null, state: nameOf(OperationState, state) };
    }
    case "message": {
      const { agentId, executorId, data } = event;
      return { agentId: agentId?.value ?? null, executorId: executorId?.value ?? null, data: data.toString("base64") };
    }
    case "failure": {
      const { agentId, executorId, status = null } = event;
      return { agentId: agentId?.value ?? null, executorId: executorId?.value ?? null, status };
    }
    case "mesos-error":
      return { message: event.message };
    case "tasks":
      return { tasks: event.tasks.map(printedTask) };
    case "link-changed":
      return { linked: event.linked, reason: event.reason, master: event.master };
    default:
      return {};
  }
}

function printedTask({ taskId, agentId, status, cookie, unconfirmed }: OpenTask): Printed {
  return {
    taskId: taskId?.value ?? null,
    agentId: agentId?.value ?? null,
    state: status === undefined ? null : nameOf(TaskState, status.state),
    cookie: cookie.toString("base64"),
    unconfirmed,
  };
}

function printedOffer({ id, agentId, hostname, resources, attributes, unavailability }: Offer): Printed {
  const { start, duration } = unavailability ?? {};
  return {
    id: id?.value ?? null,
    agentId: agentId?.value ?? null,
    hostname,
    resources: resources.map(printedResource),
    textBytes: attributes.reduce((bytes, { text }) => bytes + Buffer.byteLength(text?.value ?? ""), 0),
    unavailability:
      unavailability === undefined
        ? null
        : { start: decimal(start?.nanoseconds), duration: decimal(duration?.nanoseconds) },
  };
}

function printedResource({ name, scalar, ranges, set }: Resource): Printed {
  return {
    name,
    scalar: scalar?.value ?? null,
    ranges: (ranges?.range ?? []).map(({ begin, end }) => ({ begin: decimal(begin), end: decimal(end) })),
    set: set?.item ?? [],
  };
}

const decimal = (value: bigint | undefined) => (value === undefined ? null : String(value));

/** An enum's value by its name in the protos; what the protos do not know is `unknown`. */
function nameOf(type: Record<number, string>, value: number | undefined): string {
  const name = value === undefined ? undefined : type[value];
  return name === undefined || name === "UNRECOGNIZED" ? "unknown" : name;
}
