import {
  type AgentID,
  type ExecutorID,
  type FrameworkID,
  type FrameworkInfo,
  type InverseOffer,
  type MasterInfo,
  type Offer,
  type OfferID,
  type OperationStatus,
  TaskState,
  type TaskStatus,
} from "../../../gen/mesos/v1/mesos.js";
import { Event_Type, type Event as MesosEvent } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import {
  AttachmentRole,
  LinkState,
  Opened,
  type OpenTask,
  type SessionEvent,
} from "../../../gen/mesosbridge/v1/scheduler.js";
import type { BridgeError } from "./errors.js";

/** What all events of the session have. */
export interface SessionEventBase {
  /** Contiguous within a session as long as the bridge runs. Snapshot events repeat the last live one. */
  sequence: bigint;
  /** When the bridge received or made it. */
  receiveTime: Date | undefined;
  /** Set when an acknowledgement is owed. The scheduler sends it by itself once the next event is asked for. */
  ackToken: string | undefined;
}

/** The client waits while another scheduler of the framework is active. It is active with the next `opened`. */
export interface StandbyEvent extends SessionEventBase {
  kind: "standby";
  frameworkId: string | undefined;
  /** Whether the bridge is subscribed to a master at this moment. */
  linked: boolean;
  progressIntervalMs: number;
  /** How many tries failed since the attachment before; 0 for the first one at once. */
  failures: number;
}

/** The attachment stands, and is the active one. With `resumed`, what was missed follows; else forget all offers: a snapshot follows. */
export interface OpenedEvent extends SessionEventBase {
  kind: "opened";
  attachmentId: string;
  /** The id of the framework: the bridge always sends it. */
  frameworkId: string | undefined;
  resumed: boolean;
  /** How long the session outlives its client, in ms. */
  leaseMs: number;
  /** As sent to Mesos, with the bridge's defaults filled in; `defaultedFields` names those. */
  frameworkInfo: FrameworkInfo | undefined;
  defaultedFields: readonly string[];
  /** Whether the bridge is subscribed to a master at this moment. */
  linked: boolean;
  progressIntervalMs: number;
  /** How many tries failed since the attachment before; 0 for the first one at once. */
  failures: number;
}

/** The bridge subscribed to a master. Offers from before are void. */
export interface SubscribedEvent extends SessionEventBase {
  kind: "subscribed";
  frameworkId: FrameworkID | undefined;
  masterInfo: MasterInfo | undefined;
}

/** Offers, handed out as they come; with `fragment`, more pieces of the same Mesos event follow. */
export interface OffersEvent extends SessionEventBase {
  kind: "offers";
  offers: Offer[];
  fragment: boolean;
}

/** An offer is void. */
export interface RescindEvent extends SessionEventBase {
  kind: "rescind";
  offerId: OfferID | undefined;
}

/** Inverse offers (maintenance). */
export interface InverseOffersEvent extends SessionEventBase {
  kind: "inverse-offers";
  inverseOffers: InverseOffer[];
}

/** An inverse offer is void. */
export interface RescindInverseOfferEvent extends SessionEventBase {
  kind: "rescind-inverse-offer";
  inverseOfferId: OfferID | undefined;
}

/** The state of a task. It may come more than once. `state` is `status.state`, never undefined. */
export interface UpdateEvent extends SessionEventBase {
  kind: "update";
  status: TaskStatus;
  state: TaskState;
}

/** The state of an operation. */
export interface OperationUpdateEvent extends SessionEventBase {
  kind: "operation-update";
  status: OperationStatus;
}

/** Bytes from an executor. */
export interface MessageEvent extends SessionEventBase {
  kind: "message";
  agentId: AgentID | undefined;
  executorId: ExecutorID | undefined;
  data: Buffer;
}

/** An agent is lost, or an executor has ended: then `status` is the raw wait status. */
export interface FailureEvent extends SessionEventBase {
  kind: "failure";
  agentId: AgentID | undefined;
  executorId: ExecutorID | undefined;
  status: number | undefined;
}

/** Mesos's own ERROR. The stream ends after it. */
export interface MesosErrorEvent extends SessionEventBase {
  kind: "mesos-error";
  message: string;
}

/** The master was lost (`linked` false), found or changed. Offers from before are void. */
export interface LinkChangedEvent extends SessionEventBase {
  kind: "link-changed";
  linked: boolean;
  /** For people. */
  reason: string;
  /** As host:port. */
  master: string;
}

/**
 * Tasks that have not ended, or whose end is not acknowledged: part of the snapshot, before its offers. Several of these
 * events may come. Each task has the `cookie` of its launch. With `unconfirmed` it is not known whether Mesos has the
 * task: an update will tell.
 */
export interface TasksEvent extends SessionEventBase {
  kind: "tasks";
  tasks: OpenTask[];
}

/** All that was open when it attached has been handed out. */
export interface SnapshotEndEvent extends SessionEventBase {
  kind: "snapshot-end";
}

/** The stream broke, or could not be opened. The scheduler attaches again by itself after `retryInMs`. */
export interface DetachedEvent {
  kind: "detached";
  error: BridgeError;
  /** 1 for the first failure in a row. */
  attempt: number;
  retryInMs: number;
}

/** Events are missing: reconcile what matters. */
export interface GapEvent {
  kind: "gap";
  /** How many. */
  missing: bigint;
}

/** The bridge refused an acknowledgement for good. Mesos sends the update again. */
export interface AcknowledgementRefusedEvent {
  kind: "acknowledgement-refused";
  ackToken: string;
  error: BridgeError;
}

/** What comes from the session's stream. */
export type StreamEvent =
  | OpenedEvent
  | StandbyEvent
  | SubscribedEvent
  | OffersEvent
  | RescindEvent
  | InverseOffersEvent
  | RescindInverseOfferEvent
  | UpdateEvent
  | OperationUpdateEvent
  | MessageEvent
  | FailureEvent
  | MesosErrorEvent
  | LinkChangedEvent
  | TasksEvent
  | SnapshotEndEvent;

/** What a scheduler sees. Kinds may be added: ignore those that you don't know. */
export type SchedulerEvent = StreamEvent | DetachedEvent | GapEvent | AcknowledgementRefusedEvent;

/** The event as a scheduler sees it; undefined for signs of life and for what this version does not know. */
export function toStreamEvent(event: SessionEvent): StreamEvent | undefined {
  const base: SessionEventBase = {
    sequence: event.sequence,
    receiveTime: event.receiveTime,
    ackToken: event.ackToken === "" ? undefined : event.ackToken,
  };
  switch (event.event?.$case) {
    case "opened": {
      const opened = event.event.value;
      const waits = opened.role === AttachmentRole.ATTACHMENT_ROLE_STANDBY;
      return waits ? standbyEvent(base, opened) : openedEvent(base, opened);
    }
    case "promoted":
      return openedEvent(base, event.event.value.opened ?? Opened.fromPartial({}));
    case "mesos":
      return mesosEvent(base, event.event.value, event.fragment);
    case "progress":
      return event.event.value.snapshotEnd ? { kind: "snapshot-end", ...base } : undefined;
    case "tasks":
      return { kind: "tasks", ...base, tasks: event.event.value.tasks };
    case "linkChanged": {
      const { state, reason, master } = event.event.value;
      return { kind: "link-changed", ...base, linked: state === LinkState.LINK_STATE_CONNECTED, reason, master };
    }
    default:
      return undefined;
  }
}

function standbyEvent(base: SessionEventBase, opened: Opened): StandbyEvent {
  const { frameworkId, linked, progressIntervalMs } = openedEvent(base, opened);
  return { kind: "standby", ...base, frameworkId, linked, progressIntervalMs, failures: 0 };
}

function openedEvent(base: SessionEventBase, opened: Opened): OpenedEvent {
  const id = opened.frameworkId?.value;
  return {
    kind: "opened",
    ...base,
    attachmentId: opened.attachmentId,
    frameworkId: id === undefined || id === "" ? undefined : id,
    resumed: opened.resumed,
    leaseMs: milliseconds(opened.lease),
    frameworkInfo: opened.frameworkInfo,
    defaultedFields: opened.defaultedFields,
    linked: opened.linkState === LinkState.LINK_STATE_CONNECTED,
    progressIntervalMs: milliseconds(opened.progressInterval),
    failures: 0,
  };
}

function milliseconds(duration: { seconds: bigint; nanos: number } | undefined): number {
  return duration === undefined ? 0 : Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}

function mesosEvent(base: SessionEventBase, event: MesosEvent, fragment: boolean): StreamEvent | undefined {
  switch (event.type) {
    case Event_Type.SUBSCRIBED:
      return {
        kind: "subscribed",
        ...base,
        frameworkId: event.subscribed?.frameworkId,
        masterInfo: event.subscribed?.masterInfo,
      };
    case Event_Type.OFFERS:
      return { kind: "offers", ...base, offers: event.offers?.offers ?? [], fragment };
    case Event_Type.RESCIND:
      return { kind: "rescind", ...base, offerId: event.rescind?.offerId };
    case Event_Type.INVERSE_OFFERS:
      return { kind: "inverse-offers", ...base, inverseOffers: event.inverseOffers?.inverseOffers ?? [] };
    case Event_Type.RESCIND_INVERSE_OFFER:
      return { kind: "rescind-inverse-offer", ...base, inverseOfferId: event.rescindInverseOffer?.inverseOfferId };
    case Event_Type.UPDATE:
      return updateEvent(base, event.update?.status);
    case Event_Type.UPDATE_OPERATION_STATUS: {
      const status = event.updateOperationStatus?.status;
      return status === undefined ? undefined : { kind: "operation-update", ...base, status };
    }
    default:
      return otherEvent(base, event);
  }
}

function updateEvent(base: SessionEventBase, status: TaskStatus | undefined): UpdateEvent | undefined {
  if (status === undefined) return undefined;
  return { kind: "update", ...base, status, state: status.state ?? TaskState.UNRECOGNIZED };
}

function otherEvent(base: SessionEventBase, event: MesosEvent): StreamEvent | undefined {
  switch (event.type) {
    case Event_Type.MESSAGE: {
      const { agentId, executorId, data } = event.message ?? {};
      return { kind: "message", ...base, agentId, executorId, data: data ?? Buffer.alloc(0) };
    }
    case Event_Type.FAILURE: {
      const { agentId, executorId, status } = event.failure ?? {};
      return { kind: "failure", ...base, agentId, executorId, status };
    }
    case Event_Type.ERROR:
      return { kind: "mesos-error", ...base, message: event.error?.message ?? "" };
    default:
      return undefined;
  }
}
