import { randomUUID } from "node:crypto";
import { type FrameworkInfo, TaskStatus_Reason as Reason, TaskState } from "../../gen/mesos/v1/mesos.js";
import type { Call_Subscribe, Event, OfferConstraints } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { every } from "../clock.js";
import type { EventStream } from "../http/eventStream.js";
import { Resources } from "../resources/resources.js";
import { masterStatus } from "../status.js";
import { Framework } from "./entities.js";
import { events } from "./events.js";
import { rolesOf } from "./frameworkInfo.js";
import type { MasterState } from "./state.js";
import { refuseSubscription } from "./subscribeValidation.js";
import { completeTask, removeTask, updateTask } from "./tasks.js";

export interface Subscription {
  readonly stream: EventStream<Event>;
  readonly streamId: string;
  /** Of the authenticated caller; undefined without authentication. */
  readonly principal: string | undefined;
}

export function newStreamId(): string {
  return randomUUID();
}

/** SUBSCRIBE: a refusal is one ERROR event and the end of the stream. */
export function subscribe(state: MasterState, call: Call_Subscribe, subscription: Subscription): void {
  const info = { ...(call.frameworkInfo as FrameworkInfo) };
  if (info.principal === undefined && subscription.principal !== undefined) info.principal = subscription.principal;
  const refusal = refuseSubscription(state, info, call);
  if (refusal !== undefined) {
    subscription.stream.send(events.error(refusal));
    subscription.stream.close();
    return;
  }
  const id = info.id?.value ?? "";
  const known = id === "" ? undefined : state.frameworks.get(id);
  if (known) resubscribe(state, known, info, call, subscription);
  else subscribeNew(state, id === "" ? state.newFrameworkId() : id, info, call, subscription);
}

function subscribeNew(
  state: MasterState,
  id: string,
  info: FrameworkInfo,
  call: Call_Subscribe,
  subscription: Subscription,
): void {
  const framework = new Framework(id, { ...info, id: { value: id } });
  framework.registeredTime = state.clock.now();
  framework.reregisteredTime = framework.registeredTime;
  framework.suppressedRoles = new Set(call.suppressedRoles);
  framework.offerConstraints = call.offerConstraints;
  state.frameworks.set(id, framework);
  connect(state, framework, subscription);
  state.allocator.addFramework(id, framework.info, framework.suppressedRoles, true);
  state.log(`framework ${id} (${info.name}) subscribed`);
}

function resubscribe(
  state: MasterState,
  framework: Framework,
  info: FrameworkInfo,
  call: Call_Subscribe,
  subscription: Subscription,
): void {
  framework.cancelFailover();
  updateFramework(state, framework, info, call.suppressedRoles, call.offerConstraints);
  framework.reregisteredTime = state.clock.now();
  framework.recovered = false;
  if (framework.stream) {
    framework.send(events.error("Framework failed over"));
    // Offers go without a RESCIND, and what they held can be offered at once.
    discardOffers(state, framework);
    detach(framework);
  }
  connect(state, framework, subscription);
  state.allocator.activateFramework(framework.id);
  sendFrameworkUpdates(state, framework);
  state.log(`framework ${framework.id} (${info.name}) subscribed again`);
}

/** Replaces the framework's info but what can't change: user and checkpoint stay, silently. */
export function updateFramework(
  state: MasterState,
  framework: Framework,
  info: FrameworkInfo,
  suppressedRoles: readonly string[],
  constraints: OfferConstraints | undefined,
): void {
  const { user, checkpoint } = framework.info;
  const roles = new Set(rolesOf(info));
  for (const offer of [...framework.offers]) {
    if (!roles.has(offer.role)) state.offers.discard(offer, { rescind: true });
  }
  framework.info = { ...info, id: { value: framework.id }, user, checkpoint };
  framework.suppressedRoles = new Set(suppressedRoles);
  framework.offerConstraints = constraints;
  state.allocator.updateFramework(framework.id, framework.info, framework.suppressedRoles);
}

/** Agents send all that waits for an acknowledgement again when they get it. */
export function sendFrameworkUpdates(state: MasterState, framework: Framework): void {
  for (const agent of state.agents.values()) {
    agent.link.toAgent((inbox) => inbox.updateFramework(framework.info));
  }
}

function connect(state: MasterState, framework: Framework, subscription: Subscription): void {
  framework.stream = subscription.stream;
  framework.streamId = subscription.streamId;
  const intervalMs = state.flags.duration("heartbeat_interval");
  framework.send(events.subscribed(framework.id, state.info, intervalMs / 1000));
  framework.send(events.heartbeat());
  framework.stopHeartbeats = every(state.clock, intervalMs, () => framework.send(events.heartbeat()));
}

/** Ends the stream, if it hasn't ended. */
function detach(framework: Framework): void {
  framework.stopHeartbeats();
  framework.stream?.close();
  framework.stream = undefined;
  framework.streamId = undefined;
}

function discardOffers(state: MasterState, framework: Framework): void {
  for (const offer of [...framework.offers]) state.offers.discard(offer);
  state.inverseOffers.discardOf(framework, false);
}

/** The framework's connection broke: it has `failover_timeout` to come back. */
export function disconnectFramework(state: MasterState, framework: Framework): void {
  if (!framework.connected || state.closed) return;
  detach(framework);
  framework.unregisteredTime = state.clock.now();
  state.allocator.deactivateFramework(framework.id);
  state.inverseOffers.clearFilters(framework.id);
  discardOffers(state, framework);
  const timeoutMs = (framework.info.failoverTimeout ?? 0) * 1000;
  state.log(`framework ${framework.id} disconnected; it has ${timeoutMs / 1000} s to come back`);
  framework.cancelFailover = state.clock.setTimeout(() => removeFramework(state, framework), timeoutMs);
}

/**
 * TEARDOWN, or the end of the failover timeout: the stream ends without an ERROR, agents end the executors, and the id
 * can't be used again. No status updates are sent.
 */
export function removeFramework(state: MasterState, framework: Framework): void {
  state.log(`framework ${framework.id} removed`);
  framework.cancelFailover();
  discardOffers(state, framework);
  detach(framework);
  framework.unregisteredTime = state.clock.now();
  for (const agent of state.agents.values()) {
    agent.link.toAgent((inbox) => inbox.shutdownFramework(framework.id));
  }
  for (const task of [...framework.tasks.values()]) {
    const status = masterStatus(state.clock.now(), {
      taskId: task.id,
      state: TaskState.TASK_KILLED,
      agentId: task.agentId,
      reason: Reason.REASON_FRAMEWORK_REMOVED,
      message: `Framework ${framework.id} removed`,
    });
    updateTask(state, task, status);
    removeTask(state, task);
  }
  for (const task of framework.unreachableTasks.values()) completeTask(state, framework, task);
  framework.unreachableTasks.clear();
  for (const agent of state.agents.values()) forgetExecutors(state, framework, agent.id);
  state.frameworks.delete(framework.id);
  state.allocator.removeFramework(framework.id);
  state.inverseOffers.clearFilters(framework.id);
  state.completedFrameworks.set(framework.id, framework);
  const oldest = state.completedFrameworks.keys().next().value;
  if (state.completedFrameworks.size > state.flags.number("max_completed_frameworks") && oldest !== undefined) {
    state.completedFrameworks.delete(oldest);
  }
}

function forgetExecutors(state: MasterState, framework: Framework, agentId: string): void {
  const executors = state.agents.get(agentId)?.executors;
  for (const executor of executors?.get(framework.id)?.values() ?? []) {
    state.allocator.recover(framework.id, agentId, Resources.of(executor.resources));
  }
  executors?.delete(framework.id);
}
