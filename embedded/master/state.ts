import { randomUUID } from "node:crypto";
import type { AgentInfo, MasterInfo } from "../../gen/mesos/v1/mesos.js";
import type { Clock } from "../clock.js";
import type { Flags } from "../flags.js";
import type { Log } from "../log.js";
import { LoggingLevel } from "../logging.js";
import type { Resources } from "../resources/resources.js";
import { type Allocation, Allocator } from "./allocator.js";
import { Draining } from "./draining.js";
import type { Agent, Framework, Offer } from "./entities.js";
import { events } from "./events.js";
import { InverseOffers } from "./inverseOffers.js";
import { Maintenance } from "./maintenance.js";
import { satisfiesConstraints } from "./offerConstraints.js";
import { Quotas } from "./quota.js";
import type { Registry } from "./registry.js";
import { Weights } from "./weights.js";

export interface MasterOptions {
  readonly clock: Clock;
  readonly flags: Flags;
  readonly registry: Registry;
  readonly port: number;
  readonly log: Log;
}

/** All that a master knows, and the steps that several of its calls share. */
export class MasterState {
  readonly id = randomUUID();
  readonly startTime: number;
  readonly clock: Clock;
  readonly logging: LoggingLevel;
  readonly flags: Flags;
  readonly registry: Registry;
  readonly port: number;
  readonly log: Log;
  readonly frameworks = new Map<string, Framework>();
  /** Removed frameworks, oldest first. Their ids can't be used again while they are remembered. */
  readonly completedFrameworks = new Map<string, Framework>();
  readonly agents = new Map<string, Agent>();
  /** Admitted by an earlier master, not back yet. */
  readonly recoveredAgents: Map<string, AgentInfo>;
  readonly offers = new Map<string, Offer>();
  readonly allocator: Allocator;
  readonly inverseOffers: InverseOffers;
  readonly maintenance: Maintenance;
  readonly draining: Draining;
  readonly quotas: Quotas;
  readonly weights: Weights;
  closed = false;
  #nextFramework = 0;
  #nextAgent = 0;
  #nextOffer = 0;

  constructor(options: MasterOptions) {
    this.clock = options.clock;
    this.logging = new LoggingLevel(options.clock);
    this.flags = options.flags;
    this.registry = options.registry;
    this.port = options.port;
    this.log = options.log;
    this.startTime = options.clock.now();
    this.recoveredAgents = new Map(options.registry.admitted);
    this.inverseOffers = new InverseOffers(this);
    this.maintenance = new Maintenance(this);
    this.draining = new Draining(this);
    this.allocator = new Allocator({
      clock: options.clock,
      intervalMs: options.flags.duration("allocation_interval"),
      minAllocatable: options.flags.text("min_allocatable_resources"),
      onAllocation: (frameworkId, allocation) => this.#offer(frameworkId, allocation),
      onAllocated: (agentIds) => this.inverseOffers.generate(agentIds),
      isEligible: (frameworkId, role, agentId) => this.#isEligible(frameworkId, role, agentId),
    });
    this.quotas = new Quotas(this);
    this.weights = new Weights(this);
  }

  get pid(): string {
    return `master@127.0.0.1:${this.port}`;
  }

  get info(): MasterInfo {
    const hostname = this.flags.text("hostname");
    return {
      id: this.id,
      // 127.0.0.1 in network order, read as a little-endian number, as Mesos does.
      ip: 0x0100007f,
      port: this.port,
      pid: this.pid,
      hostname,
      version: "1.11.0",
      address: { hostname, ip: "127.0.0.1", port: this.port },
      // The last one is QUOTA_V2, which the v1 protos of this release have no name for.
      capabilities: [{ type: 1 }, { type: 2 }, { type: 3 as number }],
    };
  }

  newFrameworkId(): string {
    return `${this.id}-${String(this.#nextFramework++).padStart(4, "0")}`;
  }

  newAgentId(): string {
    return `${this.id}-S${this.#nextAgent++}`;
  }

  newOfferId(): string {
    return `${this.id}-O${this.#nextOffer++}`;
  }

  /** Takes an offer back, telling the framework if `rescind`. Its resources stay allocated. */
  removeOffer(offer: Offer, rescind = false): void {
    offer.cancelTimeout();
    this.offers.delete(offer.id);
    offer.framework.offers.delete(offer);
    offer.agent.offers.delete(offer);
    if (rescind) offer.framework.send(events.rescind(offer.id));
  }

  /** Takes an offer back and frees its resources. */
  discardOffer(
    offer: Offer,
    options: { rescind?: boolean; filter?: { refuseSeconds?: number | undefined } } = {},
  ): void {
    this.removeOffer(offer, options.rescind);
    this.allocator.recover(offer.framework.id, offer.agent.id, offer.resources, options.filter);
  }

  #isEligible(frameworkId: string, role: string, agentId: string): boolean {
    const framework = this.frameworks.get(frameworkId);
    const agent = this.agents.get(agentId);
    if (!framework?.connected || !agent?.connected) return false;
    return satisfiesConstraints(framework.offerConstraints?.roleConstraints[role], agent.info);
  }

  /** Turns free resources into offers and sends them. */
  #offer(frameworkId: string, allocation: Allocation): void {
    const framework = this.frameworks.get(frameworkId);
    const made: Offer[] = [];
    for (const [role, byAgent] of allocation) {
      for (const [agentId, resources] of byAgent) {
        const agent = this.agents.get(agentId);
        if (!framework?.connected || !agent?.active) this.allocator.recover(frameworkId, agentId, resources);
        else made.push(this.#makeOffer(framework, agent, role, resources));
      }
    }
    if (framework && made.length > 0) framework.send(events.offers(framework, made));
  }

  #makeOffer(framework: Framework, agent: Agent, role: string, resources: Resources): Offer {
    const offer: Offer = { id: this.newOfferId(), framework, agent, role, resources, cancelTimeout: () => {} };
    this.offers.set(offer.id, offer);
    framework.offers.add(offer);
    agent.offers.add(offer);
    if (this.flags.text("offer_timeout") !== "") {
      const timeoutMs = this.flags.duration("offer_timeout");
      offer.cancelTimeout = this.clock.setTimeout(() => this.discardOffer(offer, { rescind: true }), timeoutMs);
    }
    return offer;
  }
}
