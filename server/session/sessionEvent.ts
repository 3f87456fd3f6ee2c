/** Whether a session's link to a master stands. */
export type LinkState = "connecting" | "connected";

/** What an attachment may do. */
export type AttachmentRole = "active" | "standby";

/** What a client is told of its attachment. */
export interface OpenedFacts {
  readonly attachmentId: string;
  readonly role: AttachmentRole;
  readonly frameworkId: string;
  readonly leaseMs: number;
  readonly resumed: boolean;
  /** Serialized `mesos.v1.FrameworkInfo` with the id. */
  readonly frameworkInfo: Uint8Array;
  readonly defaultedFields: readonly string[];
  readonly linkState: LinkState;
}

/** A task, as it is in a snapshot. */
export interface OpenTask {
  /** Serialized `TaskID`. */
  readonly taskIdBytes: Uint8Array;
  /** Serialized `AgentID`; empty if it is not known. */
  readonly agentIdBytes: Uint8Array;
  /** The last serialized `TaskStatus`; undefined until Mesos reported one. */
  readonly status: Uint8Array | undefined;
  readonly cookie: Uint8Array;
  readonly unconfirmed: boolean;
}

/** What a session tells its client. */
export type SessionEventBody =
  | ({ readonly kind: "opened" } & OpenedFacts)
  | ({ readonly kind: "promoted" } & OpenedFacts)
  | {
      readonly kind: "mesos";
      /** `EventType`. */
      readonly type: number;
      /** The serialized `mesos.v1.scheduler.Event`. */
      readonly bytes: Uint8Array;
      readonly taskId: string;
      readonly agentId: string;
    }
  | {
      readonly kind: "tasks";
      readonly tasks: readonly OpenTask[];
      /** About how many bytes they have. */
      readonly byteLength: number;
    }
  | { readonly kind: "progress"; readonly snapshotEnd: boolean }
  | {
      readonly kind: "link-changed";
      readonly state: LinkState;
      readonly reason: string;
      readonly master: string;
    };

export interface SessionEvent {
  /** Contiguous for live events; snapshot events carry that of the last live event before them. */
  readonly sequence: number;
  /** In ms since 1970. */
  readonly receiveTimeMs: number;
  /** Empty when Mesos wants no acknowledgement. */
  readonly ackToken: string;
  /** True when more pieces of the same OFFERS event follow. */
  readonly fragment: boolean;
  readonly body: SessionEventBody;
}

/** What an event costs in memory besides its bytes, roughly. */
const EVENT_OVERHEAD_BYTES = 200;

/** How much memory an event holds, roughly, in bytes. */
export function eventBytes(event: SessionEvent): number {
  return EVENT_OVERHEAD_BYTES + bodyBytes(event.body);
}

function bodyBytes(body: SessionEventBody): number {
  if (body.kind === "mesos") return body.bytes.length;
  return body.kind === "tasks" ? body.byteLength : 0;
}

export function progress(sequence: number, snapshotEnd: boolean, receiveTimeMs: number): SessionEvent {
  return { sequence, receiveTimeMs, ackToken: "", fragment: false, body: { kind: "progress", snapshotEnd } };
}

/** An event of Mesos, as it came. @param bytes the serialized `mesos.v1.scheduler.Event` */
export function mesosBody(type: number, bytes: Uint8Array, taskId = "", agentId = ""): SessionEventBody {
  return { kind: "mesos", type, bytes, taskId, agentId };
}
