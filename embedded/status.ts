import { type TaskState, TaskStatus, type TaskStatus_Reason, TaskStatus_Source } from "../gen/mesos/v1/mesos.js";

export interface StatusFields {
  readonly taskId: string;
  readonly state: TaskState;
  readonly agentId?: string | undefined;
  readonly executorId?: string | undefined;
  readonly reason?: TaskStatus_Reason | undefined;
  readonly message?: string | undefined;
  readonly uuid?: Buffer | undefined;
}

/** A status of the master's or the agent's own making. `nowMs` becomes its timestamp in seconds. */
export function makeStatus(source: TaskStatus_Source, nowMs: number, fields: StatusFields): TaskStatus {
  return TaskStatus.create({
    taskId: { value: fields.taskId },
    state: fields.state,
    message: fields.message,
    source,
    reason: fields.reason,
    agentId: fields.agentId === undefined ? undefined : { value: fields.agentId },
    executorId: fields.executorId === undefined ? undefined : { value: fields.executorId },
    timestamp: nowMs / 1000,
    uuid: fields.uuid,
  });
}

export function masterStatus(nowMs: number, fields: StatusFields): TaskStatus {
  return makeStatus(TaskStatus_Source.SOURCE_MASTER, nowMs, fields);
}
