import { randomUUID } from "node:crypto";
import type { AgentInfo, MasterInfo } from "../../gen/mesos/v1/mesos.js";
import type { Clock } from "../clock.js";
import type { Flags } from "../flags.js";
import type { Log } from "../log.js";
import { LoggingLevel } from "../logging.js";
import type { Agent, Framework } from "./entities.js";
import type { Registry } from "./registry.js";
import type { Withdrawal } from "./withdrawal.js";

export interface MasterOptions {
  readonly clock: Clock;
  readonly flags: Flags;
  readonly registry: Registry;
  readonly port: number;
  readonly log: Log;
}

/** What a master is, and the frameworks and agents that it knows. */
export class MasterRecords {
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
  /** More than the registry has: an agent that was marked gone keeps its entry until the master ends, as in Mesos. */
  readonly withdrawals: Map<string, Withdrawal>;
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
    this.withdrawals = new Map(options.registry.withdrawals);
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

  /** Calls back when an offer that is made now has been open for the flag `offer_timeout`. @returns what cancels that */
  onOfferTimeout(callback: () => void): () => void {
    if (this.flags.text("offer_timeout") === "") return () => {};
    return this.clock.setTimeout(callback, this.flags.duration("offer_timeout"));
  }
}
