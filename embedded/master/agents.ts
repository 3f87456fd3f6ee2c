import { type MachineID, OperationState, TaskStatus_Reason as Reason, TaskState } from "../../gen/mesos/v1/mesos.js";
import { every } from "../clock.js";
import { formatDuration } from "../duration.js";
import type { AgentRegistration, Link, MasterInbox, OperationUpdate, StatusUpdate } from "../link.js";
import { Resources } from "../resources/resources.js";
import { deactivate, removeAgent } from "./agentRemoval.js";
import { withdrawReturned } from "./draining.js";
import { Agent } from "./entities.js";
import { events } from "./events.js";
import { isPartitionAware } from "./frameworkInfo.js";
import { removeExecutor } from "./launch.js";
import { machineOf } from "./machine.js";
import { operationUpdated } from "./operations.js";
import { announceTasks, recoverFramework, takeOver } from "./returningAgent.js";
import type { MasterState } from "./state.js";
import { loseTask, lostState, updateTask } from "./tasks.js";

/** The master's ear for its agents. */
export class AgentDesk implements MasterInbox {
  readonly #state: MasterState;
  #cancelRecovery: () => void = () => {};

  constructor(state: MasterState) {
    this.#state = state;
  }

  register(link: Link, registration: AgentRegistration): void {
    const state = this.#state;
    if (registration.id !== undefined && state.registry.gone.has(registration.id)) {
      link.toAgent((inbox) => inbox.shutdown("Agent has been marked gone"));
      return;
    }
    if (state.maintenance.isDown(machineOf(registration.pid, registration.info))) {
      link.toAgent((inbox) => inbox.shutdown("Machine is `DOWN`"));
      return;
    }
    const id = registration.id ?? state.newAgentId();
    const known = state.agents.get(id);
    if (known) this.#return(known, link, registration);
    else this.#admit(id, link, registration);
  }

  pong(agentId: string): void {
    const agent = this.#state.agents.get(agentId);
    if (!agent) return;
    agent.pinged = false;
    agent.missedPings = 0;
  }

  statusUpdate(agentId: string, update: StatusUpdate): void {
    const agent = this.#state.agents.get(agentId);
    const framework = this.#state.frameworks.get(update.frameworkId);
    if (!agent || !framework) return;
    framework.send(events.update(update.status));
    const task = agent.task(update.frameworkId, update.status.taskId?.value ?? "");
    if (task) updateTask(this.#state, task, update.status, update.latestState);
  }

  messageToFramework(agentId: string, frameworkId: string, executorId: string, data: Buffer): void {
    this.#state.frameworks.get(frameworkId)?.send(events.message(agentId, executorId, data));
  }

  exitedExecutor(agentId: string, frameworkId: string, executorId: string, status: number): void {
    const agent = this.#state.agents.get(agentId);
    if (!agent) return;
    // Mesos's master knows nothing of the executors of command tasks, and tells nobody of their end.
    if (agent.executor(frameworkId, executorId)) {
      removeExecutor(this.#state, agent, frameworkId, executorId);
      this.#state.frameworks.get(frameworkId)?.send(events.executorEnded(agentId, executorId, status));
    }
  }

  operationUpdate(agentId: string, update: OperationUpdate): void {
    const agent = this.#state.agents.get(agentId);
    if (agent) operationUpdated(this.#state, agent, update);
  }

  unregister(agentId: string): void {
    const agent = this.#state.agents.get(agentId);
    if (!agent) return;
    const message = `Agent ${agent.hostname} removed: the agent unregistered`;
    this.#forget(agentId);
    removeAgent(this.#state, agent, { state: () => TaskState.TASK_LOST, reason: Reason.REASON_AGENT_REMOVED, message });
  }

  /** The agent's connection broke: its offers are void, and tasks of frameworks without checkpoints are lost. */
  linkBroken(link: Link): void {
    const agent = [...this.#state.agents.values()].find((candidate) => candidate.link === link);
    if (!agent?.connected || this.#state.closed) return;
    this.#state.log(`agent ${agent.id} disconnected`);
    agent.connected = false;
    deactivate(this.#state, agent);
    const loss = {
      state: TaskState.TASK_LOST,
      reason: Reason.REASON_AGENT_DISCONNECTED,
      message: `Agent ${agent.hostname} disconnected`,
    };
    for (const framework of this.#state.frameworks.values()) {
      if (framework.info.checkpoint) continue;
      for (const task of [...(agent.tasks.get(framework.id)?.values() ?? [])])
        loseTask(this.#state, framework, task, loss);
      for (const executorId of [...(agent.executors.get(framework.id)?.keys() ?? [])]) {
        removeExecutor(this.#state, agent, framework.id, executorId);
      }
    }
    const timeoutMs = this.#state.flags.duration("agent_reregister_timeout");
    const why = `agent did not reregister within ${formatDuration(timeoutMs)} after disconnecting`;
    agent.cancelReregister = this.#state.clock.setTimeout(() => this.#markUnreachable(agent, why), timeoutMs);
  }

  /** An operator took the machine down: its agents end. */
  takeDown(machine: MachineID): void {
    const why = "Operator initiated 'Machine DOWN'";
    for (const agent of this.#state.maintenance.agentsOn(machine)) {
      this.#forget(agent.id);
      agent.link.toAgent((inbox) => inbox.shutdown(why));
      const message = `Agent ${agent.hostname} removed: ${why}`;
      removeAgent(this.#state, agent, {
        state: () => TaskState.TASK_LOST,
        reason: Reason.REASON_AGENT_REMOVED,
        message,
      });
    }
  }

  /** Agents that an earlier master knew have this long to come back. */
  awaitRecovered(): void {
    const timeoutMs = this.#state.flags.duration("agent_reregister_timeout");
    this.#cancelRecovery = this.#state.clock.setTimeout(() => {
      const { recoveredAgents, registry, clock } = this.#state;
      for (const id of recoveredAgents.keys()) if (!registry.gone.has(id)) registry.markUnreachable(id, clock.now());
      recoveredAgents.clear();
    }, timeoutMs);
  }

  close(): void {
    this.#cancelRecovery();
    for (const agent of this.#state.agents.values()) {
      agent.stopPings();
      agent.cancelReregister();
    }
  }

  #admit(id: string, link: Link, registration: AgentRegistration): void {
    const state = this.#state;
    const wasUnreachable = state.registry.admit(id, { ...registration.info, id: { value: id } });
    const wasRecovered = state.recoveredAgents.delete(id);
    const total = Resources.of(registration.total);
    const agent = new Agent(
      id,
      { ...registration.info, id: { value: id } },
      registration.pid,
      link,
      total,
      state.clock.now(),
    );
    state.agents.set(id, agent);
    agent.unavailability = state.maintenance.admit(agent);
    for (const info of registration.frameworks) recoverFramework(state, info);
    const toShutDown = takeOver(state, agent, registration);
    state.allocator.addAgent(id, agent.total, agent.used());
    this.#watch(agent);
    if (registration.id === undefined) link.toAgent((inbox) => inbox.registered(id));
    else link.toAgent((inbox) => inbox.reregistered([]));
    for (const frameworkId of toShutDown) link.toAgent((inbox) => inbox.shutdownFramework(frameworkId));
    if (registration.id !== undefined) {
      announceTasks(
        state,
        agent,
        wasUnreachable ? "Unreachable agent re-reregistered" : wasRecovered ? undefined : "Unknown agent reregistered",
      );
    }
    withdrawReturned(state, agent);
    state.log(
      `agent ${id} ${registration.id === undefined ? "registered" : "registered again"} at ${registration.pid}`,
    );
  }

  /** A known agent is back: after a broken connection, or after a restart. */
  #return(agent: Agent, link: Link, registration: AgentRegistration): void {
    agent.link = link;
    agent.pid = registration.pid;
    agent.info = { ...registration.info, id: { value: agent.id } };
    agent.connected = true;
    agent.reregisteredTime = this.#state.clock.now();
    agent.cancelReregister();
    this.pong(agent.id);
    const known = [...agent.tasks].flatMap(([frameworkId, tasks]) =>
      [...tasks.keys()].map((taskId) => ({
        frameworkId,
        taskId,
        partitionAware: this.#isPartitionAware(frameworkId),
      })),
    );
    link.toAgent((inbox) => inbox.reregistered(known));
    this.#dropMissingExecutors(agent, registration);
    if (!this.#state.withdrawals.has(agent.id)) {
      agent.active = true;
      this.#state.allocator.setAgentActive(agent.id, true);
    }
    for (const { frameworkId, taskId, killPolicy } of agent.pendingKills.values()) {
      link.toAgent((inbox) => inbox.killTask(frameworkId, taskId, killPolicy));
    }
    agent.pendingKills.clear();
    withdrawReturned(this.#state, agent);
    this.#state.log(`agent ${agent.id} is back`);
  }

  /** One that ended in good order, or whose machine is down: nothing of it is kept. */
  #forget(agentId: string): void {
    this.#state.registry.remove(agentId);
    this.#state.withdrawals.delete(agentId);
  }

  #isPartitionAware(frameworkId: string): boolean {
    const framework = this.#state.frameworks.get(frameworkId);
    return framework !== undefined && isPartitionAware(framework.info);
  }

  #dropMissingExecutors(agent: Agent, registration: AgentRegistration): void {
    const present = new Set(
      registration.executors.map(({ frameworkId, info }) => `${frameworkId}\n${info.executorId?.value}`),
    );
    for (const [frameworkId, executors] of agent.executors) {
      for (const executorId of [...executors.keys()]) {
        if (!present.has(`${frameworkId}\n${executorId}`)) removeExecutor(this.#state, agent, frameworkId, executorId);
      }
    }
  }

  #watch(agent: Agent): void {
    const intervalMs = this.#state.flags.duration("agent_ping_timeout");
    agent.stopPings = every(this.#state.clock, intervalMs, () => {
      if (agent.pinged && ++agent.missedPings >= this.#state.flags.number("max_agent_ping_timeouts")) {
        return this.#markUnreachable(agent, "health check timed out");
      }
      agent.pinged = true;
      agent.link.toAgent((inbox) => inbox.ping());
    });
  }

  #markUnreachable(agent: Agent, why: string): void {
    if (this.#state.agents.get(agent.id) !== agent) return;
    const now = this.#state.clock.now();
    this.#state.registry.markUnreachable(agent.id, now);
    removeAgent(this.#state, agent, {
      state: (framework) => lostState(framework, TaskState.TASK_UNREACHABLE),
      reason: Reason.REASON_AGENT_REMOVED,
      message: why,
      unreachableTimeMs: now,
      isUnreachable: () => true,
      operations: OperationState.OPERATION_UNREACHABLE,
    });
  }
}
