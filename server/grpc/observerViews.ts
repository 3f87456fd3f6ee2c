import { TaskState, TaskStatus } from "../../gen/mesos/v1/mesos.js";
import { KnownTaskFields } from "../../gen/mesosbridge/v1/observer.fields.js";
import type { Framework } from "../../gen/mesosbridge/v1/observer.js";
import { LinkState } from "../../gen/mesosbridge/v1/scheduler.js";
import { lengthDelimited, stringField } from "../../wire/proto.js";
import type { KnownFramework } from "../session/sessionManager.js";
import type { KnownTask } from "../session/tasks.js";
import { linkStateCode } from "./encodeEvents.js";
import { timestampBytes } from "./timestamp.js";

/** A framework as observers see it. */
export function frameworkOf({ record, session }: KnownFramework): Framework {
  const expires = session?.leaseExpiresMs;
  return {
    frameworkName: record.frameworkName,
    frameworkId: { value: record.frameworkId },
    sessionOpen: session !== undefined,
    attached: session?.attached ?? false,
    linkState: session
      ? linkStateCode(session.linkConnected ? "connected" : "connecting")
      : LinkState.LINK_STATE_UNSPECIFIED,
    openOffers: session?.state.offers.size ?? 0,
    unacknowledgedUpdates: session?.state.unacknowledged.size ?? 0,
    activeTasks: session?.state.tasks.activeCount ?? 0,
    leaseExpireTime: expires === undefined ? undefined : new Date(expires),
  };
}

/** The status of a task that Mesos has not reported yet. */
export function stagingStatus(task: KnownTask): Uint8Array {
  const agentId = task.agentId === "" ? undefined : { value: task.agentId };
  return TaskStatus.encode(
    TaskStatus.fromPartial({ taskId: { value: task.taskId }, agentId, state: TaskState.TASK_STAGING }),
  ).finish();
}

/** The serialized fields of a `KnownTask`. */
export function taskFields(item: { frameworkName: string; task: KnownTask; status: Uint8Array }): Buffer[] {
  const { frameworkName, task, status } = item;
  const agent = task.agentIdBytes.length === 0 ? [] : [lengthDelimited(KnownTaskFields.agentId, task.agentIdBytes)];
  return [
    stringField(KnownTaskFields.frameworkName, frameworkName),
    lengthDelimited(KnownTaskFields.taskId, task.taskIdBytes),
    ...agent,
    lengthDelimited(KnownTaskFields.status, status),
    lengthDelimited(KnownTaskFields.updateTime, timestampBytes(task.updateTimeMs)),
  ];
}
