import type { Cookies } from "./cookies.js";
import type { LaunchCheck } from "./launchCheck.js";
import type { StateChange } from "./schedulerState.js";
import type { CallTrace } from "./tracing.js";

/** What comes with a client's call, beside the call. */
export interface CallContext {
  /** Looks at a call that accepts offers. */
  readonly check?: LaunchCheck | undefined;
  /** Of the tasks that the call launches. */
  readonly cookies?: Cookies | undefined;
  /** Changes of the scheduler's state that come about together with the call. */
  readonly state?: readonly StateChange[] | undefined;
  /** Follows the call. */
  readonly trace?: CallTrace | undefined;
}
