import type { FrameworkInfo, Offer } from "../../../../gen/mesos/v1/mesos.js";

export type PartialFramework = Parameters<typeof FrameworkInfo.fromPartial>[0];

/**
 * Examples that the validator refuses or takes, and what a real Mesos 1.11.0 makes of the same bytes: unit tests
 * hold the validator to them, a contract test Mesos.
 */

/** What Mesos answers. Texts are parts of its own. */
export type Answer =
  /** 400, and the text of its body. */
  | { badRequest: string }
  /** An ERROR event, and its message. */
  | { error: string }
  /** 202, then TASK_ERROR or TASK_DROPPED for each task, and the message. */
  | { taskError: string }
  /** 202, then OPERATION_ERROR, and the message. */
  | { operationError: string }
  /** 202, and nothing comes of it. */
  | "nothing"
  /** The master dies. */
  | "crash";

/** What comes of bytes that Mesos takes: tasks get going, or there is nothing to be seen. */
export type Outcome = "taken" | "launched";

/** Call.Subscribe in bytes. */
export type SubscribeBytes = () => Uint8Array;
/** Call in bytes, without the framework id. */
export type CallBytes = (offer: Offer) => Uint8Array;

export interface Refusal {
  name: string;
  /** The path of the violation. */
  field: string;
  /** Part of its description. */
  says: string;
  mesos: Answer;
}

export interface RefusedSubscribe extends Refusal {
  bytes: SubscribeBytes;
}
export interface RefusedCall extends Refusal {
  bytes: CallBytes;
  /** The framework that has to send it. Default: one of the role "*". */
  framework?: PartialFramework;
}

/** Bytes that Mesos takes and the validator refuses, on purpose. */
export type StricterCall = Omit<RefusedCall, "mesos">;
export type StricterSubscribe = Omit<RefusedSubscribe, "mesos">;

export interface TakenCall {
  name: string;
  bytes: CallBytes;
  /** The framework that has to send it. Default: one of the role "*". */
  framework?: PartialFramework;
  outcome: Outcome;
}
