import type { Log } from "../log.js";
import { frameworksBeside, openFilesLimit, withinDescriptors } from "./descriptors.js";
import type { ReloadedConfig } from "./reloadable.js";
import type { ServeConfig } from "./serveConfig.js";

/** The limits of a running bridge, some of which may change. Durations in ms. */
export class RunningLimits {
  readonly maxConnections: number;
  readonly #log: Log;
  readonly #openFiles = openFilesLimit();
  #maxFrameworks: number;
  #config: ReloadedConfig;

  constructor(config: ServeConfig, log: Log) {
    this.#log = log;
    this.#config = config;
    const { maxFrameworks, maxConnections } = withinDescriptors(config, this.#openFiles);
    this.maxConnections = maxConnections;
    this.#maxFrameworks = maxFrameworks;
    const isLower = maxFrameworks < config.maxFrameworks || maxConnections < config.maxConnections;
    if (isLower) this.#warn({ maxFrameworks, maxConnections });
  }

  get maxFrameworks(): number {
    return this.#maxFrameworks;
  }

  get maxObservers(): number {
    return this.#config.maxObservers;
  }

  get defaultLeaseMs(): number {
    return this.#config.defaultLease;
  }

  get drainTimeoutMs(): number {
    return this.#config.drainTimeout;
  }

  /** Takes other limits from now on. What is over them stays. */
  replace(config: ReloadedConfig): void {
    this.#config = config;
    const maxFrameworks = frameworksBeside(this.maxConnections, config.maxFrameworks, this.#openFiles);
    if (maxFrameworks < config.maxFrameworks && maxFrameworks !== this.#maxFrameworks) this.#warn({ maxFrameworks });
    this.#maxFrameworks = maxFrameworks;
  }

  #warn(limits: object): void {
    const fields = { openFiles: this.#openFiles, ...limits };
    this.#log.warn(
      fields,
      "the limit of open files (ulimit -n) allows fewer frameworks and connections than configured",
    );
  }
}
