import type { AgentInfo, MachineID, Unavailability } from "../../gen/mesos/v1/mesos.js";

export type MachineMode = "up" | "draining" | "down";

/** A machine that a schedule named, or that an agent is on. */
export interface Machine {
  readonly id: MachineID;
  readonly mode: MachineMode;
  readonly unavailability: Unavailability | undefined;
}

/** The machine that an agent is on. */
export function machineOf(pid: string, { hostname }: AgentInfo): MachineID {
  return { hostname, ip: pid.replace(/^.*@|:\d+$/g, "") };
}

/** Mesos takes hostnames that differ in case only for the same. */
export function keyOf({ hostname = "", ip = "" }: MachineID): string {
  return `${hostname.toLowerCase()}\n${ip}`;
}

export function textOf({ hostname, ip }: MachineID): string {
  return JSON.stringify({ hostname, ip });
}
