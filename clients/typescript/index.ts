/** The TypeScript client of the Mesos bridge: everything that a scheduler needs. */
export type { FrameworkInfo, Offer, Resource, TaskInfo, TaskStatus } from "../../gen/mesos/v1/mesos.js";
export { TaskState, TaskStatus_Reason } from "../../gen/mesos/v1/mesos.js";
export type { Reason } from "../../gen/mesosbridge/v1/reasons.js";
export type { OpenTask, StateChange, StateEntry } from "../../gen/mesosbridge/v1/scheduler.js";
export type { BackoffOptions } from "../../wire/backoff.js";
export type { TlsOptions, Token } from "./library/access.js";
export type { CallSettings, Launched, StateSettings } from "./library/calls.js";
export type { DeepPartial } from "./library/deepPartial.js";
export { BridgeError } from "./library/errors.js";
export type * from "./library/events.js";
export { OptionError } from "./library/optionError.js";
export { type Amounts, amounts, ResourcePool } from "./library/resources.js";
export { Scheduler, type SchedulerOptions } from "./library/scheduler.js";
export { describeStatus, type TaskOutcome, taskOutcome } from "./library/taskOutcome.js";
