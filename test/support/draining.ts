import { eventually } from "./eventually.js";
import { getJson, type RawAnswer } from "./http.js";
import { operate } from "./operator.js";

interface DrainInfo {
  state: "DRAINING" | "DRAINED";
  config: { max_grace_period?: { nanoseconds: number }; mark_gone: boolean };
}

/** What GET_AGENTS says of an agent, as far as it is about draining. */
export interface DescribedAgent {
  active: boolean;
  deactivated: boolean;
  drain_info?: DrainInfo;
  estimated_drain_start_time?: { nanoseconds: number };
}

interface DrainOptions {
  max_grace_period?: { seconds?: number | string; nanos?: number };
  mark_gone?: boolean;
}

/** What operators do about the agents of a cluster, and what they see of it. */
export class DrainingOperator {
  readonly #master: string;

  constructor({ master }: { master: string }) {
    this.#master = master;
  }

  async call(call: object): Promise<RawAnswer> {
    return operate(this.#master, call);
  }

  drain(agentId: string, options: DrainOptions = {}): Promise<RawAnswer> {
    return this.call({ type: "DRAIN_AGENT", drain_agent: { agent_id: { value: agentId }, ...options } });
  }

  deactivate(agentId: string): Promise<RawAnswer> {
    return this.call({ type: "DEACTIVATE_AGENT", deactivate_agent: { agent_id: { value: agentId } } });
  }

  reactivate(agentId: string): Promise<RawAnswer> {
    return this.call({ type: "REACTIVATE_AGENT", reactivate_agent: { agent_id: { value: agentId } } });
  }

  markGone(agentId: string): Promise<RawAnswer> {
    return this.call({ type: "MARK_AGENT_GONE", mark_agent_gone: { agent_id: { value: agentId } } });
  }

  /** Undefined for an agent that is not registered. */
  async agent(agentId: string): Promise<DescribedAgent | undefined> {
    const { text } = await this.call({ type: "GET_AGENTS" });
    const { agents } = (
      JSON.parse(text) as { get_agents: { agents: (DescribedAgent & { agent_info: { id: { value: string } } })[] } }
    ).get_agents;
    return agents.find(({ agent_info }) => agent_info.id.value === agentId);
  }

  /** The agent once it is in this state: Mesos writes it into its registry first. */
  async inState(agentId: string, state: DrainInfo["state"]): Promise<DescribedAgent> {
    const isIn = async () => {
      const agent = await this.agent(agentId);
      return agent?.drain_info?.state === state ? agent : undefined;
    };
    return eventually(isIn, { what: `${state} of ${agentId}` });
  }

  /** Puts all agents back in service, and waits until none of them remembers that it had to drain. */
  async reset(): Promise<void> {
    const { slaves } = (await getJson(`${this.#master}/slaves`)) as { slaves: { id: string; deactivated: boolean }[] };
    for (const { id } of slaves) {
      await eventually(async () => !("drain_config" in (await this.stateOf(id))), { what: `${id} without tasks` });
    }
    for (const { id } of slaves.filter(({ deactivated }) => deactivated)) {
      // Also one that was left draining: nobody looks again when the last of its frameworks goes.
      await this.drain(id);
      await this.inState(id, "DRAINED");
      await this.reactivate(id);
    }
  }

  /** `/state` of the agent itself. */
  async stateOf(agentId: string): Promise<Record<string, unknown>> {
    const { slaves } = (await getJson(`${this.#master}/slaves`)) as { slaves: { id: string; pid: string }[] };
    const [name, address] = (slaves.find(({ id }) => id === agentId)?.pid ?? "").split("@");
    return (await getJson(`http://${address}/${name}/state`)) as Record<string, unknown>;
  }
}
