import type { CallOutcome } from "../mesos/link/callOutcome.js";
import type { CallMessage } from "../mesos/messages/calls.js";

/** Follows what clients trace: from their call to the first update of each task, and to its acknowledgement. */
export interface Tracing {
  /**
   * A client's call begins. Undefined if it is not traced.
   *
   * @param method such as `mesosbridge.v1.SchedulerService/LaunchTasks`
   */
  begin(method: string, parent: TraceParent | undefined): CallTrace | undefined;
  /** A task's update came, for which `key` stands where it is acknowledged; empty: it is not. */
  updated(frameworkName: string, taskId: string, key: string, state: number): void;
  /** The acknowledgement of an update goes to Mesos. Gives what hears of its outcome, if it is traced. */
  acknowledges(key: string, by: CallTrace | undefined): ((outcome: CallOutcome) => void) | undefined;
}

/** What a client says of its own trace, as W3C Trace Context has it. */
export interface TraceParent {
  readonly traceparent: string;
  readonly tracestate: string;
}

/** One client's call that is traced. */
export interface CallTrace {
  /** The request to the master begins. Gives what hears of its outcome. */
  sends(frameworkName: string, call: CallMessage): (outcome: CallOutcome) => void;
  /** The call has its answer. */
  ended(error: unknown): void;
}
