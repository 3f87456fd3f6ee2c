import { Client } from "undici";
import type { Log } from "../log.js";
import { connectErrorText } from "./connectError.js";
import type { MasterDetector } from "./detector.js";

export interface MasterProbeOptions {
  readonly detector: MasterDetector;
  readonly log: Log;
  readonly tlsCa: string | undefined;
  /** How often a master that answers is asked again, in ms. Default 15,000. */
  readonly intervalMs?: number;
  /** How often one that does not answer is, in ms. Default 1,000. */
  readonly retryMs?: number;
  readonly timeoutMs?: number;
}

/**
 * Asks whether there is a Mesos master, also while no framework needs one, so that health checks
 * tell the truth. Asks for `/version`, which every Mesos answers without authentication.
 */
export class MasterProbe {
  readonly #options: MasterProbeOptions;
  readonly #onChange: (reachable: boolean) => void;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #unwatch: (() => void) | undefined;
  #asking = false;
  #askAgain = false;
  #seen: string | undefined;

  constructor(options: MasterProbeOptions, onChange: (reachable: boolean) => void) {
    this.#options = options;
    this.#onChange = onChange;
  }

  start(): void {
    this.#unwatch = this.#options.detector.onLeaderChanged(() => void this.#round());
    void this.#round();
  }

  close(): void {
    this.#unwatch?.();
    this.#stop.abort();
    clearTimeout(this.#timer);
  }

  async #round(): Promise<void> {
    const { intervalMs = 15_000, retryMs = 1_000 } = this.#options;
    if (this.#asking) {
      this.#askAgain = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#asking = true;
    this.#askAgain = false;
    const problem = await this.#ask();
    this.#asking = false;
    if (this.#stop.signal.aborted) return;
    this.#tell(problem);
    if (this.#askAgain) return void this.#round();
    this.#timer = setTimeout(() => void this.#round(), problem === "" ? intervalMs : retryMs);
  }

  #tell(problem: string): void {
    if (problem === this.#seen) return;
    const { log, detector } = this.#options;
    this.#seen = problem;
    if (problem === "") log.info({ master: detector.describe() }, "a Mesos master answers");
    else log.warn({ reason: problem }, "no Mesos master: retrying");
    this.#onChange(problem === "");
  }

  /** What is wrong; empty if a master answers. */
  async #ask(): Promise<string> {
    const { detector, tlsCa, timeoutMs = 5_000 } = this.#options;
    let master: URL | undefined;
    let waiting = "no leading master is known";
    try {
      const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(timeoutMs)]);
      master = await detector.next(signal, (reason) => {
        waiting = reason;
        // An answer already, but for the first one: the detection has only begun, and is given the round's time.
        if (this.#seen !== undefined && !this.#stop.signal.aborted) this.#tell(reason);
      });
      const problem = await askVersion(master, tlsCa, signal);
      if (problem !== "") detector.failed(master);
      return problem;
    } catch (error) {
      if (!master) return waiting;
      detector.failed(master);
      const silent = (error as Error).name === "TimeoutError";
      return silent ? `${master.host} does not answer` : connectErrorText(error as Error, master);
    }
  }
}

async function askVersion(master: URL, tlsCa: string | undefined, signal: AbortSignal): Promise<string> {
  const client = new Client(master.origin, {
    ...(tlsCa === undefined ? {} : { connect: { ca: tlsCa } }),
    maxResponseSize: 65_536,
  });
  try {
    const { statusCode, body } = await client.request({ method: "GET", path: "/version", signal });
    const text = await body.text();
    if (statusCode === 200 && isMesosVersion(text)) return "";
    return `what answers at ${master.host} is not a Mesos master (HTTP ${statusCode} to /version)`;
  } finally {
    await client.destroy();
  }
}

function isMesosVersion(text: string): boolean {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null && "version" in parsed;
  } catch {
    return false;
  }
}
