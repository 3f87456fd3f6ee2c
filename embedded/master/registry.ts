import { Schedule } from "../../gen/mesos/v1/maintenance/maintenance.js";
import { AgentInfo, DrainConfig, MachineID, Unavailability } from "../../gen/mesos/v1/mesos.js";
import { type Bytes, bytes, type JsonFolder, message } from "../jsonFolder.js";
import type { Machine, MachineMode } from "./machine.js";
import type { Quota } from "./quota.js";
import type { Withdrawal } from "./withdrawal.js";

const FILE = "registry";

interface Saved {
  readonly admitted: ReadonlyArray<readonly [string, Bytes]>;
  readonly unreachable: ReadonlyArray<readonly [string, number]>;
  readonly gone: ReadonlyArray<readonly [string, number]>;
  /** Not there when an earlier version wrote the file. */
  readonly withdrawals?: ReadonlyArray<{ id: string; phase: Withdrawal["phase"]; config?: Bytes | undefined }>;
  readonly schedule: string;
  readonly machines: ReadonlyArray<{ key: string; id: string; mode: MachineMode; unavailability: string | undefined }>;
  /** Not in what an earlier version kept. */
  readonly quotas?: ReadonlyArray<{ role: string; guarantees: SavedAmounts; limits: SavedAmounts }>;
  /** As text: JSON has no infinite numbers. */
  readonly weights?: ReadonlyArray<readonly [string, string]>;
}
type SavedAmounts = ReadonlyArray<readonly [string, number]>;

/**
 * What outlives a master: the agents that were admitted, lost and given up, planned maintenance, quotas and weights. A new
 * master starts from it.
 */
export class Registry {
  readonly admitted = new Map<string, AgentInfo>();
  /** Agent ids with the time at which they were marked, in ms. */
  readonly unreachable = new Map<string, number>();
  readonly gone = new Map<string, number>();
  /** Of agents that are admitted or unreachable: those that an operator took out of service. */
  readonly withdrawals = new Map<string, Withdrawal>();
  schedule: Schedule = { windows: [] };
  /** Those that are to go down, and those that are. */
  readonly machines = new Map<string, Machine>();
  readonly quotas = new Map<string, Quota>();
  readonly weights = new Map<string, number>();
  readonly #folder: JsonFolder | undefined;

  /** With a folder it starts from what an earlier one kept there, and keeps all changes. */
  constructor(folder?: JsonFolder) {
    this.#folder = folder;
    const saved = folder?.read(FILE) as Saved | undefined;
    if (saved) this.#restore(saved);
  }

  /** @returns whether it was unreachable before. */
  admit(agentId: string, info: AgentInfo): boolean {
    this.admitted.set(agentId, info);
    const wasUnreachable = this.unreachable.delete(agentId);
    this.save();
    return wasUnreachable;
  }

  markUnreachable(agentId: string, now: number): void {
    this.admitted.delete(agentId);
    this.unreachable.set(agentId, now);
    this.save();
  }

  markGone(agentId: string, now: number): void {
    this.gone.set(agentId, now);
    this.remove(agentId);
  }

  remove(agentId: string): void {
    this.admitted.delete(agentId);
    this.unreachable.delete(agentId);
    this.withdrawals.delete(agentId);
    this.save();
  }

  /** Undefined puts the agent back in service. Nothing is kept of agents that are neither admitted nor unreachable. */
  withdraw(agentId: string, withdrawal: Withdrawal | undefined): void {
    if (!this.admitted.has(agentId) && !this.unreachable.has(agentId)) return;
    if (withdrawal) this.withdrawals.set(agentId, merged(this.withdrawals.get(agentId), withdrawal));
    else this.withdrawals.delete(agentId);
    this.save();
  }

  /** To be called after changes to the schedule, the machines, quotas or weights. */
  save(): void {
    const saved: Saved = {
      admitted: [...this.admitted].map(([id, info]) => [id, bytes(AgentInfo, info)]),
      unreachable: [...this.unreachable],
      gone: [...this.gone],
      withdrawals: [...this.withdrawals].map(([id, withdrawal]) => ({
        id,
        phase: withdrawal.phase,
        config: withdrawal.phase === "deactivated" ? undefined : bytes(DrainConfig, withdrawal.config),
      })),
      schedule: bytes(Schedule, this.schedule),
      machines: [...this.machines].map(([key, { id, mode, unavailability }]) => ({
        key,
        id: bytes(MachineID, id),
        mode,
        unavailability: unavailability && bytes(Unavailability, unavailability),
      })),
      quotas: [...this.quotas].map(([role, { guarantees, limits }]) => ({
        role,
        guarantees: [...guarantees],
        limits: [...limits],
      })),
      weights: [...this.weights].map(([role, weight]) => [role, String(weight)]),
    };
    this.#folder?.write(FILE, saved);
  }

  #restore(saved: Saved): void {
    for (const [id, info] of saved.admitted) this.admitted.set(id, message(AgentInfo, info));
    for (const [id, time] of saved.unreachable) this.unreachable.set(id, time);
    for (const [id, time] of saved.gone) this.gone.set(id, time);
    for (const { id, phase, config } of saved.withdrawals ?? []) {
      if (phase === "deactivated") this.withdrawals.set(id, { phase });
      else this.withdrawals.set(id, { phase, config: message(DrainConfig, config ?? "") });
    }
    for (const { role, guarantees, limits } of saved.quotas ?? []) {
      this.quotas.set(role, { guarantees: new Map(guarantees), limits: new Map(limits) });
    }
    for (const [role, weight] of saved.weights ?? []) this.weights.set(role, Number(weight));
    this.schedule = message(Schedule, saved.schedule);
    for (const { key, id, mode, unavailability } of saved.machines) {
      const planned = unavailability === undefined ? undefined : message(Unavailability, unavailability);
      this.machines.set(key, { id: message(MachineID, id), mode, unavailability: planned });
    }
  }
}

/** Mesos's registry keeps the time that an earlier call gave when a later one gives none; the master itself does not. */
function merged(before: Withdrawal | undefined, now: Withdrawal): Withdrawal {
  if (now.phase === "deactivated" || !before || before.phase === "deactivated") return now;
  const { maxGracePeriod } = before.config;
  return { ...now, config: { ...(maxGracePeriod && { maxGracePeriod }), ...now.config } };
}
