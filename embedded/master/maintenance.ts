import { isIPv4 } from "node:net";
import type { Schedule } from "../../gen/mesos/v1/maintenance/maintenance.js";
import type { MachineID, Unavailability } from "../../gen/mesos/v1/mesos.js";
import type { Agent } from "./entities.js";
import type { InverseOffers } from "./inverseOffers.js";
import { keyOf, type Machine, type MachineMode, machineOf, textOf } from "./machine.js";
import type { Offers } from "./offers.js";
import type { MasterRecords } from "./records.js";

/** What operators plan for machines, as Mesos's maintenance primitives. A refusal is the text of the 400. */
export class Maintenance {
  readonly #records: MasterRecords;
  readonly #offers: Offers;
  readonly #inverseOffers: InverseOffers;
  /** Machines outlive their schedule and their agents, as in Mesos, until the master ends. */
  readonly #machines: Map<string, Machine>;

  constructor(records: MasterRecords, offers: Offers, inverseOffers: InverseOffers) {
    this.#records = records;
    this.#offers = offers;
    this.#inverseOffers = inverseOffers;
    this.#machines = new Map([...records.registry.machines.values()].map((machine) => [keyOf(machine.id), machine]));
  }

  get schedule(): Schedule {
    return this.#records.registry.schedule;
  }

  machinesIn(mode: MachineMode): Machine[] {
    return [...this.#machines.values()].filter((machine) => machine.mode === mode);
  }

  agentsOn(machine: MachineID): Agent[] {
    const key = keyOf(machine);
    return [...this.#records.agents.values()].filter((agent) => keyOf(machineOf(agent.pid, agent.info)) === key);
  }

  /** Notes the machine of an agent that was admitted, and gives what is planned for it. */
  admit(agent: Agent): Unavailability | undefined {
    const id = machineOf(agent.pid, agent.info);
    const known = this.#machines.get(keyOf(id));
    if (!known) this.#set({ id, mode: "up", unavailability: undefined });
    return known?.unavailability;
  }

  /** The machine that the agent is on, as the schedule names it; undefined when it does not. */
  scheduledAs(agent: Agent): string | undefined {
    const key = keyOf(machineOf(agent.pid, agent.info));
    const ids = this.schedule.windows.flatMap(({ machineIds }) => machineIds);
    const scheduled = ids.find((id) => keyOf(id) === key);
    return scheduled && `${scheduled.hostname} (${scheduled.ip})`;
  }

  isDown(machine: MachineID): boolean {
    return this.#machines.get(keyOf(machine))?.mode === "down";
  }

  /** Replaces the whole schedule. All offers of agents are rescinded, also of those that it doesn't name. */
  update(schedule: Schedule): string | undefined {
    const invalid = this.#invalidSchedule(schedule);
    if (invalid !== undefined) return invalid;
    const planned = new Map<string, Machine>();
    for (const { machineIds, unavailability } of schedule.windows) {
      for (const id of machineIds) planned.set(keyOf(id), { id, mode: "draining", unavailability });
    }
    for (const [key, { id, mode }] of this.#machines) {
      const unavailability = planned.get(key)?.unavailability;
      if (!planned.has(key)) this.#change({ id, mode: "up", unavailability: undefined });
      else this.#change({ id, mode: mode === "up" ? "draining" : mode, unavailability });
    }
    for (const [key, machine] of planned) if (!this.#machines.has(key)) this.#change(machine);
    this.#records.registry.schedule = schedule;
    this.#records.registry.save();
    return undefined;
  }

  /** Takes scheduled machines down. `removeAgents` is called for each, to end the agents that are on it. */
  start(ids: readonly MachineID[], removeAgents: (machine: MachineID) => void): string | undefined {
    const refusal = invalidMachines(ids) ?? this.#wrongMode(ids, "draining");
    if (refusal !== undefined) return refusal;
    for (const id of ids) {
      removeAgents(id);
      const machine = this.#machines.get(keyOf(id));
      if (machine) this.#set({ ...machine, mode: "down" });
    }
    this.#records.registry.save();
    return undefined;
  }

  /** Brings machines that are down up again; they leave the schedule. */
  stop(ids: readonly MachineID[]): string | undefined {
    const refusal = invalidMachines(ids) ?? this.#wrongMode(ids, "down");
    if (refusal !== undefined) return refusal;
    const stopped = new Set(ids.map(keyOf));
    for (const key of stopped) {
      const machine = this.#machines.get(key);
      if (machine) this.#set({ ...machine, mode: "up", unavailability: undefined });
    }
    const windows = this.schedule.windows.map((window) => ({
      ...window,
      machineIds: window.machineIds.filter((id) => !stopped.has(keyOf(id))),
    }));
    this.#records.registry.schedule = { windows: windows.filter(({ machineIds }) => machineIds.length > 0) };
    this.#records.registry.save();
    return undefined;
  }

  /** Frameworks are told anew what is planned for the agents on the machine, even if that is the same as before. */
  #change(machine: Machine): void {
    this.#set(machine);
    for (const agent of this.agentsOn(machine.id)) {
      for (const offer of [...agent.offers]) this.#offers.discard(offer, { rescind: true });
      this.#inverseOffers.restart(agent);
      agent.unavailability = machine.unavailability;
      this.#offers.allocator.reconsider(agent.id);
    }
  }

  #set(machine: Machine): void {
    const key = keyOf(machine.id);
    this.#machines.set(key, machine);
    if (machine.mode === "up") this.#records.registry.machines.delete(key);
    else this.#records.registry.machines.set(key, machine);
  }

  #invalidSchedule({ windows }: Schedule): string | undefined {
    const named = new Set<string>();
    for (const { machineIds, unavailability } of windows) {
      if (machineIds.length === 0) return "List of machines in the maintenance window is empty";
      if ((unavailability?.duration?.nanoseconds ?? 0n) < 0n) return "Unavailability 'duration' is negative";
      const invalid = invalidMachineList(machineIds, named);
      if (invalid !== undefined) return invalid;
    }
    const kept = this.machinesIn("down").find(({ id }) => !named.has(keyOf(id)));
    if (!kept) return undefined;
    return `Machine '${textOf(kept.id)}' is deactivated and cannot be removed from the schedule`;
  }

  #wrongMode(ids: readonly MachineID[], wanted: "draining" | "down"): string | undefined {
    for (const id of ids) {
      const machine = this.#machines.get(keyOf(id));
      if (!machine) return `Machine '${textOf(id)}' is not part of a maintenance schedule`;
      if (machine.mode === wanted) continue;
      return `Machine '${textOf(id)}' is not in ${wanted.toUpperCase()} mode and cannot be brought ${wanted === "down" ? "up" : "down"}`;
    }
    return undefined;
  }
}

function invalidMachines(ids: readonly MachineID[]): string | undefined {
  return ids.length === 0 ? "List of machines is empty" : invalidMachineList(ids, new Set());
}

/** Adds the machines to those `named` before them. */
function invalidMachineList(ids: readonly MachineID[], named: Set<string>): string | undefined {
  for (const id of ids) {
    const { hostname = "", ip = "" } = id;
    if (hostname === "" && ip === "") return "Both 'hostname' and 'ip' for a machine are empty";
    if (ip !== "" && !isIPv4(ip)) return `Failed to parse IPv4: ${ip}`;
    if (named.has(keyOf(id))) return `Machine '${textOf(id)}' appears more than once in the schedule`;
    named.add(keyOf(id));
  }
  return undefined;
}
