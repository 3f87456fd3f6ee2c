import { parseDuration } from "../wire/duration.js";

/** What an agent has unless it is told. */
export const DEFAULT_RESOURCES = "cpus:8;mem:8192;disk:10240;ports:[31000-32000]";

/** The flags of mesos-master and mesos-agent that the embedded cluster knows, with Mesos's defaults. Times in ms. */
const DEFAULTS = {
  /** Between two HEARTBEAT events of a scheduler's stream. Mesos has it hard-coded; here it can be changed for tests. */
  heartbeat_interval: "15secs",
  allocation_interval: "1secs",
  /** Empty: offers never time out. */
  offer_timeout: "",
  agent_ping_timeout: "15secs",
  max_agent_ping_timeouts: "5",
  agent_reregister_timeout: "10mins",
  max_completed_frameworks: "50",
  max_completed_tasks_per_framework: "1000",
  max_unreachable_tasks_per_framework: "1000",
  min_allocatable_resources: "cpus:0.01|mem:32",
  /** Empty: every role is allowed. */
  roles: "",
  root_submissions: "true",
  executor_registration_timeout: "1mins",
  executor_reregistration_timeout: "2secs",
  executor_shutdown_grace_period: "5secs",
  recovery_timeout: "15mins",
  /** First delay before an unacknowledged status update is sent again; it doubles up to the maximum. */
  status_update_retry_interval_min: "10secs",
  status_update_retry_interval_max: "10mins",
  /** Between two HEARTBEAT events of an executor's stream. */
  executor_heartbeat_interval: "30mins",
  fetcher_stall_timeout: "1mins",
  /** Whether an executor's user has to be one of this machine, who then owns its sandbox. Nobody is switched to. */
  switch_user: "true",
  hostname: "localhost",
} as const;

type FlagName = keyof typeof DEFAULTS;
export type FlagValues = Readonly<Record<string, string>>;

/** Flags of Mesos under their own names. */
export class Flags {
  readonly #values = new Map<string, string>(Object.entries(DEFAULTS));

  /** @throws Error for a name that isn't known, or a value that can't be read. */
  constructor(values: FlagValues = {}) {
    for (const [name, value] of Object.entries(values)) {
      if (!this.#values.has(name)) {
        throw new Error(`unknown flag '${name}'; known are ${[...this.#values.keys()].join(", ")}`);
      }
      this.#values.set(name, value);
      this.#check(name as FlagName);
    }
  }

  text(name: FlagName): string {
    return this.#values.get(name) ?? "";
  }

  /** Milliseconds. */
  duration(name: FlagName): number {
    return parseDuration(this.text(name).trim());
  }

  number(name: FlagName): number {
    return Number(this.text(name));
  }

  /** As the state endpoints show them. */
  all(): Record<string, string> {
    return Object.fromEntries([...this.#values].filter(([, value]) => value !== ""));
  }

  #check(name: FlagName): void {
    const fallback: string = DEFAULTS[name];
    const timed = name === "offer_timeout" || /^\d+(secs|mins)$/.test(fallback);
    try {
      if (timed && this.text(name) !== "") this.duration(name);
      if (/^(true|false)$/.test(fallback) && !/^(true|false)$/.test(this.text(name)))
        throw new Error("it must be true or false");
      if (/^\d+$/.test(fallback) && !/^\d+$/.test(this.text(name))) throw new Error("it must be a whole number");
    } catch (error) {
      throw new Error(`flag ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
