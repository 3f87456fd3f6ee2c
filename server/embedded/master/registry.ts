import type { Schedule } from "../../../gen/mesos/v1/maintenance/maintenance.js";
import type { Machine } from "./maintenance.js";

/** What outlives a master: the agents that were admitted, lost and given up, and planned maintenance. A new master starts from it. */
export class Registry {
  readonly admitted = new Set<string>();
  /** Agent ids with the time at which they were marked, in ms. */
  readonly unreachable = new Map<string, number>();
  readonly gone = new Map<string, number>();
  schedule: Schedule = { windows: [] };
  /** Those that are to go down, and those that are. */
  readonly machines = new Map<string, Machine>();

  /** @returns whether it was unreachable before. */
  admit(agentId: string): boolean {
    this.admitted.add(agentId);
    return this.unreachable.delete(agentId);
  }

  markUnreachable(agentId: string, now: number): void {
    this.admitted.delete(agentId);
    this.unreachable.set(agentId, now);
  }

  markGone(agentId: string, now: number): void {
    this.remove(agentId);
    this.gone.set(agentId, now);
  }

  remove(agentId: string): void {
    this.admitted.delete(agentId);
    this.unreachable.delete(agentId);
  }
}
